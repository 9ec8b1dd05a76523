"""What lies in a cache, and emptying it: for people who look. Calls go on without a cache; this says why it cannot.

Lives here: counting and forgetting, in a SQLite file or on a Redis server. Not here: looking entries up (`sqlite`,
`redis`). Looking makes no file, and changes none.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from shared_core.cache.opening import default_path
from shared_core.cache.redis import is_shared_state
from shared_core.cache.sqlite import ANSWERS, LAYOUT
from shared_core.errors import ConfigError, ConnectionLost
from shared_core.storage.database import Database
from shared_core.storage.redis import RedisServer, is_redis_url

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["Contents", "Kind", "contents_of", "empty"]

T = TypeVar("T")

Kind = Literal["answers", "vectors"]

_PREFIX = b"hfrouter:"
_CHAT = b"chat:"
_KEY_LENGTH = 32  # bytes of a vector's key
_AT_ONCE = 500
_TIMEOUT = 10.0  # seconds: a person waits, and a large server may take a while


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in a cache.

    Args:
        place: The file, or the server without its secrets.
        entries: How many; with a `ttl`, those that are too old count until they are forgotten.
        value_bytes: What they hold, together.
        file_bytes: What the file takes, with what is free in it; None on a server.
        oldest, newest: When the first and the last of them were written, in Unix seconds; None where nobody knows: only
            a cache with a `ttl` keeps that.
    """

    place: str
    entries: int = 0
    value_bytes: int = 0
    file_bytes: int | None = None
    oldest: float | None = None
    newest: float | None = None


def contents_of(place: str | Path | None, kind: Kind, *, ttl: float | None = None) -> Contents:
    """Counts.

    Args:
        place: A file, a folder for one, or a `redis://` address; None for the user's own vectors.
        kind: "answers" to chat calls, or "vectors".
        ttl: Seconds after which the cache forgets, as its users have it.

    Raises:
        ConfigError: The file belongs to another program, or cannot be read.
        ConnectionLost: The server cannot be asked.

    Example:
        >>> contents_of("/nowhere/answers.sqlite", "answers").entries
        0
    """
    if is_redis_url(place):
        return _on_server(str(place), kind, ttl)
    database = _database(place, kind)
    if not database.path.exists():
        return Contents(str(database.path), file_bytes=0)
    question = "SELECT count(*), coalesce(sum(length(value)), 0), min(used), max(used) FROM vectors"
    entries, size, first, last = _in_file(database, lambda it: it.execute(question).fetchone())
    oldest, newest = (first / 1000, last / 1000) if ttl is not None and entries else (None, None)
    taken = sum(each.stat().st_size for each in _files(database.path) if each.exists())
    return Contents(str(database.path), entries, size, taken, oldest, newest)


def empty(place: str | Path | None, kind: Kind) -> int:
    """Forgets every entry, and gives the space back; returns how many that were. Limits, budgets and stores on the
    same server stay.

    Args:
        place, kind: As of `contents_of`.

    Raises:
        ConfigError: The file belongs to another program, or cannot be written.
        ConnectionLost: The server cannot be asked.
    """
    if is_redis_url(place):
        return _forget_on_server(str(place), kind)
    database = _database(place, kind)
    if not database.path.exists():
        return 0

    def work(connection: sqlite3.Connection) -> int:
        count = connection.execute("DELETE FROM vectors").rowcount
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    return _in_file(database, work)


def _database(place: str | Path | None, kind: Kind) -> Database:
    return Database(default_path() if place is None else place, ANSWERS if kind == "answers" else LAYOUT)


def _files(path: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm"):
        yield path.with_name(path.name + ending)


def _in_file(database: Database, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with database.reading() as connection:
            return work(connection)
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(
            f"The cache {database.path} cannot be used: {error}.",
            hint="See that it is yours, and that no program holds it; a broken file may be deleted.",
        ) from error
    finally:
        database.close()


def _on_server(url: str, kind: Kind, ttl: float | None) -> Contents:
    server = _server(url)

    def work(client: Redis) -> Contents:
        entries = size = 0
        written: list[float] = []
        for names in _keys(client, kind):
            pipe = client.pipeline(transaction=False)
            for name in names:
                pipe.strlen(name)
                pipe.pttl(name)
            answers: list[Any] = pipe.execute(raise_on_error=False)
            now = time.time()
            for length, left in zip(answers[::2], answers[1::2], strict=True):
                if isinstance(length, int) and length:  # else something else, or gone meanwhile
                    entries, size = entries + 1, size + length
                    if ttl is not None and left > 0:
                        written.append(now + left / 1000 - ttl)
            written = [min(written), max(written)] if written else []
        return Contents(server.where, entries, size, None, *(written or (None, None)))

    return _asked(server, work)


def _forget_on_server(url: str, kind: Kind) -> int:
    return _asked(
        _server(url),
        lambda client: sum(client.unlink(*names) for names in _keys(client, kind)),
    )


def _server(url: str) -> RedisServer:
    return RedisServer(url, whose="The cache", instead="nothing is known of it", timeout=_TIMEOUT)


def _asked(server: RedisServer, work: Callable[[Redis], T]) -> T:
    try:
        found = server.ask(work)
    finally:
        server.close()
    if found is None:
        raise ConnectionLost(
            f"The Redis server {server.where} cannot be asked.",
            hint="Is it running, and is this its address? `hfrouter doctor --redis URL` tries it.",
        )
    return found


def _keys(client: Redis, kind: Kind) -> Iterator[list[bytes]]:
    """The keys of entries, some at a time; those of limits, budgets and stores begin as those of vectors do."""
    start = _PREFIX + (_CHAT if kind == "answers" else b"")
    length = len(start) + _KEY_LENGTH
    found: list[bytes] = []
    for name in client.scan_iter(re.sub(rb"([\\*?\[\]])", rb"\\\1", start) + b"*", count=_AT_ONCE):
        if len(name) == length and not is_shared_state(name.removeprefix(_PREFIX)):
            found.append(name)
            if len(found) == _AT_ONCE:
                yield found
                found = []
    if found:
        yield found
