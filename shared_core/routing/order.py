"""In which order targets are asked: the catalogue's figures, blended with what this process has seen.

Not here: which of them may be asked at all at the moment (`policy.fallback` asks their health).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal, get_args

from shared_core.catalog import list_price, loaded
from shared_core.catalog.facts import offers_in_reach
from shared_core.errors import ConfigError
from shared_core.types import Call, Figures, ModelRef, Routing, Target

__all__ = ["ROUTINGS", "in_order"]

ROUTINGS: tuple[str, ...] = get_args(Literal["fallback", "latency", "throughput", "cost", "weighted"])
"""What `routing` can be, besides a function."""

_TRUST = 10  # answers that the catalogue's figure is worth: after so many of our own, both count alike
_USUAL_ANSWER = 200  # tokens, to turn a speed into the time of a whole answer


def in_order(
    routing: Routing,
    call: Call,
    targets: Sequence[Target],
    figures: Callable[[Target], Figures],
    draw: Callable[[], float],
) -> Sequence[Target]:
    """The targets in the order in which they are asked.

    Args:
        routing: "fallback" leaves them as they are. "latency" puts the shortest time first (to the first token of
            streams, else to the whole answer), "throughput" the most tokens a second; a target of which nothing is
            known counts as average. "cost" puts the lowest list price first, unknown ones last. "weighted" draws
            lots. A function gets the call and its targets and returns those to ask, in order.
        call: The call.
        targets: In the user's order.
        figures: What was seen of each.
        draw: A random number in [0, 1).

    Raises:
        ConfigError: A function returned no target, or something else than those it was given.
    """
    if callable(routing):
        return _chosen(routing, call, targets)
    if routing == "latency":
        streamed = bool(getattr(call.request, "stream", False))
        return _by(targets, [_time(target, figures(target), streamed=streamed) for target in targets])
    if routing == "throughput":
        speeds = [_speed(target, figures(target)) for target in targets]
        return _by(targets, [None if speed is None else -speed for speed in speeds])
    if routing == "cost":
        return sorted(targets, key=_price)
    if routing == "weighted":  # Efraimidis and Spirakis: each is first in proportion to its weight, and so on
        lots = {target.id: -math.log(1.0 - draw()) / target.weight for target in targets}
        return sorted(targets, key=lambda target: lots[target.id])
    return targets


def _by(targets: Sequence[Target], values: Sequence[float | None]) -> Sequence[Target]:
    known = [value for value in values if value is not None]
    if not known:
        return targets
    usual = fmean(known)
    keyed = sorted(zip(targets, values, strict=True), key=lambda pair: usual if pair[1] is None else pair[1])
    return [target for target, _ in keyed]


def _chosen(
    routing: Callable[[Call, Sequence[Target]], Sequence[Target]], call: Call, targets: Sequence[Target]
) -> Sequence[Target]:
    known = {target.id: target for target in targets}
    given = routing(call, tuple(targets))
    chosen: dict[object, Target] = {}
    for target in given if isinstance(given, Sequence) else ():
        if not isinstance(target, Target) or target.id not in known:
            raise ConfigError(f"The routing function chose {target!r}, which is none of the call's targets.")
        chosen[target.id] = known[target.id]
    if not chosen:
        raise ConfigError(
            "The routing function chose no target. Nothing was sent.",
            hint="Return some of the targets that it is given, the one to ask first at the beginning.",
        )
    return list(chosen.values())


def _time(target: Target, seen: Figures, *, streamed: bool) -> float | None:
    first, speed = _listed(target)
    if streamed:
        return _blend(first, seen.first_token, seen.seen)
    whole = None if first is None or not speed else first + _USUAL_ANSWER / speed
    return _blend(whole, seen.whole, seen.seen)


def _speed(target: Target, seen: Figures) -> float | None:
    return _blend(_listed(target)[1], seen.speed, seen.seen)


def _blend(listed: float | None, seen: float | None, times: int) -> float | None:
    if listed is None or seen is None:
        return listed if seen is None else seen
    return (listed * _TRUST + seen * times) / (_TRUST + times)


def _listed(target: Target) -> tuple[float | None, float | None]:
    """(seconds to the first token, tokens a second) from the catalogue that was loaded from this host."""
    catalog = loaded(target.base_url)
    info = None if catalog is None else catalog.get(target.model)
    if info is None:
        return None, None
    ref = ModelRef.parse(target.model)
    offers = offers_in_reach(info, ref.provider)
    firsts = [offer.first_token_latency_ms / 1000 for offer in offers if offer.first_token_latency_ms]
    speeds = [offer.throughput for offer in offers if offer.throughput]
    if ref.suffix == "fastest":
        return min(firsts, default=None), max(speeds, default=None)
    return fmean(firsts) if firsts else None, fmean(speeds) if speeds else None


def _price(target: Target) -> float:
    price = list_price(target.model, base_url=target.base_url)
    # Prompts are about three times as long as answers.
    return math.inf if price is None else float(3 * price.input + price.output)
