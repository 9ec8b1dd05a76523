"""Every limit holds, however the server spreads its bytes: rows F23 to F25, look-ups, handshakes, deadlines.

The limits are small so that the tests are quick. What is promised: the call ends within the limit and a
moment, as `TimedOut` (or `StreamInterrupted` with that cause), the message names the limit, and the
connection is freed.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared_core import errors

QUICK = {"max_retries": 0, "total": 0.9, "connect": 0.8, "first_token": 0.8, "gap": 0.8}
IN_TIME = (0.15, 0.7)
"""For a limit of 0.15 s: not sooner, and not much later even on a busy machine."""


def row(sentence: str, /, limit: str, **promises: Any) -> Any:
    """A row for one limit, which is set to 0.15 s; the rest is explained at the fixture `suffer`."""
    says = {
        "total": "No complete answer within 0.15 s",
        "first_token": "No first token within 0.15 s",
        "gap": "The stream stood still for 0.15 s",
        "connect": "No connection within 0.15 s",
    }[limit]
    settings = {**QUICK, limit: 0.15}
    return pytest.param({"settings": settings, "says": says, "seconds": IN_TIME, **promises}, id=sentence)


PLAIN = [
    row("a request that is accepted and never answered", "total", script=lambda say: [[say.hang]]),
    row(
        "a head that stops in the middle",
        "total",
        script=lambda say: [[b"HTTP/1.1 200 OK\r\nconte", say.hang]],
    ),
    row(
        "F25 a head that drips", "total", script=lambda say: [[b"HTTP/1.1 200 OK\r\nx: ", say.forever(b"y")]]
    ),
    row(
        "F25 a body that drips",
        "total",
        script=lambda say: [[say.head(content_length=9999), say.forever(b" ")]],
    ),
    row(
        "F25 a body that drips in HTTP chunks",
        "total",
        script=lambda say: [[say.head(transfer_encoding="chunked"), say.forever(say.chunk(b" "))]],
    ),
    row(
        "F25 an error body that drips",
        "total",
        script=lambda say: [[say.head(500, content_length=9999), say.forever(b" ")]],
    ),
]

FIRST_TOKEN = [
    row("a stream that is accepted and never begun", "first_token", script=lambda say: [[say.hang]]),
    row(
        "F23 a stream that stalls after its head",
        "first_token",
        script=lambda say: [[*say.begun(), say.hang]],
    ),
    row(
        "F24 comments without end before the first token",
        "first_token",
        script=lambda say: [[*say.begun(), say.forever(say.chunk(b": keep-alive\n\n"))]],
    ),
    row(
        "F24 empty deltas without end",
        "first_token",
        script=lambda say: [[*say.begun(), say.forever(say.chunk(say.token("", role="assistant")))]],
    ),
    row(
        "F24 empty chunks without end",
        "first_token",
        script=lambda say: [[*say.begun(), say.forever(say.chunk(say.event({"choices": []})))]],
    ),
    row(
        "F25 a first event that drips",
        "first_token",
        script=lambda say: [[*say.begun(b"data: "), say.forever(say.chunk(b" "))]],
    ),
]

GAP = [
    row("F23 a stream that stalls", "gap", script=lambda say: [[*say.begun(say.token("Half")), say.hang]]),
    row(
        "F24 comments without end after the first token",
        "gap",
        script=lambda say: [[*say.begun(say.token("Half")), say.forever(say.chunk(b": keep-alive\n\n"))]],
    ),
    row(
        "F24 usage chunks without end",
        "gap",
        script=lambda say: [
            [*say.begun(say.token("Half")), say.forever(say.chunk(say.event({"choices": [], "usage": {}})))]
        ],
    ),
    row(
        "F25 an event that drips",
        "gap",
        script=lambda say: [[*say.begun(say.token("Half"), b"data: "), say.forever(say.chunk(b" "))]],
    ),
    row(
        "a stalled stream that has used up the whole call's time",
        "total",
        script=lambda say: [[*say.begun(say.token("Half")), say.hang]],
    ),
]


@pytest.mark.parametrize("task", ["chat", "embed"])
@pytest.mark.parametrize("row", PLAIN)
async def test_a_plain_call_ends_at_its_deadline(
    row: dict[str, Any], task: str, kind: str, suffer: Any
) -> None:
    await suffer(kind, {"error": errors.TimedOut, "task": task, **row})


@pytest.mark.parametrize("row", FIRST_TOKEN)
async def test_a_stream_owes_its_first_token_in_time(row: dict[str, Any], kind: str, suffer: Any) -> None:
    await suffer(kind, {"error": errors.TimedOut, "stream": True, **row})


@pytest.mark.parametrize("row", GAP)
async def test_a_stream_that_stands_still_is_interrupted(row: dict[str, Any], kind: str, suffer: Any) -> None:
    row = {"stream": True, "text": "Half", "cause": errors.TimedOut, **row}
    await suffer(kind, {"error": errors.StreamInterrupted, **row})


async def test_a_stream_without_pauses_still_ends_at_the_deadline(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script([*say.begun(), say.forever(say.chunk(say.token("on and ")))])
    outcome = await call(kind, server.url, stream=True, **{**QUICK, "total": 0.3})
    assert type(outcome.error.cause) is errors.TimedOut
    assert "No complete answer within 0.3 s" in outcome.error.message
    assert outcome.text.startswith("on and on and ")
    assert outcome.error.partial.text == outcome.text
    assert 0.3 <= outcome.seconds < 1.8
    assert await server.freed()


async def test_a_reader_who_takes_long_costs_the_stream_nothing(
    kind: str, server: Any, say: Any, routers: Any
) -> None:
    """The gap counts while we wait for the server, not while the caller works."""
    server.script(
        [*say.begun(*map(say.token, "abc")), 0.1, say.chunk(say.token(finish="stop")), b"0\r\n\r\n"]
    )
    text = ""
    async with routers.stream(kind, server.url, timeout_gap=0.25) as deltas:
        async for delta in deltas:
            text += delta.text
            await asyncio.sleep(0.1)
    assert text == "abc"


async def test_the_deadline_spans_all_tries(kind: str, server: Any, call: Any, say: Any) -> None:
    server.script(say.body({"error": "no capacity"}, 503, retry_after="0.1"), times=50)
    outcome = await call(kind, server.url, total=0.35, max_retries=40)
    # The last try may be cut off by the deadline, on a machine that is busy.
    assert type(outcome.error) in (errors.Overloaded, errors.TimedOut)
    assert 2 <= len(server.requests) <= 4
    assert outcome.seconds < 1.6


async def test_the_deadline_spans_tries_that_hang(kind: str, server: Any, call: Any, say: Any) -> None:
    server.script([say.hang], times=50)
    outcome = await call(kind, server.url, stream=True, total=0.5, first_token=0.15, max_retries=40)
    assert type(outcome.error) is errors.TimedOut
    assert 2 <= len(server.requests) <= 4
    assert outcome.seconds < 1.8
    assert await server.freed()


async def test_the_deadline_spans_the_wait_for_a_model(kind: str, server: Any, call: Any, say: Any) -> None:
    server.script(say.body({"error": "Model is loading", "estimated_time": 0.1}, 503), times=50)
    outcome = await call(kind, server.url, total=0.35, wait_for_model=True)
    assert type(outcome.error) is errors.ModelLoading
    assert 2 <= len(server.requests) <= 4
    assert outcome.seconds < 1.6


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full: the kernel answers no further one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


async def test_a_connection_that_is_never_accepted_ends_at_the_connect_limit(
    kind: str, deaf_port: int, call: Any
) -> None:
    outcome = await call(kind, f"http://127.0.0.1:{deaf_port}/v1", **{**QUICK, "connect": 0.2})
    assert type(outcome.error) is errors.TimedOut
    assert "No connection within 0.2 s" in outcome.error.message
    assert outcome.seconds < 1.7


async def test_a_tls_handshake_that_is_never_answered_ends_at_the_connect_limit(
    kind: str, deaf_server: int, call: Any
) -> None:
    outcome = await call(kind, f"https://127.0.0.1:{deaf_server}/v1", **{**QUICK, "connect": 0.2})
    assert type(outcome.error) is errors.TimedOut
    assert "No connection within 0.2 s" in outcome.error.message
    assert outcome.seconds < 1.7


@pytest.fixture
def deaf_server() -> Iterator[int]:
    """Accepts connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Look-ups that answer when the event is set: an event loop waits for them when it is closed."""
    over = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host in ("slow.test", b"slow.test"):
            over.wait(5)
            raise socket.gaierror(socket.EAI_NONAME, "too late")
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield over
    over.set()


async def test_a_look_up_that_takes_long_ends_at_the_connect_limit(
    kind: str, slow_names: threading.Event, call: Any
) -> None:
    outcome = await call(kind, "http://slow.test/v1", **{**QUICK, "connect": 0.2})
    slow_names.set()
    assert type(outcome.error) is errors.TimedOut
    assert "No connection within 0.2 s" in outcome.error.message
    assert outcome.seconds < 1.7


async def test_an_upload_that_nobody_reads_ends_at_the_deadline(kind: str, call: Any) -> None:
    body = {"pad": "x" * 8_000_000}  # more than the kernel's buffers hold
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        outcome = await call(kind, url, extra_body=body, **{**QUICK, "total": 0.3})
    assert type(outcome.error) is errors.TimedOut
    assert "No complete answer within 0.3 s" in outcome.error.message
    assert outcome.seconds < 1.8
    # aiohttp lets what is in its buffer leave before it closes: until now, that the listener is gone.
    await asyncio.sleep(0.05)
