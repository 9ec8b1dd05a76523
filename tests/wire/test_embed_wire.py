"""Embeddings on the wire: every shape a reply may have, and every way in which one may be wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from shared_core.errors import BadRequest, InputTooLong, MalformedResponse, RateLimited, RouterError
from shared_core.types import ApiKey, EmbedRequest, Target
from shared_core.wire.embeddings import AVERAGED, CUT, encode, parse
from shared_core.wire.errors import classify
from shared_core.wire.too_much import TooMuch, why_too_much

HOST = Target("https://host/v1", bill_to="acme", headers={"x-mine": "1"})


def asked(count: int = 2, **about: Any) -> EmbedRequest:
    return EmbedRequest([f"text {n}" for n in range(count)], "org/model", **about)


def openai(*rows: Any, **beside: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
    return {"object": "list", "data": data, **beside}


def packed(*numbers: float) -> str:
    return base64.b64encode(np.array(numbers, dtype="<f4").tobytes()).decode()


def body_of(request: EmbedRequest, dialect: Any, *, base64: bool = False) -> dict[str, Any]:
    sent = encode(request, dialect, "https://host/x", HOST, ApiKey("k"), "agent", base64=base64)
    assert (sent.method, sent.url, sent.key) == ("POST", "https://host/x", ApiKey("k"))
    assert sent.headers["x-hf-bill-to"] == "acme"
    assert sent.headers["x-mine"] == "1"
    return json.loads(sent.body)


def test_an_openai_request_names_the_model_first_and_leaves_out_what_was_not_asked() -> None:
    body = body_of(asked(), "openai")
    assert list(body.items()) == [("model", "org/model"), ("input", ["text 0", "text 1"])]


def test_an_openai_request_carries_dimensions_the_encoding_and_further_keys() -> None:
    request = asked(1, dimensions=64, normalize=True, truncate=True, extra_body={"user": "me"})
    assert body_of(request, "openai", base64=True) == {
        "model": "org/model",
        "input": ["text 0"],
        "dimensions": 64,
        "encoding_format": "base64",
        "user": "me",
    }


def test_a_bare_request_carries_what_the_host_can_do_itself() -> None:
    request = asked(1, dimensions=64, normalize=False, truncate=True, prompt_name="query")
    assert body_of(request, "feature-extraction") == {
        "inputs": ["text 0"],
        "normalize": False,
        "truncate": True,
        "prompt_name": "query",
        "dimensions": 64,
    }


def test_texts_go_out_as_they_are() -> None:
    odd = ["", " a\nb\t", "\x00", "𝔘\u2028", "x" * 1_000_000]
    sent = encode(EmbedRequest(odd, "m"), "openai", "https://h/x", HOST, ApiKey(""), "a", base64=False)
    assert json.loads(sent.body)["input"] == odd


def test_a_request_beyond_64_mib_is_not_sent() -> None:
    with pytest.raises(InputTooLong, match="Nothing was sent"):
        body_of(EmbedRequest(["x" * 2**26], "m"), "openai")


GOOD: dict[str, tuple[Any, int, list[list[float]]]] = {
    "a vector alone, for a text alone": ([1.0, 2.0], 1, [[1, 2]]),
    "one a text": ([[1.0, 2.0], [3.0, 4.0]], 2, [[1, 2], [3, 4]]),
    "whole numbers among them": ([[1, 2.5], [3, 4]], 2, [[1, 2.5], [3, 4]]),
    "wrapped by Hugging Face's toolkit": ({"embeddings": [[1.0, 2.0]]}, 1, [[1, 2]]),
    "OpenAI's": (openai([1.0, 2.0], [3.0, 4.0]), 2, [[1, 2], [3, 4]]),
    "OpenAI's in base64": (openai(packed(1, 2), packed(3, 4)), 2, [[1, 2], [3, 4]]),
    "out of order": (
        {"data": [{"index": 1, "embedding": [3.0]}, {"index": 0, "embedding": [1.0]}]},
        2,
        [[1], [3]],
    ),
    "without numbers": ({"data": [{"embedding": [1.0]}, {"embedding": [3.0]}]}, 2, [[1], [3]]),
}


@pytest.mark.parametrize(("value", "count", "wanted"), GOOD.values(), ids=GOOD.keys())
def test_vectors_come_out_in_the_order_of_the_texts(
    value: Any, count: int, wanted: list[list[float]]
) -> None:
    dialect: Any = "openai" if isinstance(value, dict) and "data" in value else "feature-extraction"
    found = parse(value, asked(count), dialect, {})
    assert found.vectors.dtype == np.float32
    assert found.vectors.flags.c_contiguous
    assert found.vectors.flags.writeable
    assert found.vectors.tolist() == wanted
    assert found.notes == ()


@pytest.mark.parametrize(
    "value",
    [
        [[[1.0, 0.0], [3.0, 2.0]], [[5.0, 7.0]]],
        [[[[1.0, 0.0], [3.0, 2.0]]], [[[5.0, 7.0]]]],
    ],
    ids=["a matrix a text", "with a batch dimension, as transformers' pipeline has it"],
)
def test_token_vectors_are_averaged_and_a_note_says_so(value: Any) -> None:
    found = parse(value, asked(), "feature-extraction", {})
    assert found.vectors.tolist() == [[2, 1], [5, 7]]
    assert found.notes == (AVERAGED,)


def test_averaged_vectors_are_normalised_when_that_was_asked_for() -> None:
    found = parse([[[3.0, 4.0], [3.0, 4.0]]], asked(1, normalize=True), "feature-extraction", {})
    assert found.vectors[0].tolist() == pytest.approx([0.6, 0.8])


BAD: dict[str, tuple[Any, str]] = {
    "no list": ({"vectors": []}, "not vectors"),
    "null": (None, "not vectors"),
    "a text": ("hello", "not vectors"),
    "too few": ([[1.0]], "1 vectors for 2 texts"),
    "too many": ([[1.0]] * 3, "3 vectors for 2 texts"),
    "none": ([], "0 vectors for 2 texts"),
    "ragged": ([[1.0, 2.0], [1.0]], "text 11 has 1 numbers, that of text 10 has 2"),
    "empty vectors": ([[], []], "text 10 has 0 numbers"),
    "NaN": ([[1.0], [float("nan")]], "text 11"),
    "infinity": ([[1.0], [float("inf")]], "text 11"),
    "beyond float32": ([[1.0], [1e39]], "text 11"),
    "a whole number beyond all": ([[1], [10**400]], "text 11 holds"),
    "null in a vector": ([[1.0], [None]], "text 11 holds 'None'"),
    "a number as text": ([["1.0"], [1.0]], "text 10 holds '1.0'"),
    "true in a vector": ([[True], [True]], "text 10 holds 'True'"),
    "an object": ([{"a": 1}, {"a": 1}], "text 10 is a JSON dict"),
    "null for a vector": ([[1.0], None], "text 11 is a JSON NoneType"),
    "nested too deep": ([[[[[1.0]]]], [[[[1.0]]]]], "text 10"),
    "no tokens": ([[[1.0]], []], "text 11"),
    "ragged tokens": ([[[1.0]], [[1.0], [1.0, 2.0]]], "text 11"),
    "token vectors of two lengths": ([[[1.0]], [[1.0, 2.0]]], "text 11 has 2 numbers"),
    "broken base64": (["!!!!", "!!!!"], "text 10 is no base64"),
    "base64 of no floats": ([base64.b64encode(b"abc").decode()] * 2, "text 10 has 3 bytes"),
    "base64 of two lengths": ([packed(1, 2), packed(1)], "text 11 has 4 bytes, that of text 10 has 8"),
    "empty base64": (["", ""], "text 10 has 0 bytes"),
    "base64 of NaN": ([packed(1), packed(float("nan"))], "text 11"),
}


@pytest.mark.parametrize(("rows", "words"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("dialect", ["openai", "feature-extraction"])
def test_a_reply_that_is_no_vectors_is_refused_by_the_name_of_the_text(
    rows: Any, words: str, dialect: Any
) -> None:
    if dialect == "openai":
        if not isinstance(rows, list):
            words = "no list `data`"
        value: Any = openai(*rows) if isinstance(rows, list) else {"data": rows}
    else:
        value = rows
    with pytest.raises(MalformedResponse, match=words.replace("(", r"\(")) as caught:
        parse(value, asked(places=[10, 11]), dialect, {})
    assert "retry" in caught.value.reactions
    assert caught.value.hint


@pytest.mark.parametrize(
    "numbers", [[0, 0], [0, 2], [1, 2], [None, 0], ["0", "1"], [0.0, 1.0], [True, False], [-1, 0]], ids=str
)
def test_vectors_that_are_numbered_oddly_are_refused_rather_than_guessed(numbers: list[Any]) -> None:
    data = [{"index": number, "embedding": [1.0]} for number in numbers]
    if numbers == [0.0, 1.0]:  # JSON knows one kind of number
        assert len(parse({"data": data}, asked(), "openai", {}).vectors) == 2
        return
    with pytest.raises(MalformedResponse, match="whose they are"):
        parse({"data": data}, asked(), "openai", {})


def test_an_error_in_the_guise_of_a_success_is_an_error() -> None:
    with pytest.raises(RateLimited):
        parse({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, asked(), "openai", {})


def test_usage_and_model_are_the_hosts_words() -> None:
    value = openai([1.0], model="theirs", usage={"prompt_tokens": 7, "total_tokens": 7})
    found = parse(value, asked(1), "openai", {})
    assert (found.model, found.usage and found.usage.prompt_tokens) == ("theirs", 7)


@pytest.mark.parametrize(
    ("headers", "tokens"),
    [
        ({"x-compute-tokens": "12"}, 12),
        ({"x-prompt-tokens": "5"}, 5),
        ({}, None),
        ({"x-compute-tokens": "-1"}, None),
        ({"x-compute-tokens": "²"}, None),
        pytest.param({"x-compute-tokens": "9" * 5000}, None, id="more digits than Python reads"),
    ],
    ids=str,
)
def test_a_bare_reply_counts_tokens_in_a_header(headers: dict[str, str], tokens: int | None) -> None:
    usage = parse([[1.0]], asked(1), "feature-extraction", headers).usage
    assert (usage and usage.prompt_tokens) == tokens


def test_vectors_longer_than_asked_are_cut_and_keep_their_length_of_one() -> None:
    row = [0.6, 0.0, 0.8]
    found = parse([row], asked(1, dimensions=2), "feature-extraction", {})
    assert found.vectors.tolist() == [[1.0, 0.0]]
    assert found.notes == (CUT,)
    found = parse([[3.0, 4.0, 5.0]], asked(1, dimensions=2), "feature-extraction", {})
    assert found.vectors.tolist() == [[3.0, 4.0]]  # had no length of one to keep
    found = parse([[3.0, 4.0, 5.0]], asked(1, dimensions=2, normalize=True), "feature-extraction", {})
    assert found.vectors[0].tolist() == pytest.approx([0.6, 0.8])


def test_vectors_shorter_than_asked_are_refused_and_asking_again_cannot_help() -> None:
    with pytest.raises(MalformedResponse, match="2 dimensions, not the 3") as caught:
        parse([[1.0, 2.0]], asked(1, dimensions=3), "feature-extraction", {})
    assert "retry" not in caught.value.reactions


def test_an_openai_host_cannot_normalise_so_it_is_done_here_row_by_row() -> None:
    exact = np.array([0.6, 0.8], dtype=np.float32)
    rows = openai([3.0, 4.0], [0.0, 0.0], packed(*exact))
    rows["data"][2]["embedding"] = exact.astype(float).tolist()
    found = parse(rows, asked(3, normalize=True), "openai", {}).vectors
    assert found[0].tolist() == pytest.approx([0.6, 0.8])
    assert found[1].tolist() == [0, 0]
    assert np.array_equal(found[2], exact)  # to the bit: what is of length one stays as it is
    assert parse(openai([3.0, 4.0]), asked(1), "openai", {}).vectors.tolist() == [[3, 4]]


def refused(status: int, text: str, **about: str) -> RouterError:
    """What a host's refusal becomes on its way in."""
    body = json.dumps({"error": text, **about}).encode() if text else b""
    return classify(status, {}, body, now=0.0)


