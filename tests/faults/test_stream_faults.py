"""What goes wrong inside a stream, and what comes out of it: the rows F14 to F30 of the fault table.

The rule under all of them: until the caller has seen content a fault may be tried again (that is in
test_fault_table.py); afterwards it is a `StreamInterrupted` that keeps what arrived, and nobody is asked again.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core import errors

STREAM_TYPE = {"content_type": "text/event-stream", "connection": "close"}


def row(sentence: str, /, **promises: Any) -> Any:
    """A row of a table; what it promises is explained at the fixture `suffer`."""
    return pytest.param({"stream": True, **promises}, id=sentence)


def error_event(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "code": code}}


INTERRUPTED = [
    row(
        "F17 a connection that closes after some text, without an end mark",
        script=lambda say: [[say.head(**STREAM_TYPE), say.token("Half"), say.close]],
        cause=errors.MalformedResponse,
    ),
    row(
        "F18 a stream that HTTP ends correctly after some text, without an end mark",
        script=lambda say: [say.stream(say.token("Half"))],
        cause=errors.MalformedResponse,
    ),
    row(
        "F18 one of two answers is unfinished when the stream ends",
        script=lambda say: [
            say.stream(
                say.event({"choices": [{"index": 1, "delta": {"content": ""}, "finish_reason": "stop"}]}),
                say.token("Half"),
            )
        ],
        cause=errors.MalformedResponse,
    ),
    row(
        "F19 a connection that closes inside an HTTP chunk",
        script=lambda say: [[*say.begun(say.token("Half")), b"fff\r\ndata: {", say.close]],
        cause=errors.ConnectionLost,
    ),
    row(
        "F19 a connection that is reset after some text",
        script=lambda say: [[*say.begun(say.token("Half")), 0.05, say.reset]],
        cause=errors.ConnectionLost,
    ),
    row(
        "F20 an error event keeps its meaning",
        script=lambda say: [
            say.stream(say.token("Half"), say.event(error_event("Slow down", "rate_limit_exceeded")))
        ],
        cause=errors.RateLimited,
        says="Slow down",
    ),
    row(
        "F20 TGI's error event about a prompt that grew too long",
        script=lambda say: [
            say.stream(
                say.token("Half"),
                say.event({"error": "`inputs` tokens + `max_new_tokens` must be <= 8. Given: 9"}),
            )
        ],
        cause=errors.InputTooLong,
    ),
    row(
        "F20 an error event of a kind that nobody has seen",
        script=lambda say: [say.stream(say.token("Half"), say.event({"error": {"oops": 1}}))],
        cause=errors.ProviderFailed,
    ),
    row(
        "F21 an event named error, whose data has no error key",
        script=lambda say: [
            say.stream(say.token("Half"), b'event: error\ndata: {"message": "The engine died"}\n\n')
        ],
        cause=errors.ProviderFailed,
        says="The engine died",
    ),
    row(
        "F21 the finish reason error",
        script=lambda say: [say.stream(say.token("Half"), say.token(finish="error"), say.event(b"[DONE]"))],
        cause=errors.ProviderFailed,
    ),
    row(
        "F22 an event that is no JSON",
        script=lambda say: [
            say.stream(say.token("Half"), say.event(b'{"choices": [{"in'), say.token("more"))
        ],
        cause=errors.MalformedResponse,
        says="not JSON",
    ),
    row(
        "F22 a web page in the middle of the stream",
        script=lambda say: [say.stream(say.token("Half"), say.event(b"<html>Bad gateway</html>"))],
        cause=errors.MalformedResponse,
    ),
]


@pytest.mark.parametrize("row", INTERRUPTED)
async def test_interrupted_with_what_arrived(row: dict[str, Any], any_kind: str, suffer: Any) -> None:
    outcome = await suffer(
        any_kind,
        {"text": "Half", "error": errors.StreamInterrupted, "settings": {"max_retries": 3}, "idle": 1, **row},
    )
    partial = outcome.error.partial
    assert partial.choices[0].text == "Half"
    assert outcome.error.reactions == frozenset()  # nothing may repeat it by itself


CLEAN = [
    row(
        "F14 a broken character becomes a replacement mark",
        script=lambda say: [
            say.stream(
                b'data: {"choices": [{"index": 0, "delta": {"content": "He\xffre."}}]}\n\n',
                say.event(b"[DONE]"),
            )
        ],
        text="He\ufffdre.",
    ),
    row(
        "F15 a character cut between two HTTP chunks is whole",
        script=lambda say: [
            say.stream(
                b'data: {"choices": [{"index": 0, "delta": {"content": "\xf0\x9f',
                b'\x99\x82 Here."}}]}\n\n',
                say.event(b"[DONE]"),
            )
        ],
        text="\U0001f642 Here.",
    ),
    row(
        "F16 line separators of Unicode are text",
        script=lambda say: [
            say.stream(
                'data: {"choices": [{"index": 0, "delta": {"content": "He\u2028r\u0085e."}}]}\n\n'.encode(),
                say.event(b"[DONE]"),
            )
        ],
        text="He\u2028r\u0085e.",
    ),
    row(
        "F16 data on several lines is one event",
        script=lambda say: [
            say.stream(
                b'data: {"choices": [\ndata:  {"index": 0, "delta": {"content": "Here."}}\ndata: ]}\n\n',
                say.event(b"[DONE]"),
            )
        ],
    ),
    row(
        "F16 lines that end with CR alone",
        script=lambda say: [
            say.stream(
                say.token("He").replace(b"\n", b"\r"),
                say.token("re.").replace(b"\n", b"\r"),
                b"data: [DONE]\r\r",
            )
        ],
    ),
    row(
        "F16 lines that end with CR LF, cut between the two",
        script=lambda say: [
            say.stream(say.token("Here.").strip() + b"\r", b"\n\r", b"\n", b"data: [DONE]\r\n\r\n")
        ],
    ),
    row(
        "F18 a finish reason without an end mark",
        script=lambda say: [say.stream(say.token("Here."), say.token(finish="stop"))],
    ),
    row(
        "F18 an end mark without a finish reason",
        script=lambda say: [say.stream(say.token("Here."), say.event(b"[DONE]"))],
    ),
    row(
        "F18 an end mark without its blank line, and then the connection's end",
        script=lambda say: [[say.head(**STREAM_TYPE), say.token("Here."), b"data: [DONE]", say.close]],
        idle=0,
    ),
    row(
        "a server that answers a stream with one plain reply",
        script=lambda say: [say.answer("Here.")],
    ),
    row(
        "an end mark after which the server keeps the connection open",
        script=lambda say: [[*say.begun(say.token("Here."), say.event(b"[DONE]")), say.hang]],
        idle=0,
        seconds=(0.0, 0.5),
    ),
    row(
        "F27 F28 empty choices, null deltas, pings, comments, usage in every chunk and a last one repeated",
        script=lambda say: [
            say.stream(
                b": ping\n\n",
                b"event: ping\ndata: {}\n\n",
                say.event({"choices": []}),
                say.event({"choices": None, "usage": None}),
                say.event({"choices": [{"index": 0, "delta": None}]}),
                say.event({"choices": [{"index": 0}]}),
                say.event({"choices": [{"index": 0, "delta": {"content": None, "tool_calls": None}}]}),
                say.event(
                    {"choices": [{"index": 0, "delta": {"content": "Here."}}], "usage": {"prompt_tokens": 5}}
                ),
                b"id: 7\nretry: 10\n\n",
                say.token(finish="stop"),
                say.event(
                    {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}
                ),
                say.event(
                    {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}
                ),
                say.event(b"[DONE]"),
            )
        ],
        usage=6,
    ),
]


@pytest.mark.parametrize("row", CLEAN)
async def test_read_all_the_same(row: dict[str, Any], any_kind: str, suffer: Any) -> None:
    outcome = await suffer(any_kind, {"text": "Here.", "idle": 1, **row})
    if "usage" in row:
        assert outcome.reply.usage.total_tokens == row["usage"]


async def test_f26_an_event_past_the_bound_ends_the_stream(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    endless = say.chunk(b"x" * (1 << 20))
    server.script([*say.begun(say.token("Half"), b"data: "), say.forever(endless, 0)])
    outcome = await call(kind, server.url, stream=True)
    assert type(outcome.error) is errors.StreamInterrupted
    assert type(outcome.error.cause) is errors.MalformedResponse
    assert "larger than" in outcome.error.message
    assert await server.freed()


def piece(index: int, arguments: str, **first: str) -> dict[str, Any]:
    name = first.pop("name", None)
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, "function": function, **first}


async def test_f27_pieces_of_two_calls_that_arrive_mixed_are_joined_by_index(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    pieces = [
        piece(0, "", id="c0", name="add"),
        piece(1, '{"c', id="c1", name="sub"),
        piece(0, '{"a": 1'),
        piece(1, '": 3}'),
        piece(0, "}"),
    ]
    events = [say.token(tool_calls=[one]) for one in pieces]
    server.script(say.stream(*events, say.token(finish="tool_calls"), say.event(b"[DONE]")))
    outcome = await call(kind, server.url, stream=True)
    made = [(one.id, one.name, one.parsed()) for one in outcome.reply.tool_calls]
    assert made == [("c0", "add", {"a": 1}), ("c1", "sub", {"c": 3})]


async def test_f29_arguments_cut_by_the_length_are_kept_as_text(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    begun = say.token(tool_calls=[piece(0, '{"text": "a long', id="c0", name="write")])
    server.script(say.stream(begun, say.token(finish="length"), say.event(b"[DONE]")))
    outcome = await call(kind, server.url, stream=True)
    (made,) = outcome.reply.tool_calls
    assert (made.arguments, outcome.reply.finish_reason) == ('{"text": "a long', "length")
    with pytest.raises(json.JSONDecodeError):
        made.parsed()


async def test_f30_a_stream_that_the_filter_ends_says_so(kind: str, server: Any, call: Any, say: Any) -> None:
    server.script(say.stream(say.token("Half"), say.token(finish="content_filter"), say.event(b"[DONE]")))
    outcome = await call(kind, server.url, stream=True)
    assert (outcome.reply.text, outcome.reply.finish_reason) == ("Half", "content_filter")
