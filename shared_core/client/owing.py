"""The end of a task that was begun: what comes of it, charged to the budgets in which it was set aside for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core.client.costing import Costing
from shared_core.flow import Flow
from shared_core.types import Job

if TYPE_CHECKING:
    from shared_core.client.jobs import Finished
    from shared_core.client.task_exchange import Begun

__all__ = ["accepted", "finished"]


def finished(begun: Begun, costs: Costing) -> Flow[Finished]:
    """The result, with what it cost; without one, what it may have cost is charged.

    Args:
        begun: The task as it was sent and answered.
        costs: Knows the prices.
    """
    call = begun.call
    owed = call.progress.owed
    try:
        done = yield from begun.run.go_on(begun.task, begun.answer)
        if owed is not None:
            provider = call.progress.provider
            owed.costs(costs.of_units(call.request.model, provider, done.headers, done.files))
        return done
    finally:
        if owed is not None:
            owed.settle()


def accepted(begun: Begun) -> Job:
    """The job, charged with what it may cost: nobody here will see its result."""
    try:
        return begun.run.accepted(begun.task, begun.answer)
    finally:
        if (owed := begun.call.progress.owed) is not None:
            owed.settle()
