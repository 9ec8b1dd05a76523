"""Tell how much of a budget is spent: once for each threshold and window, by the charge that crosses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared_core.observe import log
from shared_core.observe.events import BudgetAlert, Hook
from shared_core.policy.state.holds import Line, Posting
from shared_core.policy.stores.windows import Span
from shared_core.types import Budget
from shared_core.types.budget import out_of_units, shown

__all__ = ["Alerts", "Part"]


class Part(NamedTuple):
    """A budget that a call concerns.

    Args:
        budget: Which.
        value: Whose; "" where all share it.
        span: The window.
    """

    budget: Budget
    value: str
    span: Span

    @property
    def named(self) -> str:
        """In words."""
        return f"budget {self.budget.name!r}" + (f" of {self.value!r}" if self.value else "")


class Alerts(NamedTuple):
    """Whom to tell, and of what. It outlives its call where a place is told later, and so holds no prompt.

    Args:
        hooks: Told of each threshold.
        id: The call's.
        parts: The budgets.
        lines: What the call set aside of each.
        wall_clock: Unix time in seconds.
    """

    hooks: Sequence[Hook]
    id: str
    parts: Sequence[Part]
    lines: Sequence[Line]
    wall_clock: Callable[[], float]

    def tell(self, postings: Sequence[Posting]) -> None:
        """Tells of the thresholds that were crossed."""
        for place, before, after, granted in postings:
            part, limit = self.parts[place], self.lines[place].limit + granted
            for share in part.budget.alert_at:
                if before < share * limit <= after:
                    self._alert(part, share, after, limit)

    def _alert(self, part: Part, share: float, spent: int, limit: int) -> None:
        unit, until = part.budget.unit, part.span.until
        alert = BudgetAlert(
            self.id,
            self.wall_clock(),
            part.budget.name,
            part.value,
            unit,
            share,
            out_of_units(spent, unit),
            out_of_units(limit, unit),
            until,
            part.budget.mode,
        )
        told = f"{part.named}: {shown(alert.spent, unit)} of {shown(alert.limit, unit)}"
        log.budget_spent(self.hooks, alert, f"{told}, until {until}" if until else told)
