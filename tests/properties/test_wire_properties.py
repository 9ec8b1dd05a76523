"""What holds for every input, found by trying many: cuts, arguments, messages, tags, headers, bodies."""

from __future__ import annotations

import itertools
import json
import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from shared_core.errors import BadRequest, RouterError
from shared_core.types import ApiKey, ChatDelta, ChatReply, ChatRequest, Choice, ReplyMeta, Target, ToolCall
from shared_core.wire import chat
from shared_core.wire.chat_stream import ChatStreamReader
from shared_core.wire.errors import classify, classify_body
from shared_core.wire.reasoning import ThinkSplitter, split_think
from shared_core.wire.redact import redact
from shared_core.wire.retry_after import parse_estimate, parse_retry_after, retry_after_of
from shared_core.wire.sse import SseDecoder
from shared_core.wire.tool_calls import ToolCallAssembler

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True)
quick = settings.get_profile("quick")

# Text that JSON in UTF-8 can carry: everything but lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
arguments = st.dictionaries(texts, values, max_size=4)
anything = st.binary(max_size=200)


def pieces_of(whole: Any, cuts: list[int]) -> list[Any]:
    """The text or bytes, cut at these places."""
    places = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(places)]


cut_lists = st.lists(st.integers(0, 10_000), max_size=8)

LINE_ENDS = [b"\n", b"\r\n", b"\r"]


@st.composite
def event_streams(draw: st.DrawFn) -> bytes:
    """A chat stream with the quirks that matter to a decoder, well formed or not."""
    line_end = draw(st.sampled_from(LINE_ENDS))
    body = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    for text, quirk in draw(st.lists(st.tuples(texts, st.integers(0, 6)), max_size=5)):
        chunk: dict[str, Any] = {"model": "m", "choices": [{"index": 0, "delta": {"content": text}}]}
        if quirk == 1:
            body += b": keep-alive" + line_end * 2
        elif quirk == 2:
            chunk["choices"][0]["delta"] = {
                "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": text}}]
            }
        elif quirk == 3:
            chunk = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
        elif quirk == 4:
            chunk = {"error": {"message": text, "code": "rate_limit_exceeded"}}
        elif quirk == 5:
            chunk["choices"][0]["finish_reason"] = "stop"
        data = json.dumps(chunk, ensure_ascii=quirk == 6).encode()
        body += b"data:" + b" " * draw(st.integers(0, 1)) + data + line_end * 2
    return body + draw(
        st.sampled_from([b"", b"data: [DONE]" + line_end * 2, b'data: {"choices": [{"del', b'"', b"\xff\xfe"])
    )


def outcome(pieces: list[bytes]) -> tuple[list[ChatDelta], str, ChatReply]:
    """Everything a caller gets of a stream: the deltas, the error if any, the reply so far."""
    reader = ChatStreamReader(reasoning_tags=True)
    deltas: list[ChatDelta] = []
    failure = ""
    try:
        for piece in pieces:
            deltas += reader.feed(piece)
            if reader.finished:
                break
        deltas += reader.end()
        if reader.failure is not None:
            failure = f"{type(reader.failure).__name__}: {reader.failure.message}"
    except RouterError as error:
        failure = f"{type(error).__name__}: {error.message}"
    return deltas, failure, reader.reply(ReplyMeta("m"))


@quick
@given(event_streams(), cut_lists)
@example(b"data: a\r\n\r\n", [8])
def test_a_stream_cut_at_any_byte_gives_the_same_deltas_and_the_same_end(
    body: bytes, cuts: list[int]
) -> None:
    assert outcome(pieces_of(body, cuts)) == outcome([body])


@quick
@given(event_streams())
def test_a_stream_byte_by_byte_gives_the_same_deltas_and_the_same_end(body: bytes) -> None:
    assert outcome([body[at : at + 1] for at in range(len(body))]) == outcome([body])


@quick
@given(st.lists(anything, max_size=6))
def test_no_bytes_make_the_reader_fail_in_any_way_but_ours(pieces: list[bytes]) -> None:
    outcome(pieces)


