"""What a call may cost before it is made: a range, from counted bytes and the prices of whoever may serve it.

Lives here: how bytes bound tokens, and which prices are in reach. Not here: what was really charged (`costs`).

A tokenizer for every model is not at hand, so tokens are bounded by bytes of UTF-8. Measured on 2026-11-27 with the
vocabularies o200k_base and cl100k_base on text in eight languages, Python, JSON, digits, base64 and emoji: from 9.8
bytes a token (Hindi, o200k_base) to 1.0 (cuneiform), English prose 3.6. More tokens than bytes no byte-level
vocabulary makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from shared_core.catalog.costs import cost_of, price_of
from shared_core.catalog.facts import date_of, offers_in_reach
from shared_core.catalog.loaded import ROUTER_URL, SHARED, server_key
from shared_core.catalog.lookup import pinned_provider
from shared_core.catalog.models import ModelInfo
from shared_core.catalog.prices import Price
from shared_core.catalog.snapshot import shipped
from shared_core.types import Cost, CostEstimate, Usage

_BYTES_A_TOKEN = 10  # at most
_FRAME = 16  # tokens that a template puts around a message, at most
_PREAMBLE = 128  # and before them all, such as today's date

_COUNTED = "tokens are bounded by bytes: one for ten at least, one for each at most"


class Sizes(NamedTuple):
    """How long an input is.

    Args:
        bytes: Of all its texts, in UTF-8.
        parts: Messages, or texts.
        uncounted: What is in it beside text, such as "image"; "" for nothing.
    """

    bytes: int
    parts: int
    uncounted: str = ""

    def tokens(self) -> tuple[int, int]:
        """The fewest and the most.

        Example:
            >>> Sizes(100, 1).tokens()
            (10, 244)
        """
        return self.bytes // _BYTES_A_TOKEN, self.bytes + _FRAME * self.parts + _PREAMBLE


def estimate(
    model: str,
    sizes: Sizes,
    completion: tuple[int, int | None],
    *,
    base_url: str | None = None,
    own: Price | None = None,
) -> CostEstimate:
    """The range of what a call may cost.

    Args:
        model: With its suffix: a provider's name there leaves only its price.
        sizes: Of the input.
        completion: The fewest and the most tokens of the answer; None where it has no known limit.
        base_url: The server; None is the router.
        own: The user's own price, before all others.

    Returns:
        The range; unknown at its upper end when the answer or the input has no bound, unknown altogether when there
        is no price.
    """
    prompt = sizes.tokens()
    prices, said = ([own], "") if own is not None else _prices_in_reach(model, base_url)
    note = "; ".join(filter(None, (_COUNTED, said)))
    if not prices:
        unknown = Cost(note="no price is known for this model and provider")
        return CostEstimate(unknown, unknown, prompt, completion, note)
    low = _costs(prices, prompt[0], completion[0])[0]
    if sizes.uncounted:
        high = Cost(note=f"how many tokens {sizes.uncounted} counts for is up to the provider")
    elif completion[1] is None:
        high = Cost(note="the answer has no known limit: pass max_tokens")
    else:
        high = _costs(prices, prompt[1], completion[1])[-1]
    return CostEstimate(low, high, prompt, completion, note)


def prices_in_reach(model: str, base_url: str | None = None) -> list[Price]:
    """The prices of all that may serve a model; empty where none is known.

    Args:
        model: With its suffix: a provider's name there leaves only its price.
        base_url: The server; None is the router.
    """
    return list(_prices_in_reach(model, base_url)[0])


def _costs(prices: Sequence[Price], prompt: int, completion: int) -> list[Cost]:
    """By each list, the cheapest first."""
    usage = Usage(prompt, completion, prompt + completion)
    return sorted((cost_of(usage, price) for price in prices), key=lambda cost: cost.usd or Decimal(0))


def _prices_in_reach(model: str, base_url: str | None) -> tuple[list[Price], str]:
    """The prices of all that may serve, and what is to be said of them."""
    catalog = SHARED.loaded(base_url)
    if catalog is not None:
        info = catalog.get(model)
        return _of_offers(model, info, catalog.source, date_of(catalog.fetched_at))
    row = shipped().get(model) if server_key(base_url) == ROUTER_URL else None
    if row is None:
        return [], ""
    prices, said = _of_offers(model, row.info, row.offers_source, row.date)
    if prices or row.price is None:
        return prices, said
    return [row.price], "a sample price of the model, which its providers may exceed several times"


def _of_offers(model: str, info: ModelInfo | None, source: str, date: str | None) -> tuple[list[Price], str]:
    if info is None:
        return [], ""
    offers = offers_in_reach(info, pinned_provider(model, None, info))
    prices = [price for offer in offers if (price := price_of(offer, source, date)) is not None]
    silent = len(offers) - len(prices)
    return prices, f"{silent} of {len(offers)} providers state no price" if prices and silent else ""
