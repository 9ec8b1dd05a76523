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
from shared_core.types import (
    Call,
    ChatRequest,
    Cost,
    EmbedRequest,
    Job,
    ModelRef,
    ReplyMeta,
    RerankRequest,
    TaskRequest,
)

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
        call = named(call, f"{random.getrandbits(64):016x}")
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
        return CallStarted(
            call.id,
            self.wall_clock(),
            task_of(request),
            request.model,
            call.target.base_url,
            call.waits.streamed,
            call.usage_tags,
            request,
        )

    def _ended(self, call: Call, reply: Any, error: BaseException | None) -> CallEnded:
        if isinstance(error, StreamInterrupted):
            reply = error.partial
        meta: ReplyMeta | None = getattr(reply, "meta", None)
        progress, now = call.progress, call.waits.now()
        first = progress.first_token
        model = progress.model or call.request.model
        outcome = _outcome(reply, error)
        return CallEnded(
            call.id,
            self.wall_clock(),
            task_of(call.request),
            model,
            _provider(call, meta, error, model),
            progress.url or call.target.base_url,
            call.waits.streamed,
            call.usage_tags,
            outcome,
            type(error).__name__ if outcome == "failed" else "",
            now - progress.started,
            None if first is None else first - progress.started,
            _attempts(call, meta, error),
            progress.moves,
            getattr(reply, "usage", None) or progress.usage,
            (meta.cost if meta else progress.cost) or _UNKNOWN,
            meta.cached if meta else False,
            meta.request_id if meta else progress.request_id,
            call.request,
            reply,
            error,
            [after - before for before, after in pairwise(progress.pieces or ())],
            progress.job,
        )


def named(call: Call, id: str) -> Call:
    """The call under this name, made by hand: `replace` takes several times as long."""
    return Call(
        call.request,
        call.target,
        call.waits,
        call.progress,
        call.turn,
        call.usage_tags,
        call.hooks,
        id,
        call.cache,
    )


def _outcome(reply: Any, error: BaseException | None) -> str:
    if error is None:
        return "submitted" if isinstance(reply, Job) else "answered"
    # What is no `Exception` ends a call from outside: a cancelled task, a stream that is left, Ctrl-C.
    return "failed" if isinstance(error, Exception) else "cancelled"


def _attempts(call: Call, meta: ReplyMeta | None, error: BaseException | None) -> int:
    """Those of an answer count where several tries went side by side; a remembered one tells of its first time."""
    if meta is not None:
        return call.progress.attempts if meta.cached else max(call.progress.attempts, meta.attempts)
    told = error.attempts if isinstance(error, RouterError) else 0
    return max(call.progress.attempts, told or 0)


def _provider(call: Call, meta: ReplyMeta | None, error: BaseException | None, model: str) -> str | None:
    if meta is not None:
        return meta.provider
    told = error.provider if isinstance(error, RouterError) else None
    return told or call.progress.provider or ModelRef.parse(model).provider


def task_of(request: object) -> str:
    """What a request asks for, in the words of `CallStarted.task`."""
    if isinstance(request, ChatRequest):
        return "chat"
    if isinstance(request, EmbedRequest):
        return "embed"
    if isinstance(request, RerankRequest):
        return "rerank"
    return request.task if isinstance(request, TaskRequest) else "look-up"
