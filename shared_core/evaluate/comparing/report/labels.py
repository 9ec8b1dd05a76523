"""Where labels go in a drawing, so that none hides another or a point. Pure geometry."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Box", "place", "width_of"]

_RINGS = (11.0, 22.0, 36.0, 54.0, 76.0, 104.0)  # distances from a point, the nearest first
_ANGLES = (0, 180, 270, 90, 315, 45, 225, 135, 338, 22, 202, 158)  # right, left, above, below, between
_DOT = 7.0  # what is kept free around a point


class Box(NamedTuple):
    """A rectangle: its left upper corner, its right lower one."""

    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: Box) -> float:
        """The area that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    field: Box,
    lines: Sequence[Box] = (),
) -> list[Box]:
    """A box for each point's label: near it, within the field, off all points and off each other, as far as that goes.

    Args:
        points: Where they are.
        sizes: Width and height of each label.
        field: Where labels may be.
        lines: What they had better not cross.
    """
    taken = [*lines, *(Box(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in points)]
    found: dict[int, Box] = {}
    # Whoever has the least room around chooses first.
    for index in sorted(range(len(points)), key=lambda each: -_crowd(points, each)):
        best, least = None, math.inf
        for box in _around(points[index], sizes[index], field):
            hidden = sum(box.shared(other) for other in taken)
            if hidden < least:
                best, least = box, hidden
            if not hidden:
                break
        assert best is not None
        found[index] = best
        taken.append(best)
    return [found[index] for index in range(len(points))]


def width_of(text: str, size: float) -> float:
    """How wide a text is, nearly: fonts differ.

    Args:
        text: In one line.
        size: Of the font, in the drawing's units.
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (0.62 * (len(text) - wide) + 1.05 * wide)


def _around(point: tuple[float, float], size: tuple[float, float], field: Box) -> Iterator[Box]:
    (x, y), (wide, high) = point, size
    for distance in _RINGS:
        for angle in _ANGLES:
            across, down = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            # A box beside a point touches it with its nearest edge, one above or below with its middle.
            left = x + across * distance - wide * (1 - across) / 2
            top = y + down * distance - high * (1 - down) / 2
            left = min(max(left, field.left), field.right - wide)
            top = min(max(top, field.top), field.bottom - high)
            yield Box(left, top, left + wide, top + high)


def _crowd(points: Sequence[tuple[float, float]], index: int) -> float:
    x, y = points[index]
    return sum(1 / (1 + math.hypot(x - other_x, y - other_y)) for other_x, other_y in points)
