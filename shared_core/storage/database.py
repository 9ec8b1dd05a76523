"""One SQLite file of ours: private, shared by threads and processes, gone on with after a fork.

Lives here: opening (folder 0700, file 0600, WAL), whose file it is, one connection a process, transactions,
setting a broken file aside. Not here: what stands in the tables, and whether trouble may be passed over; a
cache may go on without its file, a store of documents may not.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from shared_core.errors import ConfigError
from shared_core.storage.forks import Lock, watch

__all__ = ["Database", "Layout", "is_broken", "is_busy"]

_PAGE = 16384
"""Bytes a page: vectors of 384 to 1,536 floats then fill it to nine tenths; at 4,096 a third stays empty."""

_HEADER = b"SQLite format 3\0"
_OUR_SUFFIXES = {".db", ".sqlite", ".sqlite3"}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a kind of file holds.

    Args:
        name: In words, for messages: "an embedding cache".
        application_id: What SQLite's header calls the kind.
        version: Of the tables.
        tables: The statements that make them.
        default_file: Its name where a user names a folder.
        page_size: In bytes. Of a transaction, each page that it touches is written whole: small ones are for small
            rows that come one by one.
        pages_kib: Memory for pages, in KiB. It fills up as the file grows: a process that writes rows and seldom
            reads them needs little.
    """

    name: str
    application_id: int
    version: int
    tables: tuple[str, ...]
    default_file: str
    page_size: int = _PAGE
    pages_kib: int = 8192


@dataclass(slots=True)
class _Opened:
    """A connection with what it belongs to. A forked child must neither use nor close its parent's."""

    connection: sqlite3.Connection | None = None
    process: int = field(default_factory=os.getpid)
    inode: int = 0
    lock: Lock = field(default_factory=threading.RLock)


_left_by_parents: list[_Opened] = []
"""Kept for good: finalising a parent's connection would close it."""


