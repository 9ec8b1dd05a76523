"""What the same work costs in a month, by model and provider, and when a machine of one's own pays.

Lives here: the arithmetic, in `Decimal`. Pure. Not here: prices (`joined`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from shared_core.errors import ConfigError
from shared_core.hub.joined import FoundModel, Usage, checked_usage, offer_cost
from shared_core.hub.tables import html_table, usd
from shared_core.types.cost import plain

__all__ = ["CostReport", "CostRow", "cost_report"]


@dataclass(frozen=True, slots=True)
class CostRow:
    """One model at one provider.

    Args:
        model: The id.
        provider: Who serves it.
        usd: A month's work.
        break_even_tokens: Tokens a month from which a machine of one's own is cheaper, in the same mix of input and
            output; None where no machine's price was given, or the offer is free.
    """

    model: str
    provider: str
    usd: Decimal
    break_even_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CostReport:
    """Rows, the cheapest first.

    Args:
        rows: Those whose price is known.
        unpriced: "model at provider" of the others.
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
    models: Sequence[FoundModel], tokens_per_month: Usage, machine_usd: Decimal | str | None = None
) -> CostReport:
    """A month's costs.

    Args:
        models: Whose offers to look at.
        tokens_per_month: By "input" and "output".
        machine_usd: What a machine costs a month that does the same work (local embeddings, a dedicated endpoint): only
            you know it, and whether it keeps up.

    Raises:
        ConfigError: An argument is no number.
    """
    tokens, machine = checked_usage(tokens_per_month), _money(machine_usd)
    total = tokens["input"] + tokens["output"]
    rows, unpriced = [], []
    for model in models:
        for offer in model.live():
            usd = offer_cost(offer, tokens)
            if usd is None:
                unpriced.append(f"{model.id} at {offer.provider}")
                continue
            even = None
            if machine is not None and usd > 0:
                even = int((machine / usd * total).to_integral_value(ROUND_UP))
            rows.append(CostRow(model.id, offer.provider, usd, even))
    rows.sort(key=lambda row: (row.usd, row.model, row.provider))
    days = sorted(model.priced_on for model in models if model.priced_on)
    return CostReport(tuple(rows), tuple(unpriced), tokens, machine, days[0] if days else None)


def _money(value: Decimal | str | None) -> Decimal | None:
    if value is None:
        return None
    text = str(value)
    if not text.replace(".", "", 1).isdecimal():
        raise ConfigError(f"machine_usd={value!r} is no sum of US dollars.", hint='Write "49.00".')
    return Decimal(text)
