"""What the benchmark server says, byte for byte, and what a client must have understood.

Lives here: the canned answers and the values they mean, so that server and workers agree on one truth.
Not here: sockets (`server`), clocks (`measures`).

Every stream event is an HTTP chunk of its own, as real servers send them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

MODEL = "org/m"
REPLY = "Hello! This is a short answer from the benchmark server."
TEXT_CHUNKS = 2_000
TOOL_FRAGMENTS = 500
FIRST_CHUNKS = 6
PACED_CHUNKS = 100

WORDS = [f"w{number:04d} " for number in range(TEXT_CHUNKS)]
TEXT = "".join(WORDS)
FIRST_TEXT = "".join(WORDS[:FIRST_CHUNKS])
PACED_TEXT = "".join(WORDS[:PACED_CHUNKS])

TOOL_NAME = "record_numbers"
TOOL_ARGUMENTS: dict[str, Any] = {
    "title": "numbers from the benchmark server",
    "numbers": [n * 7 for n in range(280)],
    "words": [f"word-{n}" for n in range(138)],
}
TOOL_JSON = json.dumps(TOOL_ARGUMENTS)
TOOL = {
    "type": "function",
    "function": {
        "name": TOOL_NAME,
        "description": "Keep a list of numbers and a list of words.",
        "parameters": {
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "numbers": {"type": "array", "items": {"type": "integer"}},
                "words": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["title", "numbers", "words"],
        },
    },
}
USAGE = {"prompt_tokens": 21, "completion_tokens": 12, "total_tokens": 33}


def pieces(text: str, count: int) -> list[str]:
    """Cut `text` into exactly `count` nearly equal pieces."""
    edges = [round(number * len(text) / count) for number in range(count + 1)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


def plain_response() -> bytes:
    """One whole HTTP reply that is not a stream."""
    body = _json(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": REPLY},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": USAGE,
        }
    )
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: bench\r\n"
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"x-request-id: bench\r\ntransfer-encoding: chunked\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"


def text_events(count: int, *, usage: bool) -> list[bytes]:
    """The HTTP chunks of a text stream with `count` content events, `[DONE]` included, terminator not."""
    deltas: list[dict[str, Any]] = [{"content": word} for word in WORDS[:count]]
    # Role and text together in the first event: whoever skips an empty first delta gains nothing by it.
    deltas[0] = {"role": "assistant", **deltas[0]}
    return _events(deltas, "stop", usage=usage)


def tool_events(*, usage: bool) -> list[bytes]:
    """The HTTP chunks of a stream that calls one tool, its arguments in `TOOL_FRAGMENTS` fragments."""
    call = {
        "index": 0,
        "id": "call_bench",
        "type": "function",
        "function": {"name": TOOL_NAME, "arguments": ""},
    }
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None, "tool_calls": [call]}]
    deltas += [
        {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        for piece in pieces(TOOL_JSON, TOOL_FRAGMENTS)
    ]
    return _events(deltas, "tool_calls", usage=usage)


def _events(deltas: Sequence[dict[str, Any]], finish: str, *, usage: bool) -> list[bytes]:
    frame = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": MODEL,
    }
    events = [_choice_event(frame, delta, None) for delta in deltas]
    events.append(_choice_event(frame, {}, finish))
    if usage:
        events.append(_http_chunk(b"data: " + _json({**frame, "choices": [], "usage": USAGE}) + b"\n\n"))
    events.append(_http_chunk(b"data: [DONE]\n\n"))
    return events


def _choice_event(frame: dict[str, Any], delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _http_chunk(b"data: " + _json({**frame, "choices": [choice]}) + b"\n\n")


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
