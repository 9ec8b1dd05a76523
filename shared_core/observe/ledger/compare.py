"""A ledger beside the account's own figures."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared_core.observe.ledger.questions import Totals
from shared_core.types import EXACT, AccountUsage
from shared_core.types.cost import plain

__all__ = ["Comparison"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was counted here, and what the account says. Never tried against the live service.

    Providers tell Hugging Face of a request a minute or more after it, and what others have used with the account is
    in its figures too: a difference is a question, not yet a fault.

    Args:
        ours: The ledger's sums.
        theirs: The account's.
    """

    ours: Totals
    theirs: AccountUsage

    @property
    def difference(self) -> Decimal:
        """US dollars that the account says beyond what the ledger knows; below zero where it says less."""
        return EXACT.subtract(self.theirs.used, self.ours.cost)

    @property
    def requests(self) -> int | None:
        """Requests that the account says beyond those that were sent; None where it does not say. Tries that a
        provider refused were sent, and are probably not in its figure."""
        return None if self.theirs.requests is None else self.theirs.requests - self.ours.attempts

    @property
    def agrees(self) -> bool:
        """Whether both have the same sum, and the ledger knows every cost."""
        return not self.difference and not self.ours.unknown_costs

    def __str__(self) -> str:
        theirs = "" if self.theirs.requests is None else f" for {self.theirs.requests:,} requests"
        unknown = f", and {self.ours.unknown_costs:,} of unknown cost" if self.ours.unknown_costs else ""
        return (
            f"here     ${plain(self.ours.cost)} for {self.ours.attempts:,} requests of {self.ours.calls:,} calls"
            f"{unknown}\n"
            f"account  ${plain(self.theirs.used)}{theirs}\n"
            f"between  ${plain(self.difference)}"
        )
