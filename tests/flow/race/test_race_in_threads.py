"""Races of the blocking driver alone: hanging up, interrupts, and the threads that are kept."""

from __future__ import annotations

import queue
import signal
import threading
from typing import Any

import pytest

from shared_core.errors import ConnectionLost
from shared_core.flow import Flow, Race, emit, offload
from shared_core.flow.blocking import BlockingRun
from shared_core.flow.contest import Contest
from shared_core.flow.hands import Hands
from tests.flow.race.conftest import FAR, Play, nobody, raced, texts


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
