"""What several answers come to: percentiles, sums, rates, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared_core.evaluate import Asked, Figures
from shared_core.evaluate.figures import percentile
from shared_core.types import Cost
from tests.evaluate.made_up import answer, failure

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

TIMES = some.lists(some.floats(0, 1e6), min_size=1, max_size=200)


def figures(*answers, kept=()):
    return Figures.of(Asked("m", "p", place, each, place in kept) for place, each in enumerate(answers))


@given(TIMES, some.sampled_from([0.5, 0.95]))
@patient
def test_a_percentile_is_the_nearest_rank_as_numpy_has_it(values, share):
    assert percentile(values, share) == numpy.percentile(values, share * 100, method="inverted_cdf")


@given(TIMES, some.floats(0, 1))
@patient
def test_a_percentile_is_a_value_that_was_measured_and_that_share_is_not_above_it(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (3, 3), (19, 19), (20, 19), (21, 20), (40, 38), (100, 95)])
def test_p95_of_few_values_is_the_largest_and_from_20_on_it_is_not(n, rank):
    assert percentile(list(range(1, n + 1)), 0.95) == rank


@given(some.lists(some.decimals(0, 10, places=12), min_size=1, max_size=50))
@patient
def test_costs_are_added_exactly(costs):
    found = figures(*(answer(usd=f"{usd:f}") for usd in costs))
    assert Fraction(found.cost) == sum(map(Fraction, costs))
    assert abs(found.cost_per_answer * len(costs) - found.cost) < Decimal("1e-20")


def test_a_cost_that_nobody_knows_leaves_the_sum_unknown_and_never_0():
    found = figures(answer(usd="0.5"), answer(usd=None), answer(usd="0.25"))
    assert (found.cost, found.cost_per_answer) == (None, None)
    assert (found.known_cost, found.unknown_costs) == (Decimal("0.75"), 1)
    assert figures(answer(usd=None)).known_cost is None
    assert figures(failure()).as_dict()["cost"] is None


def test_what_is_free_costs_0_and_not_nothing():
    found = figures(answer(usd="0"))
    assert (found.cost, found.cost_per_answer) == (Decimal(0), Decimal(0))


def test_how_costs_are_known_is_kept_with_every_note():
    noted = Cost(Decimal("0.1"), "price list", "2026-11-27", note="unconfirmed: a try may have run")
    found = figures(answer(), answer(), answer(usd=None), replace(answer(), cost=noted))
    assert found.bases == {
        "price list of 2026-11-27": 2,
        "unknown": 1,
        "price list of 2026-11-27; unconfirmed: a try may have run": 1,
    }


def test_failures_and_what_was_not_asked_are_counted_apart_and_take_no_part_in_times():
    refused = failure("BudgetExceeded", "Too dear.", "A larger budget.")
    found = figures(answer(2.0), failure(), failure(), failure("TimedOut", "Slow."), refused)
    assert (found.answered, found.failed, found.not_asked) == (1, 3, 1)
    assert found.ok_rate == 0.25
    assert found.latency.n == 1
    assert [(each.kind, each.times, each.example) for each in found.failures] == [
        ("RateLimited", 2, "Too many."),
        ("TimedOut", 1, "Slow."),
    ]
    assert [(each.times, each.hint) for each in found.refusals] == [(1, "A larger budget.")]


def test_nobody_asked_has_no_rate():
    assert figures(failure("BudgetExceeded")).ok_rate is None
    assert figures().ok_rate is None


def test_what_earlier_runs_cost_is_in_the_sum_and_not_in_what_was_spent():
    found = figures(answer(usd="1"), answer(usd="2"), kept={0})
    assert (found.cost, found.spent, found.kept) == (Decimal(3), Decimal(2), 1)


def test_who_answered_and_why_answers_ended_is_counted():
    found = figures(
        answer(), answer(provider="novita", finish_reason="length"), answer(provider=None, usage=None)
    )
    assert found.providers == {"groq": 1, "novita": 1, "": 1}
    assert found.finishes == {"stop": 2, "length": 1}
    assert (found.prompt_tokens, found.completion_tokens, found.unknown_tokens) == (20, 10, 1)


def test_a_failures_words_are_in_no_repr():
    assert "Too many." not in repr(figures(failure()))
