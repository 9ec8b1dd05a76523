"""A race as an effect among others: its context, races inside races, and what the caller did before."""

from __future__ import annotations

import contextvars

import pytest

from shared_core.flow import Flow, Race, Won, emit, gather, offload, race, send, sleep
from shared_core.types import HttpRequest, Timeouts, Waits
from tests.flow.race.conftest import FAR, Play, nobody, raced


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
