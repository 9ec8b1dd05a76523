"""Checks of what an answer took: money, and seconds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from shared_core.errors import ConfigError
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.cases.checks.texts import Judge, shown
from shared_core.evaluate.cases.checks.verdict import PASSED, Verdict
from shared_core.types.cost import dollars

__all__ = ["MEASURES"]

_DIGITS = 30  # before or after the point; what has more is a slip, and would be written out in every report


def _amount(value: Any) -> Decimal:
    """A number from 0 on, without what a float would add to it."""
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0 or abs(amount.adjusted()) > _DIGITS:
        raise ConfigError(f"{shown(value)} is no number from 0 on.")
    return amount


def _costs(answer: Answer, most: Decimal) -> Verdict:
    usd = answer.cost.usd
    if usd is None:
        return Verdict(False, f"what it cost is {answer.cost}")
    return PASSED if usd <= most else Verdict(False, f"cost {dollars(usd)}, more than {dollars(most)}")


def _latency(answer: Answer, most: Decimal) -> Verdict:
    return _within(answer.seconds, most, "took")


def _first_token(answer: Answer, most: Decimal) -> Verdict:
    if answer.first_token_s is None:
        return Verdict(False, "when it began is not known: it did not come in pieces")
    return _within(answer.first_token_s, most, "began after")


def _within(seconds: float, most: Decimal, what: str) -> Verdict:
    return PASSED if seconds <= most else Verdict(False, f"{what} {seconds:.3g} s, more than {most:f} s")


MEASURES: dict[str, tuple[Callable[[Any], Any], Judge]] = {
    "max-cost": (_amount, _costs),
    "max-latency": (_amount, _latency),
    "max-first-token": (_amount, _first_token),
}
"""Of each word, what reads its value and what judges by it. They have no opposite."""
