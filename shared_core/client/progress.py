"""The progress bar of a long list: one line on stderr, drawn over itself, on terminals and in notebooks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from shared_core.client.screen import is_watched

__all__ = ["Bar"]

_WIDTH = 30
_EVERY = 0.1  # seconds between two drawings: a terminal is slow


class Bar:
    """Draws done and total, the rate, and the time left; nothing where nobody watches.

    Args:
        stream: Where to draw; None is stderr.
        clock: Monotonic seconds.
        of: What is counted.

    Example:
        >>> import io
        >>> class Screen(io.StringIO):
        ...     def isatty(self): return True
        >>> screen = Screen()
        >>> bar = Bar(screen, clock=iter([0.0, 2.0]).__next__)
        >>> bar(50, 100)
        >>> print(screen.getvalue().strip())
        [###############               ] 50/100 texts, 25/s, 2 s left
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        of: str = "texts",
    ) -> None:
        self._of = of
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._visible = is_watched(self._stream)
        self._started = clock()
        self._drawn = float("-inf")
        self._width = 0

    def __call__(self, done: int, total: int | None) -> None:
        """Draws, if it is time to; always when all is done. Without a total there is no bar, and no time left."""
        if not self._visible:
            return
        now = self._clock()
        if done != total and now - self._drawn < _EVERY:
            return
        self._drawn = now
        rate = done / max(now - self._started, 1e-9)
        said = f"{self._of}, {rate:,.0f}/s"
        if total is None:
            line = f"{done:,} {said}"
        else:
            filled = _WIDTH * done // max(total, 1)
            left = f", {_span((total - done) / rate)} left" if 0 < done < total else ""
            line = f"[{'#' * filled:<{_WIDTH}}] {done:,}/{total:,} {said}{left}"
        self._stream.write(f"\r{line:<{self._width}}" + ("\n" if done == total else ""))
        self._stream.flush()
        self._width = len(line)


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
