"""What the tests of faults share: servers that misbehave, calls of every kind, and what a row of a table promises.

Which row of the fault table is tested where: README.md beside this file.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from calling import KINDS, MESSAGES, OWN, Call, Outcome, close_idle, make_call
from fault_server import FaultServer, Say

from shared_core import AsyncHFRouter, HFRouter, StreamInterrupted, Timeouts
from shared_core.policy.retry import Retry

DICE = 0.05
"""In place of the random share of each wait between tries: a fault costs a test next to nothing."""
MOST_SECONDS = 4.0
"""A call that takes longer hangs: its limit is five seconds. No bound of how fast it should be."""


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


@pytest.fixture
def call() -> Call:
    """`await call(kind, url, task=..., stream=..., total=, connect=, first_token=, gap=, **settings)`."""
    return make_call


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)
    if "any_kind" in metafunc.fixturenames:
        metafunc.parametrize("any_kind", KINDS + OWN)


Suffer = Callable[[str, dict[str, Any]], Awaitable[Outcome]]


@pytest.fixture
def suffer(server: FaultServer) -> Suffer:
    """Plays one row of a table against one kind of client and checks all that the row promises.

    A row says: `script` (what the server does, from the vocabulary), `task` or `stream`, `settings` (limits and
    client settings), and what must come out: `error` (class), `cause` (class, of an interrupted stream), `text` (all
    that the caller saw), `says` (words of the message), `requests` (that reached the server, so tries),
    `seconds` (at least, less than), `idle` (connections left open for the next call; all others are freed).
    """

    async def play(kind: str, row: dict[str, Any]) -> Outcome:
        server.script(*row["script"](Say))
        settings = {"max_retries": 1, **row.get("settings", {})}
        outcome = await make_call(kind, server.url, task=task_of(row), **settings)
        _check(outcome, server, row)
        assert await server.freed(row.get("idle", 0)), "a connection was not freed"
        await close_idle(kind)
        assert await server.freed(), "a connection leaked"
        return outcome

    return play


@pytest.fixture
def most_seconds() -> float:
    return MOST_SECONDS


def task_of(row: dict[str, Any]) -> str:
    return "stream" if row.get("stream") else row.get("task", "chat")


def _check(outcome: Outcome, server: FaultServer, row: dict[str, Any]) -> None:
    error = outcome.error
    assert type(error) is row.get("error", type(None)), error
    assert outcome.text == row.get("text", "")
    assert len(server.requests) == row.get("requests", 1)
    least, most = row.get("seconds", (0.0, MOST_SECONDS))
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
