"""Waiting for limits to have room: the flow of it, without any call in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared_core.flow import Flow, offload, wait
from shared_core.policy.state.buckets import Buckets, Charge
from shared_core.policy.state.line import PATIENCE, Line

__all__ = ["Late", "Turnstile"]


class Late(NamedTuple):
    """A turn that would come too late.

    Args:
        key: The limit that would make it so.
        seconds: Until then, as far as is known.
    """

    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Turnstile:
    """Lets through what has room, in the order of coming.

    Args:
        buckets: How much of each limit is used.
        line: Who waits, in this process. Processes that share their buckets meet at these by chance.
    """

    buckets: Buckets
    line: Line = field(default_factory=Line)

    def is_open(self, charges: Sequence[Charge], now: float) -> bool:
        """Whether it was let through at once; False also where finding out takes a wait."""
        if not self.line.is_empty(charges):
            return False
        waits = self.buckets.take_now(charges, now)
        return waits is not None and not waits

    def passed(
        self, charges: Sequence[Charge], clock: Callable[[], float], until: Callable[[str], float]
    ) -> Flow[Late | None]:
        """Waits for the turn, and uses what is charged.

        Args:
            charges: What is used of each limit.
            clock: Monotonic seconds.
            until: When it is no longer worth it to wait for the limit with this key.

        Returns:
            None when it is through; why not, as soon as it is known that the turn comes too late.
        """
        line, through = self.line, False
        ticket = line.enter(charges)
        try:
            while True:
                if line.may_try(ticket, clock()):
                    room = yield from self._take(charges, clock())
                    if not room:
                        through = True
                        return None
                    line.had_no_room(ticket, room, clock())
                outlook, now = line.outlook(ticket), clock()
                if not outlook.key:  # it was passed over meanwhile, and may try
                    continue
                end = until(outlook.key)
                if outlook.at > end or now >= end:
                    return Late(outlook.key, max(0.0, outlook.at - now))
                seconds = max(0.0, outlook.at - now) + (0.0 if outlook.is_first else PATIENCE)
                yield from wait(ticket.latch, min(seconds, end - now))
        finally:
            line.leave(ticket, passed=through)

    def correct(self, charges: Sequence[Charge], now: float) -> Flow[None]:
        """More was used than was charged, or less: then somebody may pass earlier."""
        if not self.buckets.correct_now(charges, now):
            yield from offload(lambda: self.buckets.correct(charges, now))
        if any(charge.cost < 0 for charge in charges):
            self.line.look_again([charge.key for charge in charges])

    def close(self, key: str, seconds: float, now: float) -> Flow[None]:
        """Nothing passes there for so long."""
        if not self.buckets.close_now(key, seconds, now):
            yield from offload(lambda: self.buckets.close(key, seconds, now))

    def _take(self, charges: Sequence[Charge], now: float) -> Flow[Sequence[float]]:
        waits = self.buckets.take_now(charges, now)
        if waits is None:
            waits = yield from offload(lambda: self.buckets.take(charges, now))
        return waits
