"""Something that happens once, and that threads and tasks of any event loop can wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Latch"]


class Latch:
    """Closed until `open` is called, once and for all; from any thread.

    Waiting is for the drivers: flows yield `wait(latch, seconds)`.

    Args:
        opener: The thread that will open it, where that is known: then that thread does not wait for itself.

    Example:
        >>> latch = Latch()
        >>> latch.is_open, latch.open(), latch.is_open
        (False, None, True)
    """

    __slots__ = ("_lock", "_told", "is_open", "opener")

    def __init__(self, opener: int | None = None) -> None:
        self.is_open = False
        self.opener = opener
        self._told: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def open(self) -> None:
        """It has happened. Harmless when repeated."""
        with self._lock:
            if self.is_open:
                return
            self.is_open = True
            told, self._told = self._told, []
        for tell in told:
            tell()

    def when_open(self, tell: Callable[[], object]) -> None:
        """Calls back once, from whichever thread opens it, at once where it is open. It must neither block nor
        raise."""
        with self._lock:
            if not self.is_open:
                self._told.append(tell)
                return
        tell()

    def forget(self, tell: Callable[[], object]) -> None:
        """Takes a callback back; harmless when it is not there."""
        with self._lock:
            if tell in self._told:
                self._told.remove(tell)
