"""Who is best at what: ranks, and the front of cost against latency. Pure.

What is not known is not ranked, and neither on the front nor able to keep another from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from shared_core.evaluate.figures import Figures

__all__ = ["CRITERIA", "Standing", "front", "ranks", "standings"]

T = TypeVar("T")

CRITERIA: Mapping[str, Callable[[Figures], float | None]] = {
    "cost": lambda figures: None if figures.cost_per_answer is None else float(figures.cost_per_answer),
    "first_token": lambda figures: None if figures.first_token is None else figures.first_token.p50,
    "latency": lambda figures: None if figures.latency is None else figures.latency.p50,
    "throughput": lambda figures: None if figures.throughput is None else -figures.throughput.p50,
    "reliability": lambda figures: None if figures.ok_rate is None else -figures.ok_rate,
}
"""What models are ranked by, each as a number of which less is better: cost of an answer, median seconds to the first
content and to the whole answer, median tokens a second, share of those asked who answered."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One model among the others.

    Args:
        model: Its name.
        figures: Over all prompts.
        ranks: By `CRITERIA`, from 1 on; equals share the better rank, and None is not known.
        on_front: Whether no other is both as cheap and as fast to a whole answer, and better at one of these.
    """

    model: str
    figures: Figures
    ranks: Mapping[str, int | None]
    on_front: bool


def standings(figures: Mapping[str, Figures]) -> tuple[Standing, ...]:
    """Where each stands, in the order given."""
    by = {name: ranks([value(each) for each in figures.values()]) for name, value in CRITERIA.items()}
    best = front([(CRITERIA["cost"](each), CRITERIA["latency"](each)) for each in figures.values()])
    return tuple(
        Standing(model, each, {name: places[place] for name, places in by.items()}, best[place])
        for place, (model, each) in enumerate(figures.items())
    )


def ranks(values: Sequence[float | None]) -> list[int | None]:
    """The rank of each value, the least first; equals share the better one.

    Example:
        >>> ranks([0.3, None, 0.1, 0.3, 0.5])
        [2, None, 1, 2, 4]
    """
    known = sorted(value for value in values if value is not None)
    places: dict[float, int] = {}
    for place, value in enumerate(known, 1):
        places.setdefault(value, place)
    return [None if value is None else places[value] for value in values]


def front(points: Sequence[tuple[float | None, float | None]]) -> list[bool]:
    """For each point, whether none is at most as large in both values and less in one.

    Equal points are both on the front or both off it. A point of which a value is not known is off it.

    Example:
        >>> front([(1, 5), (2, 5), (3, 1), (1, 5), (None, 0)])
        [True, False, True, True, False]
    """
    known = [point for point in points if None not in point]
    return [
        None not in point
        and not any(
            other != point and other[0] <= point[0] and other[1] <= point[1]  # type: ignore[operator]
            for other in known
        )
        for point in points
    ]
