"""Searching for models: what the Hub filters, what is filtered here, and what would narrow the search.

Lives here: the arguments, the filters, the order, insights. Pure but for the one flow. Not here: fetching (`asking`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict

from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ConfigError
from shared_core.flow import Flow
from shared_core.hub.asking import catalog_and, model_pages
from shared_core.hub.cards import HubModel
from shared_core.hub.joined import CAPABILITIES, FoundModel, joined
from shared_core.hub.tables import html_table, usd

__all__ = ["SORTS", "Insights", "SearchOptions", "SearchResult", "search"]

_HUB_SORTS = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "created": "createdAt",
    "modified": "lastModified",
}
_OWN_SORTS: dict[str, Callable[[FoundModel], float | None]] = {
    "price": lambda model: None if (it := model.cheapest()) is None else float(it[1]),
    "speed": lambda model: None if (it := model.fastest()) is None else -(it.throughput or 0.0),
    "latency": lambda model: min(
        (offer.first_token_latency_ms for offer in model.live() if offer.first_token_latency_ms), default=None
    ),
    "context": lambda model: None if model.context is None else -model.context,
    "size": lambda model: model.card.parameters,
}
SORTS = (*_HUB_SORTS, *_OWN_SORTS)
"""By which words results can be put in order. The first five are the Hub's; the others are made here."""

_MORE = 5  # times the limit are looked through where a filter is ours
_MOST = 500  # models looked through


class SearchOptions(TypedDict, total=False):
    """What a search may ask for; all of it must hold.

    Keys:
        task: The Hub's name, such as "text-generation"; chat models are found under that.
        author: Organisation or user.
        language: Such as "de".
        license: The Hub's id, such as "apache-2.0".
        allow_licenses: Kinds ("permissive", "copyleft", "non-commercial", "custom", "none") or ids that may be used.
        tags: Each must be on the page.
        library: Such as "transformers".
        size: Number of weights as the Hub writes it, "min:1B,max:8B"; models that do not state it are left out.
        provider: Who must serve it.
        served: Whether somebody must; default True.
        capability: What it must be known to do: "tools", "json", "vision".
        max_price: USD at most for a million tokens in and a million out, at the cheapest provider. Models without a
            known price are left out.
        min_context: Tokens at least, at some provider.
        sort: "trending" (default), "downloads", "likes", "created", "modified", or, made here, "price", "speed",
            "latency", "context", "size".
        limit: How many to give at most; default 20.
    """

    task: str | None
    author: str | None
    language: str | None
    license: str | None
    allow_licenses: Collection[str] | None
    tags: Sequence[str] | None
    library: str | None
    size: str | None
    provider: str | None
    served: bool
    capability: Sequence[str] | None
    max_price: Decimal | float | str | None
    min_context: int | None
    sort: str
    limit: int


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


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found.

    Args:
        models: In the order asked for.
        insights: What else there is to know.
        notes: Which filters are not the Hub's, and what could not be known.
        looked_through: How many models of the Hub's list that rests on.
    """

    models: tuple[FoundModel, ...]
    insights: Insights = field(default_factory=Insights)
    notes: tuple[str, ...] = ()
    looked_through: int = 0

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Any:
        return iter(self.models)

    def _repr_html_(self) -> str:
        """For notebooks."""
        head = (
            "model",
            "license",
            *CAPABILITIES,
            "context",
            "providers",
            "cheapest",
            "in",
            "out",
            "fastest",
            "tokens/s",
        )
        return html_table(head, map(_row, self.models), (*self.notes, "Prices are USD for a million tokens."))


def _row(model: FoundModel) -> list[object]:
    """The cells of a notebook's table."""
    offer = None if (found := model.cheapest()) is None else found[0]
    fastest = model.fastest()
    return [
        model.id,
        model.card.license,
        *(model.can(name) for name in CAPABILITIES),
        model.context,
        len(model.providers),
        *(
            (None,) * 3
            if offer is None
            else (offer.provider, usd(offer.input_price), usd(offer.output_price))
        ),
        *((None, None) if fastest is None else (fastest.provider, fastest.throughput)),
    ]


