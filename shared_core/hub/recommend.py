"""Which model to take: ranked by what is published, with the reasons, and what would be cheaper, faster or larger.

Lives here: the ranking. Pure. Not here: fetching (`hub`), constraints (`search`). No model's name stands here: whatever
the Hub and the catalogue list now is what is ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared_core.errors import ConfigError
from shared_core.hub.compare import Comparison, Row, compared
from shared_core.hub.joined import FoundModel, Usage
from shared_core.hub.tables import html_table
from shared_core.types.cost import dollars

__all__ = ["PREFERENCES", "Recommendation", "Recommendations", "recommended"]


PREFERENCES: dict[str, dict[str, float]] = {
    "balanced": {"cost": 0.4, "speed": 0.25, "latency": 0.2, "context": 0.15},
    "cost": {"cost": 1.0},
    "speed": {"speed": 0.6, "latency": 0.4},
    "quality": {"cost": 0.2, "speed": 0.1},
}
"""What the order rests on. Nobody publishes one figure of quality for all models: "quality" goes by proxies, the number
of weights (half of it) and likes (a fifth), which the reasons say."""

_SIZE, _LIKES = 0.5, 0.2
_SUPERLATIVES = (
    ("cost", "the cheapest", "as cheap as any"),
    ("speed", "the fastest", "as fast as any"),
    ("latency", "the first to answer", "as soon to answer as any"),
)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One model at one provider.

    Args:
        row: Its figures.
        score: From 0 to 1, among those that were compared.
        reasons: Why it stands where it stands.
    """

    row: Row
    score: float
    reasons: tuple[str, ...]

    @property
    def model(self) -> str:
        """What to write as `model=`."""
        return f"{self.row.model}:{self.row.provider}" if self.row.provider else self.row.model


@dataclass(frozen=True, slots=True)
class Recommendations:
    """The ranking.

    Args:
        ranked: The best first, one provider of each model.
        cheaper, faster, larger: What to take instead of the first; None where there is nothing better in that way.
        comparison: All rows that were compared, with gaps and date.
    """

    ranked: tuple[Recommendation, ...]
    cheaper: Row | None
    faster: Row | None
    larger: Row | None
    comparison: Comparison

    def _repr_html_(self) -> str:
        """For notebooks."""
        rows = [(each.model, each.score, "; ".join(each.reasons)) for each in self.ranked]
        others = {"cheaper": self.cheaper, "faster": self.faster, "larger": self.larger}
        notes = [f"{name}: {row.model} at {row.provider}" for name, row in others.items() if row is not None]
        return html_table(("model", "score", "why"), rows, notes)


def recommended(
    models: Sequence[FoundModel], prefer: str = "balanced", usage: Usage | None = None, limit: int = 5
) -> Recommendations:
    """Ranks models.

    Args:
        models: Those that fulfil the constraints.
        prefer: "balanced", "cost", "speed" or "quality".
        usage: Tokens by "input" and "output", for costs.
        limit: How many to give.

    Raises:
        ConfigError: There is no such preference.
    """
    if not isinstance(prefer, str) or prefer not in PREFERENCES:
        raise ConfigError(
            f"There is no preference {prefer!r}.", hint=f"Choose one of {', '.join(PREFERENCES)}."
        )
    weights = PREFERENCES[prefer]
    comparison = compared([(model, None) for model in models], usage, weights)
    cards = {model.id: model for model in models}
    scored = [(_score(row, models, cards[row.model], prefer), row) for row in comparison.rows]
    # Where nobody publishes figures, as of tasks other than chat, the Hub's own order is left.
    place = {model.id: number for number, model in enumerate(models, 1)}
    scored.sort(key=lambda pair: (-pair[0], place[pair[1].model], pair[1].provider or ""))
    best: dict[str, tuple[float, Row]] = {}
    for score, row in scored:
        best.setdefault(row.model, (score, row))
    ranked = tuple(
        Recommendation(
            row, score, tuple(_reasons(row, comparison, cards[row.model], prefer, place[row.model]))
        )
        for score, row in list(best.values())[:limit]
    )
    first = ranked[0].row if ranked else None
    return Recommendations(
        ranked,
        _better(comparison.rows, first, "cost", less=True),
        _better(comparison.rows, first, "speed"),
        _better(comparison.rows, first, "parameters"),
        comparison,
    )


def _score(row: Row, models: Sequence[FoundModel], model: FoundModel, prefer: str) -> float:
    if prefer != "quality":
        return row.score or 0.0
    share = sum(PREFERENCES["quality"].values())
    largest = max((each.card.parameters or 0 for each in models), default=0)
    liked = max((each.card.likes or 0 for each in models), default=0)
    size = (model.card.parameters or 0) / largest if largest else 0.0
    likes = (model.card.likes or 0) / liked if liked else 0.0
    return (row.score or 0.0) * share + _SIZE * size + _LIKES * likes


def _reasons(row: Row, comparison: Comparison, model: FoundModel, prefer: str, place: int) -> list[str]:
    reasons = []
    if row.score is None:
        reasons.append(f"number {place} in the Hub's order; nobody publishes its price or speed")
    for name, alone, tied in _SUPERLATIVES:
        if name in comparison.best and getattr(row, name) == getattr(comparison.best[name], name):
            as_good = sum(getattr(each, name) == getattr(row, name) for each in comparison.rows)
            reasons.append(f"{alone if as_good == 1 else tied} of {len(comparison.rows)} offers")
    if row.cost is not None:
        reasons.append(f"{dollars(row.cost)} for the usage")
    if row.speed is not None:
        reasons.append(f"{row.speed:g} tokens a second")
    if row.context is not None:
        reasons.append(f"{row.context:,} tokens of context")
    if prefer == "quality" and model.card.parameters:
        reasons.append(f"{model.card.parameters / 1e9:g} billion weights, as a proxy of quality")
    if row.on_front and len(comparison.rows) > 1:
        reasons.append("no offer is better at everything")
    return reasons


def _better(rows: Sequence[Row], first: Row | None, name: str, *, less: bool = False) -> Row | None:
    if first is None:
        return None
    mine = getattr(first, name)
    if mine is None:
        return None
    known = [row for row in rows if getattr(row, name) is not None]
    better = [row for row in known if (getattr(row, name) < mine if less else getattr(row, name) > mine)]
    if not better:
        return None
    pick = min if less else max
    return pick(better, key=lambda row: getattr(row, name))
