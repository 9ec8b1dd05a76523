"""Plain text generation: whole replies, streams, and the text that ends them."""

from __future__ import annotations

import contextlib
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_core.errors import InputTooLong, MalformedResponse, ProviderFailed, RouterError
from shared_core.types import ReplyMeta, Usage
from shared_core.wire.completions import CompletionStreamReader, StopCutter, read_completion

META = ReplyMeta("org/name")
DETAILS = {"finish_reason": "eos_token", "generated_tokens": 3, "input_length": 5}
COUNTS = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


@pytest.mark.parametrize(
    ("raw", "finish", "counts"),
    [
        pytest.param([{"generated_text": " a b c"}], None, None, id="a pipeline"),
        pytest.param([[{"generated_text": " a b c"}]], None, None, id="a pipeline of several texts"),
        pytest.param({"generated_text": " a b c"}, None, None, id="TGI at /generate"),
        pytest.param(
            {"generated_text": " a b c", "details": DETAILS}, "stop", (5, 3, 8), id="TGI with details"
        ),
        pytest.param(
            {"choices": [{"text": " a b c", "finish_reason": "length"}], "usage": COUNTS},
            "length",
            (5, 3, 8),
            id="OpenAI",
        ),
        pytest.param(
            {"choices": [{"text": " a b c", "finish_reason": "eos"}]}, "stop", None, id="together's word"
        ),
        pytest.param(
            {"choices": [{"message": {"content": " a b c"}, "finish_reason": "stop"}]},
            "stop",
            None,
            id="a chat's form",
        ),
    ],
)
def test_a_whole_reply_is_read_in_every_form(raw: Any, finish: Any, counts: Any) -> None:
    reply = read_completion(raw, META)
    assert (reply.text, reply.finish_reason) == (" a b c", finish)
    assert (reply.usage and reply.usage[:3]) == counts


def test_the_prompts_tokens_are_those_of_the_prefill_where_tgi_says_no_number() -> None:
    details = {"finish_reason": "length", "generated_tokens": 3, "prefill": [{}, {}]}
    usage = read_completion({"generated_text": "x", "details": details}, META).usage
    assert usage == Usage(2, 3, 5)


def test_headers_count_where_the_body_does_not() -> None:
    assert read_completion([{"generated_text": "x"}], META, usage=Usage(1, 2, 3)).usage == Usage(1, 2, 3)


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"choices": []}, [None], {"generated_text": 3}, "text"], ids=repr
)
def test_a_reply_without_a_text_is_malformed(raw: Any) -> None:
    with pytest.raises(MalformedResponse, match="no text"):
        read_completion(raw, META)


