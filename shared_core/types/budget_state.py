"""How a budget stands: what can be read of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared_core.types.budget import shown

__all__ = ["BudgetState"]


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How one budget stands for one value, in the present window.

    Args:
        budget: Its name.
        value: Whose, such as "ada"; "" where all share one, or for calls without the tag. Of a token, a short
            fingerprint.
        unit: "usd", "tokens" or "requests": what the amounts count.
        limit: The amount, grants included.
        spent: What was charged.
        reserved: What calls in flight may still cost.
        unconfirmed: The part of `spent` that nobody has confirmed: of calls that may have run although no answer
            came, and of streams that broke off.
        granted: The part of `limit` that was granted.
        until: When the window ends, as an ISO text in UTC; "" for ever.
        ends: The same in Unix seconds; None for ever.
    """

    budget: str
    value: str
    unit: str
    limit: Decimal | int
    spent: Decimal | int
    reserved: Decimal | int
    unconfirmed: Decimal | int
    granted: Decimal | int
    until: str
    ends: float | None

    @property
    def left(self) -> Decimal | int:
        """What may still be reserved; never below zero."""
        return max(self.limit - self.limit, self.limit - self.spent - self.reserved)

    def __str__(self) -> str:
        who = f" ({self.value})" if self.value else ""
        reserved = f", {shown(self.reserved, self.unit)} reserved" if self.reserved else ""
        until = f", until {self.until}" if self.until else ""
        spent = shown(self.spent, self.unit).partition(" ")[0]
        return f"{self.budget}{who}: {spent} of {shown(self.limit, self.unit)} spent{reserved}{until}"
