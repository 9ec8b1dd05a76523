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

__all__ = ["Share"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """Takes in what others have told, where that was not done just now, and tells what came of the call.

    It stands in two places. Around the choice of a target, so that the choice knows what others know; what a failure
    shows of an account, and so of targets that were not asked, is told there too. And around each try, so that its
    outcome is told at once, and not when the answer of the next target ends.

    Args:
        health: What is shared.
    """

    health: SharedHealth

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        health, now = self.health, call.waits.now()
        if health.is_due(now):
            yield from offload(functools.partial(health.look, now))
        try:
            result = yield from inner(call)
        except RouterError:
            if health.has_news:
                yield from offload(health.tell)
            raise
        if health.has_news:
            yield from offload(health.tell)
        return result
