"""Where a client's limits are kept to: one turnstile for each place, shared by all clients of the process."""

from __future__ import annotations

import os
import threading
from typing import Any

from shared_core.policy.state.buckets import Buckets, MemoryBuckets
from shared_core.policy.state.gates import Gates
from shared_core.policy.stores.opening import open_state
from shared_core.policy.turnstile import Turnstile
from shared_core.storage.database import Database

__all__ = ["GATES", "forget", "turnstile_at"]

GATES = Gates()
"""The process's own."""

_turnstiles: dict[object, Turnstile] = {}
_lock = threading.Lock()


def turnstile_at(state: Any) -> Turnstile:
    """The turnstile of a place.

    Args:
        state: As users write it; None for the memory of this process.

    Raises:
        ConfigError: It is no place.
        ImportError: Redis needs its extra.
    """
    place = open_state(state)
    with _lock:
        if place not in _turnstiles:
            _turnstiles[place] = Turnstile(_buckets_in(place))
        return _turnstiles[place]


def _buckets_in(place: object) -> Buckets:
    if place is None:
        return MemoryBuckets()
    from shared_core.policy.stores.limits_shared import SharedBuckets

    if isinstance(place, Database):
        from shared_core.policy.stores.limits_sqlite import SqlitePlace

        return SharedBuckets(SqlitePlace(place))
    from shared_core.policy.stores.limits_redis import RedisPlace
    from shared_core.storage.redis import RedisServer

    assert isinstance(place, RedisServer)
    return SharedBuckets(RedisPlace(place))


def forget() -> None:
    """Begins anew with what the process knows; clients that exist keep theirs."""
    with _lock:
        _turnstiles.clear()
    GATES.clear()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    GATES.clear()
    for turnstile in _turnstiles.values():
        turnstile.buckets.after_fork()
        turnstile.line.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
