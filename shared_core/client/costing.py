"""Which price a reply is charged by, in this order: what the reply itself reports, the user's own prices, the
catalogue loaded from the server or else the snapshot.

No reply of the router states a cost (source: Hugging Face, "register as a provider", August 2026), and gateways that
do each have their own place for it. So there is one place to look, and the user names it: `reported_cost`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from shared_core.catalog import Price, UnitPrice, cost_of, price_from, price_served
from shared_core.errors import ConfigError
from shared_core.routing import is_dedicated
from shared_core.types import EXACT, Cost, ModelRef, Usage

if TYPE_CHECKING:
    from shared_core.media import MediaFile

__all__ = ["BROKEN_OFF", "NOTHING_SENT", "Costing", "checked_costing"]

BROKEN_OFF = Cost(note="the answer broke off before its tokens were counted")
NOTHING_SENT = Cost(Decimal(0), "price list", note="nothing was sent")

_NOBODY = Cost(note="neither the request nor the reply names the provider that served")
_BY_THE_HOUR = Cost(note="a dedicated endpoint is paid for by the hour, not by the token")
_NO_UNITS = Cost(note="no price by calls, files or seconds is known")
_UNMEASURED = Cost(note="the reply does not tell how many units it was")

_IN_USAGE = "usage."
_MOST_DIGITS = 40  # of a price or a cost; with the digits of token counts still exact
_MOST_USD = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Costing:
    """How one client tells what its calls cost.

    Args:
        prices: The user's own, by "org/name:provider" or "org/name".
        reported_in: Where a reply says what it cost, in USD: a header's name in lower case, or "usage." and a key.
            "" for nowhere.
    """

    prices: Mapping[str, Price | UnitPrice] = field(default_factory=dict)
    reported_in: str = ""

    def of(
        self, model: str, usage: Usage | None, provider: str | None, headers: Mapping[str, str], url: str
    ) -> Cost:
        """What a call costs that is counted in tokens.

        Args:
            model: As it was asked for, with or without a suffix: the reply's own spelling is the provider's.
            usage: What was counted.
            provider: Who served.
            headers: The reply's.
            url: Whose catalogue counts.
        """
        if self.reported_in and (said := self._reported(usage, headers)) is not None:
            return said
        return self.of_tokens(model, usage, provider, url)

    def of_tokens(self, model: str, usage: Usage | None, provider: str | None, url: str) -> Cost:
        """The same by lists of prices alone."""
        price = self._own(model, provider) if self.prices else None
        if not isinstance(price, Price):
            if provider is None:
                return _BY_THE_HOUR if is_dedicated(url) else _NOBODY
            price = price_served(model, provider=provider, base_url=url)
            if price is None:
                return Cost(note=f"no price of {provider} is known for this model")
        return cost_of(usage, price)

    def of_units(
        self, model: str, provider: str | None, headers: Mapping[str, str], files: Sequence[MediaFile] = ()
    ) -> Cost:
        """What a call costs that made or heard media: by the user's own prices, since no list has any."""
        if self.reported_in and (said := self._reported(None, headers)) is not None:
            return said
        price = self._own(model, provider)
        if not isinstance(price, UnitPrice):
            return _NO_UNITS
        units = _units(price, headers, files)
        if units is None:
            return _UNMEASURED
        return Cost(EXACT.multiply(units, price.usd), "price list", price.date, price.source)

    def own_price(self, model: str) -> Price | UnitPrice | None:
        """The user's own price of a model, with or without a suffix."""
        return self._own(model, ModelRef.parse(model).provider)

    def _own(self, model: str, provider: str | None) -> Price | UnitPrice | None:
        repo = ModelRef.parse(model).repo
        return self.prices.get(f"{repo}:{provider}") or self.prices.get(repo)

    def _reported(self, usage: Usage | None, headers: Mapping[str, str]) -> Cost | None:
        place = self.reported_in
        if place.startswith(_IN_USAGE):
            value = None if usage is None else usage.raw.get(place.removeprefix(_IN_USAGE))
        else:
            value = headers.get(place)
        usd = _sum(value)
        return None if usd is None else Cost(usd, "reported", source=place)


def _units(price: UnitPrice, headers: Mapping[str, str], files: Sequence[MediaFile]) -> Decimal | None:
    if price.per == "call":
        return Decimal(1)
    if price.per == "file":
        return Decimal(len(files)) if files else None
    if price.per == "billable unit":
        return _sum(headers.get("x-fal-billable-units"))
    lengths = [file.duration for file in files]
    if not lengths or None in lengths:
        return None
    total = Decimal(0)
    for length in lengths:
        total = EXACT.add(total, Decimal(repr(length)))
    return total


def _sum(value: object) -> Decimal | None:
    """A sum or count that a reply states, by the digits it has on the wire; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int) and abs(value) > _MOST_USD:  # before str(): huge integers refuse to become text
        return None
    try:
        usd = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return usd if _is_sound(usd) else None


def _is_sound(usd: Decimal) -> bool:
    if not usd.is_finite() or not 0 <= usd <= _MOST_USD:
        return False
    digits, exponent = usd.as_tuple().digits, usd.as_tuple().exponent
    return len(digits) <= _MOST_DIGITS and isinstance(exponent, int) and -_MOST_DIGITS <= exponent <= 12


def checked_costing(prices: Mapping[str, Any] | None, reported_cost: str | None) -> Costing:
    """The settings `prices` and `reported_cost`, checked.

    Raises:
        ConfigError: A price is none, a float, or negative; the place is none.
    """
    if prices is not None and not isinstance(prices, Mapping):
        raise ConfigError(f"prices={prices!r} is no dictionary.", hint=_PRICES_HINT)
    known: dict[str, Price | UnitPrice] = {}
    for name, told in (prices or {}).items():
        try:
            price = known[name] = price_from(told)
        except ValueError as error:
            raise ConfigError(f"prices[{name!r}] is no price: {error}.", hint=_PRICES_HINT) from None
        sums = (price.input, price.output, price.cached_input) if isinstance(price, Price) else (price.usd,)
        for usd in sums:
            if usd is not None and not (isinstance(usd, Decimal) and _is_sound(usd)):
                raise ConfigError(
                    f"prices[{name!r}] holds {usd!r}, which is not a `Decimal` from 0 on.", hint=_PRICES_HINT
                )
    place = reported_cost or ""
    if not isinstance(place, str) or place == _IN_USAGE or not place.isprintable() or " " in place:
        raise ConfigError(
            f"reported_cost={reported_cost!r} is no place in a reply.",
            hint='Name a header, such as "x-litellm-response-cost", or a key of the usage: "usage.cost".',
        )
    place = place if place.startswith(_IN_USAGE) else place.lower()
    return Costing(known, place)


_PRICES_HINT = (
    'Write {"org/name:provider": Price(input=Decimal("0.10"), output=Decimal("0.50"), source="my contract", '
    'date="2026-11-01")}, or a `UnitPrice`; both are in `shared_core.catalog`. Dictionaries of texts will do too.'
)
