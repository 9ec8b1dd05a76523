"""Identical calls at the same time: the flows are stepped by hand, so that each may end at each step."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import errors
from shared_core.flow import Flow, Sleep, Wait, sleep
from shared_core.policy.single_flight import share
from shared_core.policy.stores.flights import FLIGHTS, Flights
from shared_core.types import Call, ChatRequest, Progress, Target, Timeouts, Waits

KEY = b"key"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def nothing_is_left_under_way() -> Iterator[None]:
    assert len(FLIGHTS) == 0
    yield
    gc.collect()
    assert len(FLIGHTS) == 0


class Asked:
    """Counts how often somebody was asked; each takes two steps."""

    def __init__(self, outcome: Any = "answer") -> None:
        self.outcome, self.times = outcome, 0

    def __call__(self, call: Call) -> Flow[Any]:
        self.times += 1
        call.progress.url, call.progress.model = "https://h/v1", call.request.model
        yield from sleep(1)
        yield from sleep(2)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def call_with(total: float = 120.0, clock: Clock | None = None) -> Call:
    waits = Waits(Timeouts(total=total), clock or Clock(), streamed=False)
    return Call(ChatRequest([], "org/name"), Target("https://h/v1"), waits, Progress(0.0))


def flow_of(inner: Callable[[Call], Flow[Any]], call: Call | None = None) -> Flow[Any]:
    return share(KEY, call or call_with(), inner, lambda answer: f"{answer}, shared")


def end_of(flow: Flow[Any], value: Any = None) -> Any:
    """Steps a flow that leads to its end; gives its result or its error."""
    try:
        while True:
            effect = flow.send(value)
            assert isinstance(effect, Sleep)
            value = None
    except StopIteration as end:
        return end.value
    except errors.RouterError as error:
        return error


def test_who_comes_second_waits_and_has_a_copy_of_the_answer() -> None:
    inner = Asked()
    leader, follower = flow_of(inner), flow_of(inner)
    next(leader)
    waiting = next(follower)
    assert isinstance(waiting, Wait)
    assert (waiting.seconds, waiting.latch.is_open) == (120, False)
    assert end_of(leader) == "answer"
    assert waiting.latch.is_open
    assert end_of(follower, True) == "answer, shared"
    assert inner.times == 1


def test_who_comes_after_the_end_asks_anew() -> None:
    inner = Asked()
    assert (end_of(flow_of(inner)), end_of(flow_of(inner)), inner.times) == ("answer", "answer", 2)


@pytest.mark.parametrize("steps", [1, 2], ids=["at its first step", "at its second step"])
@pytest.mark.parametrize("how", ["close", "cancel", "bug"])
def test_a_leader_that_goes_takes_nobody_with_it(steps: int, how: str) -> None:
    inner = Asked()
    leader, first, second = flow_of(inner), flow_of(inner), flow_of(inner)
    for _ in range(steps):
        next(leader)
    one, two = next(first), next(second)
    if how == "close":
        leader.close()
    else:
        gone = KeyboardInterrupt() if how == "cancel" else ZeroDivisionError()
        with pytest.raises(type(gone)):
            leader.throw(gone)
    assert isinstance(one, Wait)
    assert isinstance(two, Wait)
    assert one.latch.is_open
    assert isinstance(first.send(True), Sleep)  # it leads now
    again = second.send(True)
    assert isinstance(again, Wait)  # and the other one waits for it
    assert not again.latch.is_open
    assert end_of(first) == "answer"
    assert end_of(second, True) == "answer, shared"
    assert inner.times == 2


def test_a_leader_that_is_dropped_unfinished_frees_the_others_too() -> None:
    inner = Asked()
    leader, follower = flow_of(inner), flow_of(inner)
    next(leader)
    waiting = next(follower)
    del leader
    gc.collect()
    assert isinstance(waiting, Wait)
    assert waiting.latch.is_open
    assert isinstance(follower.send(True), Sleep)
    assert end_of(follower) == "answer"


def test_a_follower_that_goes_is_missed_by_nobody() -> None:
    inner = Asked()
    leader, follower, other = flow_of(inner), flow_of(inner), flow_of(inner)
    next(leader)
    next(follower)
    next(other)
    follower.close()
    assert end_of(leader) == "answer"
    assert end_of(other, True) == "answer, shared"


def test_a_follower_that_is_cancelled_as_the_answer_comes_leaves_nothing_behind() -> None:
    inner = Asked()
    leader, follower = flow_of(inner), flow_of(inner)
    next(leader)
    next(follower)
    end_of(leader)
    with pytest.raises(KeyboardInterrupt):
        follower.throw(KeyboardInterrupt())


def test_the_time_limit_of_a_follower_is_its_own() -> None:
    clock, inner = Clock(), Asked()
    leader, follower = flow_of(inner, call_with(100, clock)), flow_of(inner, call_with(5, clock))
    next(leader)
    waiting = next(follower)
    assert isinstance(waiting, Wait)
    assert waiting.seconds == 5
    clock.now = 5.0
    with pytest.raises(errors.TimedOut, match="within 5 s: an identical call"):
        follower.send(False)
    assert end_of(leader) == "answer"


def test_a_leader_whose_time_is_up_leaves_the_call_to_who_has_more() -> None:
    inner = Asked(errors.TimedOut("too slow"))
    leader, follower = flow_of(inner, call_with(5)), flow_of(inner)
    next(leader)
    next(follower)
    assert isinstance(end_of(leader), errors.TimedOut)
    inner.outcome = "answer"
    assert isinstance(follower.send(True), Sleep)
    assert end_of(follower) == "answer"


VERDICTS = {
    "a bad request": errors.BadRequest("no such parameter"),
    "too long": errors.InputTooLong("too long", reactions=()),
    "refused by the provider": errors.Refused("unsafe", reactions=()),
}
PASSING = {
    "too many requests": errors.RateLimited("slow down"),
    "a budget of the leader's": errors.BudgetExceeded("spent"),
    "a time limit of the leader's": errors.TimedOut("slow"),
    "a broken connection": errors.ConnectionLost("gone"),
    "an account, for which another one may stand in": errors.Unauthorized("who?"),
    "too long, but perhaps not for another model": errors.InputTooLong(
        "too long", reactions={"larger_context"}
    ),
}


@pytest.mark.parametrize("error", VERDICTS.values(), ids=VERDICTS.keys())
def test_a_verdict_on_what_was_asked_is_everybodys(error: errors.RouterError) -> None:
    inner = Asked(error)
    leader, one, two = flow_of(inner), flow_of(inner), flow_of(inner)
    for flow in (leader, one, two):
        next(flow)
    assert end_of(leader) is error
    said = [end_of(one, True), end_of(two, True)]
    assert [type(each) for each in said] == [type(error)] * 2
    assert [each.message for each in said] == [error.message] * 2
    assert len({id(error), *map(id, said)}) == 3  # each its own, since each is completed on its way
    assert inner.times == 1


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING.keys())
def test_any_other_failure_is_the_leaders_alone(error: errors.RouterError) -> None:
    inner = Asked(error)
    leader, follower = flow_of(inner), flow_of(inner)
    next(leader)
    next(follower)
    assert end_of(leader) is error
    inner.outcome = "answer"
    assert isinstance(follower.send(True), Sleep)
    assert end_of(follower) == "answer"


def test_who_has_waited_for_two_leaders_in_vain_asks_for_himself() -> None:
    inner = Asked(errors.ConnectionLost("gone"))
    first, second, last = flow_of(inner), flow_of(inner), flow_of(inner)
    for flow in (first, second, last):
        next(flow)
    end_of(first)
    assert isinstance(second.send(True), Sleep)
    assert isinstance(last.send(True), Wait)
    end_of(second)
    third = flow_of(inner)
    next(third)  # somebody leads again
    assert isinstance(last.send(True), Sleep)
    inner.outcome = "answer"
    assert (end_of(last), end_of(third)) == ("answer", "answer")


def test_an_answer_of_another_target_is_the_leaders_alone() -> None:
    def elsewhere(call: Call) -> Flow[str]:
        yield from sleep(1)
        call.progress.moves = 1
        call.progress.url, call.progress.model = "https://h/v1", "org/other"
        return "of another model"

    inner = Asked()
    leader, follower = flow_of(elsewhere), flow_of(inner)
    next(leader)
    next(follower)
    assert end_of(leader) == "of another model"
    assert isinstance(follower.send(True), Sleep)
    assert end_of(follower) == "answer"


def test_a_verdict_of_another_target_is_the_leaders_alone() -> None:
    def elsewhere(call: Call) -> Flow[str]:
        yield from sleep(1)
        call.progress.url, call.progress.model = "https://other/v1", call.request.model
        raise errors.BadRequest("no such parameter here")

    inner = Asked()
    leader, follower = flow_of(elsewhere), flow_of(inner)
    next(leader)
    next(follower)
    assert isinstance(end_of(leader), errors.BadRequest)
    assert isinstance(follower.send(True), Sleep)
    assert end_of(follower) == "answer"


def test_a_blocking_call_does_not_wait_for_a_task_of_its_own_thread() -> None:
    inner = Asked()
    leader, follower = flow_of(inner), flow_of(inner)
    next(leader)
    next(follower)
    # The blocking driver says at once that nobody opened it (tests/flow); there is time left.
    assert isinstance(follower.send(False), Sleep)
    assert end_of(follower) == "answer"
    assert end_of(leader) == "answer"


def test_a_flight_lands_once_and_only_under_its_own_key() -> None:
    flights = Flights()
    flight, leads = flights.join(KEY)
    assert leads
    flights.land(KEY, flight)
    other, leads = flights.join(KEY)
    assert leads
    flights.land(KEY, flight)
    assert flights.join(KEY) == (other, False)
    flights.clear()
    assert flights.join(KEY)[1]
