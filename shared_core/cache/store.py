"""Named bytes in a SQLite file, kept until they are deleted: what the adapters' stores are made of.

Unlike the embedding cache this is somebody's data: it is never evicted, a broken file is left where it is, and
what cannot be written is an error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared_core.errors import ConfigError
from shared_core.storage.database import Database, Layout, is_broken

__all__ = ["SqliteStore", "checked_items", "coded"]

LAYOUT = Layout(
    name="a store of named bytes",
    application_id=0x48465253,  # "HFRS"
    version=1,
    tables=(
        "CREATE TABLE IF NOT EXISTS items "
        "(number INTEGER PRIMARY KEY, collection BLOB NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, "
        "UNIQUE (collection, name))",
    ),
    default_file="store.sqlite",
)

_NAMES_AT_ONCE = 500
_PAGE = 1000
"""Rows that one step of a long listing reads: others may write between two steps."""


class SqliteStore:
    """Bytes by collection and name, shared by threads and processes.

    Args:
        path: The file, or a folder for one.
        busy_seconds: How long to wait for other processes that write.

    Names are any strings: slashes, "..", NUL, and lone surrogates mean nothing special. A pickle carries the
    arguments. Every method raises ConfigError when the file cannot be used.

    Example:
        >>> import tempfile
        >>> store = SqliteStore(tempfile.mkdtemp())
        >>> store.put_many([("../a", b"1"), ("b", b"2")])
        >>> store.get_many(["b", "c"]), list(store.names(prefix=".."))
        ([b'2', None], ['../a'])
        >>> store.close()
    """

    def __init__(self, path: str | Path, *, busy_seconds: float = 30.0) -> None:
        self._database = Database(path, LAYOUT, busy_seconds=busy_seconds)
        with self._telling(), self._database.reading():
            pass

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.path, self._database.busy_seconds)

    def get_many(self, names: Sequence[str], collection: str = "") -> list[bytes | None]:
        """The values in the order of the names, None where there is none."""
        wanted = [coded(name) for name in names]
        found: dict[bytes, bytes] = {}
        with self._telling(), self._database.reading() as connection:
            for start in range(0, len(wanted), _NAMES_AT_ONCE):
                some = wanted[start : start + _NAMES_AT_ONCE]
                rows = connection.execute(_select_named(len(some)), [coded(collection), *some])
                found.update(rows.fetchall())
        return [found.get(name) for name in wanted]

    def put_many(self, items: Sequence[tuple[str, bytes]], collection: str = "") -> None:
        """Writes all of these, or none."""
        place = coded(collection)
        rows = [(place, name, value) for name, value in checked_items(items).items()]
        with self._telling(), self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO items (collection, name, value) VALUES (?, ?, ?) "
                "ON CONFLICT (collection, name) DO UPDATE SET value = excluded.value",
                rows,
            )

    def delete_many(self, names: Sequence[str], collection: str = "") -> int:
        """Deletes those that are there; says how many."""
        with self._telling(), self._database.writing() as connection:
            done = connection.executemany(
                "DELETE FROM items WHERE collection = ? AND name = ?",
                [(coded(collection), coded(name)) for name in names],
            )
            return max(done.rowcount, 0)

    def names(self, prefix: str = "", collection: str = "") -> Iterator[str]:
        """The names that begin with the prefix, ascending by their bytes. What is written meanwhile may be in."""
        for name, _ in self.items(prefix, collection, values=False):
            yield name

    def items(
        self, prefix: str = "", collection: str = "", *, values: bool = True
    ) -> Iterator[tuple[str, bytes]]:
        """Names with their values (b"" where values are not wanted), as `names` lists them."""
        start = coded(prefix)
        column = "value" if values else "x''"
        statement = f"SELECT name, {column} FROM items WHERE collection = ? AND name {{}} ? ORDER BY name LIMIT {_PAGE}"  # noqa: S608 (no value in it)
        after, last = ">=", start
        while True:
            with self._telling(), self._database.reading() as connection:
                rows = connection.execute(statement.format(after), (coded(collection), last)).fetchall()
            for name, value in rows:
                if not name.startswith(start):
                    return
                yield name.decode("utf-8", "surrogatepass"), value
            if len(rows) < _PAGE:
                return
            after, last = ">", rows[-1][0]

    def close(self) -> None:
        """Closes the file. The next use opens it again."""
        self._database.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            hint = "Check its permissions and the free space of the disk."
            if isinstance(error, sqlite3.Error) and is_broken(error):
                hint = "Restore it from a copy, or name another file."
            raise ConfigError(f"The store {self.path} cannot be used: {error}.", hint=hint) from error


def _select_named(count: int) -> str:
    marks = ",".join("?" * count)
    return f"SELECT name, value FROM items WHERE collection = ? AND name IN ({marks})"  # noqa: S608 (no value in it)


def checked_items(items: Sequence[tuple[str, bytes]]) -> dict[bytes, bytes]:
    """The values by name as bytes; of a name that comes twice, the last.

    Raises:
        ConfigError: A name is no string, or a value no bytes.
    """
    rows = {}
    for name, value in items:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise ConfigError(f"The value of a name is of type {type(value).__name__}, not bytes.")
        rows[coded(name)] = bytes(value)
    return rows


def coded(name: str) -> bytes:
    """A name as bytes; any string has some.

    Raises:
        ConfigError: It is no string.
    """
    if not isinstance(name, str):
        raise ConfigError(f"A name is of type {type(name).__name__}, not a string.")
    return name.encode("utf-8", "surrogatepass")


def _rebuild(path: Path, busy_seconds: float) -> SqliteStore:
    return SqliteStore(path, busy_seconds=busy_seconds)