def is_broken(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is damaged, rather than busy, full or out of reach."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_busy(error: Exception) -> bool:
    """Whether an error says that others are writing at the moment."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0 where the error is none of its own."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


class Database:
    """A SQLite file.

    Args:
        path: The file, or a folder for one; `~` is the user's home.
        layout: What it holds.
        busy_seconds: How long to wait for other processes that write.

    A pickle or a copy carries these alone, and opens the file anew.

    Raises:
        ConfigError: No file can have that path.
    """

    def __init__(self, path: str | Path, layout: Layout, *, busy_seconds: float = 5.0) -> None:
        self.path = _file_in(path, layout)
        self.layout = layout
        self.busy_seconds = busy_seconds
        self._opened = _Opened()
        self._finalizer = weakref.finalize(self, _close, [self._opened])
        watch(self)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.path, self.layout, self.busy_seconds)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone while it lasts.

        Raises:
            ConfigError: The file belongs to another program, or to a newer version of this one.
            sqlite3.Error: SQLite cannot.
            OSError: The folder or the file cannot be made.
        """
        opened = self._of_this_process()
        with opened.lock:
            if opened.connection is None:
                self._make_file()
                opened.inode = _inode(self.path)
                opened.connection = self._connect()
            yield opened.connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection inside one transaction: all of it is written, or nothing. Raises as `reading` does."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")  # taking the lock later could fail without any waiting
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def set_aside(self) -> Path | None:
        """Renames a broken file, so that the next use begins a new one.

        Returns:
            Where it lies now; None when another process has replaced it already.

        Raises:
            OSError: It cannot be renamed.
        """
        opened = self._of_this_process()
        with opened.lock:
            seen = opened.inode
            self.close()
            if seen and seen != _inode(self.path):
                return None
            aside = self.path.with_name(self.path.name + ".broken")
            os.replace(self.path, aside)
            for ending in ("-wal", "-shm"):  # they belong to the broken file; a new one would read them
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            return aside

    def close(self) -> None:
        """Closes the file. The next use opens it again."""
        opened = self._of_this_process()
        with opened.lock:
            if opened.connection is not None:
                opened.connection.close()
            opened.connection, opened.inode = None, 0

    def lock_for_fork(self) -> Lock:
        """See `Inherited`."""
        return self._opened.lock

    def begin_anew(self) -> None:
        """See `Inherited`."""
        self._of_this_process()

    def _of_this_process(self) -> _Opened:
        opened = self._opened
        if opened.process != os.getpid():
            _left_by_parents.append(opened)
            self._finalizer.detach()
            self._opened = opened = _Opened()
            self._finalizer = weakref.finalize(self, _close, [opened])
        return opened

    def _connect(self) -> sqlite3.Connection:
        give_up = time.monotonic() + self.busy_seconds
        while True:
            connection = sqlite3.connect(
                self.path, timeout=self.busy_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except (sqlite3.Error, ConfigError) as error:
                connection.close()
                if _code(error) == sqlite3.SQLITE_NOTADB:
                    self._check_kind()
                if not is_busy(error) or time.monotonic() >= give_up:
                    raise
                # Turning WAL on does not wait for others who do the same, whatever the timeout.
                time.sleep(0.01)
            else:
                return connection

    def _make_file(self) -> None:
        self.path.parent.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _check_kind(self) -> None:
        """Not before SQLite has refused the file: closing it gives up the locks that this process has on it (POSIX
        ties them to the file), and another process would then take its WAL away."""
        with self.path.open("rb") as file:
            start = file.read(len(_HEADER))
        if start and start != _HEADER and self.path.suffix not in _OUR_SUFFIXES:
            raise ConfigError(
                f"{self.path} is no SQLite file.", hint=f"Name a file for {self.layout.name}, or a folder."
            )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if not self._is_ours(connection):
            # Settled before anything is written to it; the size of a page, before WAL.
            connection.execute(f"PRAGMA page_size = {self.layout.page_size}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # safe under WAL; a power cut may cost the last moments
        connection.execute("PRAGMA journal_size_limit = 16777216")
        connection.execute(f"PRAGMA cache_size = -{self.layout.pages_kib}")
        if not self._is_ours(connection):
            self._make_tables(connection)

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Whether the tables are there; False for an empty file, ConfigError for what must not be touched."""
        layout = self.layout
        # The tables first: another process may make them now, and what else it says comes with them.
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        kind = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if kind != layout.application_id and (kind or tables):
            raise ConfigError(
                f"{self.path} is an SQLite file of something else, not {layout.name}.",
                hint="Name another file, or a folder.",
            )
        if version > layout.version:
            raise ConfigError(
                f"{self.path} was written by a newer hfrouter (layout {version}, this one knows {layout.version}).",
                hint="Upgrade hfrouter, or name another file.",
            )
        return bool(tables)

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in self.layout.tables:  # "IF NOT EXISTS": another process may have been first
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self.layout.application_id}")
            connection.execute(f"PRAGMA user_version = {self.layout.version}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _file_in(named: str | Path, layout: Layout) -> Path:
    try:
        path = Path(named).expanduser().absolute()
        if b"\0" in os.fsencode(path):  # nor may it hold a lone surrogate; pathlib passes over both
            raise ValueError("it holds a NUL")
        is_folder = path.is_dir() or not path.suffix
    except (OSError, ValueError, RuntimeError) as error:  # too long, undecodable, in a home of nobody's
        raise ConfigError(
            f"{str(named)[:80]!r} cannot be the path of {layout.name}: {error}.",
            hint="Name a file or a folder.",
        ) from None
    return path / layout.default_file if is_folder else path


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _rebuild(kind: type[Database], path: Path, layout: Layout, busy_seconds: float) -> Database:
    return kind(path, layout, busy_seconds=busy_seconds)


def _close(held: list[_Opened]) -> None:
    """Runs when a database is collected, and at exit."""
    for opened in held:
        if opened.process == os.getpid() and opened.connection is not None:
            opened.connection.close()
            opened.connection = None