def search(client: VectorRouter, query: str | None, options: SearchOptions) -> Flow[SearchResult]:
    """The flow of one search."""
    limit, sort = _checked(options)
    ours = _filters_here(options)
    most = min(_MOST, limit * _MORE) if ours or sort in _OWN_SORTS else limit
    question = model_pages(client, _filters_there(query, options, sort), most)
    catalog, cards = yield from catalog_and(client, question)
    seen = joined(cards, catalog)
    kept = [model for model in seen if all(passes(model) for _, passes in ours)]
    if sort in _OWN_SORTS:
        kept = _in_own_order(kept, _OWN_SORTS[sort])
    notes = [
        f"{name} is no filter of the Hub: it was applied here to {len(seen)} models." for name, _ in ours
    ]
    if sort in _OWN_SORTS:
        notes.append(f"The order by {sort} was made here, among {len(seen)} models.")
    if catalog is None:
        notes.append("The router's catalogue could not be had: there are no prices, speeds or contexts.")
    return SearchResult(tuple(kept[:limit]), insights_of(seen, options), tuple(notes), len(seen))


def _checked(options: SearchOptions) -> tuple[int, str]:
    if unknown := options.keys() - SearchOptions.__annotations__.keys():
        raise ConfigError(
            f"A search has no {min(unknown)!r}.", hint=f"It has {', '.join(SearchOptions.__annotations__)}."
        )
    limit, sort = options.get("limit", 20), options.get("sort") or "trending"
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST:
        raise ConfigError(f"limit={limit!r} is not a whole number from 1 to {_MOST}.")
    if sort not in SORTS:
        raise ConfigError(f"There is no order by {sort!r}.", hint=f"Choose one of {', '.join(SORTS)}.")
    for name in options.get("capability") or ():
        if name not in CAPABILITIES:
            raise ConfigError(
                f"There is no capability {name!r}.", hint=f"Choose among {', '.join(CAPABILITIES)}."
            )
    return limit, sort


def _filters_there(query: str | None, options: SearchOptions, sort: str) -> list[tuple[str, str]]:
    named = {
        "search": query,
        "pipeline_tag": options.get("task"),
        "author": options.get("author"),
        "num_parameters": options.get("size"),
        "inference_provider": options.get("provider") or ("all" if options.get("served", True) else None),
        "sort": _HUB_SORTS.get(sort, _HUB_SORTS["trending"]),
    }
    tags = [*(options.get("tags") or ()), *filter(None, (options.get("language"), options.get("library")))]
    if license_id := options.get("license"):
        tags.append(f"license:{license_id}")
    return [(key, value) for key, value in named.items() if value] + [("filter", tag) for tag in tags]


Filter = tuple[str, Callable[[FoundModel], bool]]


def _filters_here(options: SearchOptions) -> list[Filter]:
    filters = [(f"capability={name!r}", _can(name)) for name in options.get("capability") or ()]
    if (most := options.get("max_price")) is not None:
        usd = _price(most)
        filters.append(("max_price", lambda model: (it := model.cheapest()) is not None and it[1] <= usd))
    if (least := options.get("min_context")) is not None:
        filters.append(("min_context", lambda model: (model.context or 0) >= least))
    if (allowed := options.get("allow_licenses")) is not None:
        known = frozenset(allowed)
        filters.append(
            (
                "allow_licenses",
                lambda model: model.card.license_kind in known or model.card.license in known,
            )
        )
    return filters


def _can(capability: str) -> Callable[[FoundModel], bool]:
    return lambda model: model.can(capability) is True


def _price(value: Decimal | float | str) -> Decimal:
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or usd < 0:
        raise ConfigError(f"max_price={value!r} is no sum of US dollars.")
    return usd


def _in_own_order(
    models: list[FoundModel], measure: Callable[[FoundModel], float | None]
) -> list[FoundModel]:
    """Those of which nothing is known come last, in the Hub's order."""
    measured = [(measure(model), model) for model in models]
    known = sorted(
        ((value, model) for value, model in measured if value is not None),
        key=lambda pair: pair[0],
    )
    return [model for _, model in known] + [model for value, model in measured if value is None]


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
    asked = {options.get(name) for name in ("task", "library", "language")} | set(options.get("tags") or ())
    words = Counter(
        tag
        for card in cards
        for tag in card.tags
        if ":" not in tag and len(tag) > 2 and tag not in asked and tag not in (card.task, card.library)
    )
    return [word for word, count in words.most_common(5) if count > 1]
