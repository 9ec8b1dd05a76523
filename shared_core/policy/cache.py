"""Answer from what is remembered; remember what was answered; ask once what several ask at the same time.

Lives here: when the cache of answers is asked, and how a remembered answer reaches the caller. Not here: what may be
remembered, and where (`cache.chats`).

    single flight ▸ look up ▸ (ask ▸ remember)

Single flight outside: an answer is remembered before its flight lands, so that who comes late finds it. A stream goes
at the pace of its reader, who may leave it: nobody waits for one, and it waits for nobody.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from shared_core.errors import RouterError
from shared_core.flow import Flow, emit, offload
from shared_core.policy import Handler
from shared_core.policy.single_flight import SHARED, is_own, share
from shared_core.types import ApiKey, Call, ChatDelta, ChatReply, ChatRequest, ToolCallDelta

if TYPE_CHECKING:
    from shared_core.cache import ChatCache

__all__ = ["Remember"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remember:
    """Keeps answers to chat calls.

    Args:
        cache: Where.
        token: The token of a call's account.
    """

    cache: ChatCache
    token: Callable[[Call], Flow[ApiKey]]

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        request = call.request
        if not isinstance(request, ChatRequest) or not call.cache or not self.cache.admits(request):
            return (yield from inner(call))
        try:
            token = yield from self.token(call)
        except RouterError:
            # Not known whose answers these are: who sends it will say so, or another target answers.
            return (yield from inner(call))
        key = self.cache.key(request, call.target, token)
        ask = cast("Handler[ChatReply]", inner)
        if request.stream:
            return cast(T, (yield from self._recalled(key, call, ask)))
        reply = yield from share(
            key, call, lambda call: self._recalled(key, call, ask), lambda reply: _shared(reply, call)
        )
        return cast(T, reply)

    def _recalled(self, key: bytes, call: Call, ask: Handler[ChatReply]) -> Flow[ChatReply]:
        cache = self.cache
        known = (yield from offload(lambda: cache.get(key))) if cache.blocks else cache.get(key)
        if known is not None:
            return (yield from _given(known, call))
        reply = yield from ask(call)
        if is_own(call):
            if cache.blocks:
                yield from offload(lambda: cache.put(key, reply))
            else:
                cache.put(key, reply)
        return reply


def _given(reply: ChatReply, call: Call) -> Flow[ChatReply]:
    """A remembered answer, as this call gets it."""
    progress, waits = call.progress, call.waits
    first = None
    if cast(ChatRequest, call.request).stream:
        progress.emitted = True
        progress.first_token = waits.now()
        first = progress.first_token - progress.started
        yield from emit(_deltas(reply))
    latency = waits.now() - progress.started
    return replace(reply, meta=replace(reply.meta, latency_s=latency, first_token_s=first))


def _shared(reply: ChatReply, call: Call) -> ChatReply:
    """A leader's answer, as a follower gets it: his own to change, and free."""
    meta = replace(
        reply.meta,
        attempts=0,
        latency_s=call.waits.now() - call.progress.started,
        cached=True,
        cost=reply.meta.cost if reply.meta.cached else SHARED,
    )
    return replace(copy.deepcopy(reply), meta=meta)


def _deltas(reply: ChatReply) -> Sequence[ChatDelta]:
    """A whole answer in pieces: of each choice first the reasoning, then the rest; last, the usage."""
    deltas = []
    for choice in reply.choices:
        if choice.reasoning:
            deltas.append(ChatDelta(reasoning=choice.reasoning, index=choice.index))
        calls = tuple(ToolCallDelta(place, *call) for place, call in enumerate(choice.tool_calls))
        deltas.append(
            ChatDelta(
                choice.text,
                "",
                calls,
                choice.index,
                choice.finish_reason,
                None,
                choice.refusal,
                choice.logprobs,
            )
        )
    if reply.usage is not None:
        deltas.append(ChatDelta(usage=reply.usage))
    return deltas
