"""Searching for models: the one flow, from the Hub's list to what may stay of it.

Lives here: how far the list is read, the result and its notes. Not here: filters (`filters`), what is told besides
(`insights`), fetching (`asking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_core.catalog import Catalog
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ConfigError
from shared_core.flow import Flow
from shared_core.hub.asking import Listing, catalog_and, list_path, models_of, more_of
from shared_core.hub.cards import HubModel
from shared_core.hub.filters import (
    BY_OFFERS,
    MOST,
    OWN_SORTS,
    Filter,
    SearchOptions,
    checked,
    filters_here,
    filters_there,
    in_own_order,
)
from shared_core.hub.insights import Insights, insights_of
from shared_core.hub.joined import CAPABILITIES, FoundModel, joined
from shared_core.hub.tables import html_table, usd

__all__ = ["SearchResult", "search"]

_MORE = 5  # times the limit are looked through where the order is ours and goes by the Hub's own facts
_ANYBODY = "all"  # the Hub's word for any provider


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
    if query is not None and not isinstance(query, str):
        raise ConfigError(f"query={query!r} is no text.")
    limit, sort = checked(options)
    ours, own_order = filters_here(options), OWN_SORTS.get(sort)
    most = MOST if ours or sort in BY_OFFERS else min(MOST, limit * _MORE) if own_order else limit
    path = list_path(filters_there(query, options, sort), most)
    catalog, begun = yield from catalog_and(client, models_of(client, path))
    able = _able([each for each in ours if each.by_offers], catalog, options)
    figure = [Filter(sort, lambda model: own_order is not None and own_order(model) is not None)]
    rated = _able(figure if sort in BY_OFFERS else [], catalog, options)

    def kept_of(cards: Sequence[HubModel]) -> list[FoundModel]:
        return [
            model for model in _joined(cards, catalog, options) if all(each.passes(model) for each in ours)
        ]

    def saw(names: frozenset[str] | None, cards: Sequence[HubModel]) -> bool:
        return names is not None and names <= {card.id.casefold() for card in cards}

    def enough(cards: Sequence[HubModel]) -> bool:
        if saw(able, cards):
            return True
        return len(kept_of(cards)) >= limit and (own_order is None or saw(rated, cards))

    listing = yield from more_of(client, path, begun, most, enough)
    cards, kept = listing.models, kept_of(listing.models)
    if own_order is not None:
        kept = in_own_order(kept, own_order)
    notes = [
        *(
            f"{each.name} is no filter of the Hub: it was applied here to {len(cards)} models."
            for each in ours
        ),
        *([f"The order by {sort} was made here, among {len(cards)} models."] if own_order else ()),
        *_gaps(listing, len(kept) < limit and not saw(able, cards), catalog is None),
    ]
    insights = insights_of(_joined(cards, catalog, options), options)
    return SearchResult(tuple(kept[:limit]), insights, tuple(notes), len(cards))


def _joined(cards: Iterable[HubModel], catalog: Catalog | None, options: SearchOptions) -> list[FoundModel]:
    """Models with those of their offers that were asked for."""
    found, provider = joined(cards, catalog), options.get("provider")
    return found if provider in (None, "", _ANYBODY) else [model.at(provider) for model in found]


def _able(
    filters: Sequence[Filter], catalog: Catalog | None, options: SearchOptions
) -> frozenset[str] | None:
    """The ids of all models that can pass filters which go by the catalogue; None without filters or catalogue. When
    all of them were seen, the rest of the Hub's list need not be."""
    if catalog is None or not filters:
        return None
    rows = _joined((HubModel(row.id) for row in catalog), catalog, options)
    return frozenset(row.id.casefold() for row in rows if all(each.passes(row) for each in filters))


def _gaps(listing: Listing, short: bool, unpriced: bool) -> Iterable[str]:
    if listing.broken is not None:
        yield f"The Hub's list broke off after {len(listing.models)} models: {listing.broken.message}"
    elif listing.following and short:
        yield f"The Hub lists more: only its first {len(listing.models)} models were looked through."
    if unpriced:
        yield "The router's catalogue could not be had: there are no prices, speeds or contexts."
