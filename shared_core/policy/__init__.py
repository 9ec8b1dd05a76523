"""What happens around an exchange: one small policy a file, in the order of `client.pipeline`.

A policy is `(call, inner) -> Flow`: it may look at the call, run `inner` once or more often, and look at
what comes back. Policies catch this package's errors only, read `error.reactions` instead of status
numbers, and repeat nothing once the caller has seen content (`call.progress.emitted`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from shared_core.flow import Flow
from shared_core.types import Call

__all__ = ["Handler", "Policy"]

T = TypeVar("T")

Handler = Callable[[Call], Flow[T]]


class Policy(Protocol):
    """What stands around an exchange; `inner` is everything inside it."""

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]: ...