def test_an_error_that_says_200_is_an_error() -> None:
    with pytest.raises(InputTooLong):
        read_completion({"error": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"}, META)


def test_a_stop_text_that_tgi_leaves_at_the_end_is_taken_off() -> None:
    reply = read_completion([{"generated_text": " one. Two"}], META, stop=["."])
    assert (reply.text, reply.finish_reason) == (" one", "stop")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(
    text=st.text("ab.", max_size=30),
    stop=st.lists(st.text("ab.", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(0, 30), max_size=6),
)
def test_a_text_is_cut_at_its_first_stop_text_however_it_comes(
    text: str, stop: list[str], cuts: list[int]
) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(places)]
    cutter = StopCutter(stop)
    shown = "".join(cutter.feed(piece) for piece in pieces) + cutter.end()
    ends = [(text.find(one) + len(one), text.find(one)) for one in stop if one in text]
    assert shown == (text[: min(ends)[1]] if ends else text)
    assert cutter.ended == any(one in text for one in stop)


def test_of_two_stop_texts_that_which_is_complete_first_ends_the_text() -> None:
    whole, pieces = StopCutter(["ab.", "b"]), StopCutter(["ab.", "b"])
    assert whole.feed("ab.") == "".join(pieces.feed(letter) for letter in "ab.") == "a"


def test_nothing_is_held_back_that_no_stop_text_begins_with() -> None:
    cutter = StopCutter(["END"])
    assert [cutter.feed(piece) for piece in ("one ", "E", "N", "T", " two")] == [
        "one ",
        "",
        "",
        "ENT",
        " two",
    ]


def sse(*events: Any) -> bytes:
    return b"".join(
        b"data: " + (event.encode() if isinstance(event, str) else json.dumps(event).encode()) + b"\n\n"
        for event in events
    )


def token(
    text: str, *, special: bool = False, whole: str | None = None, details: Any = None
) -> dict[str, Any]:
    shape = {"id": 1, "text": text, "logprob": -0.5, "special": special}
    return {"index": 1, "token": shape, "generated_text": whole, "details": details}


def chunk(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
    return {"id": "7", "object": "text_completion", "model": "theirs", "choices": [choice], **more}


def read(data: bytes, *, stop: tuple[str, ...] = (), size: int = 0) -> tuple[str, Any]:
    reader, deltas = CompletionStreamReader(stop), []
    for start in range(0, len(data), size or len(data)):
        deltas += reader.feed(data[start : start + (size or len(data))])
        if reader.finished:
            break
    deltas += reader.end()
    return "".join(delta.text for delta in deltas), reader.reply(META)


TGI = sse(token(" a"), token(" b"), token("<|end|>", special=True, whole="p a b", details=DETAILS))
OPENAI = sse(
    chunk(" a"), chunk(" b"), chunk("", "length"), chunk("", usage=COUNTS) | {"choices": []}, "[DONE]"
)


@pytest.mark.parametrize("size", [0, 1, 3, 64])
@pytest.mark.parametrize(("data", "finish"), [(TGI, "stop"), (OPENAI, "length")], ids=["TGI", "OpenAI"])
def test_a_stream_adds_up_however_it_is_cut(data: bytes, finish: str, size: int) -> None:
    text, reply = read(data, size=size)
    assert text == reply.text == " a b"
    assert (reply.finish_reason, reply.usage and reply.usage[:3]) == (finish, (5, 3, 8))


def test_tgis_stream_is_whole_without_details_and_without_done() -> None:
    text, reply = read(sse(token(" a"), token(" b", whole="p a b")))
    assert (text, reply.finish_reason, reply.usage) == (" a b", None, None)


@pytest.mark.parametrize(
    "data",
    [sse(token(" a"), token(" b.")), sse(chunk(" a"), chunk(" b."))],
    ids=["TGI", "OpenAI"],
)
def test_a_stream_that_ends_too_early_is_told(data: bytes) -> None:
    with pytest.raises(MalformedResponse, match="ended before"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        sse(token(" a"), token(" b."), token(" c", whole="p a b. c", details=DETAILS)),
        sse(chunk(" a"), chunk(" b."), chunk(" c"), chunk("", "stop"), "[DONE]"),
    ],
    ids=["TGI", "OpenAI"],
)
def test_a_stream_shows_nothing_of_its_stop_text(data: bytes) -> None:
    assert read(data, stop=(". c",))[0] == " a b"
    assert read(data, stop=("b.",))[0] == " a "


@pytest.mark.parametrize(
    "end", [["[DONE]"], [chunk("", "stop"), "[DONE]"]], ids=["without a reason", "with one"]
)
def test_what_was_held_back_for_a_stop_text_comes_in_the_end(end: list[Any]) -> None:
    text, reply = read(sse(chunk(" a E"), *end), stop=("END",))
    assert text == reply.text == " a E"


def test_an_error_after_some_text_keeps_the_text() -> None:
    reader = CompletionStreamReader()
    (delta,) = reader.feed(
        sse(token(" a"), {"error": "Request failed during generation", "error_type": "generation"})
    )
    assert delta.text == " a"
    with pytest.raises(ProviderFailed):
        reader.end()
    assert reader.reply(META).text == " a"


def test_an_error_as_the_only_event_is_raised_at_once() -> None:
    with pytest.raises(InputTooLong):
        CompletionStreamReader().feed(sse({"error": "`inputs` tokens + `max_new_tokens` must be <= 4096"}))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(
    events=st.lists(
        st.dictionaries(
            st.sampled_from(["token", "choices", "generated_text", "details", "error"]),
            st.none() | st.text(max_size=3) | st.integers() | st.just([{}]) | st.just({"text": 1}),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_no_stream_of_json_breaks_the_reader(events: list[dict[str, Any]]) -> None:
    with contextlib.suppress(RouterError):
        read(sse(*events) or b"data: {}\n\n")
