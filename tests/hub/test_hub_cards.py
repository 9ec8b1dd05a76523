"""What cards state, however oddly: facts where they are facts, unknown where they are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core.hub.cards import EXPAND, LIST_EXPAND, EvalResult, HubModel, parse_hub_model
from shared_core.hub.licenses import license_kind
from shared_core.testing import OfflineRouter, Raw

Ask = Callable[..., Any]


def card(**stated: Any) -> HubModel:
    model = parse_hub_model({"id": "o/m", **stated})
    assert model is not None
    return model


UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "downloads as a text": ({"downloads": "12"}, "downloads"),
    "negative likes": ({"likes": -1}, "likes"),
    "a truth for a number": ({"likes": True}, "likes"),
    "half a download": ({"downloads": 1.5}, "downloads"),
    "more downloads than there are": ({"downloads": 10**400}, "downloads"),
    "weights as a text": ({"safetensors": {"total": "7B"}}, "parameters"),
    "safetensors as a list": ({"safetensors": [1]}, "parameters"),
    "more weights than there are": ({"safetensors": {"total": 10**400}}, "parameters"),
    "a type of weights that nobody knows": ({"safetensors": {"parameters": {"X7": 5}}}, "size_bytes"),
    "trending as a text": ({"trendingScore": "hot"}, "trending"),
    "trending without end": ({"trendingScore": float("inf")}, "trending"),
    "trending that is no number": ({"trendingScore": float("nan")}, "trending"),
    "a licence that is an object": ({"cardData": {"license": {"name": "mit"}}}, "license"),
    "a licence of a megabyte": ({"cardData": {"license": "x" * 10**6}}, "license"),
    "card data as a text": ({"cardData": "license: mit"}, "license"),
    "a day that is none": ({"createdAt": "yesterday"}, "created"),
    "a day as a number": ({"lastModified": 20261127}, "modified"),
    "a task that is a list": ({"pipeline_tag": ["text-generation"]}, "task"),
    "a library that is an object": ({"library_name": {}}, "library"),
    "gated by a number": ({"gated": 1}, "gated"),
    "inference as an object": ({"inference": {"warm": True}}, "inference"),
}


@pytest.mark.parametrize(("stated", "name"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_has_another_type_or_size_than_it_should_is_unknown(stated: dict[str, Any], name: str) -> None:
    assert getattr(card(**stated), name) is None


EMPTY: dict[str, tuple[dict[str, Any], str]] = {
    "tags as a text": ({"tags": "a,b"}, "tags"),
    "tags that are none": ({"tags": [1, None, {}, ""]}, "tags"),
    "languages that are objects": ({"cardData": {"language": [{"en": 1}]}}, "languages"),
    "base models as numbers": ({"cardData": {"base_model": [1, 2]}}, "base_models"),
    "base models that are no list": ({"baseModels": {"models": "o/b"}}, "base_models"),
    "providers as a text": ({"inferenceProviderMapping": "groq"}, "served"),
    "providers without words": ({"inferenceProviderMapping": [None, 1, {}]}, "served"),
    "results as a text": ({"evalResults": "good", "model-index": "good"}, "results"),
    "results that failed the Hub's own check": (
        {"evalResults": [{"error": "x", "filename": "y"}]},
        "results",
    ),
    "a result that is a text": ({"evalResults": [{"dataset": {"id": "d"}, "value": "0.5"}]}, "results"),
    "an index of the wrong depth": ({"model-index": [{"results": {"metrics": []}}, 7]}, "results"),
}


@pytest.mark.parametrize(("stated", "name"), EMPTY.values(), ids=EMPTY.keys())
def test_lists_that_are_none_are_empty(stated: dict[str, Any], name: str) -> None:
    assert getattr(card(**stated), name) == ()


def test_published_results_are_read_in_both_of_the_hubs_forms() -> None:
    new = [
        {"dataset": {"id": "cais/hle", "task_id": "default"}, "value": 20.9},
        {"data": {"dataset": {"id": "Idavidrein/gpqa", "task_id": "gpqa_diamond"}, "value": 0.412}},
    ]
    old = [{"results": [{"dataset": {"name": "MMLU"}, "metrics": [{"type": "accuracy", "value": 71}]}]}]
    assert card(evalResults=new, **{"model-index": old}).results == (
        EvalResult("cais/hle", "default", 20.9),
        EvalResult("Idavidrein/gpqa", "gpqa_diamond", 0.412),
        EvalResult("MMLU", "accuracy", 71.0),
    )


@pytest.mark.parametrize(
    ("weights", "size"),
    [
        ({"BF16": 10, "F32": 1}, 24),
        ({"F8_E4M3": 10}, 10),
        ({"I64": 1, "BOOL": 3}, 11),
        ({}, 77),
        ({"F4": 10}, 77),
    ],
    ids=str,
)
def test_bytes_are_those_of_the_weights_or_of_the_repository(weights: dict[str, int], size: int) -> None:
    assert card(safetensors={"parameters": weights}, usedStorage=77).size_bytes == size


@pytest.mark.parametrize(
    ("stated", "gated"),
    [({"gated": False}, ""), ({"gated": "auto"}, "auto"), ({"gated": "manual"}, "manual"), ({}, None)],
)
def test_access_is_open_gated_or_unknown(stated: dict[str, Any], gated: str | None) -> None:
    assert card(**stated).gated == gated


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ({"cardData": {"license": "apache-2.0"}}, "permissive"),
        ({"cardData": {"license": ["mit", "gpl-3.0"]}}, "permissive"),
        ({"tags": ["license:gpl-3.0"]}, "copyleft"),
        ({"cardData": {"license": "CC-BY-NC-4.0"}}, "non-commercial"),
        ({"cardData": {"license": "llama3.3"}}, "custom"),
        ({"cardData": {"license": "other", "license_name": "my-own"}}, "custom"),
        ({"cardData": {"license": "unknown"}}, "none"),
        ({}, "none"),
    ],
    ids=str,
)
def test_licences_are_classified(stated: dict[str, Any], kind: str) -> None:
    assert card(**stated).license_kind == kind


@settings(deadline=None)
@given(st.text())
def test_every_text_is_a_licence_of_some_kind(name: str) -> None:
    assert license_kind(name) in ("permissive", "copyleft", "non-commercial", "custom", "none")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.fixed_dictionaries({"id": st.just("o/m")}, optional=dict.fromkeys(EXPAND, anything)))
def test_no_card_of_any_shape_is_an_error(stated: dict[str, Any]) -> None:
    assert card(**stated).id == "o/m"


@pytest.mark.parametrize("entry", [None, 7, "o/m", [], {}, {"id": ""}, {"id": 7}, {"_id": "o/m"}], ids=repr)
def test_what_names_no_model_is_none(entry: Any) -> None:
    assert parse_hub_model(entry) is None


def test_a_card_of_ten_megabytes_leaves_little_behind(ask: Ask, host: OfflineRouter) -> None:
    tags = [f"tag-{number}" for number in range(700_000)]
    page = {
        "id": "offline/huge",
        "tags": tags,
        "likes": 3,
        "cardData": {"license": "mit", "extra": "x" * 10**6},
    }
    host.queue(Raw(json.dumps(page).encode(), "application/json"), path="/api/models/*")
    found = ask("model_info", "offline/huge")
    assert (found.card.license, found.card.likes) == ("mit", 3)
    assert len(found.card.tags) == 500


def test_a_single_model_is_asked_for_more_than_the_models_of_a_list() -> None:
    assert set(EXPAND) - set(LIST_EXPAND) == {"baseModels", "usedStorage"}
