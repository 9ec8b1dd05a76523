"""What the tests of rate limits share: calls under a clock that only waiting moves, and the policy stepped by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from shared_core.errors import RouterError
from shared_core.flow import Flow, Offload, Wait, emit
from shared_core.policy.rate_limit import RateLimit
from shared_core.policy.state.buckets import MemoryBuckets
from shared_core.policy.turnstile import Turnstile
from shared_core.types import (
    ApiKey,
    Call,
    ChatDelta,
    ChatReply,
    ChatRequest,
    Choice,
    Limit,
    Progress,
    ReplyMeta,
    Target,
    Timeouts,
    Turn,
    Usage,
    Waits,
)

NOTHING: Any = None
SECOND = Limit(requests=1, per="second")


class Clock:
    """A clock that goes forward only when the flow waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def call_with(
    clock: Callable[[], float] = time.monotonic,
    *,
    model: str = "org/name:groq",
    url: str = "https://h/v1",
    key: str = "mine",
    total: float = 60.0,
    turn: Turn | None = None,
    request: Any = None,
    **tags: str,
) -> Call:
    waits = Waits(Timeouts(total=total), clock, streamed=False)
    request = request or ChatRequest([], model)
    return Call(request, Target(url, ApiKey(key)), waits, Progress(waits.now()), turn, tags)


class Answers:
    """Answers each try with the next of its outcomes; the last one for ever."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes) or ["fine"]
        self.at: list[float] = []

    def __call__(self, call: Call) -> Flow[Any]:
        self.at.append(call.waits.now())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        yield from emit([ChatDelta("x")])
        return outcome


def stepped(flow: Flow[Any], clock: Clock) -> Any:
    """The result, or the error; waits pass at once."""
    try:
        effect = next(flow)
        while True:
            answer: Any = None
            if isinstance(effect, Wait):
                clock.now += 0.0 if effect.latch.is_open else effect.seconds
                answer = effect.latch.is_open
            if isinstance(effect, Offload):
                answer = effect.function()
            effect = flow.send(answer)
    except StopIteration as end:
        return end.value
    except RouterError as error:
        return error


def limited(*limits: Limit) -> RateLimit:
    return RateLimit(limits, Turnstile(MemoryBuckets()))


def usage(total: int) -> ChatReply:
    return ChatReply((Choice(text="x"),), Usage(total, 0, total), ReplyMeta("m"))