@quick
@given(values)
def test_no_json_makes_the_reader_fail_in_any_way_but_ours(value: Any) -> None:
    for chunk in (value, {"choices": value}, {"choices": [value]}, {"choices": [{"delta": value}]}):
        outcome([b"data: " + json.dumps(chunk).encode() + b"\n\n"])
    for field in ("content", "tool_calls", "reasoning", "refusal", "role"):
        outcome([b"data: " + json.dumps({"choices": [{"delta": {field: value}}]}).encode() + b"\n\n"])
    for field in ("index", "finish_reason", "logprobs"):
        outcome(
            [
                b"data: "
                + json.dumps({"choices": [{"delta": {"content": "x"}, field: value}]}).encode()
                + b"\n\n"
            ]
        )
    for field in ("usage", "id", "created", "model", "x_groq", "error"):
        outcome([b"data: " + json.dumps({"choices": [{"delta": {}}], field: value}).encode() + b"\n\n"])


@quick
@given(values)
def test_no_json_makes_a_plain_choice_fail(value: Any) -> None:
    for field in ("content", "tool_calls", "function_call", "reasoning", "refusal"):
        chat.parse_choice(
            0, {"message": {field: value}, "finish_reason": value, "index": value}, reasoning_tags=True
        )


@quick
@given(
    st.lists(st.binary(max_size=40).filter(lambda part: not set(part) & set(b"\r\n")), max_size=6), cut_lists
)
def test_the_data_of_events_survives_whatever_it_is(datas: list[bytes], cuts: list[int]) -> None:
    body = b"".join(b"data: " + data + b"\n\n" for data in datas)
    decoder = SseDecoder()
    events = [event for piece in pieces_of(body, cuts) for event in decoder.feed(piece)] + decoder.end()
    assert [data for data, _ in events] == datas


@quick
@given(
    st.lists(arguments, min_size=1, max_size=3), cut_lists, st.booleans(), st.randoms(use_true_random=False)
)
def test_any_json_in_tool_arguments_survives_being_streamed_in_any_pieces(
    calls: list[dict[str, Any]], cuts: list[int], indexed: bool, order: random.Random
) -> None:
    queues = []
    for position, call in enumerate(calls):
        parts = pieces_of(json.dumps(call, ensure_ascii=False), cuts)
        queue = [{"id": f"id{position}", "function": {"name": f"f{position}", "arguments": parts[0]}}]
        queue += [{"id": f"id{position}", "function": {"arguments": part}} for part in parts[1:]]
        queues.append([{**piece, "index": position} if indexed else piece for piece in queue])
    assembler = ToolCallAssembler()
    while any(queues):
        assembler.feed([order.choice([queue for queue in queues if queue]).pop(0)])
    found = {call.id: call.parsed() for call in assembler.complete()}
    assert found == {f"id{position}": call for position, call in enumerate(calls)}


@quick
@given(arguments)
def test_any_json_in_tool_arguments_survives_the_way_back_to_the_model(call: dict[str, Any]) -> None:
    reply = ChatReply((Choice(tool_calls=(ToolCall("a", "f", json.dumps(call)),)),), None, ReplyMeta("m"))
    sent = chat.encode(ChatRequest([reply.as_message()], "m"), Target("https://h/v1"), ApiKey(""), "ua")
    message = json.loads(sent.body)["messages"][0]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == call


@quick
@given(arguments)
def test_arguments_sent_as_an_object_mean_the_same(call: dict[str, Any]) -> None:
    assembler = ToolCallAssembler()
    assembler.feed([{"index": 0, "id": "a", "function": {"name": "f", "arguments": call}}])
    (made,) = assembler.complete()
    assert made.parsed() == call


