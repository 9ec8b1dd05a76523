"""Keep calls within budgets: set aside before, settle after.

Lives here: which budgets a call concerns, when it is refused, what becomes of what was set aside. Not here: what a
call may cost (`client.tariff`), where sums are kept (`policy.stores`).

Each target is set aside for anew, since a price belongs to it, and once however often it is tried. What surely did not
run costs nothing. What may have run although no answer came is charged with all that it may have cost, and called
unconfirmed; a stream that was cut or left, with its prompt and what had arrived. Of a call that was answered, the
answer alone is charged: of tries before it that failed, providers charge nothing that they tell anybody.

Settling stands in a `finally`, where no flow may wait: a store settles without waiting, or later.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from shared_core.errors import BudgetExceeded
from shared_core.flow import Flow, offload
from shared_core.observe import log
from shared_core.observe.events import BudgetAlert
from shared_core.policy import Handler
from shared_core.policy.state.holds import BudgetStore, Charge, Hold, Line, Posting, Spending, Verdict
from shared_core.policy.stores.windows import Span, account_of, window_at
from shared_core.types import Budget, Call, Cost, LookupRequest, nano_usd
from shared_core.types.budget import MOST_UNITS, out_of_units, shown

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


class _Part(NamedTuple):
    """A budget that a call concerns."""

    budget: Budget
    value: str
    span: Span


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
        progress.may_have_run, progress.reading, progress.owed = False, None, None
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
        self._parts = [
            _Part(
                budget,
                "" if not budget.of else token if budget.of == "key" else tags.get(budget.of, ""),
                window_at(budget.per, now),
            )
            for budget in within.budgets
        ]
        lines = [self._line(part) for part in self._parts]
        self._hold = Hold(lines, now, call.waits.until_deadline() + _SLACK, self._tell)

    def set_aside(self) -> Flow[None]:
        """Sets aside what it may take, of every budget or of none.

        Raises:
            BudgetExceeded: One of them has not enough left, or cannot tell.
        """
        if self.most.nano_usd is None:
            for part in self._parts:
                budget = part.budget
                if budget.unit == "usd" and budget.mode == "hard" and budget.unpriced == "refuse":
                    raise self._unpriced(part)
        store, hold = self._within.store, self._hold
        verdict = store.reserve_now(hold)
        if verdict is None:
            verdict = yield from offload(functools.partial(store.reserve, hold))
        if verdict.short >= 0:
            raise self._refusal(verdict)

    def costs(self, cost: Cost) -> None:
        """The result that was to come is there, and cost that."""
        usd = cost.usd
        self.cost = self.most._replace(guessed=("usd",)) if usd is None else Spending(nano_usd=nano_usd(usd))

    def settle(self) -> None:
        """Puts what it took in place of what was set aside."""
        cost = self.cost
        if cost is None:
            cost = self._possible()
        charges: Sequence[Charge] = ()
        if cost is not None:
            charges = [self._charge(part.budget, cost) for part in self._parts]
        self._within.store.settle(self._hold, charges)

    # -- what it takes -----------------------------------------------------------------------------------

    def _possible(self) -> Spending | None:
        """What may have to be paid although no answer came; None for nothing."""
        progress = self._call.progress
        if not progress.may_have_run:
            return None
        if progress.emitted and progress.reading is not None:
            return self._within.tariff.arrived(self._call, self.most)
        return self.most._replace(guessed=("usd", "tokens", "requests"))

    def _line(self, part: _Part) -> Line:
        budget, most = part.budget, self.most
        amount = min(_amount(budget.unit, most), MOST_UNITS)
        if most.nano_usd is None and budget.unit == "usd":
            amount = 1  # nobody knows how much, but something must be left
        hard, strict = budget.mode == "hard", budget.unreachable == "refuse"
        account = account_of(budget.name, part.value, part.span.label)
        return Line(account, amount, budget.limit(part.value), hard, strict, part.span.keep_until)

    def _charge(self, budget: Budget, cost: Spending) -> Charge:
        amount = min(_amount(budget.unit, cost), MOST_UNITS)
        return Charge(amount, amount if budget.unit in cost.guessed else 0)

    # -- what is said ------------------------------------------------------------------------------------

    def _unpriced(self, part: _Part) -> BudgetExceeded:
        model = self._call.request.model
        return BudgetExceeded(
            f"No price of {model or 'this call'} is known, so that the {_named(part)} cannot tell what it may cost. "
            "Nothing was sent.",
            hint=f'Give one with prices={{"{model.partition(":")[0]}": ...}}, load the catalogue with `models()`, '
            'or let such calls pass with Budget(..., unpriced="allow").',
            budget=part.budget.name,
            value=part.value,
            reactions=self._elsewhere(part),
        )

    def _refusal(self, verdict: Verdict) -> BudgetExceeded:
        part, line = self._parts[verdict.short], self._hold.lines[verdict.short]
        budget, unit = part.budget, part.budget.unit
        if verdict.unreachable:
            return BudgetExceeded(
                f"The {_named(part)} is kept in a place that cannot be reached. Nothing was sent.",
                hint='Try again shortly; Budget(..., unreachable="local") goes on with what each process knows.',
                budget=budget.name,
                value=part.value,
            )
        limit = line.limit + verdict.granted
        left = max(0, limit - verdict.spent - verdict.reserved)
        need = out_of_units(line.amount, unit)
        return BudgetExceeded(
            f"The {_named(part)} has {shown(out_of_units(left, unit), unit)} left of "
            f"{shown(out_of_units(limit, unit), unit)}, and this call may take {shown(need, unit)}. Nothing was sent.",
            hint=self._advice(part, line, verdict, limit),
            budget=budget.name,
            value=part.value,
            need=need,
            left=out_of_units(left, unit),
            retry_after=None if part.span.ends is None else max(0.0, part.span.ends - self._hold.since),
            reactions=self._elsewhere(part),
        )

    def _advice(self, part: _Part, line: Line, verdict: Verdict, limit: int) -> str:
        told = []
        if line.amount <= limit - verdict.spent:
            told.append("Calls in flight hold what is missing: try again when they are done.")
        if part.budget.unit != "requests" and self.most.completion:
            told.append(
                "Lower max_tokens." if self.most.bounded else "Pass max_tokens, so that less is set aside."
            )
        if part.span.until:
            told.append(f"It begins anew at {part.span.until}.")
        told.append("More is allowed by `grant()`, or by a larger budget.")
        return " ".join(told)

    def _elsewhere(self, part: _Part) -> Sequence[Any]:
        """Another target may be cheaper, or have another token; tokens and requests are the same everywhere."""
        turn = self._call.turn
        others = turn is not None and turn.tries is not None
        return ("other_route",) if others and (part.budget.unit == "usd" or part.budget.of == "key") else ()

    def _tell(self, postings: Sequence[Posting]) -> None:
        """Tells of the thresholds that were crossed."""
        for posting in postings:
            part = self._parts[posting.place]
            limit = self._hold.lines[posting.place].limit + posting.granted
            for share in part.budget.alert_at:
                if posting.before < share * limit <= posting.after:
                    self._alert(part, share, posting.after, limit)

    def _alert(self, part: _Part, share: float, spent: int, limit: int) -> None:
        budget, unit, until = part.budget, part.budget.unit, part.span.until
        alert = BudgetAlert(
            self._call.id,
            self._within.wall_clock(),
            budget.name,
            part.value,
            unit,
            share,
            out_of_units(spent, unit),
            out_of_units(limit, unit),
            until,
            budget.mode,
        )
        told = f"{_named(part)}: {shown(alert.spent, unit)} of {shown(alert.limit, unit)}"
        log.budget_spent(self._call.hooks, alert, f"{told}, until {until}" if until else told)


def _amount(unit: str, spending: Spending) -> int:
    if unit == "requests":
        return 1
    return spending.prompt + spending.completion if unit == "tokens" else spending.nano_usd or 0


def _named(part: _Part) -> str:
    return f"budget {part.budget.name!r}" + (f" of {part.value!r}" if part.value else "")
