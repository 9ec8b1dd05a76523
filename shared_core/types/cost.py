"""What a call cost, and how that is known: a sum in `Decimal`, never a float, or nothing at all.

Lives here: the value, how several become one, how it is printed and written as JSON.
Not here: prices and the arithmetic (`catalog.costs`), which list a call is charged by (`client.costing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Literal

__all__ = ["AT_HOME", "EXACT", "Basis", "Cost", "CostEstimate"]

Basis = Literal["reported", "price list", "unknown"]
"""The provider said it; our arithmetic with a list; nobody knows."""

EXACT = Context(prec=80, traps=[Inexact, InvalidOperation])
"""Sums and products of prices: what would have to be rounded is an error instead. The program's own context, whose
precision users may have lowered, has no say here."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost.

    Args:
        usd: US dollars, exact; None when unknown.
        basis: "reported" by the provider, by a "price list", or "unknown".
        date: ISO date of the list; None for other bases, and where the list has none.
        source: Whose list it is, or where the reply said it.
        note: What else there is to know, such as why nothing is known.

    Example:
        >>> print(Cost(Decimal("0.000123"), "price list", "2026-08-22", "https://router.huggingface.co/v1/models"))
        $0.000123 (price list of 2026-08-22)
        >>> print(Cost(note="the reply does not say who served"))
        unknown (the reply does not say who served)
    """

    usd: Decimal | None = None
    basis: Basis = "unknown"
    date: str | None = None
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if (self.usd is None) != (self.basis == "unknown"):
            raise ValueError(f"a cost of {self.usd} cannot be {self.basis!r}")

    def __str__(self) -> str:
        note = f"; {self.note}" if self.note else ""
        if self.usd is None:
            return f"unknown ({self.note})" if self.note else "unknown"
        dated = (
            f" of {self.date}"
            if self.date
            else ", undated"
            if self.basis == "price list" and self.source
            else ""
        )
        return f"{dollars(self.usd)} ({self.basis}{dated}{note})"

    def plus(self, other: Cost) -> Cost:
        """Both together: unknown when either is, by a price list when either is, dated by the older list."""
        unknown = self if self.usd is None else other
        if self.usd is None or other.usd is None:
            return Cost(note=unknown.note or "one of its parts is unknown")
        dates = sorted(date for date in (self.date, other.date) if date)
        return Cost(
            EXACT.add(self.usd, other.usd),
            self.basis if self.basis == other.basis else "price list",
            dates[0] if dates else None,
            _both(self.source, other.source),
            _both(self.note, other.note),
        )

    def noted(self, note: str) -> Cost:
        """The same, with a further note."""
        return replace(self, note=_both(self.note, note))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: the sum as a text such as "0.000123"; empty texts are left out."""
        told: dict[str, Any] = {
            "usd": None if self.usd is None else plain(self.usd),
            "basis": self.basis,
            "date": self.date,
        }
        if self.source:
            told["source"] = self.source
        if self.note:
            told["note"] = self.note
        return told

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Cost:
        """What `as_dict` wrote.

        Raises:
            ValueError: It is something else.

        Example:
            >>> Cost.from_dict({"usd": "0.000123", "basis": "reported", "date": None}).usd
            Decimal('0.000123')
        """
        usd, basis = told.get("usd"), told.get("basis")
        if basis not in ("reported", "price list", "unknown") or not isinstance(usd, str | None):
            raise ValueError("this is not a cost: it needs a `basis`, and `usd` as a text or null")
        try:
            amount = None if usd is None else Decimal(usd)
        except InvalidOperation:
            raise ValueError(f"{usd!r} is not a sum of US dollars") from None
        return cls(amount, basis, told.get("date"), told.get("source", ""), told.get("note", ""))


AT_HOME = Cost(note="made on this machine: no provider is paid, and what the machine costs is not known here")
"""The cost of what was made on this machine."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a call may cost, before it is made.

    Args:
        low: With the fewest tokens, at the cheapest provider that may serve it.
        high: With the most tokens, at the dearest.
        prompt_tokens: The fewest and the most that the input can be.
        completion_tokens: The fewest and the most that the answer can be; None when it has no known limit.
        note: How tokens were counted, and what is not in the sum.

    Example:
        >>> cent = Cost(Decimal("0.01"), "price list", "2026-08-22")
        >>> print(CostEstimate(cent, cent.plus(cent), (10, 40), (0, 200)))
        $0.01 to $0.02 (price list of 2026-08-22)
    """

    low: Cost
    high: Cost
    prompt_tokens: tuple[int, int]
    completion_tokens: tuple[int, int | None]
    note: str = ""

    def __str__(self) -> str:
        if self.low.usd is None:
            return str(self.low)
        return f"{dollars(self.low.usd)} to {self.high}"

    def plus(self, other: CostEstimate) -> CostEstimate:
        """Both calls together: unknown where either is."""
        mine, theirs = self.completion_tokens[1], other.completion_tokens[1]
        most = None if mine is None or theirs is None else mine + theirs
        return CostEstimate(
            self.low.plus(other.low),
            self.high.plus(other.high),
            (
                self.prompt_tokens[0] + other.prompt_tokens[0],
                self.prompt_tokens[1] + other.prompt_tokens[1],
            ),
            (self.completion_tokens[0] + other.completion_tokens[0], most),
            self.note or other.note,
        )

    def times(self, number: int) -> CostEstimate:
        """So many such calls.

        Example:
            >>> cent = Cost(Decimal("0.01"), "price list", "2026-08-22")
            >>> print(CostEstimate(cent, cent, (10, 40), (0, 200)).times(3))
            $0.03 to $0.03 (price list of 2026-08-22)
        """
        least, most = self.completion_tokens
        return CostEstimate(
            _times(self.low, number),
            _times(self.high, number),
            (self.prompt_tokens[0] * number, self.prompt_tokens[1] * number),
            (least * number, None if most is None else most * number),
            self.note,
        )


def _times(cost: Cost, number: int) -> Cost:
    return cost if cost.usd is None else replace(cost, usd=EXACT.multiply(cost.usd, Decimal(number)))


def plain(usd: Decimal) -> str:
    """The digits without an exponent and without zeros at the end.

    Example:
        >>> plain(Decimal("0.000100")), plain(Decimal("1E-9")), plain(Decimal(100)), plain(Decimal("0E-6"))
        ('0.0001', '0.000000001', '100', '0')
    """
    text = format(usd, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def dollars(usd: Decimal) -> str:
    """As it is printed.

    Example:
        >>> dollars(Decimal("0.000123"))
        '$0.000123'
    """
    return f"${plain(usd)}"


def rough(usd: Decimal) -> str:
    """A sum for a narrow place: cents, or three digits of what is less than a dollar.

    Example:
        >>> [rough(Decimal(text)) for text in ("0", "1234.567", "12.346", "0.0123456", "0.0000015")]
        ['$0', '$1,235', '$12.35', '$0.0123', '$0.0000015']
    """
    if not usd:
        return "$0"
    if usd >= 1:
        return f"${usd:,.0f}" if usd >= 1000 else f"${usd:,.2f}"
    places = 2 - usd.adjusted()
    return f"${usd:.{places}f}".rstrip("0").rstrip(".")


def _both(one: str, other: str) -> str:
    return one if other in ("", one) else other if not one else f"{one}; {other}"
