"""Axes of the drawings: from values to places, straight or logarithmic, with round numbers along them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["LOGARITHMIC", "Axis", "axis_for", "dollar_tick", "second_tick"]

LOGARITHMIC = "logarithmic"
"""What is said beside such an axis."""

_WIDE = 12.0  # the largest over the smallest value, from which on an axis is logarithmic
_LANE = 34.0  # what zero takes of a logarithmic axis, where it has no place of its own
_MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Axis:
    """Values along a line.

    Args:
        low, high: The values at its ends; of a logarithmic one, powers of ten or parts of them.
        start, end: Where these are, in the drawing's units.
        log: Whether equal steps are equal factors.
        zero: Where 0 is on a logarithmic axis; None where there is none.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    zero: float | None = None

    def at(self, value: float) -> float:
        """The place of a value."""
        if not self.log:
            return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)
        if value <= 0:
            return self.start if self.zero is None else self.zero
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values along it, at most nine."""
        if not self.log:
            step = _step(self.high - self.low)
            return [step * n for n in range(round(self.high / step) + 1)]
        inside = [
            each for each in _rounds(self.low, self.high) if self.low * 0.999 <= each <= self.high * 1.001
        ]
        return ([0.0] if self.zero is not None else []) + inside


def axis_for(values: Iterable[float], start: float, end: float) -> Axis:
    """The axis on which some values, from 0 on, can be told apart: logarithmic where they are far apart.

    Args:
        values: What has a place on it.
        start, end: Where it begins and ends, in the drawing's units.

    Example:
        >>> axis_for([1, 4], 0, 100).ticks(), axis_for([0.02, 3], 0, 100).ticks()
        ([0.0, 1.0, 2.0, 3.0, 4.0], [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0])
    """
    every = [value for value in values if math.isfinite(value)]
    some = [value for value in every if value > 0]
    if not some:
        return Axis(0.0, 1.0, start, end)
    least, most = min(some), max(some)
    if most / least < _WIDE:
        return Axis(0.0, _round_up(most), start, end)
    low, high = _round_down(least), _round_up(most)
    if len(some) == len(every):
        return Axis(low, high, start, end, log=True)
    toward = math.copysign(1.0, end - start)
    return Axis(low, high, start + toward * _LANE, end, log=True, zero=start + toward * _LANE / 3)


def dollar_tick(value: float) -> str:
    """A round sum beside an axis.

    Example:
        >>> [dollar_tick(each) for each in (0.0, 0.00002, 0.25, 10.0, 1000.0)]
        ['$0', '$0.00002', '$0.25', '$10', '$1,000']
    """
    return f"${_round(value)}"


def second_tick(value: float) -> str:
    """A round time beside an axis.

    Example:
        >>> [second_tick(each) for each in (0.0, 0.05, 0.1, 1.25, 1000.0)]
        ['0', '50 ms', '0.1 s', '1.25 s', '1,000 s']
    """
    if not value:
        return "0"
    return f"{_round(value)} s" if value > 0.0999 else f"{_round(value * 1000)} ms"


def _round(value: float) -> str:
    """Up to four digits, without an exponent, and none that says nothing."""
    return f"{Decimal(f'{value:.4g}'):,f}"


def _rounds(low: float, high: float) -> Sequence[float]:
    """1, 2 and 5 times powers of ten, or fewer of them where there would be too many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = range(first, last + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**power for power in decades for step in steps]
        if sum(low * 0.999 <= each <= high * 1.001 for each in found) <= _MOST_TICKS:
            return found
    every = math.ceil(len(decades) / _MOST_TICKS)
    return [10.0**power for power in decades if (power - first) % every == 0]


def _step(span: float) -> float:
    power = 10.0 ** math.floor(math.log10(span))
    return next(
        power * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if span / (power * part) <= _MOST_TICKS - 1
    )


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 and 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * part for part in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 20) if power * part >= value)


def _round_down(value: float) -> float:
    """The last of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * part for part in (5, 2, 1, 0.5) if power * part <= value)
