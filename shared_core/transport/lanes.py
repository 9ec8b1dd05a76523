"""Connections kept open for the next request, one HTTP pool a connection.

A lane is an httpx2 transport that holds a single connection. Keeping idle lanes on a stack makes taking
and returning one cost the same however many are in use; one pool for all would search every connection
for every request, which is quadratic (1,000 requests at once take one pool 5.9 s, lanes 0.6 s: `benchmarks/README.md`).
The freshest lane is taken first, so that connections nobody needs grow old and are closed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

__all__ = ["KEEP_SECONDS", "IdleLanes"]

T = TypeVar("T")

KEEP_SECONDS = 15.0
"""How long an unused connection is kept. Routers and proxies drop theirs after 60 s or more."""

_KEEP_AT_MOST = 256


class IdleLanes(Generic[T]):
    """Idle lanes by origin, safe from threads. It decides; the caller closes what it is handed."""

    __slots__ = ("_by_origin", "_lock", "_retired")

    def __init__(self) -> None:
        self._by_origin: dict[str, deque[tuple[float, T]]] = {}
        self._lock = threading.Lock()
        self._retired = False

    def take(self, origin: str) -> T | None:
        """The freshest idle lane to this origin; None when there is none."""
        idle = self._by_origin.get(origin)
        if not idle:
            return None
        try:
            return idle.pop()[1]
        except IndexError:  # another thread was faster
            return None

    def put(self, origin: str, lane: T) -> list[T]:
        """Returns a lane, and gets the ones that are now too many or too old, to be closed."""
        now = time.monotonic()
        with self._lock:
            if self._retired:
                return [lane]
            idle = self._by_origin.setdefault(origin, deque())
            idle.append((now, lane))
            stale = []
            while idle and (len(idle) > _KEEP_AT_MOST or now - idle[0][0] > KEEP_SECONDS):
                stale.append(idle.popleft()[1])
            return stale

    def take_all(self) -> list[T]:
        """Every idle lane, to be closed."""
        with self._lock:
            lanes = [lane for idle in self._by_origin.values() for _, lane in idle]
            self._by_origin.clear()
            return lanes

    def retire(self) -> list[T]:
        """Every idle lane, to be closed. Nothing is kept from now on: a call that is still under way gets the lane
        that it returns back."""
        with self._lock:
            self._retired = True
        return self.take_all()
