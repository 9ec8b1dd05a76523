"""Models side by side: facts, the price of a given usage, speed and context, and which is best at what.

Lives here: rows, the best of each column, the Pareto front, the weighted order. Pure. Not here: fetching (`hub`), how
it is shown (`tables`).

A row is one model at one provider, since price, speed and context belong to that pair. A cell that nobody publishes is
None and stays a gap: such a row is neither best at it nor dominated by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shared_core.catalog import ProviderOffer
from shared_core.errors import ConfigError
from shared_core.hub.joined import CAPABILITIES, FoundModel, Usage, checked_usage, offer_cost
from shared_core.hub.tables import html_table, usd
from shared_core.types.cost import plain

__all__ = ["CRITERIA", "WEIGHTS", "Comparison", "Row", "compared", "dominates", "row_as_dict"]

CRITERIA = ("cost", "speed", "latency", "context")
"""What rows are ranked by: USD of the usage and milliseconds to the first token, the less the better; tokens a second
and tokens of context, the more the better."""

WEIGHTS: Mapping[str, float] = {"cost": 0.4, "speed": 0.25, "latency": 0.2, "context": 0.15}
"""The usual ones of the overall order."""

_HEAVIEST = 1e9  # of weights: larger ones have no sum, or leave nothing to the others
_LESS_IS_BETTER = frozenset({"cost", "latency"})


@dataclass(frozen=True, slots=True)
class Row:
    """One model at one provider.

    Args:
        model: The id.
        provider: Who serves it; None where the catalogue lists nobody.
        cost: USD for the usage; None where no price is known.
        input_price, output_price: USD per million tokens.
        speed: Tokens a second, as the router measured it.
        latency: Milliseconds to the first token, as the router measured it.
        context: Tokens.
        tools, json, vision: What it can do, as far as the catalogue says it.
        license, license_kind: By the card.
        parameters: Number of weights.
        on_front: Whether no other row is at least as good at everything known of this one, and better at something.
        score: Weighted, from 0 to 1; None without a single figure.
    """

    model: str
    provider: str | None = None
    cost: Decimal | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    speed: float | None = None
    latency: float | None = None
    context: int | None = None
    tools: bool | None = None
    json: bool | None = None
    vision: bool | None = None
    license: str | None = None
    license_kind: str = "none"
    parameters: int | None = None
    on_front: bool = False
    score: float | None = None

    def figure(self, criterion: str) -> float | None:
        """The figure that a criterion goes by."""
        value = getattr(self, criterion)
        return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows side by side.

    Args:
        rows: The best overall first; those without figures last.
        usage: What the costs are for, in tokens.
        weights: What the overall order rests on.
        best: The row that is best by each criterion that is published at all, and "overall".
        gaps: What nobody publishes, in words.
        priced_on: ISO date of the catalogue.
    """

    rows: tuple[Row, ...]
    usage: Mapping[str, Decimal]
    weights: Mapping[str, float]
    best: Mapping[str, Row]
    gaps: tuple[str, ...] = ()
    priced_on: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "usage": {name: str(count) for name, count in self.usage.items()},
            "weights": dict(self.weights),
            "priced_on": self.priced_on,
            "rows": [row_as_dict(row) for row in self.rows],
            "best": {name: f"{row.model}:{row.provider}" for name, row in self.best.items()},
            "gaps": list(self.gaps),
        }

    def _repr_html_(self) -> str:
        """For notebooks."""
        figures = ("cost", "tokens/s", "first token, ms", "context")
        head = ("model", "provider", *figures, *CAPABILITIES, "license", "on the front", "score")
        rows = [
            (
                *(row.model, row.provider, usd(row.cost), row.speed, row.latency, row.context),
                *(row.tools, row.json, row.vision, row.license, row.on_front, row.score),
            )
            for row in self.rows
        ]
        tokens = " and ".join(f"{float(count):,.15g} tokens of {name}" for name, count in self.usage.items())
        notes = (f"The cost is that of {tokens}, by the prices of {self.priced_on or 'nobody'}.", *self.gaps)
        return html_table(head, rows, notes)


def compared(
    models: Sequence[tuple[FoundModel, str | None]],
    usage: Usage | None = None,
    weights: Mapping[str, float] | None = None,
) -> Comparison:
    """The comparison of some models.

    Args:
        models: Each with the one provider to look at; None for all live ones.
        usage: Tokens by "input" and "output"; None is a million each.
        weights: Of `CRITERIA`, for the overall order; None is `WEIGHTS`.

    Raises:
        ConfigError: The usage or the weights are none.
    """
    tokens, weighed = checked_usage(usage), _checked_weights(weights)
    # A model that is named twice, with and without a provider, is one row.
    rows = list(dict.fromkeys(row for model, provider in models for row in _rows_of(model, provider, tokens)))
    ranges = {name: (min(known), max(known)) for name in CRITERIA if (known := _known(rows, name))}
    rows = [
        replace(row, on_front=on_front, score=_score(row, ranges, weighed))
        for row, on_front in zip(rows, _front(rows), strict=True)
    ]
    rows.sort(key=lambda row: (row.score is None, -(row.score or 0.0), row.model, row.provider or ""))
    best = {name: row for name in CRITERIA if (row := _best(rows, name)) is not None}
    scored = [row for row in rows if row.score is not None]
    if scored:
        best["overall"] = scored[0]
    days = sorted(model.priced_on for model, _ in models if model.priced_on)
    return Comparison(tuple(rows), tokens, weighed, best, tuple(_gaps(rows)), days[0] if days else None)


