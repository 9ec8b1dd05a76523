"""Limits in an SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence

from shared_core.policy.stores.limits_shared import SEEN_LATELY, Busy, Entry, Mode, Told
from shared_core.storage.database import Database, is_broken, is_busy
from shared_core.storage.trouble import Trouble

__all__ = ["SqlitePlace"]

_PAUSE = 5.0  # seconds without another try after a failure
_AGAIN = 60.0  # seconds after which a process shows itself anew
_INSTANT = 1e-9


class SqlitePlace:
    """A file, with two connections a process: a patient one for threads that may wait, and a hasty one that gives up at
    once where another process is writing, for event loops.

    Args:
        database: Opened when it is first asked.
        clock: Seconds that all processes of the machine agree on, as they do on the monotonic clock. After a restart
            of the machine it begins anew, which is noticed.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._patient = database
        self._hasty = database.hasty
        self._is_open = False
        self._clock = clock
        self._who = uuid.uuid4().hex
        self._seen: tuple[int, float] = (0, -_AGAIN)
        self._sharers = 1
        self._trouble = Trouble(
            f"The shared state in {database.path}", time.monotonic, instead=INSTEAD, pause=_PAUSE
        )

    def ask(self, mode: Mode, entries: Sequence[Entry], *, wait: bool = True) -> Told | None:
        """See `Place`."""
        if self._trouble.pausing():
            return None
        if not wait and not self._is_open:
            raise Busy
        try:
            with (self._patient if wait else self._hasty).writing() as connection:
                now = self._clock()
                self._show(connection, now)
                told = _answer(connection, mode, entries, now, self._sharers)
        except (sqlite3.Error, OSError) as error:
            if not wait and is_busy(error):
                raise Busy from None
            self._failed(error)
            return None
        self._is_open = True  # from now on a transaction takes microseconds
        return told

    def _show(self, connection: sqlite3.Connection, now: float) -> None:
        """Lets the others know that this process is one of those that share, once a minute."""
        process, seen = self._seen
        if process == os.getpid() and now - _AGAIN < seen <= now:
            return
        self._seen = (os.getpid(), now)
        connection.execute(
            "INSERT OR REPLACE INTO limit_users VALUES (?, ?)", (f"{self._who} {os.getpid()}", now)
        )
        connection.execute("DELETE FROM limit_users WHERE seen <= ? OR seen > ?", (now - SEEN_LATELY, now))
        connection.execute("DELETE FROM limits WHERE free_at <= ? AND seen <= ?", (now, now))
        self._sharers = connection.execute("SELECT count(*) FROM limit_users").fetchone()[0]

    def _failed(self, error: sqlite3.Error | OSError) -> None:
        if not isinstance(error, sqlite3.Error) or not is_broken(error):
            self._trouble.happened(error)
            return
        self._hasty.close()
        try:
            aside = self._patient.set_aside()
        except OSError as also:
            self._trouble.happened(also)
            return
        if aside is not None:
            self._trouble.say(f"was broken ({error}) and is begun anew; the old file is now {aside}")


INSTEAD = "each process keeps to its share of the limits by itself"


def _answer(
    connection: sqlite3.Connection, mode: Mode, entries: Sequence[Entry], now: float, sharers: int
) -> Told:
    kept = [_kept(connection, entry) for entry in entries]
    free_at = [_free_at(row, entry, now) for row, entry in zip(kept, entries, strict=True)]
    waits: list[float] = []
    if mode == "take":
        waits = [
            max(0.0, at + min(entry.cost, entry.depth) - entry.depth - now)
            for at, entry in zip(free_at, entries, strict=True)
        ]
    if all(wait <= _INSTANT for wait in waits):
        free_at = [_after(mode, at, entry.cost, now) for at, entry in zip(free_at, entries, strict=True)]
        waits = []
    for entry, row, at in zip(entries, kept, free_at, strict=True):
        if at > now and (row is None or row[0] != at):
            connection.execute("INSERT OR REPLACE INTO limits VALUES (?, ?, ?)", (entry.key, at, now))
        elif at <= now and row is not None:
            connection.execute("DELETE FROM limits WHERE key = ?", (entry.key,))
    return Told(waits, [at - now for at in free_at], sharers)


def _kept(connection: sqlite3.Connection, entry: Entry) -> tuple[float, float] | None:
    row: tuple[float, float] | None = connection.execute(
        "SELECT free_at, seen FROM limits WHERE key = ?", (entry.key,)
    ).fetchone()
    return row


def _free_at(row: tuple[float, float] | None, entry: Entry, now: float) -> float:
    if row is None:
        return now + entry.known
    free_at = row[0] - max(0.0, row[1] - now)  # the clock has gone back: the machine was restarted
    return max(free_at, now + entry.known) if entry.is_news else free_at


def _after(mode: Mode, free_at: float, cost: float, now: float) -> float:
    if mode == "close":
        return max(free_at, now + cost)
    return (max(free_at, now) if cost > 0 else free_at) + cost
