"""A server on a raw socket that does what HTTP servers should not, and one way to call it with every client.

Lives here: the server, the vocabulary of faults (`Say`), the call and what is noted of it (`Outcome`).
Not here: which fault must become what; that is in the tables of the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared_core import AsyncHFRouter, ChatReply, HFRouter, RouterError, StreamInterrupted, Timeouts
from shared_core.policy.retry import Retry

KINDS = ("threads", "httpx2", "aiohttp")
OWN = ("own httpx2.Client", "own httpx.Client", "own httpx2.AsyncClient", "own httpx.AsyncClient")
"""Clients that the user made and injects. Their time limits are weaker, so those tests leave them out."""
DICE = 0.05
"""In place of the random share of each wait between tries: a fault costs a test next to nothing."""


@dataclass(frozen=True)
class Forever:
    """A step: the same bytes again and again until the client leaves."""

    data: bytes
    seconds: float = 0.02


RESET, CLOSE, HANG = "reset", "close", "hang"
Step = bytes | float | Forever | str
"""Bytes are sent, a number is a pause in seconds, a word ends the connection or leaves it hanging."""


class Say:
    """What the server can be told to say: each gives the steps of one reply."""

    reset, close, hang, forever = RESET, CLOSE, HANG, Forever

    @staticmethod
    def head(status: int = 200, **headers: object) -> bytes:
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode("latin-1")

    @classmethod
    def body(cls, content: object, status: int = 200, **headers: object) -> list[Step]:
        """A whole reply: bytes as they are, else JSON."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = {"content_type": "application/json", "content_length": len(data), **headers}
        return [cls.head(status, **kind), data]

    @classmethod
    def answer(cls, text: str = "Hello.", **message: object) -> list[Step]:
        """A right answer."""
        return cls.body(cls.completion(text, **message))

    @staticmethod
    def completion(text: str = "Hello.", finish: str = "stop", **message: object) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": finish, "message": {"content": text, **message}}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return {"id": "c", "model": "served", "choices": [choice], "usage": usage}

    @staticmethod
    def event(content: object) -> bytes:
        return b"data: %b\n\n" % (content if isinstance(content, bytes) else json.dumps(content).encode())

    @classmethod
    def token(cls, text: str | None = None, finish: str | None = None, **delta: object) -> bytes:
        said = {**({} if text is None else {"content": text}), **delta}
        return cls.event(
            {"model": "served", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}
        )

    @staticmethod
    def chunk(data: bytes) -> bytes:
        """HTTP's own chunk."""
        return b"%x\r\n%b\r\n" % (len(data), data)

    @classmethod
    def begun(cls, *events: bytes) -> list[Step]:
        """The beginning of a stream, each event in a chunk of HTTP; whatever follows is up to the test."""
        start = cls.head(content_type="text/event-stream", transfer_encoding="chunked")
        return [start, *map(cls.chunk, events)]

    @classmethod
    def stream(cls, *events: bytes) -> list[Step]:
        """A stream that HTTP calls complete, whatever is in it."""
        return [*cls.begun(*events), b"0\r\n\r\n"]

    @classmethod
    def tokens(cls, *texts: str) -> list[Step]:
        """A right stream."""
        return cls.stream(*map(cls.token, texts), cls.token(finish="stop"), cls.event(b"[DONE]"))


@dataclass
class Request:
    """One request that reached the server."""

    line: str
    headers: dict[str, str]
    body: Any
    connection: int
    at: float


