"""How a race ends for its loser, its winner and its caller: nothing of it is left."""

from __future__ import annotations

import random
import threading

import pytest

from shared_core.errors import ConnectionLost
from shared_core.flow import Flow, Latch, gather, offload, sleep, wait
from tests.flow.race.conftest import PATIENT, Play, raced, texts


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