LONG_LIST = "Invalid 'input': array too long. Expected an array with maximum length 2048, but got 2049"
REFUSALS: dict[str, tuple[RouterError, TooMuch | None]] = {
    "TEI, 413": (
        refused(413, "batch size 64 > maximum allowed batch size 32", error_type="Validation"),
        TooMuch("texts", 32),
    ),
    "TEI, 422": (
        refused(422, "batch size 64 > maximum allowed batch size 32", error_type="Validation"),
        TooMuch("texts", 32),
    ),
    "OpenAI": (refused(400, LONG_LIST), TooMuch("texts", 2048)),
    "FastAPI": (
        refused(422, "List should have at most 2048 items after validation, not 3000"),
        TooMuch("texts", 2048),
    ),
    "Cohere": (
        refused(400, "invalid request: total number of texts must be at most 96 - received 100"),
        TooMuch("texts", 96),
    ),
    "no number": (refused(422, "too many inputs"), TooMuch("texts")),
    "OpenAI's tokens": (
        refused(400, "Requested 400000 tokens, max 300000 tokens per request"),
        TooMuch("bytes"),
    ),
    "OpenAI's code": (refused(400, "too much", code="max_tokens_per_request"), TooMuch("bytes")),
    "axum": (refused(413, "Failed to buffer the request body: length limit exceeded"), TooMuch("bytes")),
    "nginx": (refused(413, "<html>413 Request Entity Too Large</html>"), TooMuch("bytes")),
    "bare": (refused(413, ""), TooMuch("bytes")),
    "ours": (InputTooLong("The request has 70 MiB, more than the 64 MiB"), TooMuch("bytes")),
    "TEI, one text": (
        refused(
            413,
            "Input validation error: `inputs` must have less than 512 tokens. Given: 785",
            error_type="Validation",
        ),
        TooMuch("text"),
    ),
    "vLLM, one text": (refused(400, "This model's maximum context length is 512 tokens"), TooMuch("text")),
    "TEI, invalid in another way": (
        refused(413, "Input validation error: `dimensions` must be 1 to 384", error_type="Validation"),
        TooMuch("unclear"),
    ),
    "413 in other words": (refused(413, "I do not like this"), TooMuch("unclear")),
    "something else": (refused(400, "input cannot be an empty string"), TooMuch("unclear")),
    "nothing was sent": (BadRequest("The request cannot be written as JSON"), None),
    "not a refusal": (refused(429, "batch size"), None),
}


@pytest.mark.parametrize(("error", "why"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_a_refusal_is_about_is_read_from_the_hosts_own_words(
    error: RouterError, why: TooMuch | None
) -> None:
    assert why_too_much(error) == why
