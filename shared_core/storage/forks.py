"""Before a process forks, nobody of it may be inside SQLite.

SQLite keeps what it knows of open files, locks among it, for the whole process. A child inherits that as it was: were
another thread in the middle of a transaction, the child would wait for its end for ever, even on a connection of its
own. So the fork waits until the others are out.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["Inherited", "watch"]

_PATIENCE = 1.0  # seconds for each: a fork that comes late is better than one that never comes

Lock = threading.RLock


class Inherited(Protocol):
    """What a child inherits and must not use."""

    def lock_for_fork(self) -> Lock:
        """Who holds it is alone inside."""

    def begin_anew(self) -> None:
        """In the child: what was opened is the parent's."""


_known: weakref.WeakSet[Inherited] = weakref.WeakSet()
_forking = threading.Lock()
_held: list[Lock] = []


def watch(inherited: Inherited) -> None:
    """Keeps others out of it while the process forks, as long as it lives."""
    _known.add(inherited)


def _before() -> None:
    _forking.acquire()
    for inherited in list(_known):
        lock = inherited.lock_for_fork()
        if lock.acquire(timeout=_PATIENCE):
            _held.append(lock)


def _after_in_parent() -> None:
    while _held:
        _held.pop().release()
    _forking.release()


def _after_in_child() -> None:
    global _forking
    _forking = threading.Lock()
    _held.clear()
    for inherited in list(_known):
        inherited.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
