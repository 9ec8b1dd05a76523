"""Say that a call begins and how it ended: the events of one call, whatever is inside it.

Outside everything else, around a chat call as around a list of texts in many requests. Which requests it took, and
which of them failed, is not told here (`retry`, `fallback`).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from shared_core.errors import RouterError, StreamInterrupted
from shared_core.flow import Flow
from shared_core.observe.events import CallEnded, CallStarted
from shared_core.observe.hooks import tell
from shared_core.policy import Handler
from shared_core.types import Call, ChatRequest, Cost, EmbedRequest, ReplyMeta, RerankRequest, TaskRequest

__all__ = ["Record"]

T = TypeVar("T")

_UNKNOWN = Cost()


@dataclass(frozen=True, slots=True)
class Record:
    """Tells `call.hooks` of the whole call; without any, it costs a comparison.

    Args:
        wall_clock: Unix time in seconds.
    """

    wall_clock: Callable[[], float]

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        if not call.hooks:
            return (yield from inner(call))
        call = Call(
            call.request,
            call.target,
            call.waits,
            call.progress,
            call.turn,
            call.usage_tags,
            call.hooks,
            f"{random.getrandbits(64):016x}",
            call.cache,
        )
        call.progress.pieces = []
        tell(call.hooks, self._started(call))
        done, result = False, None
        try:
            result = yield from inner(call)
            done = True
            return result
        finally:
            tell(call.hooks, self._ended(call, result, None if done else sys.exception()))

    def _started(self, call: Call) -> CallStarted:
        request = call.request
        streamed = getattr(request, "stream", False)
        return CallStarted(
            call.id,
            self.wall_clock(),
            task_of(request),
            request.model,
            call.target.base_url,
            streamed,
            call.usage_tags,
            request,
        )

    def _ended(self, call: Call, reply: Any, error: BaseException | None) -> CallEnded:
        # What is no `Exception` ends a call from outside: a cancelled task, a stream that is left, Ctrl-C.
        outcome = "answered" if error is None else "failed" if isinstance(error, Exception) else "cancelled"
        if isinstance(error, StreamInterrupted):
            reply = error.partial
        meta: ReplyMeta | None = getattr(reply, "meta", None)
        progress, now = call.progress, call.waits.now()
        first = progress.first_token
        failed = error if isinstance(error, RouterError) else None
        return CallEnded(
            call.id,
            self.wall_clock(),
            task_of(call.request),
            progress.model or call.request.model,
            meta.provider if meta else failed.provider if failed else progress.provider,
            progress.url or call.target.base_url,
            getattr(call.request, "stream", False),
            call.usage_tags,
            outcome,
            type(error).__name__ if outcome == "failed" else "",
            now - progress.started,
            None if first is None else first - progress.started,
            meta.attempts if meta else failed.attempts if failed else progress.attempts,
            progress.moves,
            getattr(reply, "usage", None),
            meta.cost if meta else _UNKNOWN,
            meta.cached if meta else False,
            meta.request_id if meta else progress.request_id,
            call.request,
            reply,
            error,
            [after - before for before, after in pairwise(progress.pieces or ())],
        )


def task_of(request: object) -> str:
    """What a request asks for, in the words of `CallStarted.task`."""
    if isinstance(request, ChatRequest):
        return "chat"
    if isinstance(request, EmbedRequest):
        return "embed"
    if isinstance(request, RerankRequest):
        return "rerank"
    return request.task if isinstance(request, TaskRequest) else "look-up"
