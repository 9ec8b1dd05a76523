"""Bars for the page of a ledger, as drawings in the page itself.

Lives here: geometry. Not here: colours (`page_style`), which periods there are (`periods`). No text in a drawing comes
from a ledger but dates and numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from shared_core.observe.ledger.periods import Period, Periods
from shared_core.types.cost import rough

__all__ = ["charts"]

_WIDTH, _HEIGHT = 900, 220
_LEFT, _TOP, _BOTTOM = 70, 14, 196  # the field of the bars
_WIDEST = 56.0
_MOST_LABELS = 12


class _Series(NamedTuple):
    """What a part of each bar shows; `name` is its class of style."""

    name: str
    value: Callable[[Period], float]


def charts(periods: Periods) -> str:
    """Cost, where any is known, and tokens."""
    items = periods.items
    unit = f"per {periods.unit}" + (", from Monday on" if periods.unit == "week" else "")
    drawn = ""
    if any(item.cost for item in items):
        question = (
            " <span>(?: also calls of unknown cost)</span>"
            if any(item.unknown_costs for item in items)
            else ""
        )
        cost = _Series("cost", lambda item: float(item.cost))
        drawn = _figure(f"Cost {unit}", question, items, [cost], _dollars)
    keys = ' <span><i class="key read"></i>read<i class="key written"></i>written</span>'
    tokens = [
        _Series("read", lambda item: item.prompt_tokens),
        _Series("written", lambda item: item.completion_tokens),
    ]
    return drawn + _figure(f"Tokens {unit}", keys, items, tokens, _short)


def _figure(
    name: str, more: str, items: Sequence[Period], series: Sequence[_Series], shown: Callable[[float], str]
) -> str:
    most = max((sum(each.value(item) for each in series) for item in items), default=0.0)
    top = _round_up(most) or 1.0
    parts = [*_grid(top, shown), *_bars(items, series, top, shown)]
    return (
        f'<figure><figcaption>{name}{more}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{name}">{"".join(parts)}</svg></figure>'
    )


def _grid(top: float, shown: Callable[[float], str]) -> Iterator[str]:
    for quarter in range(5):
        y = _BOTTOM - (_BOTTOM - _TOP) * quarter / 4
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{shown(top * quarter / 4)}</text>'


def _bars(
    items: Sequence[Period], series: Sequence[_Series], top: float, shown: Callable[[float], str]
) -> Iterator[str]:
    step = (_WIDTH - _LEFT) / max(len(items), 1)
    width = min(step * 0.72, _WIDEST)
    every = -(-len(items) // _MOST_LABELS)
    for place, item in enumerate(items):
        middle, y, bar = _LEFT + step * (place + 0.5), float(_BOTTOM), ""
        for name, value in series:
            if tall := value(item) / top * (_BOTTOM - _TOP):
                y -= tall
                size = f'y="{y:.1f}" width="{width:.1f}" height="{tall:.1f}"'
                bar += f'<rect class="{name}" x="{middle - width / 2:.1f}" {size}/>'
        unknown = ""
        if item.unknown_costs and series[0].name == "cost":
            unknown = f", and {item.unknown_costs:,} calls of unknown cost"
            bar += f'<text class="unknown" x="{middle:.1f}" y="{y - 3:.1f}" text-anchor="middle">?</text>'
        total = shown(sum(each.value(item) for each in series))
        yield f"<g><title>{item.name}: {total} in {item.calls:,} calls{unknown}</title>{bar}</g>"
        if place % every == 0:
            label = item.name[5:] if len(item.name) == len("2026-11-27") else item.name
            yield f'<text x="{middle:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{label}</text>'


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 and 10 times a power of ten: a quarter of it is a short number, too."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** int(f"{value:e}".partition("e")[2])
    return next((unit * times for times in (1, 2, 4, 8, 10) if unit * times >= value), unit * 10)


def _dollars(value: float) -> str:
    return rough(Decimal(repr(value)))


def _short(value: float) -> str:
    for least, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= least:
            return f"{value / least:.3g}{letter}"
    return f"{value:.3g}"
