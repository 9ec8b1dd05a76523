"""What a search shows besides its results: tasks, what is talked of, what would narrow it, other words.

Lives here: the counting, over the models that were looked through. Pure. Not here: searching (`search`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared_core.hub.cards import HubModel
from shared_core.hub.filters import SearchOptions, several
from shared_core.hub.joined import CAPABILITIES, FoundModel

__all__ = ["Insights", "insights_of"]


@dataclass(frozen=True, slots=True)
class Insights:
    """What a search shows besides its results, counted over the models that were looked through.

    Args:
        tasks: How many there are of each task.
        trending: Ids of those with the highest trending score.
        narrowing: Filters that would leave some and not all of them: (argument, value, how many).
        related: Other words to search for, from the tags that came most often.
    """

    tasks: tuple[tuple[str, int], ...] = ()
    trending: tuple[str, ...] = ()
    narrowing: tuple[tuple[str, str, int], ...] = ()
    related: tuple[str, ...] = ()


def insights_of(seen: Sequence[FoundModel], options: SearchOptions) -> Insights:
    """What the models of a search have in common, and where they differ.

    Args:
        seen: The models that were looked through.
        options: What was asked for already.
    """
    cards = [model.card for model in seen]
    trending = sorted((card for card in cards if card.trending), key=lambda card: -(card.trending or 0.0))
    return Insights(
        tuple(Counter(card.task for card in cards if card.task).most_common(5)),
        tuple(card.id for card in trending[:5]),
        tuple(_narrowing(seen, options)),
        tuple(_related(cards, options)),
    )


def _narrowing(seen: Sequence[FoundModel], options: SearchOptions) -> Iterable[tuple[str, str, int]]:
    cards = [model.card for model in seen]
    counted: dict[str, Iterable[str | None]] = {
        "task": (card.task for card in cards),
        "license": (card.license for card in cards),
        "library": (card.library for card in cards),
        "language": (language for card in cards for language in card.languages),
        "provider": (provider for model in seen for provider in model.providers),
        "capability": (name for model in seen for name in CAPABILITIES if model.can(name)),
    }
    for name, values in counted.items():
        if options.get(name):
            continue
        for value, count in Counter(value for value in values if value).most_common(3):
            if count < len(seen):
                yield name, value, count


def _related(cards: Sequence[HubModel], options: SearchOptions) -> Iterable[str]:
    asked = {options.get(name) for name in ("task", "library", "language")} | set(
        several(options.get("tags"))
    )
    words = Counter(
        tag
        for card in cards
        for tag in card.tags
        if ":" not in tag and len(tag) > 2 and tag not in asked and tag not in (card.task, card.library)
    )
    return [word for word, count in words.most_common(5) if count > 1]
