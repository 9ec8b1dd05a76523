"""The two drivers perform the same flow the same way, and free its connection whatever happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core.errors import ConnectionLost, RouterError
from shared_core.flow import Flow, Head, Read, drain, emit, offload, read_all, send, sleep
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.types import ChatDelta, HttpRequest, Timeouts, Waits

REQUEST = HttpRequest("GET", "https://host/x")


def waits() -> Waits:
    return Waits(Timeouts(), lambda: 0.0, streamed=True)


class FakeResponse:
    """A reply with scripted pieces; an exception among them is raised, and closing is remembered."""

    def __init__(self, pieces: list[Any]) -> None:
        self.status, self.headers = 200, {}
        self.pieces = iter(pieces)
        self.closed = 0
        self.drained: tuple[int, float] | None = None

    def read(self) -> bytes:
        piece = next(self.pieces, b"")
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def drain(self, most_bytes: int, seconds: float) -> None:
        self.drained = (most_bytes, seconds)

    def close(self) -> None:
        self.closed += 1


class FakeTransport:
    """Answers with scripted replies, and counts those that are open at one time."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.sent: list[HttpRequest] = []

    def send(self, request: HttpRequest, waits: Waits) -> Any:
        self.sent.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply


class AsyncResponse:
    """The same reply for an event loop, giving way at every step."""

    def __init__(self, plain: FakeResponse) -> None:
        self.plain, self.status, self.headers = plain, plain.status, plain.headers

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return self.plain.read()

    async def drain(self, most_bytes: int, seconds: float) -> None:
        await asyncio.sleep(0)
        self.plain.drain(most_bytes, seconds)

    async def close(self) -> None:
        self.plain.close()


class AsyncTransport:
    def __init__(self, plain: FakeTransport) -> None:
        self.plain = plain

    async def send(self, request: HttpRequest, waits: Waits) -> Any:
        await asyncio.sleep(0)
        return AsyncResponse(self.plain.send(request, waits))


