"""Note how each try with a target went: the health of targets is made of tries, not of calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from shared_core.errors import (
    LimitReached,
    ModelLoading,
    Overloaded,
    RateLimited,
    RouterError,
    StreamInterrupted,
)
from shared_core.flow import Flow
from shared_core.observe import log
from shared_core.policy import Handler
from shared_core.policy.state import HEALTH, Health, Trouble
from shared_core.types import Call, ChatReply, Figures, Turn

__all__ = ["Watch", "trouble_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Watch:
    """Tells the health of a target about each of its tries.

    Args:
        health: Where it is kept.
    """

    health: Health = HEALTH

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        turn, waits = call.turn, call.waits
        if turn is None:
            return (yield from inner(call))
        started = waits.now() - call.progress.waited
        try:
            result = yield from inner(call)
        except RouterError as error:
            if isinstance(error, LimitReached):  # nobody was asked
                raise
            trouble = trouble_of(error)
            now = waits.now()
            if trouble is None:
                self._is_well(call, turn, now)
            elif self.health.failed(
                turn.key,
                now,
                trouble,
                rivals=turn.rivals,
                retry_after=_asked_for(error),
                probe=turn.probe,
            ):
                log.closed(call, error, self.health.wait(turn.key, now))
            raise
        # What the user's own limits made it wait is no slowness of the target.
        figures = _figures(call, result, started + call.progress.waited)
        self._is_well(call, turn, waits.now(), figures)
        return result

    def _is_well(self, call: Call, turn: Turn, now: float, figures: Figures | None = None) -> None:
        self.health.answered(turn.key, now, figures, probe=turn.probe)
        if turn.probe:
            log.well_again(call)


def trouble_of(error: RouterError) -> Trouble | None:
    """What an error says of the target; None when it is about the request, and the target is well."""
    if isinstance(error, StreamInterrupted):
        return "passing" if error.cause is None else trouble_of(error.cause)
    if isinstance(error, RateLimited | Overloaded | ModelLoading):
        return "throttled"
    if "retry" in error.reactions:
        return "passing"
    return "refused" if error.reactions & {"other_route", "other_account"} else None


def _asked_for(error: RouterError) -> float | None:
    return (
        error.cause.retry_after if isinstance(error, StreamInterrupted) and error.cause else error.retry_after
    )


def _figures(call: Call, result: Any, started: float) -> Figures:
    ended, first = call.waits.now(), call.progress.first_token
    if not isinstance(result, ChatReply):
        return Figures(whole=ended - started)
    tokens = 0 if result.usage is None else result.usage.completion_tokens
    begun = started if first is None else first
    speed = tokens / (ended - begun) if tokens > 1 and ended > begun else None
    if first is None:
        return Figures(whole=ended - started, speed=speed)
    return Figures(first_token=max(0.0, first - started), speed=speed)
