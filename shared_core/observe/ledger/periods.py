"""Days of a ledger as a row of bars: none left out between the first and the last, and never too many of them.

Lives here: days to weeks, months or years, sums rounded for a narrow place. Not here: how a bar is drawn (`page`, and
the command).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from shared_core.observe.ledger.questions import Totals
from shared_core.types import EXACT

__all__ = ["Period", "Periods"]

_FIRST, _LAST = (
    date(1970, 2, 2),
    date(9990, 1, 1),
)  # a clock says a day beyond these that was never set, or is broken


@dataclass(slots=True)
class Period:
    """What was used in it.

    Args:
        name: When it begins: "2026-11-27", of a month "2026-11", of a year "2026".
        calls, prompt_tokens, completion_tokens: As of `Totals`.
        cost: US dollars, what is known of them.
        unknown_costs: Calls that may have cost more.
    """

    name: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    unknown_costs: int = 0

    def add(self, day: Totals) -> None:
        """Counts a day in."""
        self.calls += day.calls
        self.prompt_tokens += day.prompt_tokens
        self.completion_tokens += day.completion_tokens
        self.cost = EXACT.add(self.cost, day.cost)
        self.unknown_costs += day.unknown_costs


@dataclass(frozen=True, slots=True)
class Periods:
    """Periods of one length, one after the other.

    Args:
        unit: "day", "week" (from Monday on), "month" or "year".
        items: In their order; those without calls, too.
    """

    unit: str
    items: tuple[Period, ...]

    @classmethod
    def of(cls, days: Iterable[Totals], most: int = 31) -> Periods:
        """The shortest periods of which there are no more than `most`; of years, the last ones.

        Args:
            days: What `Ledger.by("day")` gives.
            most: How many there is room for.

        Example:
            >>> from shared_core import Ledger
            >>> Periods.of(Ledger().by("day"))
            Periods(unit='day', items=())
        """
        known = dict(sorted((day, line) for line in days if (day := _day(line.name)) is not None))
        for unit, (begin, following, form) in _UNITS.items():
            starts = _starts(min(known), max(known), begin, following) if known else []
            if len(starts) <= most or unit == "year":
                periods = {start: Period(format(start, form)) for start in starts[-most:]}
                for day, line in known.items():
                    if (period := periods.get(begin(day))) is not None:
                        period.add(line)
                return cls(unit, tuple(periods.values()))
        raise AssertionError("unreachable")


def _day(name: str | None) -> date | None:
    """None for what a clock that was far off has left."""
    try:
        day = date.fromisoformat(name or "")
    except ValueError:
        return None
    return day if _FIRST <= day <= _LAST else None


def _starts(
    first: date, last: date, begin: Callable[[date], date], following: Callable[[date], date]
) -> list[date]:
    starts = [begin(first)]
    while (start := following(starts[-1])) <= last:
        starts.append(start)
    return starts


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


_UNITS: dict[str, tuple[Callable[[date], date], Callable[[date], date], str]] = {
    "day": (lambda day: day, lambda day: day + timedelta(days=1), "%Y-%m-%d"),
    "week": (
        lambda day: day - timedelta(days=day.weekday()),
        lambda day: day + timedelta(days=7),
        "%Y-%m-%d",
    ),
    "month": (lambda day: day.replace(day=1), _month_after, "%Y-%m"),
    "year": (lambda day: day.replace(month=1, day=1), lambda day: day.replace(year=day.year + 1), "%Y"),
}
