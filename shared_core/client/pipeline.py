"""The order of the policies, outermost first, and why.

report ▸ retry ▸ wait_for_model ▸ exchange

- report outside all: an error is completed once, when nothing more will be tried.
- retry outside wait_for_model: waiting for a model that loads uses up no retry.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeVar

from shared_core.flow import Flow
from shared_core.policy import Handler, Policy
from shared_core.policy.report import Report
from shared_core.policy.retry import Retry
from shared_core.policy.wait_for_model import WaitForModel
from shared_core.types import Call

__all__ = ["policies", "run_through"]

T = TypeVar("T")


def policies(*, max_retries: int, patience: float, paid: bool = False) -> tuple[Policy, ...]:
    """The stack for one client; a policy that cannot act is left out.

    Args:
        max_retries: How often a transient failure is tried again.
        patience: Seconds to wait for a model that loads.
        paid: Whether each time it is done costs money, so that it is never done twice.
    """
    return (
        Report(),
        *((Retry(attempts=max_retries + 1, only_unsent=paid),) if max_retries else ()),
        *((WaitForModel(patience),) if patience else ()),
    )


def run_through(stack: Sequence[Policy], call: Call, exchange: Handler[T]) -> Flow[T]:
    """The exchange inside its policies."""
    handler = exchange
    for policy in reversed(stack):
        handler = functools.partial(policy, inner=handler)
    return handler(call)