@dataclass
class FaultServer:
    """Answers each request with the next scripted reply, and with right ones after the last."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    _script: list[list[Step]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *replies: list[Step], times: int = 1) -> None:
        with self._changed:
            self._script += [reply for _ in range(times) for reply in replies]

    async def freed(self, left: int = 0, seconds: float = 1.0) -> bool:
        """Whether at most so many connections are open, at once or a moment later.

        Waits in a thread: an event loop closes its sockets in its own next turn.
        """
        return await asyncio.to_thread(self._wait, lambda: self.open <= left, seconds)

    async def asked(self, count: int, seconds: float = 1.0) -> bool:
        """Whether so many requests have come, at once or a moment later."""
        return await asyncio.to_thread(self._wait, lambda: len(self.requests) >= count, seconds)

    def _wait(self, claim: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(claim, seconds)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self.open += 1
                number = self.connections
            threading.Thread(target=self._converse, args=(connection, number), daemon=True).start()

    def _converse(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as incoming:
                while (request := _read_request(incoming, number)) is not None:
                    with self._changed:
                        self.requests.append(request)
                        reply = self._script.pop(0) if self._script else None
                        self._changed.notify_all()
                    streamed = isinstance(request.body, dict) and request.body.get("stream")
                    for step in reply or (Say.tokens("Hel", "lo.") if streamed else Say.answer()):
                        if not _perform(connection, step):
                            return
        except OSError:
            return  # the client left in the middle of a step
        finally:
            with self._changed:
                self.open -= 1
                self._changed.notify_all()


def _read_request(incoming: Any, number: int) -> Request | None:
    line = incoming.readline()
    if not line.endswith(b"HTTP/1.1\r\n"):
        return None  # the client left, or speaks something else
    headers = {}
    while header := incoming.readline().strip():
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    raw = incoming.read(int(headers.get("content-length", 0)))
    return Request(line.decode().strip(), headers, json.loads(raw) if raw else None, number, time.monotonic())


def _perform(connection: socket.socket, step: Step) -> bool:
    """One step; False when the connection is over."""
    if isinstance(step, bytes):
        connection.sendall(step)
    elif isinstance(step, Forever):
        while not _client_left(connection, step.seconds):
            connection.sendall(step.data)
        return False
    elif isinstance(step, str):
        if step == HANG:
            _client_left(connection, 10)
        elif step == RESET:
            # Lingering for no time makes close() send RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    else:
        return not _client_left(connection, step)
    return True


def _client_left(connection: socket.socket, seconds: float) -> bool:
    """Waits; True as soon as the client closes its end."""
    readable, _, _ = select.select([connection], [], [], seconds)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)


@pytest.fixture
def start_server() -> Iterator[Callable[[], FaultServer]]:
    """Starts further servers."""
    listeners: list[tuple[socket.socket, threading.Thread]] = []

    def start() -> FaultServer:
        listener = socket.create_server(("127.0.0.1", 0))
        server = FaultServer(listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        listeners.append((listener, thread))
        return server

    yield start
    for listener, thread in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(2)


@pytest.fixture
def server(start_server: Callable[[], FaultServer]) -> FaultServer:
    return start_server()


@pytest.fixture
def say() -> type[Say]:
    return Say


@dataclass
class Outcome:
    """What came of one call."""

    text: str = ""
    error: RouterError | None = None
    reply: ChatReply | None = None
    seconds: float = 0.0


@pytest.fixture(autouse=True)
def steady_dice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short and always the same."""
    monkeypatch.setattr("shared_core.client.pipeline.Retry", functools.partial(Retry, jitter=lambda: DICE))


@pytest.fixture(autouse=True, scope="session")
def warm_rooms() -> None:
    """Loads what the first call would load, so that no test's time limit pays for it."""
    for room in ("aiohttp", "asynchronous", "blocking"):
        importlib.import_module(f"shared_core.transport.{room}").shared()
    importlib.import_module("aiohttp")
    importlib.import_module("shared_core.transport.blocking").tls_context()
    importlib.import_module("shared_core.transport.injected")
    importlib.import_module("httpx").Client().close()  # its first one reads the certificates


Call = Callable[..., Awaitable[Outcome]]
MESSAGES = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def call() -> Call:
    """`await call(kind, url, stream=..., total=, connect=, first_token=, gap=, **settings)`."""
    return _call


async def _call(
    kind: str,
    url: str,
    *,
    stream: bool = False,
    total: float = 5.0,
    connect: float = 1.0,
    first_token: float = 1.0,
    gap: float = 1.0,
    **settings: Any,
) -> Outcome:
    limits = Timeouts(total=total, connect=connect, first_token=first_token, gap=gap)
    settings = {"model": "a/b", "api_key": "canary", "base_url": url, "timeout": limits, **settings}
    outcome = Outcome()
    started = time.monotonic()
    try:
        if kind in OWN:
            await _call_with_own_client(kind, settings, stream, outcome)
        elif kind == "threads":
            _call_blocking(HFRouter(**settings), stream, outcome)
        else:
            await _call_in_loop(AsyncHFRouter(**settings, transport=kind), stream, outcome)
    except RouterError as error:
        outcome.error = error
    outcome.seconds = time.monotonic() - started
    return outcome


