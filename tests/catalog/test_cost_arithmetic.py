"""Tokens times a price, exactly: against fractions, which round nothing either, and share no code with ours."""

from __future__ import annotations

import copy
import decimal
import json
import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_core.catalog import Price, UnitPrice, cost_of
from shared_core.types import Cost, CostEstimate, ReplyMeta, Usage

counts = st.integers(0, 10**9)
prices = st.decimals(0, 10_000, allow_nan=False, allow_infinity=False, places=6)
HALF_A_CENT = Price(Decimal("0.10"), Decimal("0.50"), "a list", "2026-08-22")


def usage(prompt: int, completion: int, cached: int | None = None, reasoning: int | None = None) -> Usage:
    return Usage(prompt, completion, prompt + completion, cached, reasoning)


@given(counts, counts, st.integers(0, 100), prices, prices, st.none() | prices)
def test_the_sum_is_the_exact_one_whatever_the_counts_and_prices(
    prompt: int, completion: int, percent: int, read: Decimal, written: Decimal, recalled: Decimal | None
) -> None:
    cached = prompt * percent // 100
    cost = cost_of(usage(prompt, completion, cached), Price(read, written, "a list", None, recalled))
    exact = (
        (prompt - cached) * Fraction(read)
        + cached * Fraction(read if recalled is None else recalled)
        + completion * Fraction(written)
    ) / 10**6
    assert cost.usd is not None
    assert Fraction(cost.usd) == exact
    assert ("full price" in cost.note) is (cached > 0 and recalled is None)


@pytest.mark.parametrize("precision", [1, 3, 28])
def test_the_program_s_own_precision_has_no_say(precision: int) -> None:
    with decimal.localcontext() as context:
        context.prec = precision
        cost = cost_of(usage(123_456_789, 987_654_321), HALF_A_CENT)
        assert str(cost.plus(cost).usd) == "1012.34567880"
        assert str(cost) == "$506.1728394 (price list of 2026-08-22)"
        assert cost.as_dict()["usd"] == "506.1728394"


def test_reasoning_is_part_of_what_was_written_and_not_charged_twice() -> None:
    assert cost_of(usage(10, 100, reasoning=90), HALF_A_CENT) == cost_of(usage(10, 100), HALF_A_CENT)


@pytest.mark.parametrize(
    ("counted", "why"),
    [
        pytest.param(None, "counts no tokens", id="no usage"),
        pytest.param(Usage(0, 0, 40), "do not add up", id="a total alone"),
        pytest.param(Usage(10, 5, 40), "do not add up", id="thoughts beside what was written"),
        pytest.param(Usage(-1, 5, 4), "contradict", id="less than nothing was read"),
        pytest.param(Usage(10, -5, 5), "contradict", id="less than nothing was written"),
        pytest.param(Usage(10, 5, 15, 11), "contradict", id="more from the cache than was read"),
        pytest.param(Usage(10, 5, 15, -1), "contradict", id="less than nothing from the cache"),
        pytest.param(Usage(10**13, 0, 10**13), "contradict", id="more than anybody reads"),
    ],
)
def test_counts_that_mean_nothing_give_no_sum(counted: Usage | None, why: str) -> None:
    cost = cost_of(counted, HALF_A_CENT)
    assert (cost.usd, cost.basis) == (None, "unknown")
    assert why in cost.note


def test_no_tokens_cost_nothing_and_that_is_known() -> None:
    assert cost_of(usage(0, 0), HALF_A_CENT).usd == 0


@pytest.mark.parametrize(
    ("cost", "printed"),
    [
        (Cost(), "unknown"),
        (Cost(note="nobody said"), "unknown (nobody said)"),
        (Cost(Decimal("0.000123"), "price list", "2026-08-22"), "$0.000123 (price list of 2026-08-22)"),
        (Cost(Decimal("1E-9"), "price list", None, "mine"), "$0.000000001 (price list, undated)"),
        (Cost(Decimal("1E+2"), "reported"), "$100 (reported)"),
        (Cost(Decimal("0E-6"), "price list", "2026-08-22"), "$0 (price list of 2026-08-22)"),
        (Cost(Decimal("0.50"), "reported", note="so"), "$0.5 (reported; so)"),
    ],
    ids=str,
)
def test_a_cost_is_printed_in_plain_digits_with_its_basis(cost: Cost, printed: str) -> None:
    assert str(cost) == printed


@pytest.mark.parametrize(
    "cost",
    [
        Cost(),
        Cost(note="nobody said"),
        Cost(Decimal("0.000123"), "price list", "2026-08-22", "a list", "a note"),
        Cost(Decimal("12"), "reported", source="usage.cost"),
    ],
    ids=str,
)
def test_a_cost_survives_json_pickle_and_copies(cost: Cost) -> None:
    assert Cost.from_dict(json.loads(json.dumps(cost.as_dict()))) == cost
    assert pickle.loads(pickle.dumps(cost)) == cost
    assert copy.deepcopy(cost) == cost


@pytest.mark.parametrize(
    "told",
    [{}, {"basis": "guessed"}, {"basis": "reported", "usd": 0.1}, {"basis": "reported", "usd": "dear"}],
    ids=str,
)
def test_what_is_no_cost_is_not_read_as_one(told: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cost|sum"):
        Cost.from_dict(told)


def test_a_sum_without_a_basis_and_a_basis_without_a_sum_cannot_be() -> None:
    with pytest.raises(ValueError, match="unknown"):
        Cost(Decimal(1))
    with pytest.raises(ValueError, match="reported"):
        Cost(None, "reported")


def test_together_costs_are_as_sure_as_the_less_sure_one() -> None:
    older = Cost(Decimal("0.1"), "price list", "2026-01-01", "one")
    newer = Cost(Decimal("0.02"), "price list", "2026-08-22", "another", "a note")
    said = Cost(Decimal("0.003"), "reported", source="usage.cost")
    assert older.plus(newer) == Cost(Decimal("0.12"), "price list", "2026-01-01", "one; another", "a note")
    assert (said.plus(said).basis, said.plus(older).basis) == ("reported", "price list")
    assert said.plus(older).usd == Decimal("0.103")
    assert older.plus(Cost(note="nobody said")) == Cost(note="nobody said")
    assert Cost().plus(older) == Cost(note="one of its parts is unknown")


def test_a_reply_costs_an_unknown_sum_unless_it_says_otherwise() -> None:
    assert ReplyMeta("m").cost == Cost()


def test_an_estimate_is_printed_as_a_range() -> None:
    low, high = Cost(Decimal("0.01"), "price list", "2026-08-22"), Cost(note="no limit")
    assert str(CostEstimate(low, high, (1, 2), (0, None))) == "$0.01 to unknown (no limit)"
    assert str(CostEstimate(high, high, (1, 2), (0, None))) == "unknown (no limit)"


def test_a_unit_that_nobody_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="dozen"):
        UnitPrice(Decimal(1), "dozen", "mine")  # type: ignore[arg-type]
