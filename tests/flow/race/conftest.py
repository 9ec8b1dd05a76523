"""What the tests of races share: lines that the test speaks on, and a play on either driver, one step at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from shared_core.errors import ConnectionLost
from shared_core.flow import Flow, Read, emit, race, send
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.types import ChatDelta, HttpRequest, Timeouts, Waits

FAR = 3600.0  # seconds: a race that is never due


class Line:
    """One connection: the test says what comes on it; who waits is woken when it is hung up."""

    def __init__(self) -> None:
        self.status, self.headers = 200, dict[str, str]()
        self.pieces: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.closed = 0

    def hang_up(self) -> None:
        self.pieces.put(ConnectionLost("hung up"))

    def read(self) -> bytes:
        piece = self.pieces.get(timeout=20)
        if isinstance(piece, BaseException):
            raise piece
        return bytes(piece)

    def close(self) -> None:
        self.closed += 1


class AsyncLine:
    def __init__(self, line: Line) -> None:
        self.line, self.status, self.headers = line, line.status, line.headers

    async def read(self) -> bytes:
        while self.line.pieces.empty():  # the test says it from another thread
            await asyncio.sleep(0)
        return self.line.read()

    async def close(self) -> None:
        self.line.close()
        await asyncio.sleep(0)


class Stage:
    """The transport of a test, by name of the request."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.changed = threading.Condition()

    def open(self, request: HttpRequest, waits: Waits) -> Line:
        line = Line()
        waits.line = line.hang_up
        with self.changed:
            self.lines[request.url] = line
            self.changed.notify_all()
        return line

    def asked(self, *names: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: set(names) <= self.lines.keys(), 20), (names, self.lines)

    def say(self, name: str, *pieces: Any) -> None:
        self.asked(name)
        for piece in pieces:
            self.lines[name].pieces.put(piece)

    def send(self, request: HttpRequest, waits: Waits) -> Line:
        return self.open(request, waits)


class AsyncStage:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def send(self, request: HttpRequest, waits: Waits) -> AsyncLine:
        await asyncio.sleep(0)
        return AsyncLine(self.stage.open(request, waits))


class Play:
    """One run on one of the drivers, in a thread or loop of its own, so that the test can say when what happens."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.stage, self.loop = Stage(), loop
        self.settled: list[str] = []
        self.run: Any = None

    def start(self, flow: Flow[Any]) -> Future[Any]:
        self.run = (
            BlockingRun(flow, self.stage) if self.loop is None else AsyncRun(flow, AsyncStage(self.stage))
        )  # type: ignore[arg-type]
        return self.advance()

    def advance(self) -> Future[Any]:
        return self._begin(self.run.advance)

    def close(self) -> None:
        self._begin(self.run.close).result(20)

    def _begin(self, act: Callable[[], Any]) -> Future[Any]:
        if self.loop is not None:
            return asyncio.run_coroutine_threadsafe(act(), self.loop)
        future: Future[Any] = Future()

        def do() -> None:
            try:
                future.set_result(act())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=do, daemon=True).start()
        return future

    def stream(self, name: str) -> Flow[str]:
        """Emits what comes on its line until an empty piece, and returns its name."""
        try:
            reply = yield from send(HttpRequest("GET", name), Waits(Timeouts(), lambda: 0.0, streamed=True))
            while piece := (yield Read(reply)):
                yield from emit([ChatDelta(piece.decode())])
            return name
        finally:
            self.settled.append(name)

    def plain(self, name: str) -> Flow[str]:
        """Returns what comes first."""
        try:
            reply = yield from send(HttpRequest("GET", name), Waits(Timeouts(), lambda: 0.0, streamed=False))
            return (yield Read(reply)).decode()
        finally:
            self.settled.append(name)

    def closed(self) -> dict[str, int]:
        return {name: line.closed for name, line in self.stage.lines.items()}


PATIENT = ("shared_core.flow.contest.PATIENCE", "shared_core.flow.asynchronous.PATIENCE")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loser has all the time it needs: a busy machine is no failure."""
    for name in PATIENT:
        monkeypatch.setattr(name, 20.0)


@pytest.fixture(params=["blocking", "asynchronous"])
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    if request.param == "blocking":
        yield Play(None)
        return
    loop = asyncio.new_event_loop()
    complaints: list[Any] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield Play(loop)

    async def wind_up() -> int:
        left = len(asyncio.all_tasks()) - 1
        await loop.shutdown_default_executor()
        return left

    assert asyncio.run_coroutine_threadsafe(wind_up(), loop).result(20) == 0, "a task was left"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()
    assert complaints == []


def raced(first: Flow[Any], second: Callable[[], Flow[Any] | None], after: float) -> Flow[Any]:
    won = yield from race(first, second, after=after)
    return (yield from won.rest())


def nobody() -> None:
    pytest.fail("not due")


def texts(deltas: Any) -> Any:
    return deltas if deltas is None else [delta.text for delta in deltas]
