"""What the process remembers of the Hub's answers: given while they are young, kept for when nobody answers.

Lives here: the memory. Not here: asking (`asking`). The clock is an argument, in unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from shared_core._locks import new_lock

__all__ = ["ANSWERS", "Answers"]

T = TypeVar("T")
Key = tuple[str, ...]

_FRESH = 300.0  # seconds
_REST = 15.0  # seconds after a failure in which nobody asks again
_KEPT = 256  # answers: of pages with 100 models each, some 40 MB


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    answer: T
    at: float
    failed_at: float = float("-inf")


class Answers(Generic[T]):
    """What was fetched, by question and account; safe from threads.

    Args:
        fresh: Seconds that an answer is given without asking again. Older ones are kept for when nobody answers.
        rest: Seconds after a failure in which the old answer is given without asking.
        most: Answers that are kept.

    Example:
        >>> answers = Answers(fresh=300)
        >>> answers.keep(("list",), "found", now=0)
        >>> answers.fresh(("list",), now=299), answers.fresh(("list",), now=301), answers.stale(("list",))
        ('found', None, 'found')
    """

    def __init__(self, fresh: float = _FRESH, rest: float = _REST, most: int = _KEPT) -> None:
        self._fresh, self._rest, self._most = fresh, rest, most
        self._kept: dict[Key, _Entry[T]] = {}
        self._lock = new_lock()

    def fresh(self, key: Key, now: float) -> T | None:
        """The answer to give without asking: a young one, or any while one rests after a failure. None: ask."""
        with self._lock:
            entry = self._kept.get(key)
        if entry is None:
            return None
        # An answer from the future (the clock was set back) is an old one.
        young = 0 <= now - entry.at < self._fresh
        return entry.answer if young or 0 <= now - entry.failed_at < self._rest else None

    def stale(self, key: Key) -> T | None:
        """The answer, however old."""
        with self._lock:
            entry = self._kept.get(key)
        return None if entry is None else entry.answer

    def keep(self, key: Key, answer: T, now: float) -> None:
        """Remembers an answer, and forgets earlier failures."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = _Entry(answer, now)
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def failed(self, key: Key, now: float) -> None:
        """Notes that nobody answered; what is known stays."""
        with self._lock:
            if (entry := self._kept.get(key)) is not None:
                self._kept[key] = replace(entry, failed_at=now)

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._kept.clear()


ANSWERS: Answers[Any] = Answers()
"""The process's own."""
