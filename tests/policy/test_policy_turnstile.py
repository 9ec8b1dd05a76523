"""Many calls at a turnstile, in simulated time: in which order they pass, that all do, and that no time is wasted."""

from __future__ import annotations

import itertools
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core.flow import Flow, Wait
from shared_core.policy.state.buckets import Charge, MemoryBuckets
from shared_core.policy.turnstile import Late, Turnstile

PROVIDER = Charge("provider", 1.0, 1.0)
USERS = {
    name: Charge(name, seconds, seconds) for name, seconds in (("ada", 3.0), ("bob", 0.5), ("eve", 40.0))
}


class Simulation:
    """Runs flows as a driver would, on a clock that jumps to the next thing that happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turnstile = Turnstile(MemoryBuckets())
        self.waiting: dict[int, tuple[Flow[Late | None], Wait, float]] = {}
        self.passed: list[tuple[float, int]] = []
        self.late: list[int] = []
        self.steps = 0

    def come(self, number: int, charges: list[Charge], until: float = math.inf) -> None:
        flow = self.turnstile.passed(charges, lambda: self.now, lambda _: until)
        self._step(number, flow, None)

    def give_up(self, number: int) -> None:
        flow, _, _ = self.waiting.pop(number)
        flow.close()

    def go_on(self, until: float = math.inf) -> None:
        """Lets happen what happens until then."""
        while self.waiting:
            number, at = min(
                (
                    (number, self.now if wait.latch.is_open else due)
                    for number, (_, wait, due) in self.waiting.items()
                ),
                key=lambda each: each[1],
            )
            if at > until:
                break
            self.now = max(self.now, at)
            flow, wait, _ = self.waiting.pop(number)
            self._step(number, flow, wait.latch.is_open)
        self.now = max(self.now, until) if until < math.inf else self.now

    def _step(self, number: int, flow: Flow[Late | None], answer: Any) -> None:
        self.steps += 1
        try:
            effect = flow.send(answer)
        except StopIteration as end:
            if end.value is None:
                self.passed.append((self.now, number))
            else:
                self.late.append(number)
        else:
            assert isinstance(effect, Wait)
            self.waiting[number] = (flow, effect, self.now + effect.seconds + 1e-9)


COMING = st.lists(st.tuples(st.sampled_from(sorted(USERS)), st.floats(0, 2)), min_size=1, max_size=40)


@given(COMING, st.sets(st.integers(0, 39), max_size=10))
@settings(max_examples=200, deadline=None)
def test_all_pass_in_the_order_of_coming_and_within_their_limits(
    coming: list[tuple[str, float]], give_up: set[int]
) -> None:
    simulation = Simulation()
    for number, (user, pause) in enumerate(coming):
        simulation.come(number, [USERS[user], PROVIDER])
        simulation.go_on(simulation.now + pause)
        if number in give_up and number in simulation.waiting:
            simulation.give_up(number)
        elif number in give_up:
            give_up = give_up - {number}
    simulation.go_on()
    passed = simulation.passed
    assert {number for _, number in passed} == set(range(len(coming))) - {
        n for n in give_up if n < len(coming)
    }
    assert not simulation.turnstile.line._queues
    for user, charge in USERS.items():
        own = [(at, number) for at, number in passed if coming[number][0] == user]
        assert [number for _, number in own] == sorted(number for _, number in own), (
            "each user's own in order"
        )
        assert all(
            after - before >= charge.cost - 1e-6 for (before, _), (after, _) in itertools.pairwise(own)
        )
    assert all(after - before >= 1 - 1e-6 for (before, _), (after, _) in itertools.pairwise(passed))
    assert simulation.steps <= 12 * len(coming), "nobody looks again and again"


@given(st.integers(2, 60))
@settings(max_examples=30, deadline=None)
def test_no_turn_of_a_limit_is_wasted_while_somebody_waits_for_it(many: int) -> None:
    simulation = Simulation()
    for number in range(many):
        simulation.come(number, [PROVIDER])
    simulation.go_on()
    assert [number for _, number in simulation.passed] == list(range(many))
    assert simulation.now < many - 1 + 1e-3


def test_who_waits_for_their_own_limit_holds_up_nobody() -> None:
    simulation = Simulation()
    for number in range(10):
        simulation.come(number, [USERS["eve"], PROVIDER])
    for number in range(10, 20):
        simulation.come(number, [USERS["bob"], PROVIDER])
    simulation.go_on(12.0)
    assert {number for _, number in simulation.passed} == {0, *range(10, 20)}


@given(st.integers(1, 30), st.integers(0, 40).map(lambda seconds: seconds + 0.5))
@settings(max_examples=100, deadline=None)
def test_who_would_come_too_late_is_told_when_it_comes(many: int, patience: float) -> None:
    simulation = Simulation()
    for number in range(many):
        simulation.come(number, [PROVIDER], until=patience)
    fit = min(many, math.floor(patience) + 1)
    assert simulation.late == list(range(fit, many))
    simulation.go_on()
    assert [number for _, number in simulation.passed] == list(range(fit))
