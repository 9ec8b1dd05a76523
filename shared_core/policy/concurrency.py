"""Have no more under way at once than may be: the concurrency policy.

Lives here: holding a slot around one try, and what its end says. Not here: whose turn it is and how many slots there
are (`state.gates`).

Innermost, so that nobody who waits for anything else holds a slot. A stream holds its own until it is read or left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from shared_core.errors import LimitReached, Overloaded, RateLimited, RouterError, StreamInterrupted, TimedOut
from shared_core.flow import Flow, wait
from shared_core.policy import Handler
from shared_core.policy.rate_limit import RateLimit, end_of_patience, in_seconds
from shared_core.policy.scopes import value_of
from shared_core.policy.state.gates import Ending, Gate, Gates, Slot
from shared_core.types import TAG, Call, Concurrency, LookupRequest

__all__ = ["LimitConcurrency"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LimitConcurrency:
    """Lets a try begin when one of the slots is free.

    Args:
        limit: How many there are, and for whom.
        gates: Where they are.
        rate: Where a call that had to wait for a slot takes its turn anew, so that slots which come free together
            send no more in a moment than may be sent.
    """

    limit: Concurrency
    gates: Gates = field(repr=False)
    rate: RateLimit | None = None

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        if isinstance(call.request, LookupRequest):
            return (yield from inner(call))
        gate = self.gates.of(self.limit, value_of(self.limit.of, call))
        ending: Ending = "neither"
        slot = gate.enter()
        try:  # from here on, since a slot may be handed over in the moment in which its waiter is cancelled
            if not slot.is_held:
                passed = call.waits.now()
                yield from self._wait(call, gate, slot)
                if self.rate is not None and self.rate.limits:
                    yield from self.rate.pass_again(call, call.waits.now() - passed)
            result = yield from inner(call)
            ending = "answered"
            return result
        except RouterError as error:
            ending = _ending(error)
            raise
        finally:
            gate.leave(slot, ending)

    def _wait(self, call: Call, gate: Gate, slot: Slot) -> Flow[None]:
        assert slot.latch is not None
        waits, started = call.waits, call.waits.now()
        passes_on = self.limit.of != "all" and not self.limit.of.startswith(TAG)
        seconds = max(0.0, end_of_patience(call, started, passes_on=passes_on) - started)
        try:
            yield from wait(slot.latch, seconds)
        finally:
            call.progress.waited += waits.now() - started
        if not slot.is_held:
            raise LimitReached(
                f"As many requests are under way as may be ({gate.used}), and none of them ended within "
                f"{in_seconds(seconds)}. Nothing was sent.",
                hint="Raise `concurrency` or `timeout`; a stream counts until it is read to its end or closed.",
                reactions=None if passes_on else (),
            )


def _ending(error: RouterError) -> Ending:
    cause = error.cause if isinstance(error, StreamInterrupted) else error
    if isinstance(cause, LimitReached):
        return "neither"
    return "too much" if isinstance(cause, RateLimited | Overloaded | TimedOut) else "neither"
