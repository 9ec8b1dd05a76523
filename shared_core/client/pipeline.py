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


def policies(*, max_retries: int, patience: float) -> tuple[Policy, ...]:
    """The stack for one client; a policy that cannot act is left out."""
    return (
        Report(),
        *((Retry(attempts=max_retries + 1),) if max_retries else ()),
        *((WaitForModel(patience),) if patience else ()),
    )


def run_through(stack: Sequence[Policy], call: Call, exchange: Handler[T]) -> Flow[T]:
    """The exchange inside its policies."""
    handler = exchange
    for policy in reversed(stack):
        handler = functools.partial(policy, inner=handler)
    return handler(call)
