"""From what a user wrote for `state=` to the place that it means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core._locks import new_lock
from shared_core.errors import ConfigError
from shared_core.storage.database import Database, Layout

if TYPE_CHECKING:
    from shared_core.storage.redis import RedisServer

__all__ = ["LAYOUT", "PREFIX", "open_state"]

PREFIX = "hfrouter:"
"""What every key on a Redis server begins with."""

LAYOUT = Layout(
    name="the state of limits, budgets and targets",
    application_id=0x48465354,  # "HFST"
    version=1,
    tables=(
        "CREATE TABLE IF NOT EXISTS budget_accounts (account TEXT PRIMARY KEY, spent INTEGER NOT NULL, "
        "unconfirmed INTEGER NOT NULL, granted INTEGER NOT NULL, keep_until REAL NOT NULL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS budget_holds (account TEXT NOT NULL, hold TEXT NOT NULL, "
        "amount INTEGER NOT NULL, lapses REAL NOT NULL, PRIMARY KEY (account, hold)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS limits (key TEXT PRIMARY KEY, free_at REAL, seen REAL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS limit_users (who TEXT PRIMARY KEY, seen REAL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS closings "
        "(target TEXT PRIMARY KEY, closing TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID",
    ),
    default_file="state.sqlite",
    page_size=4096,
)
"""The tables of each store stand here, so that one file serves all of them."""

_TIMEOUT = 0.25  # seconds to wait for Redis: a call waits for it
_PAUSE = 5.0  # seconds that a server which failed is left alone

_opened: dict[object, Database | RedisServer] = {}
_opening = new_lock()


def open_state(state: Any) -> Database | RedisServer | None:
    """The place, the same object for all clients of the process that name it.

    Args:
        state: None for the memory of this process; a path to an SQLite file or a folder for one; a URL that begins
            with `redis://`, `rediss://` or `unix://`, or a function that returns one.

    Raises:
        ConfigError: It is none of these.
        ImportError: Redis needs its extra.
    """
    if state is None:
        return None
    if not callable(state) and not isinstance(state, str | Path):
        raise ConfigError(
            f"state= is of type {type(state).__name__}.",
            hint='Give a path, "redis://host:6379/0", or a function that returns such a URL.',
        )
    with _opening:
        found = _opened.get(state)
        if found is None:
            place = _open(state)
            name = place.path if isinstance(place, Database) else state  # one file, however it is written
            found = _opened[state] = _opened.setdefault(name, place)
        return found


def _open(state: Any) -> Database | RedisServer:
    if callable(state) or str(state).startswith(("redis://", "rediss://", "unix://")):
        from shared_core.storage.redis import RedisServer

        return RedisServer(
            state if callable(state) else str(state),
            whose="The shared state",
            instead="each process goes by what it knows itself",
            timeout=_TIMEOUT,
            pause=_PAUSE,
        )
    return Database(state, LAYOUT, busy_seconds=2.0)
