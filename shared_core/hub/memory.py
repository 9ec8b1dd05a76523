"""What the process remembers of the Hub's answers: given while they are young, kept for when nobody answers.

Lives here: the memory. Not here: asking (`asking`). The clock is an argument, in unix seconds.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from shared_core._locks import new_lock

__all__ = ["ANSWERS", "Answers"]

T = TypeVar("T")
Key = tuple[str, str, str]

_FRESH = 300.0  # seconds
_OLDEST = 86_400.0  # seconds: what was true yesterday is no answer, and the error says more
_REST = 15.0  # seconds after a failure in which nobody asks again
_KEPT = 256  # answers: of pages with 100 models each, some 40 MB


class Answers(Generic[T]):
    """What was fetched, by hub, account and path; safe from threads.

    Args:
        fresh: Seconds that an answer is given without asking again. Older ones are kept for when nobody answers.
        oldest: Seconds after which they are not given any more, either.
        rest: Seconds after a failure in which that hub's old answers are given to the account without asking: a list
            of ten pages would wait ten times else.
        most: Answers that are kept.

    Example:
        >>> answers, key = Answers(fresh=300), ("https://huggingface.co", "account", "/api/models")
        >>> answers.keep(key, "found", now=0)
        >>> answers.fresh(key, now=299), answers.fresh(key, now=301), answers.stale(key, now=301)
        ('found', None, ('found', 0))
    """

    def __init__(
        self, fresh: float = _FRESH, rest: float = _REST, most: int = _KEPT, oldest: float = _OLDEST
    ) -> None:
        self._fresh, self._rest, self._most, self._oldest = fresh, rest, most, oldest
        self._kept: dict[Key, tuple[T, float]] = {}
        self._failed: dict[tuple[str, str], float] = {}
        self._lock = new_lock()

    def fresh(self, key: Key, now: float) -> T | None:
        """The answer to give without asking: a young one, or any while one rests after a failure. None: ask."""
        with self._lock:
            answer, at = self._kept.get(key, (None, 0.0))
            failed_at = self._failed.get(key[:2], float("-inf"))
        # An answer from the future (the clock was set back) is an old one.
        resting = 0 <= now - failed_at < self._rest and now - at < self._oldest
        return answer if resting or 0 <= now - at < self._fresh else None

    def stale(self, key: Key, now: float) -> tuple[T, float] | None:
        """The answer, unless it is too old for anything, and when it came."""
        with self._lock:
            kept = self._kept.get(key)
        return kept if kept is not None and now - kept[1] < self._oldest else None

    def keep(self, key: Key, answer: T, now: float) -> None:
        """Remembers an answer, and forgets that its hub failed."""
        with self._lock:
            self._failed.pop(key[:2], None)
            self._kept.pop(key, None)
            self._kept[key] = (answer, now)
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def failed(self, key: Key, now: float) -> None:
        """Notes that nobody answered, where an old answer is known; it stays."""
        with self._lock:
            if key in self._kept:
                self._failed[key[:2]] = now

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._kept.clear()
            self._failed.clear()


ANSWERS: Answers[Any] = Answers()
"""The process's own."""
