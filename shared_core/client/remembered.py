"""What was fetched and is given again for a while, for the whole process.

Lives here: the memory, safe from threads. Not here: fetching (`locating`, `hub.asking`). The clock is an argument.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Generic, TypeVar

from shared_core._locks import new_lock

__all__ = ["Answers", "digest_of"]

T = TypeVar("T")

_FRESH = 300.0  # seconds
_KEPT = 512  # answers


class Answers(Generic[T]):
    """What was fetched, by question and account; safe from threads.

    Args:
        fresh: Seconds that an answer is given without asking again. Older ones are kept for when nobody answers.
        most: Answers that are kept.
    """

    def __init__(self, fresh: float = _FRESH, most: int = _KEPT) -> None:
        self._fresh, self._most = fresh, most
        self._kept: dict[tuple[str, ...], tuple[float, T]] = {}
        self._lock = new_lock()

    def fresh(self, key: tuple[str, ...], now: float) -> T | None:
        """The answer, while it is young. `now` is in unix seconds."""
        with self._lock:
            at, answer = self._kept.get(key, (0.0, None))
        return answer if answer is not None and 0 <= now - at < self._fresh else None

    def stale(self, key: tuple[str, ...]) -> T | None:
        """The answer, however old."""
        with self._lock:
            return self._kept.get(key, (0.0, None))[1]

    def keep(self, key: tuple[str, ...], answer: T, now: float) -> None:
        """Remembers an answer."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (now, answer)
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def forget(self, key: tuple[str, ...]) -> None:
        """Forgets one of them."""
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._kept.clear()


def digest_of(token: str) -> str:
    """What an account is known by in a memory that must hold no token."""
    return blake2b(token.encode(), digest_size=16).hexdigest()
