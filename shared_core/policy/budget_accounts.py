"""Look at budgets, and grant more: what a program asks of them besides its calls. May wait for a file or a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from shared_core.errors import ConfigError
from shared_core.policy.state.holds import Account, BudgetStore
from shared_core.policy.stores.windows import Span, account_of, value_in, window_at
from shared_core.types import Budget, BudgetState
from shared_core.types.budget import Amount, in_units, out_of_units

__all__ = ["Entry", "entries", "grant", "states"]


class Entry(NamedTuple):
    """An account as a place keeps it, which does not say what is counted.

    Args:
        budget, value, window: Their names.
        spent, reserved, unconfirmed, granted: Nano-dollars, tokens or requests.
    """

    budget: str
    value: str
    window: str
    spent: int
    reserved: int
    unconfirmed: int
    granted: int


def states(budgets: Sequence[Budget], store: BudgetStore, now: float) -> list[BudgetState]:
    """Each budget for each value that has spent something or was granted more, in the present window.

    Args:
        budgets: In whose order they are told; the values of each are sorted.
        store: Where sums are kept.
        now: Unix time in seconds.
    """
    told = []
    for budget in budgets:
        span = window_at(budget.per, now)
        start, end = account_of(budget.name, "", span.label).split("/")[0] + "/", f"/{span.label}"
        found = sorted(store.accounts(start, end, now))
        if not found and budget.of == "all":
            found = [Account(account_of(budget.name, "", span.label), 0, 0, 0, 0)]
        told += [_state(budget, account, span) for account in found]
    return told


def entries(store: BudgetStore, now: float) -> list[Entry]:
    """Everything that a place keeps: of past windows, too, and of budgets that nobody here has defined.

    Args:
        store: The place.
        now: Unix time in seconds.
    """
    found = []
    for account in store.accounts("", "", now):
        budget, value, window = map(unquote, account.account.split("/"))
        found.append(Entry(budget, value, window, *account[1:]))
    return sorted(found)


def grant(
    budgets: Sequence[Budget], store: BudgetStore, now: float, value: str, amount: Amount, name: str | None
) -> None:
    """Adds to what one value may spend, in the present window.

    Raises:
        ConfigError: There is no such budget, or several.
        RouterError: It is not known whether that was done.
    """
    fitting = [budget for budget in budgets if name in (None, budget.name)]
    if len(fitting) != 1:
        names = ", ".join(repr(budget.name) for budget in budgets)
        raise ConfigError(
            f"There is no budget {name!r}." if name is not None else "It is not said which budget grants it.",
            hint=f"Pass budget=, one of: {names}." if names else "Pass budgets= to the client.",
        )
    budget = fitting[0]
    if value and budget.of == "all":
        raise ConfigError(
            f"All share the budget {budget.name!r}: nothing of it is {value!r}'s alone.",
            hint='Grant to "", which is everybody.',
        )
    units = in_units(amount, budget.unit)
    span = window_at(budget.per, now)
    store.grant(account_of(budget.name, value, span.label), units, span.keep_until, now)


def _state(budget: Budget, account: Account, span: Span) -> BudgetState:
    value, unit = value_in(account.account), budget.unit
    limit = budget.limit(value) + account.granted
    return BudgetState(
        budget.name,
        value,
        unit,
        limit=out_of_units(limit, unit),
        spent=out_of_units(account.spent, unit),
        reserved=out_of_units(account.reserved, unit),
        unconfirmed=out_of_units(account.unconfirmed, unit),
        granted=out_of_units(account.granted, unit),
        until=span.until,
        ends=span.ends,
    )
