"""From what a user wrote for `state=` to the place where budgets are kept."""

from __future__ import annotations

import threading
from typing import Any

from shared_core.policy.state.holds import BudgetStore
from shared_core.policy.stores.budgets_memory import MEMORY
from shared_core.policy.stores.opening import open_state
from shared_core.storage.database import Database

__all__ = ["open_budgets"]

_opened: dict[int, tuple[Any, BudgetStore]] = {}
_opening = threading.Lock()


def open_budgets(state: Any) -> BudgetStore:
    """The store, the same object for all clients of the process that name the place.

    Args:
        state: As of `open_state`.

    Raises:
        ConfigError: It is no place.
        ImportError: Redis needs its extra.
    """
    place = open_state(state)
    if place is None:
        return MEMORY
    with _opening:
        if id(place) not in _opened:
            _opened[id(place)] = place, _open(place)
        return _opened[id(place)][1]


def _open(place: Any) -> BudgetStore:
    from shared_core.policy.stores.budgets_shared import SharedBudgets

    if isinstance(place, Database):
        from shared_core.policy.stores.budgets_sqlite import BudgetFile

        return SharedBudgets(BudgetFile(place))
    from shared_core.policy.stores.budgets_redis import BudgetServer

    return SharedBudgets(BudgetServer(place))
