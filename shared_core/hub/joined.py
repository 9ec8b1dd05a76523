"""A model as the Hub and the router's catalogue know it together: its facts, and who serves it at what price.

Lives here: the joining, prices of a given usage, and what of an offer is better. Not here: where both come from
(`asking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from shared_core.catalog import Catalog, ProviderOffer
from shared_core.errors import ConfigError
from shared_core.hub.cards import HubModel
from shared_core.types import EXACT
from shared_core.types.cost import plain

__all__ = ["CAPABILITIES", "FoundModel", "Usage", "checked_usage", "joined", "offer_cost"]

_DIGITS = 30  # behind the point of a number of tokens: exact sums have an end
Capability = Literal["tools", "json", "vision"]

CAPABILITIES: tuple[Capability, ...] = ("tools", "json", "vision")
"""What a model may have to be able to do, as far as catalogues say it."""

Usage = Mapping[str, float | int | Decimal]
"""Tokens by "input" and "output"."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model with those who serve it.

    Args:
        card: What the Hub says.
        offers: What the router's catalogue says, one of each provider; live ones first.
        inputs: What it takes in, by the catalogue, such as "text" and "image"; None where it does not say.
        priced_on: ISO date of the catalogue; None without one.
    """

    card: HubModel
    offers: tuple[ProviderOffer, ...] = ()
    inputs: tuple[str, ...] | None = None
    priced_on: str | None = None

    @property
    def id(self) -> str:
        return self.card.id

    @property
    def providers(self) -> tuple[str, ...]:
        """Who serves it now, by the catalogue or, for tasks other than chat, by the Hub's mapping."""
        live = [offer.provider for offer in self.offers if offer.is_live]
        return tuple(live or (each.provider for each in self.card.served if each.status == "live"))

    @property
    def context(self) -> int | None:
        """The longest context that somebody serves, in tokens."""
        return max((offer.context_length for offer in self.live() if offer.context_length), default=None)

    def live(self) -> tuple[ProviderOffer, ...]:
        """The offers that the router may choose."""
        return tuple(offer for offer in self.offers if offer.is_live)

    def can(self, capability: str) -> bool | None:
        """Whether some live offer has a capability; None where nobody says."""
        if capability == "vision":
            return None if self.inputs is None else "image" in self.inputs
        said = {_has(offer, capability) for offer in self.live()} - {None}
        return None if not said else True in said

    def cheapest(self, usage: Usage | None = None) -> tuple[ProviderOffer, Decimal] | None:
        """The cheapest live offer and its price in USD for a usage; None where no price is known.

        Args:
            usage: Tokens; None is a million in and a million out.
        """
        tokens = checked_usage(usage)
        prices = [(offer, cost) for offer in self.live() if (cost := offer_cost(offer, tokens)) is not None]
        return min(prices, key=lambda pair: pair[1], default=None)

    def fastest(self) -> ProviderOffer | None:
        """The live offer with the highest throughput; None where none is published."""
        measured = [offer for offer in self.live() if offer.throughput]
        return max(measured, key=lambda offer: offer.throughput or 0.0, default=None)

    def at(self, provider: str) -> FoundModel:
        """The same model as if nobody else served it."""
        offers = tuple(offer for offer in self.offers if offer.provider == provider)
        served = tuple(each for each in self.card.served if each.provider == provider)
        return replace(self, offers=offers, card=replace(self.card, served=served))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, for tables and files."""
        cheapest, fastest, card = self.cheapest(), self.fastest(), self.card
        return {
            "id": self.id,
            "task": card.task,
            "license": card.license,
            "license_kind": card.license_kind,
            "parameters": card.parameters,
            "downloads": card.downloads,
            "likes": card.likes,
            "gated": card.gated,
            "providers": list(self.providers),
            "context": self.context,
            "cheapest": None if cheapest is None else cheapest[0].provider,
            "input_price": None if cheapest is None else _plain(cheapest[0].input_price),
            "output_price": None if cheapest is None else _plain(cheapest[0].output_price),
            "fastest": None if fastest is None else fastest.provider,
            "throughput": None if fastest is None else fastest.throughput,
            **{name: self.can(name) for name in CAPABILITIES},
        }


def joined(cards: Iterable[HubModel], catalog: Catalog | None) -> list[FoundModel]:
    """The models with their offers.

    Args:
        cards: What the Hub says.
        catalog: The router's; None where it could not be had.
    """
    from shared_core.catalog.facts import date_of

    found = []
    day = None if catalog is None else date_of(catalog.fetched_at)
    for card in cards:
        row = None if catalog is None else catalog.get(card.id)
        if row is None:
            found.append(FoundModel(card))
            continue
        offers = sorted(row.offers, key=lambda offer: not offer.is_live)
        found.append(FoundModel(card, tuple(offers), row.input_modalities, day))
    return found


def checked_usage(usage: Usage | None) -> dict[str, Decimal]:
    """Tokens as exact numbers.

    Raises:
        ConfigError: It holds something else.
    """
    if usage is None:
        return {"input": Decimal(1_000_000), "output": Decimal(1_000_000)}
    if not isinstance(usage, Mapping):
        raise ConfigError(
            f"usage={usage!r} is no number of tokens by kind.",
            hint='Write {"input": 1_000_000, "output": 200_000}.',
        )
    known: dict[str, Decimal] = {"input": Decimal(0), "output": Decimal(0)}
    for name, count in usage.items():
        if name not in known or not _is_count(count):
            raise ConfigError(
                f"usage={dict(usage)!r} is no number of tokens by kind.",
                hint='Write {"input": 1_000_000, "output": 200_000}.',
            )
        known[name] = Decimal(str(count))
    return known


def _is_count(count: object) -> bool:
    """Whether it may be a number of tokens; a mean of them need not be whole."""
    if not isinstance(count, int | float | Decimal) or isinstance(count, bool):
        return False
    exact = Decimal(count) if isinstance(count, int | float) else count
    return exact.is_finite() and 0 <= exact < 10**18 and exact.adjusted() > -_DIGITS


def offer_cost(offer: ProviderOffer, tokens: Mapping[str, Decimal]) -> Decimal | None:
    """USD for a number of tokens, exactly; None where a price that is needed is not known.

    Args:
        offer: A provider's.
        tokens: From `checked_usage`.

    Example:
        >>> offer = ProviderOffer("groq", input_price=Decimal("0.1"), output_price=Decimal("0.5"))
        >>> offer_cost(offer, checked_usage({"input": 1_000_000, "output": 200_000}))
        Decimal('0.2')
    """
    total = Decimal(0)
    for count, price in ((tokens["input"], offer.input_price), (tokens["output"], offer.output_price)):
        if count and price is None:
            return Decimal(0) if offer.is_free else None
        total = EXACT.fma(count, price or Decimal(0), total)
    return Decimal(plain(EXACT.scaleb(total, -6)))  # without zeros at the end


def _plain(usd: Decimal | None) -> str | None:
    return None if usd is None else plain(usd)


def _has(offer: ProviderOffer, capability: str) -> bool | None:
    return offer.supports_tools if capability == "tools" else offer.supports_structured_output
