"""What the Hub was recorded to say of a model comes out right as a `HubModel`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core.hub.cards import parse_hub_model

from .conftest import ABSENT, FOLDER

FILES = sorted((FOLDER / "hub-model-info").glob("*.json")) or [
    pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem if file else "none")
def test_a_recorded_model_page_comes_out_right(file: Any) -> None:
    for exchange in json.loads(file.read_text(encoding="utf-8"))["interactions"]:
        said = exchange["response"]["json"]
        model = parse_hub_model(said)
        assert model is not None
        assert (model.id, model.task) == (said["id"], said["pipeline_tag"])
        # It was asked for its task alone: all else is unknown, and nothing is made up.
        assert set(said) == {"_id", "id", "pipeline_tag"}
        assert (model.license, model.license_kind, model.gated, model.parameters) == (
            None,
            "none",
            None,
            None,
        )
        assert (model.tags, model.served, model.results, model.downloads) == ((), (), (), None)
