"""What policies remember between calls, apart from the policies: thread-safe, and with the clock passed in.

Decisions are taken under a lock, and whoever has to wait does so outside it. There is one memory a process, shared
by all clients: a target that is in trouble is in trouble for everybody.
"""

from __future__ import annotations

from shared_core.policy.state.budget import HEDGES, RETRIES, RetryBudget
from shared_core.policy.state.health import HEALTH, Admission, Closing, Health, Trouble

__all__ = [
    "HEALTH",
    "HEDGES",
    "RETRIES",
    "Admission",
    "Closing",
    "Health",
    "RetryBudget",
    "Trouble",
    "forget",
]


def forget() -> None:
    """Forgets what the process has learnt of its targets, spent, and used of its limits; tests begin with this."""
    from shared_core.policy.stores import turnstiles
    from shared_core.policy.stores.budgets_memory import MEMORY

    MEMORY.clear()
    HEALTH.clear()
    RETRIES.clear()
    turnstiles.forget()
    HEDGES.clear()
