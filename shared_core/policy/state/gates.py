"""How many requests are under way, and who waits for one of them to end: for threads and tasks of any event loop.

A slot is handed from who leaves to who waits longest, in one step under the lock; whoever is cancelled in that very
moment leaves like any other, and the slot goes on to the next.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from typing import Literal

from shared_core.flow.latch import Latch
from shared_core.types import Concurrency

__all__ = ["Ending", "Gate", "Gates", "Slot"]

Ending = Literal["answered", "too much", "neither"]
"""What the end of a request says of how much its target can take."""

_FEWER = 0.7  # of the slots stay after a refusal
_MANY = 4096


class Slot:
    """One call at a gate.

    Attributes:
        is_held: Whether it may be under way.
        latch: Open when it may; None where it never had to wait.
    """

    __slots__ = ("cuts", "is_held", "latch")

    def __init__(self) -> None:
        self.is_held = False
        self.latch: Latch | None = None
        self.cuts = 0


class Gate:
    """The slots of one host, model or whatever is counted apart. Safe from threads.

    "adaptive" is TCP's way: from the start slots double with each round of answers, and after the first refusal they
    grow by one a round. They grow only while all are in use, and shrink once for all requests that were under way
    together.

    Args:
        limit: How many slots there are.
    """

    __slots__ = ("_adaptive", "_cuts", "_lock", "_most", "_used", "_waiting", "slots")

    def __init__(self, limit: Concurrency) -> None:
        self._adaptive = limit.limit == "adaptive"
        self.slots: float = limit.first if limit.limit == "adaptive" else limit.limit
        self._most = limit.most
        self._used = 0
        self._cuts = 0
        self._waiting: deque[Slot] = deque()
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """How many are under way."""
        return self._used

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._used and not self._waiting

    def enter(self) -> Slot:
        """A slot, which is held at once where one is free; `leave` it in any case."""
        slot = Slot()
        with self._lock:
            if self._used + 1 <= self.slots and not self._waiting:
                self._hold(slot)
            else:
                slot.latch = Latch()
                self._waiting.append(slot)
        return slot

    def leave(self, slot: Slot, ending: Ending = "neither") -> None:
        """It is over, or has never begun. Harmless when repeated."""
        woken: list[Latch] = []
        with self._lock:
            if slot.is_held:
                if self._adaptive:
                    self._learn(slot, ending)
                slot.is_held = False
                self._used -= 1
            elif slot.latch is not None and slot in self._waiting:
                self._waiting.remove(slot)
            while self._waiting and self._used + 1 <= self.slots:
                following = self._waiting.popleft()
                self._hold(following)
                assert following.latch is not None
                woken.append(following.latch)
        for latch in woken:
            latch.open()

    # -- inside, under the lock -----------------------------------------------------------------------------

    def _hold(self, slot: Slot) -> None:
        self._used += 1
        slot.is_held = True
        slot.cuts = self._cuts

    def _learn(self, slot: Slot, ending: Ending) -> None:
        if ending == "too much" and slot.cuts == self._cuts:
            self.slots = max(1.0, self.slots * _FEWER)
            self._cuts += 1
        elif ending == "answered" and self._used + 1 > self.slots:
            self.slots = min(self._most, self.slots + (1 / self.slots if self._cuts else 1))


class Gates:
    """The gates of a process, shared by all clients with the same limit."""

    def __init__(self) -> None:
        self._gates: dict[Hashable, Gate] = {}
        self._lock = threading.Lock()

    def of(self, limit: Concurrency, value: str) -> Gate:
        """The gate of what is counted apart under this value."""
        key = (limit, value)
        gate = self._gates.get(key)
        if gate is not None:
            return gate
        with self._lock:
            if len(self._gates) >= _MANY:
                self._gates = {key: gate for key, gate in self._gates.items() if not gate.is_idle}
            return self._gates.setdefault(key, Gate(limit))

    def clear(self) -> None:
        """Forgets all of them: after a fork, what is under way there is another process's."""
        self._lock = threading.Lock()
        self._gates = {}
