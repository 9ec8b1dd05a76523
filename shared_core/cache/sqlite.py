"""A cache in a file: SQLite, batch look-ups, a bound on its size and on the age of what is in it.

Lives here: the tables, which entries go when it is full, and going on when the file cannot. Not here: the file
itself (`storage.database`), and what the bytes mean: vectors (`recall`), answers (`chats`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from shared_core.cache.checks import checked_bytes, checked_ttl
from shared_core.cache.opening import default_path
from shared_core.errors import ConfigError
from shared_core.storage.database import Database, Layout, is_broken
from shared_core.storage.trouble import Trouble

__all__ = ["ANSWERS", "LAYOUT", "SqliteCache"]

LAYOUT = Layout(
    name="an embedding cache",
    application_id=0x48465243,  # "HFRC"
    version=1,
    tables=(
        "CREATE TABLE IF NOT EXISTS vectors "
        "(number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, used INTEGER NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used)",
    ),
    default_file="embeddings.sqlite",
)
ANSWERS = replace(
    LAYOUT, name="a cache of answers", application_id=0x48464341, default_file="answers.sqlite"
)  # "HFCA"

_KEYS_AT_ONCE = 500
"""Parameters of one statement: SQLite before 3.32 allows 999, and more is no faster (3.4 ms per 1,000 keys)."""

_BYTES_AT_ONCE = 2**24
"""Size of one transaction at most: others wait for it, and the write-ahead log grows by it."""

_PART_AT_ONCE = 16
"""The part of the bound that one transaction may fill: a file never shrinks, so that room is made beforehand."""

_TOUCHES_AT_ONCE = 4096


class SqliteCache:
    """Bytes by key in a SQLite file, shared by threads and processes.

    Args:
        path: The file, or a folder for one. None for the user's own vectors, beside the Hub's cache.
        max_bytes: Size that the file is kept under; what was used longest ago goes first.
        ttl: Seconds until an entry is forgotten; None for never. With it, what was written longest ago goes first,
            and entries that were written without it have no age and count as too old. Whoever shares the file
            should have one, too: without it, asking for an entry may make it seem younger.
        busy_seconds: How long to wait for other processes that write; then nothing is remembered.
        layout: What kind of file it is; vectors and answers never share one.
        clock: Seconds, ascending.
        wall_clock: Unix time in seconds, for the age of entries.

    The file is private to the user (mode 0600, in a folder 0700). Nothing that befalls it is raised: a broken
    file is set aside under the name `*.broken` and begun anew; a full disk or a locked file is logged once, and
    the cache then leaves it alone for a minute. A pickle carries the arguments.

    Raises:
        ConfigError: A number makes no sense, no file can have that path, or the file belongs to another program.

    Example:
        >>> import tempfile
        >>> cache = SqliteCache(tempfile.mkdtemp())
        >>> cache.put_many([(b"key", b"value")])
        >>> cache.get_many([b"key", b"unknown"])
        [b'value', None]
        >>> cache.close()
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        max_bytes: int = 2**30,
        ttl: float | None = None,
        busy_seconds: float = 5.0,
        layout: Layout = LAYOUT,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_bytes = checked_bytes(max_bytes)
        self.ttl = checked_ttl(ttl)
        self._database = Database(default_path() if path is None else path, layout, busy_seconds=busy_seconds)
        self._at_once = min(_BYTES_AT_ONCE, max_bytes // _PART_AT_ONCE)
        self._clock, self._wall_clock = clock, wall_clock
        self._trouble = Trouble(f"The cache {self._database.path}", clock, instead="calls go on without it")
        self._touched: set[bytes] = set()
        self._open()

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def __repr__(self) -> str:
        return f"SqliteCache({str(self.path)!r}, max_bytes={self.max_bytes})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (
            self.path,
            self.max_bytes,
            self.ttl,
            self._database.busy_seconds,
            self._database.layout,
        )

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See EmbeddingCache."""
        known: dict[bytes, bytes] = {}
        if not keys or self._trouble.pausing():
            return [None] * len(keys)
        young = "" if self.ttl is None else " AND used > ? AND used < ?"
        try:
            with self._database.reading() as connection:
                for some in _slices(keys):
                    statement = _select("key, value", len(some)) + young
                    known.update(connection.execute(statement, [*some, *self._ages()]).fetchall())
                if (
                    known
                    and self.ttl is None
                    and _pages(connection) * _page_size(connection) > self.max_bytes // 2
                ):
                    self._note_use(connection, list(known))
        except (sqlite3.Error, OSError, ConfigError) as error:
            self._failed(error)
        return [known.get(key) for key in keys]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """See EmbeddingCache."""
        if not items or self._trouble.pausing():
            return
        try:
            for some in _portions(items, self._at_once):
                with self._database.writing() as connection:
                    stamp = self._write_uses(connection)
                    connection.executemany(
                        "INSERT INTO vectors (key, used, value) VALUES (?, ?, ?) "
                        "ON CONFLICT (key) DO UPDATE SET used = excluded.used, value = excluded.value",
                        [(key, stamp, value) for key, value in some],
                    )
                    if self.ttl is not None:
                        connection.execute("DELETE FROM vectors WHERE used <= ? OR used >= ?", self._ages())
                    self._evict(connection)
        except (sqlite3.Error, OSError, ConfigError) as error:
            self._failed(error)

    def clear(self, prefix: bytes = b"") -> None:
        """Forgets every entry whose key begins so."""
        try:
            with self._database.writing() as connection:
                connection.execute("DELETE FROM vectors WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))
        except (sqlite3.Error, OSError, ConfigError) as error:
            self._failed(error)

    def close(self) -> None:
        """See EmbeddingCache."""
        self._flush_uses()
        self._database.close()

    def _open(self) -> None:
        """Finds out now, and not with the first vectors, whether the file can be used."""
        try:
            with self._database.reading():
                return
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def _now(self) -> int:
        return int(self._wall_clock() * 1000)

    def _ages(self) -> tuple[int, ...]:
        """Between which times an entry was written that is young enough; nothing without a ttl. With it, `used` is
        when it was written, in milliseconds; what seems to come from the future, a clock was set back since."""
        if self.ttl is None:
            return ()
        now, age = self._now(), int(self.ttl * 1000)
        return now - age, now + age

    def _note_use(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> None:
        """Collects hits whose place in the order of use is no longer near the front.

        Writing down every hit would cost more than the hit. Only a cache that is over half full will have to
        forget, and there a vector moves to the front only when a quarter of the order has passed it by.
        """
        oldest, newest = connection.execute(
            "SELECT (SELECT min(used) FROM vectors), (SELECT max(used) FROM vectors)"
        ).fetchone()
        passed_by = newest - (newest - oldest) / 4
        for some in _slices(keys):
            rows = connection.execute(_select("key", len(some)) + " AND used < ?", [*some, passed_by])
            self._touched.update(key for (key,) in rows)
        if len(self._touched) >= _TOUCHES_AT_ONCE:
            self._flush_uses()

    def _flush_uses(self) -> None:
        if not self._touched or self._trouble.pausing():
            return
        try:
            with self._database.writing() as connection:
                self._write_uses(connection)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def _write_uses(self, connection: sqlite3.Connection) -> int:
        """Moves the collected hits to the front of the order of use; gives the stamp of that place."""
        if self.ttl is not None:
            return self._now()
        stamp: int = connection.execute("SELECT coalesce(max(used), 0) + 1 FROM vectors").fetchone()[0]
        touched, self._touched = self._touched, set()
        connection.executemany("UPDATE vectors SET used = ? WHERE key = ?", [(stamp, key) for key in touched])
        return stamp

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Forgets what was used longest ago, until the next transaction fits under the bound."""
        size = _page_size(connection)
        while (_pages(connection) - _free_pages(connection)) * size > self.max_bytes - 2 * self._at_once:
            rows = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
            if not rows:
                return
            connection.execute(
                "DELETE FROM vectors WHERE number IN (SELECT number FROM vectors ORDER BY used, number LIMIT ?)",
                (max(1, rows // 20),),
            )

    def _failed(self, error: sqlite3.Error | OSError | ConfigError) -> None:
        if not isinstance(error, sqlite3.Error) or not is_broken(error):
            self._trouble.happened(error)
            return
        try:
            aside = self._database.set_aside()
        except OSError as also:
            self._trouble.happened(also)
            return
        if aside is not None:
            self._trouble.say(f"was broken ({error}) and is begun anew; the old file is now {aside}")


def _select(columns: str, count: int) -> str:
    return f"SELECT {columns} FROM vectors WHERE key IN ({','.join('?' * count)})"  # noqa: S608 (no value in it)


def _slices(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield keys[start : start + _KEYS_AT_ONCE]


def _portions(items: Sequence[tuple[bytes, bytes]], most_bytes: int) -> Iterator[list[tuple[bytes, bytes]]]:
    portion: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in items:
        portion.append((key, value))
        size += len(value)
        if size >= most_bytes:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _pages(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("PRAGMA page_count").fetchone()[0]
    return count


def _free_pages(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return count


def _page_size(connection: sqlite3.Connection) -> int:
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return size


def _rebuild(
    path: Path, max_bytes: int, ttl: float | None, busy_seconds: float, layout: Layout
) -> SqliteCache:
    return SqliteCache(path, max_bytes=max_bytes, ttl=ttl, busy_seconds=busy_seconds, layout=layout)
