"""The usage ledger: one row for each call, in memory or in a SQLite file, and what it can be asked."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared_core.errors import ConfigError
from shared_core.observe.events import CallEnded
from shared_core.observe.ledger.commit import Buffer, GroupCommit
from shared_core.observe.ledger.compare import Comparison
from shared_core.observe.ledger.questions import Selection, Totals, each_row, sums, tag_names
from shared_core.observe.ledger.rows import LedgerRow, row_of
from shared_core.observe.ledger.store import Store
from shared_core.observe.ledger.tables import Breakdown, write_rows
from shared_core.observe.moments import Moment, unix
from shared_core.types import AccountUsage

__all__ = ["Ledger", "open_ledger"]

_MOST_IN_MEMORY = 250_000  # calls, about 70 MB
_ARGUMENTS: dict[str, Any] = {"path": None, "store_content": False, "most_rows": None, "busy_seconds": 5.0}


class Ledger:
    """What calls were made, and what they used: a hook (`ledger=` of a client), for any number of clients and threads.

    Nothing is written to disk without a path. A file (mode 0600) may be shared by processes, which each write their
    rows many at a time: one that is killed loses those of its last 50 ms at most, or of as long as the disk takes
    to write those before. Where the file cannot be written,
    the log says so once, up to 10,000 rows wait until it can, and what is lost beyond them is counted (`lost`).

    A forked child goes on with the same file; in memory, it begins an empty ledger. A pickle carries the arguments.
    Questions read the database, and include all that this process has done so far: for large files, ask from a thread.

    Args:
        path: The file, or a folder for one; None for memory.
        store_content: Whether what was asked and answered is kept, too: messages, texts, the reply's text; media are
            only named. Otherwise neither is.
        most_rows: How many rows are kept, the oldest go first; None for 250,000 in memory, and any
            number in a file.
        busy_seconds: How long to wait for other processes that write.

    Raises:
        ConfigError: No file can have that path, or it belongs to another program.

    Example:
        >>> from shared_core import HFRouter
        >>> ledger = Ledger()
        >>> router = HFRouter("openai/gpt-oss-120b:groq", ledger=ledger, usage_tags={"user": "ada"})
        >>> router.chat([{"role": "user", "content": "Hello!"}])  # doctest: +SKIP
        >>> ledger.totals(where={"user": "ada"}).calls
        0
        >>> print(ledger.by("model"))  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        store_content: bool = False,
        most_rows: int | None = None,
        busy_seconds: float = 5.0,
    ) -> None:
        if most_rows is not None and (isinstance(most_rows, bool) or most_rows < 1):
            raise ConfigError(f"most_rows={most_rows!r} is not a whole number from 1 on.")
        self._arguments = (path, store_content, most_rows, busy_seconds)
        self.store_content = store_content
        most = _MOST_IN_MEMORY if path is None and most_rows is None else most_rows
        self._store = Store(path, most, busy_seconds)
        self._rows = self._collector()
        self._finalizer = weakref.finalize(self, _closed, self._rows, self._store, os.getpid())
        _living.add(self)
        with contextlib.suppress(sqlite3.Error, OSError):  # the first row says it
            self._store.open()

    def _collector(self) -> Buffer | GroupCommit:
        if self.path is None:
            return Buffer(self._store.write, self._store.is_asked)
        return GroupCommit(self._store.write, f"The usage ledger {self.path}")

    # -- taking in ---------------------------------------------------------------------------------------

    def __call__(self, event: object) -> None:
        """Takes an event; of a call that has ended, it makes the row. Waits only where 10,000 rows do."""
        if isinstance(event, CallEnded):
            self._rows.put(row_of(event, store_content=self.store_content))

    def flush(self) -> bool:
        """Writes what waits; questions do so by themselves. Whether all is written."""
        return self._rows.flush()

    def close(self) -> None:
        """Writes what waits and closes the file; with the next call it is open again."""
        self._rows.close()
        self._store.close()

    # -- questions ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def at_one_moment(self) -> Iterator[Self]:
        """Inside, this thread's questions are about the same calls, whatever is written meanwhile.

        Raises:
            ConfigError: The file cannot be read.

        Example:
            >>> with Ledger().at_one_moment() as ledger:
            ...     sum(line.calls for line in ledger.by("model")) == ledger.totals().calls
            True
        """
        self.flush()
        with self._store.asking():
            yield self

    def totals(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Totals:
        """The sum over all calls.

        Args:
            since, until: Calls that ended from then on, and before then: a datetime, a date (it begins in UTC), or
                Unix seconds.
            where: Values of a row ({"model": "org/name", "outcome": "failed"}), or of tags ({"user": "ada"}; write
                "tag:model" for a tag that is named like a column). None as a value finds calls without one.

        Raises:
            ConfigError: A time is none, or the file cannot be read.
        """
        return self._sums(None, since, until, where)[0]

    def by(
        self,
        what: str,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Breakdown:
        """The sums by what calls have in common; to be printed, or read line by line.

        Args:
            what: "model", "provider", "task", "day" (in UTC), "outcome", "error", "url", or a tag: "tag:user".
            since, until, where: As of `totals`.
        """
        found = self._sums(what, since, until, where)
        if what == "day":
            return Breakdown(what, sorted(found, key=lambda line: line.name or ""))
        return Breakdown(what, sorted(found, key=lambda line: (-line.cost, -line.calls, line.name or "")))

    def _sums(
        self, by: str | None, since: Moment | None, until: Moment | None, where: Mapping[str, Any] | None
    ) -> list[Totals]:
        which = Selection.of(since, until, where)
        self.flush()
        with self._store.asking() as connection:
            return sums(connection, by, which)

    def tags(self) -> list[str]:
        """The names of the tags that calls have, in order: what `by("tag:...")` can be asked.

        Example:
            >>> Ledger().tags()
            []
        """
        self.flush()
        with self._store.asking() as connection:
            return tag_names(connection)

    def rows(
        self,
        limit: int | None = 100,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> list[LedgerRow]:
        """The calls themselves, the newest first.

        Args:
            limit: How many at most; None for all.
            since, until, where: As of `totals`.
        """
        which = Selection.of(since, until, where)
        self.flush()
        with self._store.asking() as connection:
            return list(each_row(connection, which, limit, newest_first=True))

    def export(
        self,
        path: str | Path,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> int:
        """Writes the calls to a file, the oldest first, without what was asked and answered.

        Args:
            path: Its ending says how: .csv or .jsonl. What stood there is replaced once all of the new is written.
            since, until, where: As of `totals`.

        Returns:
            How many.
        """
        which = Selection.of(since, until, where)
        self.flush()
        with self._store.asking() as connection:
            return write_rows(each_row(connection, which, None, newest_first=False), Path(path))

    def compare(
        self,
        account: AccountUsage,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Comparison:
        """The ledger beside the account's own figures. Never tried against the live service.

        Args:
            account: From `HFRouter.account_usage`, of the same period.
            since, until, where: As of `totals`.
        """
        return Comparison(self.totals(since=since, until=until, where=where), account)

    def prune(self, before: Moment) -> int:
        """Deletes the calls that ended before then, and returns how many that were. The file keeps its size: what is
        free in it is used again.

        Raises:
            ConfigError: It is no time, or the file cannot be written.
        """
        moment = unix(before)
        self.flush()
        return self._store.prune(moment)

    # -- as an object ------------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The file; None for memory."""
        return self._store.path

    def as_dict(self) -> dict[str, Any]:
        """The arguments as plain JSON, which `ledger=` takes too."""
        path = None if self.path is None else str(self.path)
        return dict(zip(_ARGUMENTS, (path, *self._arguments[1:]), strict=True))

    @property
    def lost(self) -> int:
        """Calls of this process that found no room while the file could not be written."""
        return self._rows.lost

    def __repr__(self) -> str:
        return f"Ledger({'' if self.path is None else repr(str(self.path))})"

    def __str__(self) -> str:
        whole = self.totals()
        where = "in memory" if self.path is None else f"in {self.path}"
        lost = f"; {self.lost:,} calls were lost while it could not be written" if self.lost else ""
        older = f"; {self._store.forgotten:,} older calls were forgotten" if self._store.forgotten else ""
        lines = f"Usage ledger {where}{lost}{older}\n{whole}"
        return f"{lines}\n\n{self.by('model')}" if whole.calls else lines

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """A copy of a client writes to the same ledger."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.path, *self._arguments[1:])

    def _after_fork(self) -> None:
        """In the child: rows that wait are the parent's to write, and its locks may be held by threads that are not
        here."""
        self._finalizer.detach()
        self._rows = self._collector()
        self._finalizer = weakref.finalize(self, _closed, self._rows, self._store, os.getpid())


_living: weakref.WeakSet[Ledger] = weakref.WeakSet()
_by_path: weakref.WeakValueDictionary[tuple[Any, ...], Ledger] = weakref.WeakValueDictionary()
_opening = threading.Lock()


def open_ledger(ledger: Any) -> Ledger | None:
    """The ledger that a user means: all clients of the process that name one path share one.

    Args:
        ledger: A ledger, a path, True for one in memory, what `Ledger.as_dict` gave, None or False for none.

    Raises:
        ConfigError: It is none of these, or the file cannot be one.
    """
    if ledger is None or ledger is False:
        return None
    if isinstance(ledger, Ledger):
        return ledger
    if isinstance(ledger, str | Path):
        ledger = {"path": ledger}
    elif ledger is True:
        ledger = {}
    if not isinstance(ledger, Mapping) or not ledger.keys() <= _ARGUMENTS.keys():
        raise ConfigError(
            f"ledger={ledger!r} is no ledger.",
            hint="Give True for one in memory, a path, a `Ledger`, or a dictionary of its arguments.",
        )
    path, *others = (ledger.get(name, usual) for name, usual in _ARGUMENTS.items())
    return _rebuild(None if path is None else Path(path).expanduser().absolute(), *others)


def _rebuild(path: Path | None, *arguments: Any) -> Ledger:
    def make() -> Ledger:
        store_content, most_rows, busy_seconds = arguments
        return Ledger(path, store_content=store_content, most_rows=most_rows, busy_seconds=busy_seconds)

    if path is None:
        return make()
    with _opening:
        key = (path, *arguments)
        found = _by_path.get(key)
        if found is None:
            found = _by_path[key] = make()
        return found


def _closed(rows: Buffer | GroupCommit, store: Store, process: int) -> None:
    """Runs when a ledger is collected, and at exit."""
    if process == os.getpid():
        rows.close()
        store.close()


def _go_on_in_child() -> None:
    global _opening
    _opening = threading.Lock()
    for ledger in list(_living):
        ledger._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_in_child)
