"""Where workers write down for each other which targets are closed: a Redis hash, or a table of an SQLite file.

Lives here: writing and reading, and going on without an answer. Not here: what is made of it (`shared_health`). A
target stands there under a digest; how it is closed is a short JSON list, in Unix time.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from shared_core.policy.stores.opening import PREFIX
from shared_core.storage.database import Database, is_broken
from shared_core.storage.trouble import Trouble

if TYPE_CHECKING:
    from shared_core.storage.redis import RedisServer

__all__ = ["Board", "FileBoard", "Notice", "RedisBoard", "board_at"]

Name = TypeVar("Name", str, bytes)

_KEPT = 600.0  # seconds after its time that a notice is thrown away: nobody is writing it anew just then
_PAUSE = 5.0  # seconds that a file which failed is left alone


class Notice(NamedTuple):
    """One line of the board.

    Args:
        until: Unix time until when the target is closed; of one that is well again, until when that is worth knowing.
        length: Seconds that it was closed for; 0 says that it is well again.
        is_named: Whether the service named the time itself.
        written: Unix time, so that the same thing said twice is two notices.
    """

    until: float
    length: float
    is_named: bool
    written: float

    def as_text(self) -> str:
        """For the board."""
        return json.dumps([*self])

    @classmethod
    def from_text(cls, text: str | bytes) -> Notice | None:
        """What `as_text` wrote; None where it is something else."""
        try:
            until, length, is_named, written = json.loads(text)
            notice = cls(float(until), float(length), bool(is_named), float(written))
        except (ValueError, TypeError):
            return None
        return notice if all(map(math.isfinite, (notice.until, notice.length, notice.written))) else None


class Board(Protocol):
    """What both places can do. Neither raises for a place that is away: it says so once, and pauses."""

    @property
    def is_away(self) -> bool:
        """Whether the last failure was a moment ago, so that nothing is asked."""

    def write(self, notices: Mapping[str, Notice]) -> bool:
        """Puts notices up, by target; whether that was done."""

    def read(self, now: float) -> dict[str, Notice] | None:
        """The notices that are still of use at this Unix time; None when the place cannot be asked."""


class RedisBoard:
    """One hash on a Redis server.

    Args:
        server: Where.
    """

    _KEY = f"{PREFIX}closings"
    _KEY_SECONDS = 24 * 3600  # after the last notice

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    @property
    def is_away(self) -> bool:
        """See Board."""
        return self._server.is_away

    def write(self, notices: Mapping[str, Notice]) -> bool:
        """See Board."""

        def work(client: Any) -> bool:
            with client.pipeline(transaction=False) as pipe:
                pipe.hset(self._KEY, mapping={target: told.as_text() for target, told in notices.items()})
                pipe.expire(self._KEY, self._KEY_SECONDS)
                pipe.execute()
            return True

        return bool(self._server.ask(work))

    def read(self, now: float) -> dict[str, Notice] | None:
        """See Board."""

        def work(client: Any) -> dict[str, Notice]:
            notices, old = _sorted_out(client.hgetall(self._KEY).items(), now)
            if old:
                client.hdel(self._KEY, *old)
            return {target.decode("ascii", "replace"): notice for target, notice in notices.items()}

        return self._server.ask(work)


class FileBoard:
    """One table of an SQLite file, for the processes of one machine.

    Args:
        database: Where.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._trouble = Trouble(
            f"The shared state {database.path}",
            time.monotonic,
            instead="each process goes by what it knows itself",
            pause=_PAUSE,
        )

    @property
    def is_away(self) -> bool:
        """See Board."""
        return self._trouble.pausing()

    def write(self, notices: Mapping[str, Notice]) -> bool:
        """See Board."""
        rows = [(target, told.as_text(), told.until) for target, told in notices.items()]
        try:
            with self._database.writing() as connection:
                connection.executemany(
                    "INSERT INTO closings (target, closing, until) VALUES (?, ?, ?) "
                    "ON CONFLICT (target) DO UPDATE SET closing = excluded.closing, until = excluded.until",
                    rows,
                )
                oldest = min(told.written for told in notices.values()) - _KEPT
                connection.execute("DELETE FROM closings WHERE until < ?", (oldest,))
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return False
        return True

    def read(self, now: float) -> dict[str, Notice] | None:
        """See Board."""
        try:
            with self._database.reading() as connection:
                rows = connection.execute("SELECT target, closing FROM closings WHERE until >= ?", (now,))
                return _sorted_out(rows.fetchall(), now)[0]
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return None

    def _failed(self, error: sqlite3.Error | OSError) -> None:
        self._trouble.happened(error)
        if isinstance(error, sqlite3.Error) and is_broken(error):
            try:
                aside = self._database.set_aside()
            except OSError as also:
                self._trouble.happened(also)
                return
            if aside is not None:
                self._trouble.say(f"was broken and is begun anew; the old file is now {aside}")


def board_at(place: Database | RedisServer) -> Board:
    """The board at a place that `open_state` has opened."""
    return FileBoard(place) if isinstance(place, Database) else RedisBoard(place)


def _sorted_out(
    texts: Iterable[tuple[Name, str | bytes]], now: float
) -> tuple[dict[Name, Notice], list[Name]]:
    """Notices that are of use, and the targets of those to be thrown away."""
    notices, old = {}, []
    for target, text in texts:
        notice = Notice.from_text(text)
        if notice is None or notice.until < now - _KEPT:
            old.append(target)
        elif notice.until >= now:
            notices[target] = notice
    return notices, old
