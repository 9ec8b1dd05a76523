"""What a counted call costs: tokens times a price, exactly.

Lives here: the arithmetic, and whose price counts (`price_served`): that of the provider that answered.
Not here: prices themselves (`prices`, `models`), estimates before a call (`estimates`).

Nothing is guessed: without the provider that served, without its price, or with counts that contradict one another
there is no sum. Nothing is rounded: prices are decimal fractions of a dollar for a million tokens, and so is what
comes out. Pure, and never the network: only catalogues that are loaded, and the snapshot.
"""

from __future__ import annotations

from decimal import Decimal

from shared_core.catalog.answers import Answers
from shared_core.catalog.facts import date_of
from shared_core.catalog.loaded import ROUTER_URL, SHARED, server_key
from shared_core.catalog.models import ProviderOffer
from shared_core.catalog.prices import Price
from shared_core.catalog.snapshot import shipped
from shared_core.types import EXACT, Cost, Usage

_MOST_TOKENS = 10**12  # of one call; more is noise, and bounds the digits of the sum
_MILLION = -6  # as a power of ten

_Key = tuple[str, str, str | None]
_answers: Answers[_Key, Price | None] = Answers()


def cost_of(usage: Usage | None, price: Price) -> Cost:
    """What a call costs by a price list.

    Reasoning tokens are among the completion tokens already. Cached ones are among the prompt tokens; they are
    charged at their own price where the list has one, else at the full price, which the cost then says.

    Args:
        usage: What the provider counted.
        price: Of the provider that served, in USD per million tokens.

    Returns:
        The sum, with the date of the list; unknown when nothing was counted, or the counts contradict one another.

    Example:
        >>> price = Price(Decimal("0.10"), Decimal("0.50"), "example", "2026-08-22")
        >>> print(cost_of(Usage(1000, 46, 1046), price))
        $0.000123 (price list of 2026-08-22)
    """
    if usage is None:
        return _UNCOUNTED
    prompt, completion, total, cached = usage[:4]
    if total != prompt + completion:
        return _OF_PARTS
    if prompt < 0 or completion < 0 or total > _MOST_TOKENS or (cached and not 0 < cached <= prompt):
        return _CONTRADICTORY
    note = ""
    if not cached:
        millionths = EXACT.multiply(prompt, price.input)
    elif price.cached_input is None:
        millionths = EXACT.multiply(prompt, price.input)
        note = f"{cached} cached tokens at the full price: the list has none for them"
    else:
        millionths = EXACT.fma(cached, price.cached_input, EXACT.multiply(prompt - cached, price.input))
    if completion:
        millionths = EXACT.fma(completion, price.output, millionths)
    return Cost(EXACT.scaleb(millionths, _MILLION), "price list", price.date, price.source, note)


_UNCOUNTED = Cost(note="the reply counts no tokens")
_OF_PARTS = Cost(note="the reply's token counts do not add up to their total")
_CONTRADICTORY = Cost(note="the reply's token counts contradict one another")


def price_served(model: str, *, provider: str, base_url: str | None = None) -> Price | None:
    """What one provider asks for one model: by the catalogue loaded from that server, else by the snapshot.

    A loaded catalogue has the last word: what it does not list has no price. The snapshot answers for the router
    alone, and only with prices that it has from this provider: not with samples of the model's maker.

    Args:
        model: With or without a suffix.
        provider: Who served.
        base_url: The server; None is the router.

    Returns:
        The price with its source and date; None when unknown: never the highest, or a mean.
    """
    return _answers.get((model, provider, base_url), _find)


def _find(key: _Key) -> Price | None:
    model, provider, base_url = key
    catalog = SHARED.loaded(base_url)
    if catalog is not None:
        info = catalog.get(model)
        offer = None if info is None else info.offer(provider)
        return price_of(offer, catalog.source, date_of(catalog.fetched_at))
    if server_key(base_url) != ROUTER_URL:
        return None
    row = shipped().get(model)
    return None if row is None else price_of(row.info.offer(provider), row.offers_source, row.date)


def price_of(offer: ProviderOffer | None, source: str, date: str | None) -> Price | None:
    """The price of an offer; None unless it states one for each direction, or that it is free."""
    if offer is None:
        return None
    if offer.input_price is not None and offer.output_price is not None:
        return Price(offer.input_price, offer.output_price, source, date, offer.cached_input_price)
    return Price(Decimal(0), Decimal(0), source, date) if offer.is_free else None
