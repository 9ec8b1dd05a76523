"""The picture of cost against latency, with the front beyond which nobody is both cheaper and faster.

Lives here: what is drawn where. Not here: scales (`axes`), where labels go (`labels`), colours (`page_style`). A model
is known by its number and its name; whether it is on the front, by its shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from shared_core._text import escaped
from shared_core.evaluate.comparing.report.axes import LOGARITHMIC, Axis, axis_for, dollar_tick, second_tick
from shared_core.evaluate.comparing.report.labels import Box, place, width_of
from shared_core.evaluate.comparing.report.text import short
from shared_core.evaluate.comparing.standing import Standing
from shared_core.evaluate.shown import per_thousand, seconds

__all__ = ["scatter"]

_WIDTH, _HEIGHT = 920.0, 420.0
_FIELD = Box(62, 30, 884, 370)
_FONT = 12.0
_MOST_NAMES = 14  # of more, the numbers alone are written
_MOST_NUMBERS = 60  # of more, those of the front alone
_LONGEST = 44


class _Point(NamedTuple):
    number: int
    model: Standing
    cost: float  # of a thousand answers
    latency: float
    x: float = 0.0
    y: float = 0.0


def scatter(models: Sequence[Standing]) -> str:
    """The drawing; "" where there are not two models whose cost and latency are known."""
    known = list(_known(models))
    if len(known) < 2:
        return ""
    across = axis_for([point.cost for point in known], _FIELD.left, _FIELD.right)
    down = axis_for([point.latency for point in known], _FIELD.bottom, _FIELD.top)
    points = [point._replace(x=across.at(point.cost), y=down.at(point.latency)) for point in known]
    return (
        f'<svg class="scatter" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="Cost of 1,000 answers '
        'against seconds to a whole answer; the same figures are in the table.">'
        f"{''.join(_parts(points, across, down))}</svg>"
    )


def _parts(points: Sequence[_Point], across: Axis, down: Axis) -> Iterator[str]:
    yield from _grid(across, down)
    corners = _front([point for point in points if point.model.on_front])
    if corners:
        yield f'<path class="front" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in corners)}"/>'
    told = [point for point in points if len(points) <= _MOST_NUMBERS or point.model.on_front][:_MOST_NUMBERS]
    names = [
        f"{point.number}"
        if len(told) > _MOST_NAMES
        else f"{point.number} {short(point.model.model, _LONGEST)}"
        for point in told
    ]
    sizes = [(width_of(name, _FONT) + 6, _FONT + 4) for name in names]
    boxes = place([(point.x, point.y) for point in told], sizes, _FIELD, _beside(corners))
    for point, box in zip(told, boxes, strict=True):
        yield _leader(point, box)
    labels = {
        point.number: _label(point, box, name) for point, box, name in zip(told, boxes, names, strict=True)
    }
    for point in points:
        yield _marker(point, labels.get(point.number, ""))


def _known(models: Sequence[Standing]) -> Iterator[_Point]:
    for number, one in enumerate(models, 1):
        cost, latency = one.figures.cost_per_answer, one.figures.latency
        if cost is not None and latency is not None:
            yield _Point(number, one, float(cost * 1000), latency.p50)


def _grid(across: Axis, down: Axis) -> Iterator[str]:
    for value in across.ticks():
        x = across.at(value)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_FIELD.top:g}" y2="{_FIELD.bottom:g}"/>'
        yield f'<text x="{x:.1f}" y="{_FIELD.bottom + 17:g}" text-anchor="middle">{dollar_tick(value)}</text>'
    for value in down.ticks():
        y = down.at(value)
        yield f'<line class="grid" x1="{_FIELD.left:g}" x2="{_FIELD.right:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_FIELD.left - 8:g}" y="{y + 4:.1f}" text-anchor="end">{second_tick(value)}</text>'
    yield (
        f'<text class="name" x="{_FIELD.left - 46:g}" y="16">'
        f"seconds to a whole answer (lower is faster{_how(down)})</text>"
    )
    middle = (_FIELD.left + _FIELD.right) / 2
    yield (
        f'<text class="name" x="{middle:g}" y="{_HEIGHT - 10:g}" text-anchor="middle">'
        f"cost of 1,000 answers (further left is cheaper{_how(across)})</text>"
    )


def _how(axis: Axis) -> str:
    return f"; {LOGARITHMIC}" if axis.log else ""


def _front(best: Sequence[_Point]) -> list[tuple[float, float]]:
    """The corners of a staircase: whatever lies above and to the right of it is beaten."""
    corners: list[tuple[float, float]] = []
    for x, y in sorted({(point.x, point.y) for point in best}):
        before = corners[-1][1] if corners else _FIELD.top
        corners += [(x, before), (x, y)]
    return [*corners, (_FIELD.right, corners[-1][1])] if corners else []


def _beside(corners: Sequence[tuple[float, float]]) -> list[Box]:
    """The staircase as narrow boxes."""
    return [
        Box(min(x, other_x), min(y, other_y), max(x, other_x) + 2, max(y, other_y) + 2)
        for (x, y), (other_x, other_y) in pairwise(corners)
    ]


def _leader(point: _Point, box: Box) -> str:
    """A line from a point to its label, where that is not beside it."""
    x = min(max(point.x, box.left), box.right)
    y = min(max(point.y, box.top), box.bottom)
    if (point.x - x) ** 2 + (point.y - y) ** 2 < 14**2:
        return ""
    return f'<line class="leader" x1="{point.x:.1f}" y1="{point.y:.1f}" x2="{x:.1f}" y2="{y:.1f}"/>'


def _label(point: _Point, box: Box, name: str) -> str:
    # The edge beside the point is kept, since how wide a text becomes is the reader's font's to say.
    anchor, at = (
        ("start", box.left)
        if box.left >= point.x
        else ("end", box.right)
        if box.right <= point.x
        else ("middle", 0.0)
    )
    at = at or (box.left + box.right) / 2
    return f'<text class="label" x="{at:.1f}" y="{box.bottom - 4.5:.1f}" text-anchor="{anchor}">{escaped(name)}</text>'


def _marker(point: _Point, label: str) -> str:
    x, y, model = point.x, point.y, point.model
    shape = (
        f'<path class="best" d="M{x - 6.5:.1f} {y:.1f}l6.5 -6.5l6.5 6.5l-6.5 6.5Z"/>'
        if model.on_front
        else f'<circle class="beaten" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    )
    told = f"{point.number} {model.model}: {per_thousand(model.figures)} for 1,000 answers, {seconds(point.latency)}"
    return f"<g><title>{escaped(short(told, 300))}</title>{shape}{label}</g>"
