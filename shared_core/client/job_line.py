"""How far a job is, as one line on stderr, drawn over itself, on terminals and in notebooks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from shared_core.client.screen import is_watched
from shared_core.types import JobReport

__all__ = ["JobLine"]

_WIDTH = 30


class JobLine:
    """Draws a job's state; nothing where nobody watches.

    Args:
        stream: Where to draw; None is stderr.
        clock: Monotonic seconds.

    Example:
        >>> import io
        >>> class Screen(io.StringIO):
        ...     def isatty(self): return True
        >>> screen = Screen()
        >>> JobLine(screen, clock=lambda: 0.0)(JobReport("running", fraction=0.5))
        >>> print(screen.getvalue().strip())
        [###############               ] running, 0 s
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._visible = is_watched(self._stream)
        self._started = clock()
        self._width = 0

    def __call__(self, report: JobReport) -> None:
        """Draws one state; the last one ends the line."""
        if not self._visible:
            return
        bar = ""
        if report.fraction is not None:
            bar = f"[{'#' * int(_WIDTH * min(1.0, max(0.0, report.fraction))):<{_WIDTH}}] "
        place = f", place {report.position + 1} in the queue" if report.position is not None else ""
        line = f"{bar}{report.phase}{place}, {self._clock() - self._started:.0f} s"
        self._stream.write(f"\r{line:<{self._width}}" + ("\n" if report.over else ""))
        self._stream.flush()
        self._width = len(line)
