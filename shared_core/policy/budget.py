"""Keep calls within budgets: set aside before, settle after.

Lives here: which budgets a call concerns, when it is refused, what becomes of what was set aside. Not here: what a
call may cost (`client.tariff`), where sums are kept (`policy.stores`).

Each target is set aside for anew, since a price belongs to it, and once however often it is tried. What surely did not
run costs nothing. What may have run although no answer came is charged with all that it may have cost, and called
unconfirmed; a stream that was cut or left, with its prompt and what had arrived. Tries before the answer that may have
run are charged like the answer, unconfirmed.

Settling stands in a `finally`, where no flow may wait: a store settles without waiting, or later.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shared_core.flow import Flow, offload
from shared_core.policy import Handler
from shared_core.policy.budget_alerts import Alerts, Part
from shared_core.policy.budget_refusals import refusal, unpriced
from shared_core.policy.state.holds import BudgetStore, Charge, Hold, Line, Spending
from shared_core.policy.stores.windows import Span, account_of, window_at
from shared_core.types import TAG, Budget, Call, Cost, LookupRequest, nano_usd
from shared_core.types.budget import MOST_UNITS

__all__ = ["Estimates", "Owed", "WithinBudgets"]

T = TypeVar("T")

_SLACK = 60.0  # seconds after a call's deadline until what it has set aside lapses


class Estimates(Protocol):
    """What requests take."""

    def most(self, call: Call) -> Spending:
        """At most, before."""
        ...

    def used(self, call: Call, result: Any, most: Spending) -> Spending | None:
        """By an answer; None where the result is still to come."""
        ...

    def arrived(self, call: Call, most: Spending) -> Spending:
        """By a stream that was cut or left."""
        ...


@dataclass(frozen=True, slots=True)
class WithinBudgets:
    """Refuses calls that may cost more than is left.

    Args:
        budgets: All of them must have enough.
        store: Where sums are kept.
        tariff: What requests take.
        account: A short fingerprint of the token that a call is sent with; None where no budget is of a token.
        wall_clock: Unix time in seconds.
    """

    budgets: Sequence[Budget]
    store: BudgetStore
    tariff: Estimates
    account: Callable[[Call], Flow[str]] | None
    wall_clock: Callable[[], float]

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        if isinstance(call.request, LookupRequest):
            return (yield from inner(call))
        progress = call.progress
        progress.runs, progress.reading, progress.owed = 0, None, None
        token = "" if self.account is None else (yield from self.account(call))
        owed = Owed(self, call, token)
        try:
            yield from owed.set_aside()
            result = yield from inner(call)
            owed.cost = self.tariff.used(call, result, owed.most)
            if owed.cost is None:
                progress.owed = owed
            return result
        finally:
            if progress.owed is not owed:
                owed.settle()


class Owed:
    """What one request owes its budgets.

    Attributes:
        most: What it may take.
        cost: What it took; None while that is not known.
    """

    __slots__ = ("_call", "_hold", "_parts", "_within", "cost", "most")

    def __init__(self, within: WithinBudgets, call: Call, token: str) -> None:
        now = within.wall_clock()
        self._within, self._call = within, call
        self.most = within.tariff.most(call)
        self.cost: Spending | None = None
        tags = call.usage_tags
        self._parts, lines = [], []
        for budget in within.budgets:
            of = budget.of
            value = "" if of == "all" else token if of == "key" else tags.get(of.removeprefix(TAG), "")
            part = Part(budget, value, window_at(budget.per, now))
            self._parts.append(part)
            lines.append(self._line(*part))
        alerts = Alerts(call.hooks, call.id, self._parts, lines, within.wall_clock)
        self._hold = Hold(lines, now, call.waits.until_deadline() + _SLACK, alerts.tell)

    def set_aside(self) -> Flow[None]:
        """Sets aside what it may take, of every budget or of none.

        Raises:
            BudgetExceeded: One of them has not enough left, or cannot tell.
        """
        if self.most.nano_usd is None:
            for part in self._parts:
                budget = part.budget
                if budget.unit == "usd" and budget.mode == "hard" and budget.unpriced == "refuse":
                    raise unpriced(part, self._call.request.model, elsewhere=self._elsewhere(part))
        store, hold = self._within.store, self._hold
        verdict = store.reserve_now(hold)
        if verdict is None:
            verdict = yield from offload(functools.partial(store.reserve, hold))
        if verdict.short >= 0:
            part, line = self._parts[verdict.short], hold.lines[verdict.short]
            raise refusal(part, line, verdict, self.most, now=hold.since, elsewhere=self._elsewhere(part))

    def costs(self, cost: Cost) -> None:
        """The result that was to come is there, and cost that."""
        usd = cost.usd
        self.cost = self.most._replace(guessed=("usd",)) if usd is None else Spending(nano_usd=nano_usd(usd))

    def settle(self) -> None:
        """Puts what it took in place of what was set aside."""
        cost, before = self.cost, self._call.progress.runs - 1
        if cost is None:
            cost, before = self._possible(), 0
        charges: Sequence[Charge] = ()
        if cost is not None:
            charges = [_charge(part.budget.unit, cost, max(0, before)) for part in self._parts]
        self._within.store.settle(self._hold, charges)

    # -- what it takes -----------------------------------------------------------------------------------

    def _possible(self) -> Spending | None:
        """What may have to be paid although no answer came; None for nothing."""
        progress = self._call.progress
        if not progress.runs:
            return None
        if progress.emitted and progress.reading is not None:
            return self._within.tariff.arrived(self._call, self.most)
        return self.most._replace(guessed=("usd", "tokens", "requests"))

    def _line(self, budget: Budget, value: str, span: Span) -> Line:
        most = self.most
        amount = min(_amount(budget.unit, most), MOST_UNITS)
        if most.nano_usd is None and budget.unit == "usd":
            amount = 1  # nobody knows how much, but something must be left
        hard, strict = budget.mode == "hard", budget.unreachable == "refuse"
        account = account_of(budget.name, value, span.label)
        return Line(account, amount, budget.limit(value), hard, strict, span.keep_until)

    def _elsewhere(self, part: Part) -> bool:
        """Whether another target may be cheaper, or have another token; the rest is the same everywhere."""
        turn = self._call.turn
        others = turn is not None and turn.tries is not None
        return others and (part.budget.unit == "usd" or part.budget.of == "key")


def _charge(unit: str, cost: Spending, before: int) -> Charge:
    """What one unit is charged, with tries before the answer that may have run."""
    amount = min(_amount(unit, cost), MOST_UNITS)
    unconfirmed = amount if unit in cost.guessed else 0
    if before and unit != "requests":
        again = min(amount * before, MOST_UNITS)
        return Charge(amount + again, unconfirmed + again)
    return Charge(amount, unconfirmed)


def _amount(unit: str, spending: Spending) -> int:
    if unit == "requests":
        return 1
    return spending.prompt + spending.completion if unit == "tokens" else spending.nano_usd or 0
