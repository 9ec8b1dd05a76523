"""From the arguments `budgets` and `state` to the policy that keeps to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from shared_core.client.costing import Costing
from shared_core.client.tariff import Tariff
from shared_core.errors import ConfigError
from shared_core.flow import Flow
from shared_core.policy.budget import WithinBudgets
from shared_core.policy.stores.budgets import open_budgets
from shared_core.types import ApiKey, Budget, Call, budget_from

__all__ = ["within_budgets"]


def within_budgets(
    told: Sequence[Budget | Mapping[str, Any]],
    state: Any,
    token: Callable[[Call], Flow[ApiKey]],
    costs: Costing,
    wall_clock: Callable[[], float],
) -> WithinBudgets:
    """The policy.

    Args:
        told: What the user wrote.
        state: Where sums are kept; as of `open_state`.
        token: The token that a call is sent with.
        costs: Knows the prices.
        wall_clock: Unix time in seconds.

    Raises:
        ConfigError: One of them is no budget, or two have one name.
    """
    if isinstance(told, str | Mapping) or not isinstance(told, Sequence):
        raise ConfigError("budgets must be a list.", hint='Write budgets=[Budget(usd="5.00", per="day")].')
    budgets = tuple(map(budget_from, told))
    names = [budget.name for budget in budgets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"Two budgets are called {twice[0]!r}, and would count in one place.",
            hint="Give one of them a name=.",
        )

    def fingerprint(call: Call) -> Flow[str]:
        # Not by the tokens that a function gives: with each new one the account would begin anew.
        known_by = call.target.key.name or (yield from token(call)).reveal()
        return blake2b(known_by.encode(), digest_size=8).hexdigest()

    of_tokens = any(budget.of == "key" for budget in budgets)
    store = open_budgets(state)
    return WithinBudgets(budgets, store, Tariff(costs), fingerprint if of_tokens else None, wall_clock)
