"""What a search may ask for: the arguments, which of them are the Hub's own filters, and those that are applied here.

Lives here: arguments and their checks, filters, orders. Pure. Not here: searching (`search`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypedDict

from shared_core.errors import ConfigError
from shared_core.hub.joined import CAPABILITIES, FoundModel

__all__ = [
    "BY_OFFERS",
    "MOST",
    "OWN_SORTS",
    "SORTS",
    "Filter",
    "SearchOptions",
    "checked",
    "checked_limit",
    "filters_here",
    "filters_there",
    "fitting",
    "in_own_order",
    "several",
]

MOST = 500
"""Models that are looked through at most: five pages, one after another."""

_HUB_SORTS = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "created": "createdAt",
    "modified": "lastModified",
}
OWN_SORTS: dict[str, Callable[[FoundModel], float | None]] = {
    "price": lambda model: None if (it := model.cheapest()) is None else float(it[1]),
    "speed": lambda model: None if (it := model.fastest()) is None else -(it.throughput or 0.0),
    "latency": lambda model: min(
        (offer.first_token_latency_ms for offer in model.live() if offer.first_token_latency_ms), default=None
    ),
    "context": lambda model: None if model.context is None else -model.context,
    "size": lambda model: model.card.parameters,
}
BY_OFFERS = frozenset({"price", "speed", "latency", "context"})
"""Those of them that go by the catalogue alone."""

SORTS = (*_HUB_SORTS, *OWN_SORTS)
"""By which words results can be put in order. The first five are the Hub's; the others are made here."""

_TEXTS = ("task", "author", "language", "license", "library", "size", "provider", "sort")
_SEVERAL = ("allow_licenses", "tags", "capability")
_SIZE = re.compile(r"(?:min|max):[\d.]+[KMBT]?(?:,(?:min|max):[\d.]+[KMBT]?)?", re.IGNORECASE)


class Filter(NamedTuple):
    """A filter of ours.

    Args:
        name: How notes call it.
        passes: Whether a model may stay.
        by_offers: Whether it goes by the router's catalogue alone, so that it is known beforehand who can pass.
    """

    name: str
    passes: Callable[[FoundModel], bool]
    by_offers: bool = True


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
        provider: Who must serve it; prices, speeds and the rest are then that provider's alone.
        served: Whether somebody must; default True.
        capability: What it must be known to do: "tools", "json", "vision"; one word may stand alone.
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
    allow_licenses: Collection[str] | str | None
    tags: Sequence[str] | str | None
    library: str | None
    size: str | None
    provider: str | None
    served: bool
    capability: Sequence[str] | str | None
    max_price: Decimal | float | str | None
    min_context: int | None
    sort: str
    limit: int


def checked(options: SearchOptions) -> tuple[int, str]:
    """How many are wanted and in which order.

    Raises:
        ConfigError: An argument is unknown or cannot work.
    """
    if unknown := options.keys() - SearchOptions.__annotations__.keys():
        raise ConfigError(
            f"A search has no {min(unknown)!r}.", hint=f"It has {', '.join(SearchOptions.__annotations__)}."
        )
    _check_types(options)
    limit, sort = checked_limit(options.get("limit", 20)), options.get("sort") or "trending"
    if sort not in SORTS:
        raise ConfigError(f"There is no order by {sort!r}.", hint=f"Choose one of {', '.join(SORTS)}.")
    for name in several(options.get("capability")):
        if name not in CAPABILITIES:
            raise ConfigError(
                f"There is no capability {name!r}.", hint=f"Choose among {', '.join(CAPABILITIES)}."
            )
    return limit, sort


def _check_types(options: SearchOptions) -> None:
    """A list where a text belongs would otherwise be a filter that nothing passes."""
    for name, value in options.items():
        if value is None:
            continue
        if name in _TEXTS and not isinstance(value, str):
            others = " Several licences go into allow_licenses." if name == "license" else ""
            raise ConfigError(f"{name}={value!r} is no text.", hint=f"Give one.{others}")
        texts = isinstance(value, Collection) and all(isinstance(each, str) for each in value)
        if name in _SEVERAL and not texts:
            raise ConfigError(f"{name}={value!r} is no list of texts.", hint='Write it as ["one", "other"].')
        if name == "served" and not isinstance(value, bool):
            raise ConfigError(f"served={value!r} is neither True nor False.")
    if (size := options.get("size")) and not _SIZE.fullmatch(size):
        raise ConfigError(f"size={size!r} is no range of weights.", hint='Write it as "min:1B,max:8B".')


def checked_limit(limit: object) -> int:
    """How many are wanted.

    Raises:
        ConfigError: It is no whole number from 1 to 500.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise ConfigError(f"limit={limit!r} is not a whole number from 1 to {MOST}.")
    return limit


def several(words: Collection[str] | None) -> tuple[str, ...]:
    """Words; a single one may stand alone."""
    return (words,) if isinstance(words, str) else tuple(words or ())


def filters_there(query: str | None, options: SearchOptions, sort: str) -> list[tuple[str, str]]:
    """The parameters of the Hub's list."""
    named = {
        "search": query,
        "pipeline_tag": options.get("task"),
        "author": options.get("author"),
        "num_parameters": options.get("size"),
        "inference_provider": options.get("provider") or ("all" if options.get("served", True) else None),
        "sort": _HUB_SORTS.get(sort, _HUB_SORTS["trending"]),
    }
    tags = [*several(options.get("tags")), *filter(None, (options.get("language"), options.get("library")))]
    if license_id := options.get("license"):
        tags.append(f"license:{license_id}")
    return [(key, value) for key, value in named.items() if value] + [("filter", tag) for tag in tags]


def filters_here(options: SearchOptions) -> list[Filter]:
    """The filters that the Hub does not have.

    Raises:
        ConfigError: One of them cannot work.
    """
    filters = [Filter(f"capability={name!r}", _can(name)) for name in several(options.get("capability"))]
    if (most := options.get("max_price")) is not None:
        usd = _price(most)
        filters.append(
            Filter("max_price", lambda model: (it := model.cheapest()) is not None and it[1] <= usd)
        )
    if (least := options.get("min_context")) is not None:
        if isinstance(least, bool) or not isinstance(least, int) or least < 1:
            raise ConfigError(f"min_context={least!r} is no number of tokens.")
        filters.append(Filter("min_context", lambda model: (model.context or 0) >= least))
    if (allowed := options.get("allow_licenses")) is not None:
        known = frozenset(several(allowed))

        def may_be_used(model: FoundModel) -> bool:
            return model.card.license_kind in known or model.card.license in known

        filters.append(Filter("allow_licenses", may_be_used, by_offers=False))
    return filters


def fitting(model: FoundModel, options: SearchOptions) -> FoundModel | None:
    """A model with those offers alone that fulfil everything by themselves; None where no offer does.

    A search is content where one provider has the price and another the context; whom to call is one provider.
    """
    filters = [each for each in filters_here(options) if each.by_offers]
    if not filters:
        return model
    offers = [(offer, replace(model, offers=(offer,))) for offer in model.live()]
    kept = tuple(offer for offer, alone in offers if all(each.passes(alone) for each in filters))
    return replace(model, offers=kept) if kept else None


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


def in_own_order(models: list[FoundModel], measure: Callable[[FoundModel], float | None]) -> list[FoundModel]:
    """Models by a figure of theirs; those of which nothing is known come last, in the Hub's order."""
    measured = [(measure(model), model) for model in models]
    known = sorted(
        ((value, model) for value, model in measured if value is not None),
        key=lambda pair: pair[0],
    )
    return [model for _, model in known] + [model for value, model in measured if value is None]
