"""Listen to other workers before a target is chosen, and tell them what was found out.

Lives here: when that is done. It takes a moment on a server or a file, so that it is an effect of the flow: no event
loop waits for it, and of many calls one a second. Not here: what is told and believed (`stores.shared_health`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from shared_core.errors import RouterError
from shared_core.flow import Flow, offload
from shared_core.policy import Handler
from shared_core.types import Call

if TYPE_CHECKING:
    from shared_core.policy.stores.shared_health import SharedHealth

__all__ = ["Listen", "Tell"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listen:
    """Outside the choice of a target: what others have told is taken in first, where that was not done just now.

    Args:
        health: What is shared.
    """

    health: SharedHealth

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        now = call.waits.now()
        if self.health.is_due(now):
            yield from offload(functools.partial(self.health.look, now))
        return (yield from inner(call))


@dataclass(frozen=True, slots=True)
class Tell:
    """Around each try, and around them all: what it found out is told at once, and not when a long answer ends.

    Args:
        health: What is shared.
    """

    health: SharedHealth

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        try:
            result = yield from inner(call)
        except RouterError:
            if self.health.has_news:
                yield from offload(self.health.tell)
            raise
        if self.health.has_news:
            yield from offload(self.health.tell)
        return result
