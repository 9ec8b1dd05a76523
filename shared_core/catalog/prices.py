"""List prices, for costs, estimates and budgets.

Lives here: `Price` by tokens, `UnitPrice` by pictures, seconds and the like, and how many offers become one price.
Not here: what a call costs by them (`costs`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from shared_core.catalog.models import ProviderOffer


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens, with where and when it was seen.

    Attributes:
        input: USD per million prompt tokens.
        output: USD per million generated tokens.
        source: Who said so.
        date: ISO date, `None` when unknown.
        cached_input: USD per million prompt tokens that the provider had in its cache; `None` when the list
            says nothing of them.
    """

    input: Decimal
    output: Decimal
    source: str
    date: str | None = None
    cached_input: Decimal | None = None


Unit = Literal["call", "file", "second", "billable unit"]
"""A call whatever comes of it, a file that was made, a second of sound or film, a unit as the provider counts them
in the header `x-fal-billable-units`."""


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """USD per unit of what is made, with where and when it was seen.

    Attributes:
        usd: USD per unit.
        per: What is counted: "call", "file", "second" or "billable unit".
        source: Who said so.
        date: ISO date, `None` when unknown.

    Raises:
        ValueError: There is no such unit.
    """

    usd: Decimal
    per: Unit
    source: str
    date: str | None = None

    def __post_init__(self) -> None:
        if self.per not in get_args(Unit):
            raise ValueError(f"per={self.per!r} is none of {', '.join(get_args(Unit))}")


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
