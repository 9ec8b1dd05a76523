"""Budgets in an SQLite file, for the processes of one machine.

What is reserved is the sum of the holds that have not lapsed: there is no counter that a crash could leave wrong.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from shared_core.policy.state.holds import Account, Hold, Posting, Verdict
from shared_core.policy.stores.budgets_shared import Busy, Known, Unreachable
from shared_core.policy.stores.settlements import Settlement
from shared_core.storage.database import Database, is_broken, is_busy
from shared_core.storage.trouble import Trouble

__all__ = ["BudgetFile"]

T = TypeVar("T")

_PAUSE = 5.0  # seconds that a file which failed is left alone
_TIDY_EVERY = 1000  # settlements
_DAY = 86400.0

_SUMS = (
    "SELECT spent, granted, "
    "(SELECT coalesce(sum(amount), 0) FROM budget_holds WHERE account = :account AND lapses > :since) "
    "FROM budget_accounts WHERE account = :account"
)
_RESERVED = "SELECT coalesce(sum(amount), 0) FROM budget_holds WHERE account = ? AND lapses > ?"
_HOLD = "INSERT OR REPLACE INTO budget_holds VALUES (?, ?, ?, ?)"
_RAISE = (
    "INSERT INTO budget_accounts VALUES (?, ?, 0, ?, ?) ON CONFLICT (account) DO UPDATE SET "
    "spent = max(spent, excluded.spent), granted = max(granted, excluded.granted)"
)
_RELEASE = "DELETE FROM budget_holds WHERE account = ? AND hold = ?"
_ADD = (
    "INSERT INTO budget_accounts VALUES (?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET "
    "spent = spent + excluded.spent, unconfirmed = unconfirmed + excluded.unconfirmed, "
    "granted = granted + excluded.granted RETURNING spent, granted"
)
_STANDING = (
    "SELECT account, spent, unconfirmed, granted FROM budget_accounts WHERE account BETWEEN ? AND ? "
    "UNION SELECT account, 0, 0, 0 FROM budget_holds WHERE account BETWEEN ? AND ? "
    "AND account NOT IN (SELECT account FROM budget_accounts)"
)


class BudgetFile:
    """A `Place` in a file, two connections a process: a patient one for threads that may wait, and a hasty one that
    gives up at once where another process is writing, for event loops.

    Args:
        database: The file.
    """

    def __init__(self, database: Database) -> None:
        self._patient = database
        self._hasty = database.hasty
        self._trouble = Trouble(
            f"The shared state in {database.path}",
            time.monotonic,
            instead="each process goes by what it knows itself",
            pause=_PAUSE,
        )
        self._settled = 0
        self.at_once = False

    @property
    def is_away(self) -> bool:
        """Whether the last failure was a moment ago, so that nothing is asked."""
        return self._trouble.pausing()

    def reserve(
        self, hold: Hold, known: Sequence[Known], first: Sequence[Settlement], *, wait: bool
    ) -> tuple[Verdict, list[Known], list[list[Posting]]]:
        """Settles what is to be settled first, and sets all lines aside, or none: in one transaction."""

        def work(connection: sqlite3.Connection) -> tuple[Verdict, list[Known], list[list[Posting]]]:
            results = [_settle(connection, settlement) for settlement in first]
            return *_reserve(connection, hold, known), results

        found = self._write(work, wait=wait)
        self._settled += len(first)
        self.at_once = True  # the file is open: from now on a transaction takes microseconds
        return found

    def settle(self, settlements: Sequence[Settlement], *, wait: bool) -> list[list[Posting]]:
        """Posts them all, or none."""

        def work(connection: sqlite3.Connection) -> list[list[Posting]]:
            return [_settle(connection, settlement) for settlement in settlements]

        found = self._write(work, wait=wait)
        self._settled += len(settlements)
        return found

    def grant(
        self,
        account: str,
        amount: int,
        known: Known,
        keep_until: float,
        now: float,  # noqa: ARG002  # for places that count from now
    ) -> Known:
        """Adds to what may be spent."""

        def work(connection: sqlite3.Connection) -> Known:
            connection.execute(_RAISE, (account, *known, keep_until))
            return Known(*connection.execute(_ADD, (account, 0, 0, amount, keep_until)).fetchone())

        return self._write(work, wait=True)

    def accounts(self, start: str, end: str, now: float) -> list[Account]:
        """Those whose keys begin and end so."""
        span = (start, start + "\U0010ffff")

        def work(connection: sqlite3.Connection) -> list[Account]:
            return [
                Account(
                    key, spent, connection.execute(_RESERVED, (key, now)).fetchone()[0], unconfirmed, granted
                )
                for key, spent, unconfirmed, granted in connection.execute(
                    _STANDING, (*span, *span)
                ).fetchall()
                if key.endswith(end)
            ]

        return self._write(work, wait=True)

    def tidy(self, now: float) -> None:
        """Drops, now and then, what is out of date."""
        if self._settled < _TIDY_EVERY:
            return
        self._settled = 0

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM budget_holds WHERE lapses < ?", (now - _DAY,))
            connection.execute("DELETE FROM budget_accounts WHERE keep_until < ?", (now,))

        self._write(work, wait=True)

    def _write(self, work: Callable[[sqlite3.Connection], T], *, wait: bool) -> T:
        try:
            with (self._patient if wait else self._hasty).writing() as connection:
                return work(connection)
        except (sqlite3.Error, OSError) as error:
            if is_busy(error) and not wait:
                raise Busy from None
            if isinstance(error, sqlite3.Error) and is_broken(error):
                self._set_aside()
            self._trouble.happened(error)
            raise Unreachable from error

    def _set_aside(self) -> None:
        self._hasty.close()
        with suppress(OSError):  # then it is found broken again, and said again
            aside = self._patient.set_aside()
            self._trouble.say(f"was damaged, and begins anew; the old file is {aside}")


def _reserve(
    connection: sqlite3.Connection, hold: Hold, known: Sequence[Known]
) -> tuple[Verdict, list[Known]]:
    since, verdict, sums, rows = hold.since, Verdict(), [], []
    for place, (account, amount, limit, hard, _, keep_until) in enumerate(hold.lines):
        found = connection.execute(_SUMS, {"account": account, "since": since}).fetchone()
        spent, granted, reserved = found or (0, 0, None)
        if reserved is None:
            reserved = connection.execute(_RESERVED, (account, since)).fetchone()[0]
        known_spent, known_granted = known[place]
        if spent < known_spent or granted < known_granted:  # the file was lost: what we know of it goes back
            spent, granted = max(spent, known_spent), max(granted, known_granted)
            connection.execute(_RAISE, (account, spent, granted, keep_until))
        sums.append(Known(spent, granted))
        if hard and verdict.short < 0 and amount > limit + granted - spent - reserved:
            verdict = Verdict(place, spent, reserved, granted)
        rows.append((account, hold.id, amount, since + hold.seconds))
    if verdict.short < 0:
        connection.executemany(_HOLD, rows)
    return verdict, sums


def _settle(connection: sqlite3.Connection, settlement: Settlement) -> list[Posting]:
    postings = []
    for place, line in enumerate(settlement.hold.lines):
        connection.execute(_RELEASE, (line.account, settlement.hold.id))
        if settlement.charges:
            amount, unconfirmed = settlement.charges[place]
            row = (line.account, amount, unconfirmed, 0, line.keep_until)
            spent, granted = connection.execute(_ADD, row).fetchone()
            postings.append(Posting(place, spent - amount, spent, granted))
    return postings
