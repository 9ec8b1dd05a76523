"""List prices, for estimates and budgets.

Lives here: `Price`, and how many offers become one price.
Not here: what a call really cost: no reply carries that, and the Hub learns it minutes later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from shared_core.catalog.models import ProviderOffer


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens, with where and when it was seen.

    Attributes:
        input: USD per million prompt tokens.
        output: USD per million generated tokens.
        source: Who said so.
        date: ISO date, `None` when unknown.
    """

    input: Decimal
    output: Decimal
    source: str
    date: str | None = None


def highest_price(offers: Iterable[ProviderOffer], *, source: str, date: str | None) -> Price | None:
    """The most that any of these offers asks, for each direction; `None` when no offer states both.

    The highest, because the router may choose any of them and a budget must not underestimate.
    """
    inputs, outputs = [], []
    for offer in offers:
        if offer.input_price is not None and offer.output_price is not None:
            inputs.append(offer.input_price)
            outputs.append(offer.output_price)
    return Price(max(inputs), max(outputs), source, date) if inputs else None
