"""A SQLite database in memory, used as `Database` uses a file: what has no path takes the same lines of code."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from shared_core.storage.database import Layout
from shared_core.storage.forks import Lock, watch

__all__ = ["MemoryDatabase"]

_left_by_parents: list[sqlite3.Connection] = []
"""Kept for good, as those of files are."""


class MemoryDatabase:
    """Tables that go with the object. For threads; a forked child begins with empty ones.

    Args:
        layout: What it holds.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._finalizer: weakref.finalize[..., object] | None = None
        watch(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone while it lasts."""
        with self._lock:
            if self._connection is None:
                self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                # Python 3.13 warns of a connection that nobody has closed.
                self._finalizer = weakref.finalize(self, self._connection.close)
                for statement in self.layout.tables:
                    self._connection.execute(statement)
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection inside one transaction: all of it is written, or nothing."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def lock_for_fork(self) -> Lock:
        """See `Inherited`."""
        return self._lock

    def begin_anew(self) -> None:
        """See `Inherited`."""
        if self._connection is not None:
            _left_by_parents.append(self._connection)
        if self._finalizer is not None:
            self._finalizer.detach()  # closing is the parent's
        self._lock, self._connection = threading.RLock(), None

    def close(self) -> None:
        """Forgets what is there."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
