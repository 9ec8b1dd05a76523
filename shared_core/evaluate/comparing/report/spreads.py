"""How the times of each model are spread: a strip of one dot for each answer, its median and its p95.

Lives here: what is drawn where. Not here: scales (`axes`), percentiles (`figures`), colours (`page_style`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared_core._text import escaped
from shared_core.evaluate.comparing.report.axes import LOGARITHMIC, Axis, axis_for, second_tick
from shared_core.evaluate.comparing.report.text import short
from shared_core.evaluate.figures import Spread
from shared_core.evaluate.shown import seconds

__all__ = ["spreads"]

_WIDTH = 480.0
_LEFT, _RIGHT, _TOP = 12.0, 468.0, 0.0
_ROW, _LANE = 54.0, 28.0  # of a model: its height, and where in it the strip is
_FOOT = 38.0
_HEIGHTS = (
    0.0,
    -4.0,
    3.0,
    -2.0,
    4.5,
    1.5,
    -5.0,
)  # of one dot after another, so that equal times are told apart
_LONGEST = 42


def spreads(title: str, values: Mapping[str, Sequence[float]], failed: Mapping[str, int]) -> str:
    """The drawing; "" where nothing was measured.

    Args:
        title: What is drawn, for those who hear it.
        values: Seconds of each answer, by model, in the order of the models.
        failed: How many of each model's questions failed.
    """
    every = [value for each in values.values() for value in each]
    if not every:
        return ""
    across = axis_for(every, _LEFT, _RIGHT)
    bottom = _TOP + _ROW * len(values)
    rows = "".join(
        "".join(_row(number, name, times, failed.get(name, 0), across))
        for number, (name, times) in enumerate(values.items())
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {bottom + _FOOT:g}" role="img" aria-label="{escaped(title)}; medians and p95 '
        f'are in the table.">{"".join(_grid(across, bottom))}{rows}</svg>'
    )


def _grid(across: Axis, bottom: float) -> Iterator[str]:
    for value in across.ticks():
        x = across.at(value)
        anchor = "start" if x < _LEFT + 12 else "end" if x > _RIGHT - 12 else "middle"
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP:g}" y2="{bottom:g}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16:g}" text-anchor="{anchor}">{second_tick(value)}</text>'
    if across.log:
        yield f'<text class="name" x="{_RIGHT:g}" y="{bottom + 32:g}" text-anchor="end">{LOGARITHMIC}</text>'


def _row(number: int, name: str, times: Sequence[float], failed: int, across: Axis) -> Iterator[str]:
    top = _TOP + _ROW * number
    y = top + _LANE
    said = f"{len(times):,} answer{'' if len(times) == 1 else 's'}" + (
        f", ✗ {failed:,} failed" if failed else ""
    )
    yield f'<text class="label" x="{_LEFT:g}" y="{top + 14:g}">{number + 1} {escaped(short(name, _LONGEST))}</text>'
    yield f'<text x="{_RIGHT:g}" y="{top + 14:g}" text-anchor="end">{said}</text>'
    spread = Spread.of(times)
    if spread is None:
        return
    left, right = across.at(spread.least), across.at(spread.most)
    dots = "".join(
        f"M{across.at(value):.1f} {y + _HEIGHTS[place % len(_HEIGHTS)]:.1f}h0"
        for place, value in enumerate(times)
    )
    middle, late = across.at(spread.p50), across.at(spread.p95)
    told = f"{name}: {seconds(spread.least)} to {seconds(spread.most)}, half of them within {seconds(spread.p50)}, "
    yield (
        f"<g><title>{escaped(told)}95 of 100 within {seconds(spread.p95)}</title>"
        f'<line class="range" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<path class="dots" d="{dots}"/>'
        f'<line class="median" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 9:.1f}" y2="{y + 9:.1f}"/>'
        f'<path class="late" d="M{late:.1f} {y + 3:.1f}l5 9h-10Z"/></g>'
    )
