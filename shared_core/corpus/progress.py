"""How far a run is, for people: one line on a terminal, or a call to a function of theirs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Meter", "Progress", "Reporter", "reporter"]

Reporter = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run.

    Args:
        rows: Rows done, those of earlier runs included.
        failed: Rows among them without a vector.
        rows_per_second: Of this run.
        done: Share of the source that is done, 0 to 1; None where its size is unknown.
        seconds_left: Until the end at the pace so far; None where that is unknown.
        finished: Whether this is the last.
    """

    rows: int
    failed: int
    rows_per_second: float
    done: float | None = None
    seconds_left: float | None = None
    finished: bool = False

    def __str__(self) -> str:
        parts = [f"{self.rows:,} rows"]
        if self.done is not None:
            parts.append(f"{self.done:.0%}")
        parts.append(f"{self.rows_per_second:,.0f} rows/s")
        if self.seconds_left is not None and not self.finished:
            parts.append(f"{_clock(self.seconds_left)} left")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return " · ".join(parts)


class Meter:
    """Makes a `Progress` of what is done.

    Args:
        rows: Done before this run.
        tell: Who is told.
        now: Seconds, ascending.
    """

    def __init__(self, rows: int, tell: Reporter, now: Callable[[], float]) -> None:
        self._tell = tell
        self._now = now
        self._start = now()
        self._rows_before = rows
        self._done_before: float | None = None

    def begins_at(self, done: float | None) -> None:
        """Share of the source that earlier runs did."""
        self._done_before = done

    def tell(self, rows: int, failed: int, done: float | None, *, finished: bool = False) -> None:
        seconds = max(self._now() - self._start, 1e-9)
        left = None
        before = self._done_before or 0.0
        if done is not None and done > before:
            left = seconds * (1 - done) / (done - before)
        rate = (rows - self._rows_before) / seconds
        self._tell(Progress(rows, failed, rate, done, left, finished))

    @property
    def seconds(self) -> float:
        return self._now() - self._start


def reporter(wish: bool | Reporter, stream: TextIO | None = None) -> Reporter:
    """Who is told about progress.

    Args:
        wish: True for a line on a terminal; False for nobody; or a function.
        stream: The terminal; standard error when None. Nothing is written to what is no terminal.
    """
    if callable(wish):
        return wish
    terminal = stream or sys.stderr
    if not wish or not terminal.isatty():
        return _nobody
    return _Line(terminal)


def _nobody(progress: Progress) -> None:
    """Tells nobody."""


class _Line:
    """One line that is written over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        line = str(progress)
        end = "\n" if progress.finished else ""
        self._stream.write(f"\r{line.ljust(self._width)}{end}")
        self._stream.flush()
        self._width = len(line)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
