"""What is done when a file or a server of ours fails: it is said once, and left alone for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable

from shared_core._locks import new_lock

__all__ = ["PAUSE", "Trouble"]

_logger = logging.getLogger("hfrouter")
_logger.addHandler(logging.NullHandler())

PAUSE = 60.0
"""Seconds without another try after a failure, so that a full disk or a dead server costs one wait and not one
a batch."""


class Trouble:
    """The failures of one file or server.

    Args:
        whose: Its name at the head of each line of the log; no secret in it.
        clock: Seconds, ascending.
        instead: What happens meanwhile.
        pause: Seconds without another try.
    """

    def __init__(
        self,
        whose: str,
        clock: Callable[[], float],
        *,
        instead: str = "embedding goes on without it",
        pause: float = PAUSE,
    ) -> None:
        self._instead, self._pause = instead, pause
        self._whose = whose
        self._clock = clock
        self._lock = new_lock()
        self._said: set[str] = set()
        self._until = float("-inf")

    def happened(self, error: Exception) -> None:
        """Notes a failure, whose text must hold no secret; `pausing` then says yes for a while."""
        self._until = self._clock() + self._pause
        self.say(f"cannot be used ({error}); {self._instead}")

    def say(self, what: str) -> None:
        """Logs a warning, the first time."""
        with self._lock:
            if what in self._said:
                return
            self._said.add(what)
        _logger.warning("%s %s.", self._whose, what)

    def pausing(self) -> bool:
        """Whether the last failure was a moment ago."""
        return self._clock() < self._until
