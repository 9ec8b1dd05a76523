"""A model with code of its own: run only when it was trusted at one commit, and never otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from stand_in_hub import COMMIT, Hub, serving

from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder

pytestmark = pytest.mark.pinned_set

CODE = """
from pathlib import Path
from sentence_transformers.base.modules import Module

class Doubled(Module):
    config_keys = []

    def forward(self, features):
        features["sentence_embedding"] = 2 * features["sentence_embedding"]
        return features

    def save(self, output_path, *args, **kwargs):
        pass

    @classmethod
    def load(cls, *args, **kwargs):
        return cls()
"""


@pytest.fixture
def hub(tiny_model: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """E5's shape, and a last module of the author's own that doubles the vectors."""
    folder = tiny_model("e5")
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    modules = json.loads(files["modules.json"])
    own = {"idx": 9, "name": "9", "path": "", "type": "doubled.Doubled"}
    files |= {"modules.json": json.dumps([*modules, own]).encode(), "doubled.py": CODE.encode()}
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    with serving(files, tmp_path / "cache", monkeypatch) as served:
        yield served


def test_trusted_code_runs_at_its_commit(hub: Hub, tiny_model: Callable[[str], Path]) -> None:
    trusting = LocalEmbedder("me/model", "cpu", trust_remote_code=True, revision=COMMIT)
    plain = LocalEmbedder(str(tiny_model("e5")), "cpu").embed(["bread"]).vectors
    np.testing.assert_allclose(trusting.embed(["bread"]).vectors, 2 * plain, atol=1e-4)
    assert trusting.describe().revision == COMMIT


def test_without_trust_the_code_is_neither_downloaded_nor_run(hub: Hub) -> None:
    with pytest.raises(ConfigError, match="cannot load the model"):
        LocalEmbedder("me/model", "cpu").embed(["bread"])
    assert not [path for path in hub.asked if path.endswith("doubled.py")]
