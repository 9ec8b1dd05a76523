"""Time limits: what a user may set, and the stopwatch that keeps them, with a clock of our own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from shared_core.errors import ConfigError
from shared_core.types import Timeouts, Waits

LIMITS = Timeouts(total=100, connect=5, first_token=30, gap=10)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_no_limit_is_infinite_by_default() -> None:
    limits = Timeouts()
    assert all(0 < getattr(limits, name) < math.inf for name in ("total", "connect", "first_token", "gap"))


@pytest.mark.parametrize("name", ["total", "connect", "first_token", "gap"])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, "5", None, True], ids=repr)
def test_a_limit_that_is_no_positive_finite_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        Timeouts(**{name: value})


def test_one_number_is_the_total_and_nothing_inside_it_ends_the_call_sooner() -> None:
    limits = Timeouts.of(300)
    assert (limits.total, limits.first_token, limits.gap) == (300, 300, 300)


def test_a_short_total_is_also_the_longest_connect() -> None:
    assert Timeouts.of(2).connect == 2


def test_no_number_takes_the_defaults_and_limits_are_taken_as_they_are() -> None:
    assert Timeouts.of(None) == Timeouts()
    assert Timeouts.of(LIMITS) is LIMITS


@pytest.mark.parametrize("value", [0, -5, math.inf, math.nan, "60", False], ids=repr)
def test_a_total_that_cannot_work_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="total"):
        Timeouts.of(value)


def test_a_plain_reply_may_take_the_whole_time(clock: Clock) -> None:
    waits = Waits(LIMITS, clock, streamed=False)
    waits.sending()
    assert (waits.phase, waits.left()) == ("total", 100)


def test_each_phase_has_its_own_limit(clock: Clock) -> None:
    waits = Waits(LIMITS, clock, streamed=True)
    waits.connecting()
    assert (waits.phase, waits.left()) == ("connect", 5)
    clock.now += 4
    waits.sending()
    assert (waits.left(), waits.phase) == (30, "first_token")
    clock.now += 20
    waits.renewed = True
    assert (waits.left(), waits.phase) == (10, "gap")


def test_reading_bytes_that_are_no_content_does_not_start_a_limit_anew(clock: Clock) -> None:
    waits = Waits(LIMITS, clock, streamed=True)
    waits.sending()
    for _ in range(5):
        clock.now += 5
        waits.left()
    assert waits.left() == 5


def test_the_gap_starts_when_the_caller_comes_back_for_more_and_not_while_they_work(clock: Clock) -> None:
    waits = Waits(LIMITS, clock, streamed=True)
    waits.sending()
    clock.now += 50  # the caller thinks about what it was handed
    waits.renewed = True
    assert waits.left() == 10


def test_no_limit_reaches_past_the_total(clock: Clock) -> None:
    waits = Waits(LIMITS, clock, streamed=True)
    clock.now += 95
    waits.sending()
    assert (waits.phase, waits.left()) == ("total", 5)
    waits.renewed = True
    assert (waits.left(), waits.phase) == (5, "total")


def test_time_that_has_run_out_is_zero_and_never_negative(clock: Clock) -> None:
    waits = Waits(LIMITS, clock, streamed=True)
    clock.now += 1000
    assert (waits.left(), waits.until_deadline()) == (0, 0)


VERDICTS = {
    "connecting": (Waits.connecting, "No connection within 5 s"),
    "waiting for the first token": (Waits.sending, "No first token within 30 s"),
    "between two tokens": (lambda waits: setattr(waits, "renewed", True), "The stream stood still for 10 s"),
}


@pytest.mark.parametrize(("step", "words"), VERDICTS.values(), ids=VERDICTS.keys())
def test_the_verdict_says_which_limit_passed(clock: Clock, step: Callable[[Waits], None], words: str) -> None:
    waits = Waits(LIMITS, clock, streamed=True)
    step(waits)
    waits.left()
    assert waits.verdict() == words


def test_the_verdict_on_a_call_that_took_too_long_in_all(clock: Clock) -> None:
    assert Waits(LIMITS, clock, streamed=False).verdict() == "No complete answer within 100 s"


def test_a_part_is_due_after_its_own_seconds_and_never_later_than_the_whole() -> None:
    whole = Waits(Timeouts(total=10, first_token=10, gap=10), lambda: 100.0, streamed=False)
    assert whole.part(3).until_deadline() == 3
    assert whole.part(600).until_deadline() == 10
    assert "3 s" in whole.part(3).verdict()


def test_a_part_goes_to_public_addresses_alone_where_the_whole_does() -> None:
    whole = Waits(Timeouts(), lambda: 0.0, streamed=False)
    assert not whole.part(3).public
    whole.public = True
    assert whole.part(3).public


def test_a_part_that_is_hung_up_leaves_the_whole_alone() -> None:
    whole = Waits(Timeouts(total=10, first_token=10, gap=10), lambda: 100.0, streamed=False)
    part = whole.part(3)
    part.hang_up()
    part.sending()
    assert part.left() == part.until_deadline() == 0
    assert whole.until_deadline() == 10
