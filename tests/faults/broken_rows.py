"""Rows F7 to F13, F17 to F23, F26, F28 and F33: a reply that is none, as far as the caller has seen nothing of it.

What breaks after the first token is told in test_stream_faults.py: then nothing may be sent again.
"""

from __future__ import annotations

from fault_row import WEB_PAGE, Row, problem, reply
from fault_server import Say

from shared_core import errors

ONLY_STREAMS = "the others have no events"
EVENTS = {"content_type": "text/event-stream", "connection": "close"}

GUISES = [
    Row(
        "F7 a web page with status 200",
        reply(200, WEB_PAGE, content_type="text/html"),
        errors.MalformedResponse,
        asked=2,
        first=2,
        says="web page, not an answer (text/html): Please log in",
        hint="proxy",
    ),
    Row(
        "F8 an error object with status 200 whose code is a passing one",
        reply(200, problem("Slow down", "rate_limit_exceeded")),
        errors.RateLimited,
        asked=2,
        says="Slow down",
    ),
    Row(
        "F8 an error object with status 200 that is about the request",
        reply(200, problem("Bad schema", "invalid_request_error")),
        errors.BadRequest,
        first=0,
        says="Bad schema",
    ),
    Row(
        "F33 a redirect",
        reply(307, location="http://127.0.0.1:9/elsewhere"),
        errors.ModelNotServed,
        says="http://127.0.0.1:9/elsewhere",
    ),
]

CONNECTION = [
    Row(
        "F9 a reset before the head", lambda: [Say.reset], errors.ConnectionLost, asked=2, first=2, kept=False
    ),
    Row(
        "F9 a close before the head", lambda: [Say.close], errors.ConnectionLost, asked=2, first=2, kept=False
    ),
    Row(
        "F9 a reset in the middle of the head",
        lambda: [b"HTTP/1.1 200 OK\r\ncontent-", Say.reset],
        errors.ConnectionLost,
        asked=2,
        first=2,
        kept=False,
    ),
    Row(
        "F10 a reset inside the body",
        lambda: [Say.head(content_length=500), b'{"choices": [', 0.02, Say.reset],
        errors.ConnectionLost,
        asked=2,
        first=2,
        kept=False,
    ),
    Row(
        "F10 a body that closes before its length",
        lambda: [Say.head(content_length=500), b'{"choices": [', Say.close],
        errors.ConnectionLost,
        asked=2,
        first=2,
        kept=False,
    ),
    Row(
        "F10 a refusal whose explanation is cut",
        lambda: [Say.head(401, content_length=500), b'{"err', Say.close],
        errors.Unauthorized,
        kept=False,
    ),
    Row(
        "a status line that is none",
        lambda: [b"SSH-2.0-x\r\n\r\n", Say.close],
        errors.ConnectionLost,
        asked=2,
        first=2,
        kept=False,
    ),
]

BODY = [
    Row(
        "F11 JSON that stops in the middle",
        reply(200, b'{"choices": [{"ind'),
        errors.MalformedResponse,
        asked=2,
        first=2,
        says="not JSON",
    ),
    Row(
        "F12 gzip that is none",
        reply(200, b"no gzip at all", content_encoding="gzip"),
        errors.MalformedResponse,
        asked=2,
        first=2,
    ),
    Row(
        "F13 a body that is no UTF-8",
        reply(200, b'{"\xff": "\xfe"}'),
        errors.MalformedResponse,
        asked=2,
        first=2,
    ),
    Row(
        "F26 a body without end",
        lambda: [Say.head(content_type="application/json"), Say.forever(b'{"pad": "' + b"x" * 10_000, 0)],
        errors.MalformedResponse,
        asked=2,
        first=2,
        says="larger than",
        kept=False,
    ),
    Row(
        "F26 a refusal without end",
        lambda: [Say.head(400), Say.forever(b"no and " * 2000, 0)],
        errors.BadRequest,
        first=0,
        says="no and",
        kept=False,
    ),
    Row("F28 a JSON list in place of an answer", reply(200, [1]), errors.MalformedResponse, asked=2, first=2),
    Row(
        "F28 an answer without choices, or without vectors",
        reply(200, {"choices": [], "data": []}),
        errors.MalformedResponse,
        asked=2,
        first=2,
    ),
]


def begins(
    name: str, *events: bytes, error: type[errors.RouterError] = errors.MalformedResponse, first: int = 2
) -> Row:
    """A stream of these events, which HTTP calls complete."""
    return Row(
        name,
        lambda: Say.stream(*events),
        error,
        asked=2,
        first=first,
        tasks=("stream",),
        because=ONLY_STREAMS,
    )


STREAMS = [
    Row(
        "F17 a stream that closes before its first token",
        lambda: [Say.head(**EVENTS), Say.close],
        errors.MalformedResponse,
        asked=2,
        first=2,
        kept=False,
        tasks=("stream",),
        because=ONLY_STREAMS,
    ),
    begins("F18 a stream that HTTP ends before its first token"),
    begins("F18 a stream that holds its end mark alone", Say.event(b"[DONE]")),
    begins(
        "F20 a stream that begins with an error",
        Say.event(problem("Slow down", "rate_limit_exceeded")),
        error=errors.RateLimited,
        first=1,
    ),
    begins(
        "F21 a stream that begins with an event named error",
        b'event: error\ndata: {"message": "The engine died"}\n\n',
        error=errors.ProviderFailed,
    ),
    begins("F22 a stream that begins with what is no JSON", Say.event(b'{"choic')),
    Row(
        "F19 a stream that is reset before its first token",
        lambda: [*Say.begun(Say.token(role="assistant", text="")), 0.02, Say.reset],
        errors.ConnectionLost,
        asked=2,
        first=2,
        kept=False,
        tasks=("stream",),
        because=ONLY_STREAMS,
    ),
]

SLOW = [
    Row(
        "F23 a stream that stalls before its first token",
        lambda: [*Say.begun(), Say.hang],
        errors.TimedOut,
        asked=2,
        first=2,
        says="No first token within 0.2 s",
        kept=False,
        tasks=("stream",),
        because="the others have no first token; their limit is the call's, which leaves no time for another try",
        settings={"first_token": 0.2},
    ),
    Row(
        "F24 comments without end before the first token",
        lambda: [*Say.begun(), Say.forever(Say.chunk(b": keep-alive\n\n"))],
        errors.TimedOut,
        asked=2,
        first=2,
        says="No first token within 0.2 s",
        kept=False,
        tasks=("stream",),
        because=ONLY_STREAMS,
        settings={"first_token": 0.2},
    ),
]

BROKEN = [*GUISES, *CONNECTION, *BODY, *STREAMS, *SLOW]
