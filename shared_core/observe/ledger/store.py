"""The tables of a ledger, in a file or in memory: rows in, old rows out, connections for questions."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from shared_core.errors import ConfigError
from shared_core.observe.ledger.rows import COLUMNS, LAYOUT, Row
from shared_core.storage.database import Database, is_broken
from shared_core.storage.memory import MemoryDatabase

__all__ = ["Store"]

_logger = logging.getLogger("hfrouter")

_NAMES = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO calls (number, {_NAMES}) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608
_AT_ONCE = 10_000  # old rows that are deleted in one transaction: others wait for it

_GO_ON = (
    "UPDATE calls SET error = iif(outcome = 'answered', NULL, ?), outcome = iif(outcome = 'answered', outcome, ?), "
    "seconds = seconds + ?, attempts = attempts + ?, moves = moves + ?, "
    "provider = coalesce(provider, ?), request_id = coalesce(request_id, ?), "
    "nano_usd = coalesce(?, nano_usd), basis = iif(? IS NULL, basis, ?), price_date = coalesce(?, price_date), "
    "cost_note = iif(? IS NULL AND nano_usd IS NOT NULL, cost_note, ?) "
    "WHERE number = ?"
)


class Store:
    """Where the rows are.

    Args:
        path: The file, or a folder for one; None for memory.
        most_rows: How many there may be; None for any number.
        busy_seconds: How long to wait for other processes that write.

    Attributes:
        forgotten: Rows that went since there may be no more.

    Raises:
        ConfigError: The file is no ledger.
    """

    def __init__(self, path: str | Path | None, most_rows: int | None, busy_seconds: float) -> None:
        self._most_rows = most_rows
        self.forgotten = 0
        self._asked_by: int | None = None
        self._tables: Database | MemoryDatabase
        if path is None:
            self._tables = MemoryDatabase(LAYOUT)
            self._questions: Database | MemoryDatabase = self._tables
            self.path: Path | None = None
        else:
            self._tables = Database(path, LAYOUT, busy_seconds=busy_seconds)
            self.path = self._tables.path
            # A connection of its own: a long question keeps no row waiting.
            self._questions = Database(self.path, LAYOUT, busy_seconds=busy_seconds)

    def open(self) -> None:
        """Opens the file. Raises as `Database.reading` does."""
        with self._tables.reading():
            return

    def write(self, rows: Sequence[Row]) -> None:
        """All rows in one transaction. A broken file is set aside, and begun anew.

        Raises:
            sqlite3.Error: SQLite cannot.
            OSError: The folder or the file cannot be made.
            ConfigError: The file belongs to another program.
        """
        try:
            self._write(rows)
        except UnicodeEncodeError:  # a name with half a character in it, as no service has one
            self._write([_encodable(row) for row in rows])
        except sqlite3.DatabaseError as error:
            if not is_broken(error) or not isinstance(self._tables, Database):
                raise
            aside = self._tables.set_aside()
            if aside is not None:
                _logger.warning(
                    "The usage ledger %s was broken (%s) and is begun anew; the old file is now %s.",
                    self.path,
                    error,
                    aside,
                )
            self._questions.close()
            self._write(rows)

    def asking(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection inside one transaction: all that is read is of one moment. Inside of it, the same again.

        Raises:
            ConfigError: It cannot be read; says why.
        """
        return self._asking()

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._questions.reading() as connection:
                if self.is_asked():
                    yield connection
                    return
                connection.execute("BEGIN")
                self._asked_by = threading.get_ident()
                try:
                    yield connection
                finally:
                    self._asked_by = None
                    connection.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"The usage ledger {self.path} cannot be read: {error}.",
                hint="See that it is yours, that no program holds it, and that it is a file of hfrouter's.",
            ) from error

    def is_asked(self) -> bool:
        """Whether this thread is inside of a question; the garbage collector may end a stream there."""
        return self._asked_by == threading.get_ident()

    def prune(self, before: float) -> int:
        """Deletes what ended before this time; returns how many rows that were.

        Raises:
            ConfigError: The file cannot be written; says why.
        """
        deleted, count = 0, _AT_ONCE
        try:
            while count == _AT_ONCE:
                with self._tables.writing() as connection:
                    count = _delete(connection, "at < ? LIMIT ?", before, _AT_ONCE)
                deleted += count
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"The usage ledger {self.path} cannot be written: {error}.") from error
        return deleted

    def close(self) -> None:
        """Closes the file; what is in memory stays."""
        if isinstance(self._tables, Database):
            self._tables.close()
            self._questions.close()

    def _write(self, rows: Sequence[Row]) -> None:
        with self._tables.writing() as connection:
            (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM calls").fetchone()
            number: int = last
            calls, tags, contents = [], [], []
            for row in rows:
                if row.job is not None and _goes_on(connection, row):
                    continue
                number += 1
                call = (number, *row[: len(COLUMNS)])
                if row.job is None:
                    calls.append(call)
                else:  # at once, so that the next row of this job finds it
                    connection.execute(_INSERT, call)
                tags.extend([(name, value, number) for name, value in row.labels])
                if row.content is not None:
                    contents.append((number, *row.content))
            connection.executemany(_INSERT, calls)
            if tags:
                connection.executemany("INSERT INTO tags (name, value, number) VALUES (?, ?, ?)", tags)
            if contents:
                connection.executemany(
                    "INSERT INTO content (number, request, reply) VALUES (?, ?, ?)", contents
                )
            if self._most_rows is not None and number > self._most_rows:
                self.forgotten += _delete(connection, "number <= ?", number - self._most_rows)


def _goes_on(connection: sqlite3.Connection, row: Row) -> bool:
    """Adds a later call to the row of its job, if there is one: a video that is asked after twice is one video."""
    found = connection.execute("SELECT number FROM calls WHERE job = ?", (row.job,)).fetchone()
    if found is None:
        return False
    told = (row.error, row.outcome, row.seconds, row.attempts, row.moves, row.provider, row.request_id)
    cost = (row.nano_usd, row.nano_usd, row.basis, row.price_date, row.nano_usd, row.cost_note)
    connection.execute(_GO_ON, (*told, *cost, found[0]))
    return True


def _delete(connection: sqlite3.Connection, which: str, *values: float) -> int:
    found = connection.execute(f"SELECT number, tags FROM calls WHERE {which}", values).fetchall()  # noqa: S608
    labels = [(*label, number) for number, tags in found for label in json.loads(tags).items()]
    connection.executemany("DELETE FROM tags WHERE name = ? AND value = ? AND number = ?", labels)
    for table in ("content", "calls"):
        connection.executemany(f"DELETE FROM {table} WHERE number = ?", [row[:1] for row in found])  # noqa: S608
    return len(found)


def _encodable(row: Row) -> Row:
    return Row._make(
        value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for value in row
    )