async def _call_with_own_client(kind: str, settings: dict[str, Any], stream: bool, outcome: Outcome) -> None:
    library, _, name = kind.removeprefix("own ").partition(".")
    client = getattr(importlib.import_module(library), name)(follow_redirects=True)
    try:
        if name == "Client":
            _call_blocking(HFRouter(**settings, http_client=client), stream, outcome)
        else:
            await _call_in_loop(AsyncHFRouter(**settings, http_client=client), stream, outcome)
    finally:
        await client.aclose() if name == "AsyncClient" else client.close()


def _call_blocking(router: HFRouter, stream: bool, outcome: Outcome) -> None:
    if not stream:
        outcome.reply = router.chat(MESSAGES)
        outcome.text = outcome.reply.text
        return
    with router.stream(MESSAGES) as answer:
        for delta in answer:
            outcome.text += delta.text
    outcome.reply = answer.reply


async def _call_in_loop(router: AsyncHFRouter, stream: bool, outcome: Outcome) -> None:
    if not stream:
        outcome.reply = await router.chat(MESSAGES)
        outcome.text = outcome.reply.text
        return
    async with router.stream(MESSAGES) as answer:
        async for delta in answer:
            outcome.text += delta.text
    outcome.reply = answer.reply


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)
    if "any_kind" in metafunc.fixturenames:
        metafunc.parametrize("any_kind", KINDS + OWN)


Suffer = Callable[[str, dict[str, Any]], Awaitable[Outcome]]


@pytest.fixture
def suffer(server: FaultServer) -> Suffer:
    """Plays one row of a table against one kind of client and checks all that the row promises.

    A row says: `script` (what the server does, from the vocabulary), `stream`, `settings` (limits and client
    settings), and what must come out: `error` (class), `cause` (class, of an interrupted stream), `text` (all
    that the caller saw), `says` (words of the message), `requests` (that reached the server, so tries),
    `seconds` (at least, less than), `idle` (connections left open for the next call; all others are freed).
    """

    async def play(kind: str, row: dict[str, Any]) -> Outcome:
        server.script(*row["script"](Say))
        settings = {"max_retries": 1, **row.get("settings", {})}
        outcome = await _call(kind, server.url, stream=row.get("stream", False), **settings)
        _check(outcome, server, row)
        assert await server.freed(row.get("idle", 0)), "a connection was not freed"
        return outcome

    return play


def _check(outcome: Outcome, server: FaultServer, row: dict[str, Any]) -> None:
    error = outcome.error
    assert type(error) is row.get("error", type(None)), error
    assert outcome.text == row.get("text", "")
    assert len(server.requests) == row.get("requests", 1)
    least, most = row.get("seconds", (0.0, 0.9))
    assert least <= outcome.seconds < most
    if error is None:
        assert outcome.reply is not None
        assert outcome.reply.meta.attempts == len(server.requests)
        assert outcome.reply.text == outcome.text
        return
    assert row.get("says", "") in error.message
    assert error.hint
    assert error.attempts == len(server.requests)
    assert "canary" not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    if isinstance(error, StreamInterrupted):
        assert type(error.cause) is row["cause"]
        assert error.partial.text == outcome.text
        assert error.partial.finish_reason is None


class Routers:
    """Streams of every kind of client in one dress, to be left in any way."""

    @contextlib.asynccontextmanager
    async def stream(self, kind: str, url: str, *, timeout_gap: float = 1.0) -> AsyncIterator[Any]:
        """An open stream as an asynchronous iterator; a blocking one runs in the caller's thread."""
        limits = Timeouts(total=5, connect=1, first_token=1, gap=timeout_gap)
        settings = {"model": "a/b", "api_key": "canary", "base_url": url, "timeout": limits, "max_retries": 0}
        if kind == "threads":
            with HFRouter(**settings).stream(MESSAGES) as answer:
                yield _as_async(answer)
        else:
            async with AsyncHFRouter(**settings, transport=kind).stream(MESSAGES) as answer:
                yield answer


async def _as_async(answer: Any) -> AsyncIterator[Any]:
    for delta in answer:
        yield delta


@pytest.fixture
def routers() -> Routers:
    return Routers()
