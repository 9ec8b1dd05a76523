"""Figures in words, as people read them in tables, pages and terminals: seconds, money, shares.

Not here: exact values, which JSON and CSV hold (`Figures.as_dict`).
"""

from __future__ import annotations

from shared_core.evaluate.figures import Figures, Spread
from shared_core.types import BudgetState
from shared_core.types.budget import shown
from shared_core.types.cost import rough

__all__ = ["answered", "balance", "cost", "pair", "per_thousand", "rate", "seconds", "speed"]

UNKNOWN = "?"


def seconds(value: float) -> str:
    """A time.

    Example:
        >>> [seconds(each) for each in (0.0384, 0.384, 1.234, 12.34, 123.4)]
        ['38 ms', '0.38 s', '1.2 s', '12 s', '123 s']
    """
    if value < 0.0995:
        return f"{value * 1000:.0f} ms" if value >= 0.00095 else f"{value * 1000:.2g} ms"
    return f"{value:.2f} s" if value < 0.995 else f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"


def pair(spread: Spread | None) -> str:
    """Median and p95, such as "0.38 / 1.2 s"; "" where nothing was measured."""
    if spread is None:
        return ""
    middle, late = seconds(spread.p50), seconds(spread.p95)
    same = middle.partition(" ")[2] == late.partition(" ")[2]
    return f"{middle.partition(' ')[0] if same else middle} / {late}"


def speed(spread: Spread | None) -> str:
    """Tokens a second; "" where nobody said."""
    return "" if spread is None else f"{spread.p50:,.0f}" if spread.p50 >= 9.95 else f"{spread.p50:.2g}"


def cost(figures: Figures) -> str:
    """The sum of some answers: with a question mark where a part is unknown, and that alone where all of it is."""
    if figures.known_cost is None:
        return UNKNOWN if figures.answered else ""
    return f"{rough(figures.known_cost)} + {UNKNOWN}" if figures.unknown_costs else rough(figures.known_cost)


def per_thousand(figures: Figures) -> str:
    """What a thousand such answers cost."""
    if figures.cost_per_answer is None:
        return UNKNOWN if figures.answered else ""
    return rough(figures.cost_per_answer * 1000)


def answered(figures: Figures) -> str:
    """How many of those asked answered, such as "11 of 12"."""
    asked = figures.answered + figures.failed
    return f"{figures.answered:,} of {asked:,}" if asked else "not asked"


def rate(figures: Figures) -> str:
    """The share of those asked who answered; 99.9 % is never called 100."""
    if figures.ok_rate is None:
        return ""
    whole = round(figures.ok_rate * 100)
    return f"{min(whole, 99) if figures.failed else whole} %"


def balance(budget: BudgetState) -> str:
    """How the budget of a run stands."""
    told = f"{shown(budget.spent, budget.unit)} of {shown(budget.limit, budget.unit)} spent"
    if budget.unconfirmed:
        told += (
            f", of which {shown(budget.unconfirmed, budget.unit)} unconfirmed: calls that may have run although no "
            "answer came"
        )
    return told
