"""What the same work costs in a month, by model and provider, and when a machine of one's own pays.

Lives here: the arithmetic, in `Decimal`. Pure. Not here: prices (`joined`; the user's own: `client.costing`).

No catalogue prices embedding models: those of `HFRouter(prices=...)` do, and go before every catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from shared_core.catalog import Price, ProviderOffer, UnitPrice
from shared_core.errors import ConfigError
from shared_core.hub.joined import FoundModel, Usage, checked_usage, offer_cost
from shared_core.hub.tables import html_table, usd
from shared_core.types.cost import plain

__all__ = ["CostReport", "CostRow", "cost_report"]


_DEAREST = 10**12  # US dollars of a machine


@dataclass(frozen=True, slots=True)
class CostRow:
    """One model at one provider.

    Args:
        model: The id.
        provider: Who serves it.
        usd: A month's work.
        break_even_tokens: Tokens a month from which a machine of one's own is cheaper, in the same mix of input and
            output; None where no machine's price was given, or the offer is free.
        source: Whose price it is; "" for the catalogue's.
    """

    model: str
    provider: str
    usd: Decimal
    break_even_tokens: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class CostReport:
    """Rows, the cheapest first.

    Args:
        rows: Those whose price is known.
        unpriced: "model at provider" of the others; "model, which nobody serves now".
        usage: Tokens a month.
        machine_usd: What a machine of one's own costs a month; None where it was not given.
        priced_on: ISO date of the catalogue.
    """

    rows: tuple[CostRow, ...]
    unpriced: tuple[str, ...]
    usage: dict[str, Decimal]
    machine_usd: Decimal | None = None
    priced_on: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; money as a text."""
        return {
            "usage": {name: str(count) for name, count in self.usage.items()},
            "machine_usd": None if self.machine_usd is None else plain(self.machine_usd),
            "priced_on": self.priced_on,
            "rows": [
                {
                    "model": row.model,
                    "provider": row.provider,
                    "usd": plain(row.usd),
                    "break_even_tokens": row.break_even_tokens,
                    "source": row.source,
                }
                for row in self.rows
            ],
            "unpriced": list(self.unpriced),
        }

    def _repr_html_(self) -> str:
        """For notebooks."""
        head = ["model", "provider", "a month", "a machine pays from, tokens"]
        shown = [(row.model, row.provider, usd(row.usd), row.break_even_tokens) for row in self.rows]
        has_machine = self.machine_usd is not None
        rows = shown if has_machine else [row[:3] for row in shown]
        notes = [f"No price is known of {name}." for name in self.unpriced]
        return html_table(head if has_machine else head[:3], rows, notes)


def cost_report(
    models: Sequence[FoundModel],
    tokens_per_month: Usage,
    machine_usd: Decimal | str | None = None,
    own_price: Callable[[str], Price | UnitPrice | None] = lambda _: None,
) -> CostReport:
    """A month's costs.

    Args:
        models: Whose offers to look at.
        tokens_per_month: By "input" and "output".
        machine_usd: What a machine costs a month that does the same work (local embeddings, a dedicated endpoint): only
            you know it, and whether it keeps up.
        own_price: The user's own price of "org/name:provider", which goes before the catalogue's.

    Raises:
        ConfigError: An argument is no number.
    """
    tokens, machine = checked_usage(tokens_per_month), _money(machine_usd)
    rows: dict[CostRow, None] = {}  # once each: a model may be named with and without a provider
    unpriced: dict[str, None] = {}
    for model in models:
        offers = _offers(model)
        if not offers:
            unpriced[f"{model.id}, which nobody serves now"] = None
        for offer in offers:
            own = own_price(f"{model.id}:{offer.provider}")
            source = ""
            if isinstance(own, Price):
                offer = ProviderOffer(offer.provider, input_price=own.input, output_price=own.output)
                source = f"{own.source} of {own.date}" if own.date else own.source
            usd = offer_cost(offer, tokens)
            if usd is None:
                unpriced[f"{model.id} at {offer.provider}"] = None
                continue
            even = None
            if machine is not None and usd > 0:
                even = _break_even(machine, tokens, usd)
            rows[CostRow(model.id, offer.provider, usd, even, source)] = None
    cheapest_first = sorted(rows, key=lambda row: (row.usd, row.model, row.provider))
    days = sorted(model.priced_on for model in models if model.priced_on)
    return CostReport(tuple(cheapest_first), tuple(unpriced), tokens, machine, days[0] if days else None)


def _offers(model: FoundModel) -> list[ProviderOffer]:
    """Those that the catalogue lists; for tasks other than chat, those of the Hub's mapping, without prices."""
    return [*model.live()] or [ProviderOffer(name) for name in model.providers]


def _break_even(machine: Decimal, tokens: Mapping[str, Decimal], usd: Decimal) -> int:
    """The least number of tokens that costs as much as the machine, where these cost so much."""
    # Exactly: a rounded quotient may be out by a token, and the program may have any decimal context.
    return math.ceil(Fraction(machine) * sum(map(Fraction, tokens.values())) / Fraction(usd))


def _money(value: Decimal | str | None) -> Decimal | None:
    if value is None:
        return None
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not text.replace(".", "", 1).isdecimal() or Decimal(text) >= _DEAREST:
        raise ConfigError(f"machine_usd={value!r} is no sum of US dollars.", hint='Write "49.00".')
    return Decimal(text)