class Steps:
    """One run, blocking or not, stepped from a plain test."""

    def __init__(
        self, flow: Flow[Any], transport: FakeTransport, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self.loop = loop
        self.run: Any = (
            BlockingRun(flow, transport) if loop is None else AsyncRun(flow, AsyncTransport(transport))
        )

    def advance(self) -> Any:
        return self._wait(self.run.advance())

    def finish(self) -> Any:
        return self._wait(self.run.finish())

    def close(self) -> None:
        self._wait(self.run.close())

    def _wait(self, value: Any) -> Any:
        return value if self.loop is None else self.loop.run_until_complete(value)


@pytest.fixture(params=["blocking", "asynchronous"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Steps]]:
    """Starts a flow on one of the two drivers."""
    if request.param == "blocking":
        yield lambda flow, *replies: Steps(flow, FakeTransport(*replies), None)
        return
    loop = asyncio.new_event_loop()
    yield lambda flow, *replies: Steps(flow, FakeTransport(*replies), loop)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def read(reply: Head) -> Flow[bytes]:
    return (yield Read(reply))


def words(reply: Head) -> Flow[int]:
    """Emits every piece of a reply; returns how many there were."""
    count = 0
    while piece := (yield from read(reply)):
        count += 1
        yield from emit([ChatDelta(piece.decode())])
    return count


def exchange() -> Flow[int]:
    reply = yield from send(REQUEST, waits())
    return (yield from words(reply))


def test_a_flow_hands_out_what_it_emits_and_returns_its_result(start: Any) -> None:
    run = start(exchange(), FakeResponse([b"a", b"b"]))
    assert [run.advance(), run.advance(), run.advance()] == [[ChatDelta("a")], [ChatDelta("b")], None]
    assert run.run.result == 2


def test_finish_runs_to_the_end_and_drops_what_is_emitted(start: Any) -> None:
    assert start(exchange(), FakeResponse([b"a", b"b"])).finish() == 2


def test_nothing_is_sent_before_it_is_asked_for(start: Any) -> None:
    flow = exchange()
    run = start(flow, reply := FakeResponse([b"a"]))
    run.close()
    assert reply.closed == 0
    assert flow.gi_frame is None


def test_the_connection_is_freed_once_at_the_end(start: Any) -> None:
    run = start(exchange(), reply := FakeResponse([b"a"]))
    run.finish()
    run.close()
    run.close()
    assert reply.closed == 1


def test_leaving_early_frees_the_connection(start: Any) -> None:
    run = start(exchange(), reply := FakeResponse([b"a", b"b"]))
    run.advance()
    run.close()
    assert reply.closed == 1
    assert run.advance() is None


def test_a_failure_frees_the_connection_and_comes_out(start: Any) -> None:
    run = start(exchange(), reply := FakeResponse([b"a", ConnectionLost("gone")]))
    run.advance()
    with pytest.raises(ConnectionLost, match="gone"):
        run.advance()
    assert reply.closed == 1
    assert run.run.done


def test_a_mistake_in_the_flow_itself_frees_the_connection_too(start: Any) -> None:
    def flow() -> Flow[None]:
        yield from send(REQUEST, waits())
        raise ZeroDivisionError

    run = start(flow(), reply := FakeResponse([]))
    with pytest.raises(ZeroDivisionError):
        run.finish()
    assert reply.closed == 1


def test_a_failure_arrives_inside_the_flow_where_it_can_be_caught(start: Any) -> None:
    def flow() -> Flow[str]:
        try:
            yield from send(REQUEST, waits())
        except ConnectionLost as error:
            return f"caught {error.message}"
        return "not caught"

    assert start(flow(), ConnectionLost("gone")).finish() == "caught gone"


def test_sending_again_closes_the_reply_before_it(start: Any) -> None:
    first, second = FakeResponse([b"a"]), FakeResponse([b"b"])
    closed_when_sent: list[int] = []

    def flow() -> Flow[bytes]:
        yield from send(REQUEST, waits())
        reply = yield from send(REQUEST, waits())
        closed_when_sent.append(first.closed)
        return (yield from read(reply))

    assert start(flow(), first, second).finish() == b"b"
    assert closed_when_sent == [1]
    assert second.closed == 1


def test_a_finally_in_a_flow_runs_when_the_caller_leaves(start: Any) -> None:
    settled: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from exchange()
        finally:
            settled.append("slot given back")

    run = start(flow(), FakeResponse([b"a", b"b"]))
    run.advance()
    run.close()
    assert settled == ["slot given back"]


def test_a_finally_that_yields_breaks_the_rules_and_says_so_but_frees_the_connection(start: Any) -> None:
    def flow() -> Flow[None]:
        reply = yield from send(REQUEST, waits())
        try:
            yield from words(reply)
        finally:
            yield from sleep(0)

    run = start(flow(), reply := FakeResponse([b"a", b"b"]))
    run.advance()
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        run.close()
    assert reply.closed == 1


def test_draining_asks_the_reply_with_both_bounds(start: Any) -> None:
    def flow() -> Flow[None]:
        reply = yield from send(REQUEST, waits())
        yield from drain(reply, most_bytes=10, seconds=0.5)

    run = start(flow(), reply := FakeResponse([]))
    run.finish()
    assert reply.drained == (10, 0.5)


def test_offloaded_work_gives_its_result_and_its_failure(start: Any) -> None:
    def broken() -> None:
        raise FileNotFoundError("token")

    def flow() -> Flow[str]:
        value = yield from offload(lambda: 6 * 7)
        try:
            yield from offload(broken)
        except FileNotFoundError as error:
            return f"{value} {error}"
        return ""

    assert start(flow()).finish() == "42 token"


def test_offloaded_work_does_not_hold_up_the_event_loop() -> None:
    def flow() -> Flow[bool]:
        return (yield from offload(lambda: threading.current_thread() is not threading.main_thread()))

    assert asyncio.run(AsyncRun(flow(), AsyncTransport(FakeTransport())).finish())


def test_sleeping_takes_its_time_and_no_more(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    async def note(seconds: float) -> None:
        slept.append(seconds)

    def flow() -> Flow[None]:
        yield from sleep(12.5)

    run = start(flow())
    monkeypatch.setattr("asyncio.sleep", note)
    run.finish()
    assert slept == [12.5]


def test_what_is_no_effect_is_refused(start: Any) -> None:
    def flow() -> Flow[None]:
        yield "nonsense"  # type: ignore[misc]

    with pytest.raises(AssertionError, match="not an effect"):
        start(flow()).finish()


BODIES: dict[str, tuple[list[bytes], int, tuple[bytes, bool]]] = {
    "empty": ([], 10, (b"", False)),
    "one piece": ([b"abc"], 10, (b"abc", False)),
    "several pieces": ([b"abc", b"def"], 10, (b"abcdef", False)),
    "exactly the bound": ([b"abc", b"def"], 6, (b"abcdef", False)),
    "more than the bound": ([b"abc", b"def", b"ghi"], 5, (b"abcde", True)),
}


@pytest.mark.parametrize(("pieces", "most", "expected"), BODIES.values(), ids=BODIES.keys())
def test_a_whole_body_is_read_up_to_a_bound(
    start: Any, pieces: list[bytes], most: int, expected: tuple[bytes, bool]
) -> None:
    def flow() -> Flow[tuple[bytes, bool]]:
        reply = yield from send(REQUEST, waits())
        return (yield from read_all(reply, most))

    assert start(flow(), FakeResponse(pieces)).finish() == expected


def long_exchange() -> Flow[str]:
    """A flow with an await of every kind."""
    reply = yield from send(REQUEST, waits())
    yield from read(reply)
    yield from sleep(0.001)
    yield from offload(lambda: None)
    yield from drain(reply)
    return "done"


def test_cancelling_at_any_await_frees_the_connection_and_runs_every_finally() -> None:
    async def cancelled_after(steps: int) -> bool:
        """Whether the call was still running after so many turns of the loop; checks that it left nothing."""
        replies = [FakeResponse([b"a"])]
        transport = FakeTransport(*replies)
        settled: list[str] = []

        def flow() -> Flow[str]:
            try:
                return (yield from long_exchange())
            finally:
                settled.append("settled")

        task = asyncio.ensure_future(AsyncRun(flow(), AsyncTransport(transport)).finish())
        for _ in range(steps):
            await asyncio.sleep(0)
            if task.done():
                return False
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [reply.closed for reply in replies] == [1 if transport.sent else 0], f"after {steps} turns"
        assert settled == (["settled"] if steps else []), f"after {steps} turns"
        return True

    async def at_every_turn() -> int:
        steps = 0
        while await cancelled_after(steps):
            steps += 1
        return steps

    assert asyncio.run(at_every_turn()) >= 4


def test_a_flow_may_settle_a_cancellation_but_not_swallow_its_cause() -> None:
    async def main() -> None:
        def flow() -> Flow[None]:
            try:
                yield from sleep(60)
            except RouterError:
                pytest.fail("a cancellation is none of ours")

        task = asyncio.ensure_future(AsyncRun(flow(), AsyncTransport(FakeTransport())).finish())
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    asyncio.run(main())


def test_an_interrupt_from_the_keyboard_frees_the_connection() -> None:
    run = BlockingRun(exchange(), FakeTransport(reply := FakeResponse([b"a", KeyboardInterrupt()])))
    run.advance()
    with pytest.raises(KeyboardInterrupt):
        run.advance()
    assert reply.closed == 1
