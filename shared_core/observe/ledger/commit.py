"""Rows on their way to the tables: collected, written many at a time, kept while they cannot be written.

Two ways with one face. `Buffer`, for memory: the thread that fills it writes it. `GroupCommit`, for a file: a thread of
its own writes what came in the last 25 ms in one transaction, so that a call never waits for a disk, and a process
that is killed loses the rows of that moment alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from shared_core.errors import ConfigError
from shared_core.observe.ledger.rows import Row
from shared_core.storage.trouble import Trouble

__all__ = ["Buffer", "GroupCommit"]

Write = Callable[[Sequence[Row]], None]

_TOGETHER = 0.025  # seconds; with the writing itself this stays under the 50 ms that are promised
_AT_ONCE = 500  # rows that are collected in memory
_MOST_HELD = 10_000  # rows that wait, about 10 MB
_PAUSE = 5.0  # seconds without another try after a failure


class Buffer:
    """For memory, which does not fail.

    Args:
        write: Writes rows.
        is_asked: Whether this thread reads them just now, so that they must wait.
    """

    lost = 0

    def __init__(self, write: Write, is_asked: Callable[[], bool]) -> None:
        self._write = write
        self._is_asked = is_asked
        # One thread may come back to it while it is inside: the garbage collector ends streams anywhere.
        self._lock = threading.RLock()
        self._rows: list[Row] = []
        self._is_writing = False

    def put(self, row: Row) -> None:
        """Takes a row."""
        with self._lock:
            self._rows.append(row)
            if len(self._rows) >= _AT_ONCE:
                self.flush()

    def flush(self) -> bool:
        """Writes what is there; whether nothing waits any more."""
        with self._lock:
            if self._is_writing or self._is_asked():
                return False
            self._is_writing = True
            rows, self._rows = self._rows, []
            try:
                if rows:
                    self._write(rows)
            finally:
                self._is_writing = False
        return True

    close = flush


class GroupCommit:
    """For a file. Starts its thread with the first row, and again after `close`.

    Args:
        write: Writes rows, all of them or none.
        whose: Names the file in the log.
        together: Seconds in which rows come together for one transaction.
        most: Rows that wait at most: whoever brings more waits for room. While the file cannot be written, they are
            lost instead, and counted.
        pause: Seconds without another try after a failure.

    Attributes:
        lost: Rows that found no room while the file could not be written.
    """

    def __init__(
        self,
        write: Write,
        whose: str,
        *,
        together: float = _TOGETHER,
        most: int = _MOST_HELD,
        pause: float = _PAUSE,
    ) -> None:
        self._write = write
        self._together, self._most, self._pause = together, most, pause
        self._trouble = Trouble(
            whose,
            time.monotonic,
            instead=f"up to {most:,} calls are remembered until it can be written, later ones are counted only",
            pause=pause,
        )
        self.lost = 0
        self._told_lost = 0
        self._changed = threading.Condition()  # its lock may be taken twice by one thread, see `Buffer`
        self._writing = threading.RLock()
        self._rows: list[Row] = []
        self._in_hand = 0  # rows that are being written
        self._flushing = 0  # by this thread
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._at_exit: Any = None

    def put(self, row: Row) -> None:
        """Takes a row."""
        with self._changed:
            if len(self._rows) + self._in_hand >= self._most and not self._has_room():
                self.lost += 1
                return
            self._rows.append(row)
            if self._thread is None:
                self._start()
            elif len(self._rows) == 1:
                self._changed.notify_all()

    def flush(self, *, at_any_rate: bool = False) -> bool:
        """Writes what is there, in this thread; whether nothing waits any more.

        Args:
            at_any_rate: Also a moment after a failure.
        """
        with self._writing:
            if self._trouble.pausing() and not at_any_rate:
                return not self._rows
            with self._changed:
                rows, self._rows = self._rows, []
                self._in_hand, self._flushing = len(rows), threading.get_ident()
            failure: Exception | None = None
            try:
                if rows:
                    self._write(rows)
                rows = []
            except (sqlite3.Error, OSError, ConfigError) as error:
                failure = error
            finally:
                with self._changed:
                    self._rows[:0] = rows
                    self._in_hand = self._flushing = 0
                    if failure is not None:  # before anybody looks for room
                        self._trouble.happened(failure)
                    self._changed.notify_all()
            if failure is None and self.lost > self._told_lost:
                self._tell_lost()
            return failure is None

    def close(self) -> bool:
        """Writes what is there and ends the thread; whether all is written."""
        self._closing.set()
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._at_exit is not None:
            self._at_exit.cancel()
            self._at_exit = None
        written = self.flush(at_any_rate=True)
        if not written:
            self._trouble.say(f"was closed before {len(self._rows):,} calls could be written to it")
        return written

    def _has_room(self) -> bool:
        """Waits for room; False where there will be none soon."""
        if self._flushing == threading.get_ident():  # a stream that is collected while its thread writes
            return True
        while len(self._rows) + self._in_hand >= self._most:
            if self._trouble.pausing() or self._thread is None or not self._thread.is_alive():
                return False
            self._changed.wait(1.0)
        return True

    def _start(self) -> None:
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._closing,), name="usage-ledger", daemon=True
        )
        # A process of `multiprocessing` ends without `atexit`.
        if (util := sys.modules.get("multiprocessing.util")) is not None and self._at_exit is None:
            self._at_exit = util.Finalize(None, self.close, exitpriority=0)
        with contextlib.suppress(RuntimeError):  # the interpreter is about to end: `close` writes the row
            self._thread.start()

    def _run(self, closing: threading.Event) -> None:
        while not closing.is_set():
            with self._changed:
                while not self._rows and not closing.is_set():
                    self._changed.wait()
            closing.wait(self._pause if self._trouble.pausing() else self._together)
            if not closing.is_set():
                self.flush()

    def _tell_lost(self) -> None:
        self._trouble.say(f"can be written again; {self.lost - self._told_lost:,} calls were lost meanwhile")
        self._told_lost = self.lost
