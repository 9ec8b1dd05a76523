"""Flows that run at the same time: in order, bounded, and all gone when one of them fails."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core.errors import ConfigError, ConnectionLost, RouterError
from shared_core.flow import Flow, Gather, drain, emit, gather, offload, read_all, send, sleep
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.transport.asynchronous import AsyncPooledTransport
from shared_core.transport.blocking import PooledTransport
from shared_core.types import ChatDelta, HttpRequest, Timeouts, Waits

Finish = Callable[[Flow[Any]], Any]


def crew_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "hfrouter gather"]


def join_crews() -> None:
    """Waits for threads whose caller had no patience left; a test that hangs here has found one that never ends."""
    for thread in crew_threads():
        thread.join(20)
        assert not thread.is_alive()


async def finish_and_close(flow: Flow[Any]) -> Any:
    transport = AsyncPooledTransport()
    try:
        return await AsyncRun(flow, transport).finish()
    finally:
        await transport.close()


def finish_in_threads(flow: Flow[Any]) -> Any:
    transport = PooledTransport()
    try:
        return BlockingRun(flow, transport).finish()
    finally:
        transport.close()


@pytest.fixture(params=["blocking", "asynchronous"])
def finish(request: pytest.FixtureRequest) -> Iterator[Finish]:
    """Runs a flow to its end on one of the two drivers."""
    if request.param == "blocking":
        yield finish_in_threads
    else:
        yield lambda flow: asyncio.run(finish_and_close(flow))
    join_crews()


def value(number: int) -> Flow[int]:
    return (yield from offload(lambda: number))


def failing(error: BaseException) -> Flow[None]:
    yield from offload(lambda: None)
    raise error


def test_results_stand_in_the_order_of_the_children_whichever_ends_first(finish: Finish) -> None:
    last_has_ended = threading.Event()

    def first() -> Flow[str]:
        yield from offload(lambda: last_has_ended.wait(20))
        return "first"

    def last() -> Flow[str]:
        yield from offload(last_has_ended.set)
        return "last"

    assert finish(gather([first(), last()], at_once=2)) == ["first", "last"]


@pytest.mark.parametrize("at_once", [1, 3, 50])
def test_no_more_run_at_one_time_than_was_asked_for(finish: Finish, at_once: int) -> None:
    lock, running, most = threading.Lock(), [0], [0]
    full = threading.Semaphore(0)

    def child(number: int) -> Flow[int]:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == min(at_once, 7):
                full.release(7)
        yield from offload(lambda: full.acquire(timeout=20))  # until as many run as may
        with lock:
            running[0] -= 1
        return number

    assert finish(gather((child(n) for n in range(7)), at_once=at_once)) == list(range(7))
    assert most[0] == min(at_once, 7)


def test_a_child_is_made_when_its_turn_comes(finish: Finish) -> None:
    ended: list[int] = []

    def child(number: int) -> Flow[int]:
        yield from offload(lambda: ended.append(number))
        return number

    def children() -> Iterator[Flow[int]]:
        for number in range(4):
            yield child(number + 10 * len(ended))

    assert finish(gather(children(), at_once=1)) == [0, 11, 22, 33]


def test_nothing_to_gather_gives_nothing(finish: Finish) -> None:
    assert finish(gather([], at_once=3)) == []


def test_a_child_may_gather_too(finish: Finish) -> None:
    def inner(base: int) -> Flow[int]:
        return sum((yield from gather([value(base), value(base + 1)], at_once=2)))

    assert finish(gather([inner(1), inner(10)], at_once=2)) == [3, 21]


def test_the_first_failure_is_raised_the_others_settle_and_the_rest_never_starts(finish: Finish) -> None:
    started: list[int] = []
    settled: list[int] = []
    both_wait = threading.Barrier(2)

    def waiting(number: int) -> Flow[None]:
        started.append(number)
        try:
            yield from offload(lambda: both_wait.wait(20))
            yield from sleep(3600)
        finally:
            settled.append(number)

    def breaking() -> Flow[None]:
        yield from offload(lambda: both_wait.wait(20))
        raise ConnectionLost("the line is dead")

    with pytest.raises(ConnectionLost, match="the line is dead"):
        finish(gather([waiting(0), breaking(), waiting(2), waiting(3)], at_once=2))
    join_crews()
    # The one that never starts on threads may have been taken before the failure was noticed.
    assert 0 in started
    assert sorted(settled) == sorted(started)
    assert 3 not in started


def test_a_failure_can_be_caught_where_the_children_are_waited_for(finish: Finish) -> None:
    def flow() -> Flow[str]:
        try:
            yield from gather([value(1), failing(ConfigError("no"))], at_once=2)
        except RouterError as error:
            return error.message
        return ""

    assert finish(flow()) == "no"


def test_a_child_that_cannot_be_made_fails_the_whole(finish: Finish) -> None:
    def children() -> Iterator[Flow[int]]:
        yield value(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finish(gather(children(), at_once=1))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_child_that_was_cancelled_is_not_left_out_of_the_results(finish: Finish, place: int) -> None:
    def cancelled() -> None:
        raise asyncio.CancelledError

    def child(number: int) -> Flow[int]:
        if number == place:
            yield from offload(cancelled)
        return number

    with pytest.raises(asyncio.CancelledError):
        finish(gather((child(number) for number in range(3)), at_once=3))


def test_a_child_that_emits_is_a_mistake_of_ours(finish: Finish) -> None:
    with pytest.raises(AssertionError, match="cannot emit"):
        finish(gather([emit([ChatDelta("x")])], at_once=1))


def test_children_see_the_callers_context_and_cannot_change_it(finish: Finish) -> None:
    who = contextvars.ContextVar("who", default="nobody")

    def child() -> Flow[str]:
        yield from offload(lambda: None)
        seen = who.get()
        who.set("the child")
        return seen

    who.set("the caller")
    assert finish(gather([child(), child()], at_once=2)) == ["the caller", "the caller"]
    assert who.get() == "the caller"


class SilentServer:
    """Takes requests and answers none; notices when a client leaves."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.asked = threading.Semaphore(0)
        self.left = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._hold, args=(connection,), daemon=True).start()

    def _hold(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            self.asked.release()
            while connection.recv(65_536):
                pass
            self.left.release()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


def asking(server: SilentServer, settled: list[str]) -> Flow[bytes]:
    """A request that is never answered."""
    waits = Waits(Timeouts.of(3600), lambda: 0.0, streamed=False)
    try:
        response = yield from send(HttpRequest("GET", server.url), waits)
        return (yield from read_all(response, 100))[0]
    except RouterError:  # a retry that would send again
        response = yield from send(HttpRequest("GET", server.url), waits)
        yield from drain(response)
        return b"again"
    finally:
        settled.append("settled")


def test_a_failure_hangs_up_on_servers_that_never_answer(finish: Finish, silent: SilentServer) -> None:
    settled: list[str] = []

    def breaking() -> Flow[None]:
        for _ in range(3):
            yield from offload(lambda: silent.asked.acquire(timeout=20))
        raise ConfigError("enough")

    with pytest.raises(ConfigError, match="enough"):
        finish(gather([*(asking(silent, settled) for _ in range(3)), breaking()], at_once=4))
    join_crews()
    assert settled == ["settled"] * 3
    for _ in range(3):
        assert silent.left.acquire(timeout=20)
    assert not silent.asked.acquire(blocking=False)  # nobody tried again


def test_cancelling_the_task_ends_all_children(silent: SilentServer) -> None:
    settled: list[str] = []

    async def main() -> None:
        flow = gather((asking(silent, settled) for _ in range(2)), at_once=2)
        task = asyncio.create_task(finish_and_close(flow))
        for _ in range(2):
            await asyncio.to_thread(silent.asked.acquire, timeout=20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert settled == ["settled"] * 2
    assert silent.left.acquire(timeout=20)


def test_closing_the_parent_from_another_task_ends_all_children(silent: SilentServer) -> None:
    settled: list[str] = []

    async def main() -> None:
        transport = AsyncPooledTransport()
        run = AsyncRun(gather((asking(silent, settled) for _ in range(2)), at_once=2), transport)
        task = asyncio.create_task(run.advance())
        for _ in range(2):
            await asyncio.to_thread(silent.asked.acquire, timeout=20)
        await run.close()
        assert await task is None
        await transport.close()

    asyncio.run(main())
    assert settled == ["settled"] * 2


def test_closing_the_parent_from_another_thread_ends_all_children(silent: SilentServer) -> None:
    settled: list[str] = []
    transport = PooledTransport()
    run = BlockingRun(gather((asking(silent, settled) for _ in range(2)), at_once=2), transport)
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(run.advance()))
    thread.start()
    for _ in range(2):
        assert silent.asked.acquire(timeout=20)
    run.close()
    thread.join(20)
    join_crews()
    transport.close()
    assert results == [None]
    assert settled == ["settled"] * 2


def test_an_interrupt_from_the_keyboard_ends_all_children(silent: SilentServer) -> None:
    settled: list[str] = []

    # As the terminal does it: a signal to another thread would not wake the one that waits.
    main = threading.get_ident()

    def interrupting() -> Flow[None]:
        yield from offload(lambda: silent.asked.acquire(timeout=20))
        yield from offload(lambda: signal.pthread_kill(main, signal.SIGINT))
        yield from sleep(3600)

    with pytest.raises(KeyboardInterrupt):
        finish_in_threads(gather([asking(silent, settled), interrupting()], at_once=2))
    join_crews()
    assert settled == ["settled"]
    assert silent.left.acquire(timeout=20)


def test_a_thread_that_cannot_be_woken_does_not_keep_the_error_waiting() -> None:
    release, entered = threading.Event(), threading.Event()

    def deaf() -> Flow[None]:
        def wait() -> None:
            entered.set()
            release.wait(60)

        yield from offload(wait)

    def breaking() -> Flow[None]:
        yield from offload(lambda: entered.wait(20))
        raise ConfigError("at once")

    with pytest.raises(ConfigError, match="at once"):
        finish_in_threads(gather([deaf(), breaking()], at_once=2))
    assert crew_threads()  # still inside, and nobody waited for it
    release.set()
    join_crews()


def test_a_gather_is_an_effect_like_others() -> None:
    flow = gather([value(1)], at_once=4)
    effect = next(flow)
    assert isinstance(effect, Gather)
    assert effect.at_once == 4
    with pytest.raises(StopIteration) as end:
        flow.send([1])
    assert end.value.value == [1]
