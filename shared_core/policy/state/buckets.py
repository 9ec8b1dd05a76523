"""How much of each limit is used: one number a limit, the moment at which nothing of it is in use any more.

The generic cell rate algorithm. What a call uses moves that moment on by its `cost`, the seconds in which as much
comes free again; a call may pass while the moment lies no further ahead than `depth`, what may be in use at once.
So in any window of P seconds calls of P + depth seconds pass at most.

Nothing is used by who waits: all limits of a call are used together when all have room, or none is. Whoever gives up
has nothing to give back, and a call that waits for its user's limit keeps nothing of its provider's from others.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["Buckets", "Charge", "MemoryBuckets"]

_INSTANT = 1e-9  # seconds; what the last digit of a float may be wrong by
_MANY = 4096


class Charge(NamedTuple):
    """What a call uses of one limit.

    Args:
        key: The limit's.
        cost: Seconds in which as much comes free again; 0 for what can only be closed.
        depth: Seconds' worth that may be in use at once. A call that costs more passes when nothing is in use.
    """

    key: str
    cost: float
    depth: float


class Buckets(Protocol):
    """Where the numbers are kept. `now` is in monotonic seconds of this process.

    Each question comes in two forms: the plain one may wait, for a file or a server. The other, for event loops, does
    not, and says with None or False that nothing was done, since it would have taken a wait.
    """

    def take(self, charges: Sequence[Charge], now: float) -> Sequence[float]:
        """Uses all of these, or none.

        Returns:
            Nothing when they are used; else for each the seconds until it has room, 0 where it has.
        """
        ...

    def take_now(self, charges: Sequence[Charge], now: float) -> Sequence[float] | None: ...

    def correct(self, charges: Sequence[Charge], now: float) -> None:
        """More was used than was taken, or less (a negative cost)."""
        ...

    def correct_now(self, charges: Sequence[Charge], now: float) -> bool: ...

    def close(self, key: str, seconds: float, now: float) -> None:
        """Nothing passes for so long."""
        ...

    def close_now(self, key: str, seconds: float, now: float) -> bool: ...

    def used(self, key: str, now: float) -> float:
        """Seconds until nothing of it is in use, as far as this process knows; 0 when nothing is."""
        ...

    def after_fork(self) -> None:
        """In the child of a fork: locks may be held by threads that are the parent's."""
        ...


class MemoryBuckets:
    """Those of this process, safe from threads.

    Example:
        >>> buckets, second = MemoryBuckets(), Charge("one a second", 1.0, 1.0)
        >>> buckets.take([second], 0.0), buckets.take([second], 0.25), buckets.take([second], 1.0)
        ((), [0.75], ())
    """

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._many = _MANY

    def take(self, charges: Sequence[Charge], now: float) -> Sequence[float]:
        """See `Buckets`."""
        with self._lock:
            free_at = self._free_at
            for key, cost, depth in charges:
                if free_at.get(key, now) + (cost if cost < depth else depth) - depth - now > _INSTANT:
                    return [self._wait(charge, now) for charge in charges]
            for key, cost, _ in charges:
                if cost:
                    free_at[key] = max(free_at.get(key, now), now) + cost
            if len(free_at) > self._many:
                self._forget_unused(now)
            return ()

    take_now = take

    def correct(self, charges: Sequence[Charge], now: float) -> None:
        """See `Buckets`."""
        with self._lock:
            for key, cost, _ in charges:
                free_at = self._free_at.get(key, now)
                self._free_at[key] = (max(free_at, now) if cost > 0 else free_at) + cost

    def correct_now(self, charges: Sequence[Charge], now: float) -> bool:
        """See `Buckets`."""
        self.correct(charges, now)
        return True

    def close(self, key: str, seconds: float, now: float) -> None:
        """See `Buckets`."""
        with self._lock:
            self._free_at[key] = max(self._free_at.get(key, now), now + seconds)

    def close_now(self, key: str, seconds: float, now: float) -> bool:
        """See `Buckets`."""
        self.close(key, seconds, now)
        return True

    def put(self, key: str, seconds: float, now: float) -> None:
        """It is in use for so many seconds from now."""
        with self._lock:
            self._free_at[key] = now + seconds
            if len(self._free_at) > self._many:
                self._forget_unused(now)

    def used(self, key: str, now: float) -> float:
        """See `Buckets`."""
        return max(0.0, self._free_at.get(key, now) - now)

    def after_fork(self) -> None:
        """See `Buckets`."""
        self._lock = threading.Lock()

    def _wait(self, charge: Charge, now: float) -> float:
        key, cost, depth = charge
        wait = self._free_at.get(key, now) + min(cost, depth) - depth - now
        return wait if wait > _INSTANT else 0.0

    def _forget_unused(self, now: float) -> None:
        self._free_at = {key: free_at for key, free_at in self._free_at.items() if free_at > now}
        self._many = max(_MANY, 2 * len(self._free_at))  # what is in use is never forgotten
