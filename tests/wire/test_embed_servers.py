"""What vLLM and Infinity answer, key for key: vectors, scores and refusals as their servers spell them.

Infinity's are copied from a server of version 0.0.78. vLLM's are written from memory of its documentation, with no
server and no page at hand: they prove that such shapes are understood, not that vLLM sends them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core.errors import BadRequest, InputTooLong, ModelNotServed, RouterError
from shared_core.types import EmbedRequest, RerankRequest
from shared_core.wire import embeddings, rerank
from shared_core.wire.errors import classify
from shared_core.wire.too_much import TooMuch, why_too_much

VECTORS: dict[str, tuple[dict[str, Any], str, int]] = {
    "vLLM": (
        {
            "id": "embd-5c21fc9a5c9d4384a1b021daccaf9f64",
            "object": "list",
            "created": 1786000000,
            "model": "org/model",
            "data": [
                {"index": 0, "object": "embedding", "embedding": [1.0, 2.0]},
                {"index": 1, "object": "embedding", "embedding": [3.0, 4.0]},
            ],
            "usage": {
                "prompt_tokens": 8,
                "total_tokens": 8,
                "completion_tokens": 0,
                "prompt_tokens_details": None,
            },
        },
        "org/model",
        8,
    ),
    "Infinity, numbers": (
        {
            "object": "list",
            "data": [
                {"object": "embedding", "embedding": [1.0, 2.0], "index": 0},
                {"object": "embedding", "embedding": [3.0, 4.0], "index": 1},
            ],
            "model": "minilm",
            "usage": {"prompt_tokens": 10, "total_tokens": 10},
            "id": "infinity-2eb4ec13-a113-4a0c-b02b-6ab944a8d914",
            "created": 1795790356,
        },
        "minilm",
        10,
    ),
    "Infinity, base64": (
        {
            "object": "list",
            "data": [
                {"object": "embedding", "embedding": "AACAPwAAAEA=", "index": 0},
                {"object": "embedding", "embedding": "AABAQAAAgEA=", "index": 1},
            ],
            "model": "minilm",
            "usage": {"prompt_tokens": 10, "total_tokens": 10},
            "id": "infinity-2eb4ec13-a113-4a0c-b02b-6ab944a8d914",
            "created": 1795790356,
        },
        "minilm",
        10,
    ),
}


@pytest.mark.parametrize(("value", "model", "tokens"), VECTORS.values(), ids=VECTORS.keys())
def test_vectors_model_and_tokens_are_read_as_the_server_spells_them(
    value: dict[str, Any], model: str, tokens: int
) -> None:
    found = embeddings.parse(value, EmbedRequest(["a", "b"], "asked/for"), "openai", {})
    assert found.vectors.tolist() == [[1, 2], [3, 4]]
    assert found.model == model
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (tokens, tokens)


SCORES: dict[str, tuple[dict[str, Any], int]] = {
    "vLLM": (
        {
            "id": "rerank-fae51b2b664d4ed38f5969b612edff77",
            "model": "BAAI/bge-reranker-base",
            "usage": {"prompt_tokens": 56, "total_tokens": 56},
            "results": [
                {"index": 1, "document": {"text": "b", "multi_modal": None}, "relevance_score": 0.9985},
                {"index": 0, "document": {"text": "a", "multi_modal": None}, "relevance_score": 0.0005},
            ],
        },
        56,
    ),
    "Infinity": (
        {
            "object": "rerank",
            "results": [
                {"relevance_score": 0.9985, "index": 1, "document": None},
                {"relevance_score": 0.0005, "index": 0, "document": None},
            ],
            "model": "ce",
            "usage": {"prompt_tokens": 16, "total_tokens": 16},
            "id": "infinity-29873b24-3a9b-4f0c-a7e2-14fb2c77e470",
            "created": 1795790536,
        },
        16,
    ),
}


@pytest.mark.parametrize(("value", "tokens"), SCORES.values(), ids=SCORES.keys())
def test_scores_come_best_first_and_stand_in_the_order_of_the_documents(
    value: dict[str, Any], tokens: int
) -> None:
    found = rerank.parse(value, RerankRequest("q", ["a", "b"], "m"), {})
    assert found.scores.tolist() == pytest.approx([0.0005, 0.9985])
    assert found.usage is not None
    assert found.usage.prompt_tokens == tokens


def test_tokens_of_an_older_vllm_that_counts_the_total_alone_are_kept() -> None:
    value = {"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 56}}
    usage = rerank.parse(value, RerankRequest("q", ["a"], "m"), {}).usage
    assert usage is not None
    assert usage.total_tokens == 56


def nested(message: str, kind: str | None, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def fastapi(kind: str, place: list[Any], message: str) -> dict[str, Any]:
    return {"detail": [{"type": kind, "loc": ["body", *place], "msg": message, "input": "xxx"}]}


LONG = (
    "This model's maximum context length is 512 tokens. However, you requested 785 tokens in the input for "
    "embedding generation. Please reduce the length of the input."
)
REFUSALS: dict[str, tuple[int, dict[str, Any], type[RouterError], TooMuch | None]] = {
    "vLLM: a text is too long": (
        400,
        nested(LONG, "BadRequestError", 400),
        InputTooLong,
        TooMuch("text"),
    ),
    "vLLM before 0.10: a text is too long": (
        400,
        {"object": "error", "message": LONG, "type": "BadRequestError", "param": None, "code": 400},
        InputTooLong,
        TooMuch("text"),
    ),
    "vLLM: no such model": (
        404,
        nested("The model `wrong/model` does not exist.", "NotFoundError", 404),
        ModelNotServed,
        None,
    ),
    "vLLM: vectors that cannot be cut": (
        400,
        nested(
            'Model "org/model" does not support matryoshka representation, changing output dimensions will lead '
            "to poor results.",
            "BadRequestError",
            400,
        ),
        BadRequest,
        TooMuch("unclear"),
    ),
    "Infinity: no such model beside others": (
        400,
        nested(
            "Invalid model: Engine for model name `wrong/model` not found. Available model names are "
            "['minilm', 'ce']",
            None,
            400,
        ),
        BadRequest,
        TooMuch("unclear"),
    ),
    "Infinity: too many texts": (
        422,
        fastapi(
            "too_long",
            ["text", "input", "list[constrained-str]"],
            "List should have at most 2048 items after validation, not 2500",
        ),
        BadRequest,
        TooMuch("texts", 2048),
    ),
    "Infinity: a text is too long": (
        422,
        fastapi(
            "string_too_long",
            ["text", "input", "list[constrained-str]", 0],
            "String should have at most 122880 characters",
        ),
        InputTooLong,
        TooMuch("unclear"),
    ),
}


@pytest.mark.parametrize(("status", "body", "kind", "why"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_the_error_that_it_speaks_of(
    status: int, body: dict[str, Any], kind: type[RouterError], why: TooMuch | None
) -> None:
    error = classify(status, {}, json.dumps(body).encode(), now=0.0)
    assert type(error) is kind
    assert why_too_much(error) == why
