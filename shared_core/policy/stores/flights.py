"""Which calls are under way in this process, so that another one that asks the same can wait for them.

Without a lock: `setdefault` and `pop` are each done in one piece. So a flow that the garbage collector ends may land
anywhere, and a fork leaves nothing locked.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from shared_core.errors import RouterError
from shared_core.flow import Latch

__all__ = ["FLIGHTS", "Flight", "Flights"]


class Flight:
    """One call under way.

    Attributes:
        latch: Open when it is over, however it ended.
        answer: What came of it, if it may be shared; None where nothing did.
        verdict: The error that it ended with, if that befalls everybody who asks the same.
    """

    __slots__ = ("answer", "latch", "verdict")

    def __init__(self) -> None:
        self.latch = Latch(opener=threading.get_ident())
        self.answer: Any = None
        self.verdict: RouterError | None = None


class Flights:
    """The calls under way, safe from threads.

    Example:
        >>> flights = Flights()
        >>> (mine, leads), (same, follows) = flights.join(b"key"), flights.join(b"key")
        >>> leads, follows, mine is same
        (True, False, True)
        >>> flights.land(b"key", mine)
        >>> mine.latch.is_open, flights.join(b"key")[1]
        (True, True)
    """

    def __init__(self) -> None:
        self._under_way: dict[bytes, Flight] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def join(self, key: bytes) -> tuple[Flight, bool]:
        """The flight under this key, and whether the caller leads it, having come first. Who leads must land it."""
        own = Flight()
        flight = self._under_way.setdefault(key, own)
        return flight, flight is own

    def land(self, key: bytes, flight: Flight) -> None:
        """It is over; who waits for it goes on."""
        if self._under_way.get(key) is flight:
            del self._under_way[key]
        flight.latch.open()

    def clear(self) -> None:
        """Forgets all of them: in a forked child, where nobody leads them."""
        self._under_way = {}


FLIGHTS = Flights()
"""The process's own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=FLIGHTS.clear)
