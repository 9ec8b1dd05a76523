"""List prices, for costs, estimates and budgets.

Lives here: `Price` by tokens, `UnitPrice` by pictures, seconds and the like, and how many offers become one price.
Not here: what a call costs by them (`costs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

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
"""A call whatever comes of it, a file that was made, a second of sound or video, a unit as the provider counts them
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


def price_from(told: object) -> Price | UnitPrice:
    """A price, from one or from its plain form, in which sums are texts.

    Args:
        told: A price; or a dictionary with `input`, `output` and, where known, `cached_input`, or with `usd` and
            `per`; beside these `source` and `date`.

    Raises:
        ValueError: It is none, or holds a float, which has no exact sum of dollars.

    Example:
        >>> price_from({"input": "0.15", "output": "0.60", "source": "my contract"}).output
        Decimal('0.60')
    """
    if isinstance(told, Price | UnitPrice):
        return told
    if not isinstance(told, Mapping):
        raise ValueError(f"{told!r} is not a price")
    values: dict[str, Any] = {
        name: _decimal(value) if name in _SUMS and value is not None else value
        for name, value in told.items()
    }
    try:
        return UnitPrice(**{"source": "", **values}) if "usd" in told else Price(**{"source": "", **values})
    except TypeError:
        raise ValueError(
            f"a price has `input` and `output`, or `usd` and `per`, and not {', '.join(map(str, told)) or 'nothing'}"
        ) from None


_SUMS = frozenset({"input", "output", "cached_input", "usd"})


def plain_prices(prices: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Prices by name in their plain form, which is JSON: for settings that are saved.

    Raises:
        ValueError: One is no price.
    """
    return {
        str(name): {key: str(value) for key, value in asdict(price_from(price)).items() if value is not None}
        for name, price in prices.items()
    }


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'{value!r} is not a sum of dollars: write it as a text, such as "0.15"')
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a sum of dollars") from None
