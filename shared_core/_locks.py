"""Locks that a forked child finds free.

A fork copies one thread. A lock that another thread held in that moment stays held in the child for ever, and the
child's first call would wait for it: so whatever lives as long as the process, or a client, takes its lock from here.
What the lock guards may then be half changed; so it must be such that half a change does no harm (a cache, a count),
or else the owner starts anew in the child (`transport`, `storage.database`, `local.shared`).
"""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

__all__ = ["new_lock", "new_rlock"]

_locks: WeakSet[threading.Lock] = WeakSet()
_rlocks: WeakSet[threading.RLock] = WeakSet()


def new_lock() -> threading.Lock:
    """A lock.

    Example:
        >>> with new_lock() as taken:
        ...     taken
        True
    """
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def new_rlock() -> threading.RLock:
    """A lock that its holder may take again."""
    lock = threading.RLock()
    _rlocks.add(lock)
    return lock


def _free_all() -> None:
    for lock in (*_locks, *_rlocks):
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # what the standard library frees its own with


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
