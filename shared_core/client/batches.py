"""How a long list of texts becomes requests: cut by what a host takes, and by what it has refused before.

Pure but for `LESSONS`, the process's memory of refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from shared_core._locks import new_lock
from shared_core.providers import Limits

__all__ = ["LESSONS", "Lesson", "Lessons", "cut", "size_of"]


class Lesson:
    """What one host has taught about one model. Only ever grows stricter.

    Attributes:
        texts: Texts that one request may hold; None while nothing was refused.
        size: Bytes of text that one request may hold.
        base64: Whether base64 may be asked for.
    """

    __slots__ = ("base64", "size", "texts")

    def __init__(self) -> None:
        self.texts: int | None = None
        self.size: int | None = None
        self.base64 = True

    def fewer_texts(self, most: int) -> None:
        """A request of more texts than these was refused."""
        self.texts = max(1, most if self.texts is None else min(self.texts, most))

    def less_text(self, most: int) -> None:
        """A request of more bytes than these was refused."""
        self.size = max(1, most if self.size is None else min(self.size, most))

    def within(self, limits: Limits) -> tuple[int, int]:
        """(texts, bytes) that a request may hold now."""
        texts = limits.texts if self.texts is None else min(self.texts, limits.texts)
        return texts, limits.bytes if self.size is None else min(self.size, limits.bytes)


class Lessons:
    """Lessons by address and model, safe from threads.

    Args:
        most: How many are kept; a process that sees more forgets the oldest.
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._lessons: dict[tuple[str, str], Lesson] = {}
        self._lock = new_lock()

    def of(self, url: str, model: str) -> Lesson:
        with self._lock:
            lesson = self._lessons.setdefault((url, model), Lesson())
            if len(self._lessons) > self._most:
                del self._lessons[next(iter(self._lessons))]
            return lesson

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._lessons.clear()


LESSONS = Lessons()
"""The process's own."""


def size_of(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def cut(sizes: Sequence[int], limits: Callable[[], tuple[int, int]]) -> Iterator[slice]:
    """Where each request begins and ends.

    Args:
        sizes: Bytes of each text.
        limits: (texts, bytes) that a request may hold, asked anew for each one. A text that is larger than the
            limit goes alone.

    Example:
        >>> [(part.start, part.stop) for part in cut([5, 5, 5, 20, 1], lambda: (2, 12))]
        [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    start = 0
    while start < len(sizes):
        most_texts, most_bytes = limits()
        stop, size = start + 1, sizes[start]
        while stop < len(sizes) and stop - start < most_texts and (size := size + sizes[stop]) <= most_bytes:
            stop += 1
        yield slice(start, stop)
        start = stop
