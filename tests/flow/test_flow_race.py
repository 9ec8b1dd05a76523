"""Two flows that race: who wins, what becomes of the other, and that nothing is left of it; every order of events."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import Any

import pytest

from shared_core.errors import ConnectionLost, RateLimited, RouterError
from shared_core.flow import Flow, Latch, Race, Read, Won, emit, gather, offload, race, send, sleep, wait
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.flow.contest import Contest
from shared_core.flow.hands import Hands
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


def test_a_first_that_returns_in_time_races_nobody(play: Play) -> None:
    end = play.start(raced(play.plain("a"), nobody, FAR))
    play.stage.say("a", b"done")
    assert end.result(20) is None
    assert (play.run.result, play.settled, play.closed()) == ("done", ["a"], {"a": 1})


def test_a_first_that_emits_in_time_goes_on_as_the_callers_own(play: Play) -> None:
    begun = play.start(raced(play.stream("a"), nobody, FAR))
    play.stage.say("a", b"x", b"y", b"")
    assert texts(begun.result(20)) == ["x"]
    assert texts(play.advance().result(20)) == ["y"]
    assert play.closed() == {"a": 0}
    assert play.advance().result(20) is None
    assert (play.run.result, play.settled, play.closed()) == ("a", ["a"], {"a": 1})


def test_a_first_that_fails_in_time_fails_the_whole(play: Play) -> None:
    end = play.start(raced(play.plain("a"), nobody, FAR))
    play.stage.say("a", ConnectionLost("gone"))
    with pytest.raises(ConnectionLost, match="gone"):
        end.result(20)
    assert (play.settled, play.closed()) == (["a"], {"a": 1})


@pytest.mark.parametrize("winner", ["a", "b"], ids=["the first, late", "the second"])
def test_who_returns_first_wins_and_the_other_is_closed_at_once(play: Play, winner: str) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(winner, b"won")
    assert end.result(20) is None
    assert play.run.result == "won"
    assert sorted(play.settled) == ["a", "b"]
    assert play.closed() == {"a": 1, "b": 1}


@pytest.mark.parametrize("winner", ["a", "b"], ids=["the first, late", "the second"])
def test_who_emits_first_wins_and_goes_on(play: Play, winner: str) -> None:
    loser = "ba"["ab".index(winner)]
    begun = play.start(raced(play.stream("a"), lambda: play.stream("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(winner, b"x")
    assert texts(begun.result(20)) == ["x"]
    assert (play.settled, play.closed()) == ([loser], {winner: 0, loser: 1})
    play.stage.say(winner, b"y", b"")
    assert texts(play.advance().result(20)) == ["y"]
    assert play.advance().result(20) is None
    assert (play.run.result, play.settled, play.closed()) == (winner, [loser, winner], {"a": 1, "b": 1})


@pytest.mark.parametrize(("fails", "wins"), ["ab", "ba"], ids=["first", "second"])
@pytest.mark.parametrize("kind", ["plain", "stream"])
def test_who_fails_does_not_win_while_the_other_still_can(
    play: Play, kind: str, fails: str, wins: str
) -> None:
    child = getattr(play, kind)
    end = play.start(raced(child("a"), lambda: child("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(fails, ConnectionLost("gone"))
    assert not wait_for([end], 0.02).done
    play.stage.say(wins, b"x")
    assert texts(end.result(20)) == (None if kind == "plain" else ["x"])
    play.close()
    assert (sorted(play.settled), play.closed()) == (["a", "b"], {"a": 1, "b": 1})


@pytest.mark.parametrize(("one", "other"), ["ab", "ba"])
def test_where_both_fail_the_error_is_the_firsts(play: Play, one: str, other: str) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(one, RateLimited(f"of {one}"))
    assert not wait_for([end], 0.02).done
    play.stage.say(other, RateLimited(f"of {other}"))
    with pytest.raises(RateLimited, match="of a"):
        end.result(20)
    assert play.closed() == {"a": 1, "b": 1}


def test_the_errors_can_be_caught_where_the_flows_are_raced(play: Play) -> None:
    def flow() -> Flow[str]:
        try:
            return (yield from raced(play.plain("a"), lambda: play.plain("b"), 0.0))
        except RouterError as error:
            return error.message

    end = play.start(flow())
    play.stage.say("a", ConnectionLost("gone"))
    play.stage.say("b", ConnectionLost("too"))
    assert end.result(20) is None
    assert play.run.result == "gone"


@pytest.mark.parametrize("outcome", ["wins", "fails"])
def test_a_second_that_is_declined_leaves_it_at_the_first(play: Play, outcome: str) -> None:
    asked = threading.Event()
    end = play.start(raced(play.plain("a"), lambda: asked.set(), 0.0))
    assert asked.wait(20)
    assert not wait_for([end], 0.02).done
    play.stage.say("a", b"won" if outcome == "wins" else ConnectionLost("gone"))
    if outcome == "wins":
        assert end.result(20) is None
        assert play.run.result == "won"
    else:
        with pytest.raises(ConnectionLost, match="gone"):
            end.result(20)


def test_a_second_that_cannot_be_made_ends_the_first(play: Play) -> None:
    def broken() -> Flow[str]:
        play.stage.asked("a") if play.loop is None else None
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play.start(raced(play.plain("a"), broken, 0.01)).result(20)
    assert play.settled == ["a"]
    assert play.closed() == {"a": 1}


@pytest.mark.parametrize(("breaks", "other"), ["ab", "ba"], ids=["first", "second"])
def test_a_mistake_of_ours_ends_both_at_once(play: Play, breaks: str, other: str) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say(breaks, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        end.result(20)
    assert (sorted(play.settled), play.closed()) == (["a", "b"], {"a": 1, "b": 1})


def test_where_both_emit_at_once_one_is_seen_and_the_other_closed(play: Play) -> None:
    for _ in range(50):
        play.settled.clear()
        play.stage.lines.clear()
        begun = play.start(raced(play.stream("a"), lambda: play.stream("b"), 0.0))
        play.stage.asked("a", "b")
        for name in "ab":
            play.stage.lines[name].pieces.put(name.encode())
        (seen,) = texts(begun.result(20))
        other = "ba"["ab".index(seen)]
        play.stage.say(seen, b"")
        assert play.advance().result(20) is None
        assert play.run.result == seen
        assert (play.settled, play.closed()) == ([other, seen], {"a": 1, "b": 1})


@pytest.mark.parametrize("steps", [1, 2], ids=["at its first piece", "later"])
def test_leaving_a_stream_that_won_frees_its_connection_and_settles_it(play: Play, steps: int) -> None:
    deltas = play.start(raced(play.stream("a"), lambda: play.stream("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say("b", b"x", b"y")
    for step in range(steps):
        assert texts(deltas.result(20)) == ["xy"[step]]
        deltas = play.advance() if step + 1 < steps else deltas
    play.close()
    assert (play.settled, play.closed()) == (["a", "b"], {"a": 1, "b": 1})


def test_a_stream_that_won_and_breaks_off_fails_in_the_callers_flow(play: Play) -> None:
    def flow() -> Flow[str]:
        try:
            return (yield from raced(play.stream("a"), lambda: play.stream("b"), 0.0))
        except ConnectionLost as error:
            return f"caught {error.message}"

    begun = play.start(flow())
    play.stage.asked("a", "b")
    play.stage.say("b", b"x", ConnectionLost("gone"))
    assert texts(begun.result(20)) == ["x"]
    assert play.advance().result(20) is None
    assert (play.run.result, play.closed()) == ("caught gone", {"a": 1, "b": 1})


def test_closing_the_caller_from_elsewhere_ends_both(play: Play) -> None:
    end = play.start(raced(play.plain("a"), lambda: play.plain("b"), 0.0))
    play.stage.asked("a", "b")
    play.close()
    assert end.result(20) is None
    assert (sorted(play.settled), play.closed()) == (["a", "b"], {"a": 1, "b": 1})


@pytest.mark.parametrize("what", ["sleep", "wait"])
def test_what_the_loser_waits_for_is_broken_off(play: Play, what: str) -> None:
    latch, begun = Latch(), threading.Event()

    def loser() -> Flow[None]:
        try:
            yield from offload(begun.set)
            yield from sleep(3600) if what == "sleep" else wait(latch, 3600)
        finally:
            play.settled.append("loser")

    end = play.start(raced(loser(), lambda: play.plain("b"), 0.0))
    assert begun.wait(20)
    play.stage.say("b", b"won")
    assert end.result(20) is None
    assert sorted(play.settled) == ["b", "loser"]
    assert latch._told == []


def test_a_loser_that_cannot_be_woken_keeps_nobody_waiting(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PATIENT:
        monkeypatch.setattr(name, 0.05)
    release, entered = threading.Event(), threading.Event()

    def deaf() -> Flow[str]:
        try:
            yield from offload(lambda: (entered.set(), release.wait(20)))
            return "deaf"
        finally:
            play.settled.append("deaf")

    end = play.start(raced(deaf(), lambda: play.plain("b"), 0.0))
    assert entered.wait(20)
    play.stage.say("b", b"won")
    assert end.result(10) is None
    assert play.run.result == "won"
    assert not release.is_set()
    release.set()


def test_both_see_the_callers_context_and_cannot_change_it(play: Play) -> None:
    who = contextvars.ContextVar("who", default="nobody")

    def child(name: str) -> Flow[str]:
        yield from offload(lambda: None)
        seen = who.get()
        who.set(name)
        yield from sleep(0 if name == "b" else 3600)
        return f"{name} saw {seen}"

    def flow() -> Flow[str]:
        who.set("the caller")
        return (yield from raced(child("a"), lambda: child("b"), 0.0)) + f", {who.get()} goes on"

    play.start(flow()).result(20)
    assert play.run.result == "b saw the caller, the caller goes on"


def test_races_run_inside_races_and_beside_each_other(play: Play) -> None:
    def inner(name: str) -> Flow[str]:
        return raced(play.plain(f"{name}1"), lambda: play.plain(f"{name}2"), 0.0)

    end = play.start(gather([raced(inner("a"), lambda: inner("b"), 0.0), inner("c")], at_once=2))
    play.stage.asked("a1", "a2", "b1", "b2", "c1", "c2")
    play.stage.say("b2", b"in")
    play.stage.say("c1", b"out")
    assert end.result(20) is None
    assert play.run.result == ["in", "out"]
    assert set(play.closed().values()) == {1}
    assert sorted(play.settled) == ["a1", "a2", "b1", "b2", "c1", "c2"]


def test_a_race_that_is_gathered_may_not_emit(play: Play) -> None:
    end = play.start(gather([raced(play.stream("a"), nobody, FAR)], at_once=1))
    play.stage.say("a", b"x")
    with pytest.raises(AssertionError, match="cannot emit"):
        end.result(20)
    assert play.closed() == {"a": 1}


def test_an_earlier_reply_of_the_caller_is_closed_before_the_race(play: Play) -> None:
    def flow() -> Flow[str]:
        yield from send(HttpRequest("GET", "before"), Waits(Timeouts(), lambda: 0.0, streamed=False))
        return (yield from raced(play.plain("a"), nobody, FAR))

    end = play.start(flow())
    play.stage.asked("a")
    assert play.closed() == {"before": 1, "a": 0}
    play.stage.say("a", b"x")
    end.result(20)


def test_a_race_is_an_effect_like_others() -> None:
    flow = race(emit([]), nobody, after=2.0)  # type: ignore[arg-type]
    effect = next(flow)
    assert isinstance(effect, Race)
    assert effect.after == 2.0
    with pytest.raises(StopIteration) as end:
        flow.send(won := Won(emit([])))
    assert end.value.value is won


# --- threads alone ---


def test_hanging_up_on_the_caller_fails_the_race_in_its_flow() -> None:
    play = Play(None)

    def flow() -> Flow[str]:
        try:
            return (yield from raced(play.plain("a"), lambda: play.plain("b"), 0.0))
        except ConnectionLost:
            return "told"

    end = play.start(flow())
    play.stage.asked("a", "b")
    play.run.hang_up()
    assert end.result(20) is None
    assert (play.run.result, sorted(play.settled)) == ("told", ["a", "b"])


def test_who_ends_because_it_was_broken_off_has_not_won() -> None:
    begun, heard = threading.Event(), threading.Event()

    class News(queue.Queue[Any]):
        def put(self, news: Any, *rest: Any) -> None:
            super().put(news)
            heard.set()

    class Obedient:
        """Ends, and is heard of, while it is being interrupted."""

        def __init__(self) -> None:
            self.told = threading.Event()

        def advance(self) -> None:
            begun.set()
            self.told.wait(20)

        def interrupt(self) -> None:
            self.told.set()
            heard.wait(20)

        def close(self) -> None:
            """Nothing is open."""

    contest = Contest(lambda child, nap: Obedient())  # type: ignore[arg-type, return-value]
    contest._news = News()  # type: ignore[assignment]
    breaker = threading.Thread(target=lambda: (begun.wait(20), contest.stop()))
    breaker.start()
    with pytest.raises(ConnectionLost):
        contest.decide(Race(emit([]), nobody, FAR))  # type: ignore[arg-type]
    contest.end()
    breaker.join(20)
    assert not breaker.is_alive()


def test_hanging_up_on_a_stream_that_won_reaches_its_connection() -> None:
    play = Play(None)
    begun = play.start(raced(play.stream("a"), lambda: play.stream("b"), 0.0))
    play.stage.asked("a", "b")
    play.stage.say("b", b"x")
    assert texts(begun.result(20)) == ["x"]
    more = play.advance()
    play.run.hang_up()
    with pytest.raises(ConnectionLost, match="hung up"):
        more.result(20)


def test_a_caller_who_was_hung_up_on_begins_no_race() -> None:
    play = Play(None)
    run = BlockingRun(raced(play.plain("a"), nobody, FAR), play.stage)  # type: ignore[arg-type]
    run.hang_up()
    with pytest.raises(ConnectionLost):
        run.finish()
    assert play.stage.lines == {}


def test_an_interrupt_from_the_keyboard_ends_both() -> None:
    play = Play(None)
    main = threading.get_ident()

    def interrupting() -> Flow[str]:
        yield from offload(lambda: play.stage.asked("a"))
        yield from offload(lambda: signal.pthread_kill(main, signal.SIGINT))
        return (yield from play.plain("b"))

    run = BlockingRun(raced(play.plain("a"), interrupting, 0.0), play.stage)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    assert "a" in play.settled
    assert play.closed()["a"] == 1


def test_threads_are_kept_for_the_next_race_and_end_when_none_comes() -> None:
    hands, names = Hands(keep=0.05), queue.SimpleQueue[threading.Thread]()
    for _ in range(3):
        hands.do(lambda: names.put(threading.current_thread()))
        worker = names.get(timeout=20)
        while not hands._idle:
            threading.Event().wait(0.001)
        assert worker.is_alive()
    worker.join(20)
    assert not worker.is_alive()
    assert hands._idle == []
    hands.do(lambda: names.put(threading.current_thread()))
    assert names.get(timeout=20) is not worker


# --- tasks alone ---


def test_cancelling_in_any_turn_of_the_loop_frees_everything() -> None:
    async def cancelled_after(turns: int) -> bool:
        play = Play(None)
        stage = play.stage
        run = AsyncRun(raced(play.stream("a"), lambda: play.stream("b"), 0.0), AsyncStage(stage))  # type: ignore[arg-type]
        task = asyncio.ensure_future(run.finish())
        for turn in range(turns):
            await asyncio.sleep(0)
            if turn == 12:
                for name in stage.lines:
                    stage.say(name, b"x", b"")
            if task.done():
                return False
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1, f"after {turns} turns"
        assert set(play.closed().values()) <= {1}, f"after {turns} turns"
        assert sorted(play.settled) in ([], ["a"], ["b"], ["a", "b"])
        assert len(play.settled) >= len(stage.lines)
        return True

    async def at_every_turn() -> int:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        turns = 0
        while await cancelled_after(turns):
            turns += 1
        assert complaints == []
        return turns

    assert asyncio.run(at_every_turn()) > 12


def test_two_loops_after_one_another() -> None:
    for _ in range(2):
        play = Play(None)

        async def main(play: Play = play) -> None:
            flow = raced(play.plain("a"), lambda: play.plain("b"), 0.0)
            task = asyncio.ensure_future(AsyncRun(flow, AsyncStage(play.stage)).finish())  # type: ignore[arg-type]
            await asyncio.to_thread(play.stage.say, "b", b"won")
            assert await task == "won"

        asyncio.run(main())
        assert play.closed() == {"a": 1, "b": 1}


# --- many ---


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_races_beside_each_other_leave_nothing(play: Play, seed: int) -> None:
    dice = random.Random(seed)
    opened, closed = [], []

    def child(number: int) -> Flow[int]:
        opened.append(number)
        try:
            yield from sleep(dice.random() / 200)
            if dice.random() < 0.3:
                raise ConnectionLost("by chance")
            return number
        finally:
            closed.append(number)

    def one(number: int) -> Flow[int]:
        try:
            return (yield from raced(child(number), lambda: child(number), dice.random() / 400))
        except ConnectionLost:
            return -1

    play.start(gather((one(number) for number in range(100)), at_once=20)).result(30)
    assert all(result in (-1, number) for number, result in enumerate(play.run.result))
    assert sorted(opened) == sorted(closed)