def _rows_of(model: FoundModel, provider: str | None, tokens: Mapping[str, Decimal]) -> list[Row]:
    about: dict[str, Any] = {
        "model": model.id,
        "vision": model.can("vision"),
        "license": model.card.license,
        "license_kind": model.card.license_kind,
        "parameters": model.card.parameters,
    }
    offers = [offer for offer in model.live() if provider in (None, offer.provider)]
    if not offers:  # the catalogue knows chat models only; others are served all the same
        served = [name for name in model.providers if provider in (None, name)]
        return [Row(**about, provider=name) for name in served or (provider,)]
    return [_row(about, offer, tokens) for offer in offers]


def _row(about: Mapping[str, Any], offer: ProviderOffer, tokens: Mapping[str, Decimal]) -> Row:
    return Row(
        **about,
        provider=offer.provider,
        cost=offer_cost(offer, tokens),
        input_price=offer.input_price,
        output_price=offer.output_price,
        speed=offer.throughput,
        latency=offer.first_token_latency_ms,
        context=offer.context_length,
        tools=offer.supports_tools,
        json=offer.supports_structured_output,
    )


def _known(rows: Sequence[Row], name: str) -> list[float]:
    return [value for row in rows if (value := row.figure(name)) is not None]


def _front(rows: Sequence[Row]) -> list[bool]:
    """For each row, whether it has a figure and no other dominates it."""
    figures = [_figures(row) for row in rows]
    return [
        any(one is not None for one in own) and not any(_dominates(other, own) for other in figures)
        for own in figures
    ]


def _figures(row: Row) -> tuple[float | None, ...]:
    """By the criteria, each as a number of which more is better."""
    values = ((name, row.figure(name)) for name in CRITERIA)
    return tuple(-value if value is not None and name in _LESS_IS_BETTER else value for name, value in values)


def dominates(one: Row, other: Row) -> bool:
    """Whether one row is at least as good at everything that is known of the other, and better at something."""
    return _dominates(_figures(one), _figures(other))


def _dominates(ours: Sequence[float | None], theirs: Sequence[float | None]) -> bool:
    better = False
    for mine, other in zip(ours, theirs, strict=True):
        if other is None:
            continue
        if mine is None or mine < other:
            return False
        better = better or mine > other
    return better


def _score(row: Row, ranges: Mapping[str, tuple[float, float]], weights: Mapping[str, float]) -> float | None:
    """Each figure from 0 (the worst here) to 1 (the best), weighted; what is not known counts as the worst."""
    if all(row.figure(name) is None for name in CRITERIA):
        return None
    return sum(weight * _share(row.figure(name), name, ranges) for name, weight in weights.items())


def _share(mine: float | None, name: str, ranges: Mapping[str, tuple[float, float]]) -> float:
    if mine is None:
        return 0.0
    lowest, highest = ranges[name]
    if lowest == highest:
        return 1.0
    share = (mine - lowest) / (highest - lowest)
    return 1.0 - share if name in _LESS_IS_BETTER else share


def _best(rows: Sequence[Row], name: str) -> Row | None:
    known = [(value, row) for row in rows if (value := row.figure(name)) is not None]
    if not known:
        return None
    pick = min if name in _LESS_IS_BETTER else max
    return pick(known, key=lambda pair: pair[0])[1]


def _gaps(rows: Sequence[Row]) -> list[str]:
    words = {
        "cost": "price",
        "speed": "throughput",
        "latency": "time to the first token",
        "context": "context",
    }
    gaps = []
    for row in rows:
        missing = [words[name] for name in CRITERIA if row.figure(name) is None]
        if missing:
            where = (
                f"{row.model} at {row.provider}" if row.provider else f"{row.model}, which nobody serves now"
            )
            gaps.append(f"{where}: no {', no '.join(missing)} published")
    return gaps


def _checked_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    if weights is None:
        return dict(WEIGHTS)
    given = dict(weights) if isinstance(weights, Mapping) else {}
    sound = all(
        name in CRITERIA
        and isinstance(each, int | float)
        and not isinstance(each, bool)
        and 0 <= each < _HEAVIEST
        for name, each in given.items()
    )
    total = sum(given.values()) if sound else 0
    if not total:
        raise ConfigError(
            f"weights={weights!r} cannot be used.",
            hint=f"Give numbers from 0 on for {', '.join(CRITERIA)}.",
        )
    return {name: each / total for name, each in given.items()}


def row_as_dict(row: Row) -> dict[str, Any]:
    """One row as plain JSON values; money as a text."""
    money = {name: getattr(row, name) for name in ("cost", "input_price", "output_price")}
    return {
        "model": row.model,
        "provider": row.provider,
        **{name: None if usd is None else plain(usd) for name, usd in money.items()},
        "speed": row.speed,
        "latency": row.latency,
        "context": row.context,
        **{name: getattr(row, name) for name in CAPABILITIES},
        "license": row.license,
        "license_kind": row.license_kind,
        "parameters": row.parameters,
        "on_front": row.on_front,
        "score": None if row.score is None else round(row.score, 4),
    }
