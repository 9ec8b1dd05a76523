"""Reranking on the wire: both dialects out, one score a document in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from shared_core.errors import MalformedResponse, RouterError
from shared_core.types import ApiKey, RerankRequest, Target
from shared_core.wire.rerank import encode, parse

ASKED = RerankRequest("q", ["a", "b", "c"], "m", truncate=True, raw_scores=True, extra_body={"x": 1})


def body_of(dialect: Any) -> dict[str, Any]:
    return json.loads(encode(ASKED, dialect, "https://h/rerank", Target("https://h"), ApiKey(""), "a").body)


def test_an_openai_like_request_asks_for_the_score_of_every_document() -> None:
    body = body_of("openai")
    assert list(body) == ["model", "query", "documents", "top_n", "x"]
    assert (body["documents"], body["top_n"]) == (["a", "b", "c"], 3)


def test_a_tei_request_carries_teis_own_options() -> None:
    assert body_of("feature-extraction") == {
        "query": "q",
        "texts": ["a", "b", "c"],
        "raw_scores": True,
        "truncate": True,
        "x": 1,
    }


def ranks(*pairs: tuple[Any, Any], key: str = "score") -> list[dict[str, Any]]:
    return [{"index": index, key: score} for index, score in pairs]


@pytest.mark.parametrize(
    "value",
    [
        ranks((2, 0.9), (0, 0.5), (1, -1)),
        {"results": ranks((2, 0.9), (0, 0.5), (1, -1), key="relevance_score")},
        {"data": ranks((2, 0.9), (0, 0.5), (1, -1), key="relevance_score")},
    ],
    ids=["TEI", "Cohere and others", "Voyage"],
)
def test_scores_stand_in_the_order_of_the_documents(value: Any) -> None:
    found = parse(value, ASKED, {"x-compute-tokens": "9"})
    assert found.scores.dtype == np.float32
    assert found.scores.tolist() == pytest.approx([0.5, -1, 0.9])
    assert found.usage is not None
    assert found.usage.prompt_tokens == 9


BAD: dict[str, tuple[Any, str]] = {
    "no list": ({"scores": 1}, "without a list"),
    "a text": ("x", "without a list"),
    "one is missing": (ranks((0, 1.0), (2, 1.0)), "no score for document 1"),
    "one is doubled": (ranks((0, 1.0), (0, 1.0), (1, 1.0)), "document 0 of 3 twice"),
    "one too many": (ranks((0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)), "document 3 of 3 documents"),
    "no index": ([{"score": 1.0}] * 3, "without the number"),
    "a negative index": (ranks((-1, 1.0)), "without the number"),
    "NaN": (ranks((0, float("nan"))), "no number"),
    "null": (ranks((0, None)), "no number"),
    "a text for a score": (ranks((0, "1")), "no number"),
    "beyond float32": (ranks((0, 1e39)), "no number"),
    "a whole number beyond all": (ranks((0, 10**400)), "no number"),
}


@pytest.mark.parametrize(("value", "words"), BAD.values(), ids=BAD.keys())
def test_a_reply_that_does_not_score_each_document_once_is_refused(value: Any, words: str) -> None:
    with pytest.raises(MalformedResponse, match=words):
        parse(value, ASKED, {})


def test_an_error_in_the_guise_of_a_success_is_an_error() -> None:
    with pytest.raises(RouterError, match="no such model"):
        parse({"error": "no such model"}, ASKED, {})