@quick
@given(st.lists(st.dictionaries(texts, values, max_size=3), min_size=1, max_size=3), arguments)
def test_messages_and_extra_keys_arrive_as_they_were_given(
    extras: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    messages = [{**extra, "role": "user"} for extra in extras]
    chat.check_messages(messages)
    assume(not more.keys() & {"model", "messages"})
    sent = chat.encode(ChatRequest(messages, "m", extra_body=more), Target("https://h/v1"), ApiKey(""), "ua")
    assert json.loads(sent.body) == {"model": "m", "messages": messages, **more}


@quick
@given(values, texts)
def test_any_messages_are_either_sound_or_one_clear_error(value: Any, name: str) -> None:
    for messages in (value, [value], [{"role": value}], [{"role": "assistant", "tool_calls": value}]):
        try:
            chat.check_messages(messages)
        except BadRequest as error:
            assert "Nothing was sent" in error.message  # noqa: PT017


@quick
@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<", "thi", "nk>", "\n", " ", "a", "b", "</"]), max_size=10
    ),
    cut_lists,
)
def test_think_tags_are_split_the_same_wherever_the_pieces_are_cut(parts: list[str], cuts: list[int]) -> None:
    content = "".join(parts)
    splitter = ThinkSplitter()
    outs = [splitter.feed(piece) for piece in pieces_of(content, cuts)] + [splitter.end()]
    whole = ThinkSplitter()
    expected = [whole.feed(content), whole.end()]
    assert ["".join(part) for part in zip(*outs, strict=True)] == [
        "".join(part) for part in zip(*expected, strict=True)
    ]


@quick
@given(st.lists(st.sampled_from(["<think>", "</think>", "\n", " ", "a", "b"]), max_size=8))
def test_splitting_think_tags_loses_no_word(parts: list[str]) -> None:
    content = "".join(parts)
    reasoning, text = split_think(content)
    for letter in "ab":
        assert (reasoning + text).count(letter) == content.count(letter)


header_values = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=30),
    st.from_regex(r"[0-9.]{0,8}(h|m|s|ms)?[0-9.]{0,4}(s|ms)?", fullmatch=True),
    st.sampled_from(
        [
            "nan",
            "inf",
            "-inf",
            "1e999",
            "9" * 5000,
            "²",
            "Thu, 99 Foo 2026 99:99:99 GMT",
            "Mon, 01 Jan 0001 00:00:00 -2359",
        ]
    ),
)


@quick
@given(header_values, header_values, header_values, st.integers(100, 599))
def test_no_header_makes_the_wait_raise_be_negative_or_endless(
    value: str, millis: str, date: str, status: int
) -> None:
    headers = {"retry-after": value, "retry-after-ms": millis, "date": date}
    for wait in (parse_retry_after(value, now=1.8e9), retry_after_of(status, headers, now=1.8e9)):
        assert wait is None or (0 <= wait < math.inf)


@quick
@given(values, texts)
def test_no_body_makes_the_estimate_raise_be_negative_or_endless(value: Any, text: str) -> None:
    for payload in (
        value,
        {"estimated_time": value},
        {"error": f"try again in {text}s"},
        {"error": {"message": value}},
    ):
        wait = parse_estimate(payload)
        assert wait is None or (0 <= wait < math.inf)


@settings(quick, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(100, 999),
    anything | values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["", "text/html"]),
)
def test_any_reply_at_all_is_an_error_of_ours_that_can_be_read(status: int, body: bytes, kind: str) -> None:
    error = classify(status, {"content-type": kind, "x-error-message": "\xff"}, body, now=1.8e9)
    assert isinstance(error, RouterError)
    assert str(error)
    assert len(error.message) < 3000


@quick
@given(
    st.dictionaries(
        st.sampled_from(["error", "message", "detail", "code", "type", "status_code", "reason"]), values
    )
)
def test_any_error_object_in_a_success_is_an_error_of_ours(payload: dict[str, Any]) -> None:
    assert isinstance(classify_body(payload), RouterError)
    assert isinstance(classify_body({"error": payload}), RouterError)


@quick
@given(st.text(max_size=30), st.text(max_size=30), st.from_regex(r"hf_[A-Za-z0-9]{30,40}", fullmatch=True))
def test_a_token_is_cut_out_of_any_text_around_it(before: str, after: str, token: str) -> None:
    assert token not in redact(f"{before} {token}{after}", token)
    assert token not in redact(f"{before} {token} {after}")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_character_of_several_bytes_may_be_cut_anywhere(size: int) -> None:
    body = 'data: {"choices":[{"delta":{"content":"é漢😀"},"finish_reason":"stop"}]}\n\n'.encode()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert outcome(pieces)[2].text == "é漢😀"
