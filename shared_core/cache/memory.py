"""A cache in the memory of this process: bounded in bytes and in age, gone with the process."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence

from shared_core.cache.checks import checked_bytes, checked_ttl

__all__ = ["MemoryCache"]

_OVERHEAD = 250
"""Bytes that an entry takes besides its key and its value: two objects' heads, and its place in the order."""


class MemoryCache:
    """Bytes by key, shared by threads.

    Args:
        max_bytes: What the entries may take together; what was used longest ago goes first. One that is larger than
            a quarter of this is not kept.
        ttl: Seconds until an entry is forgotten; None for never.
        clock: Seconds, ascending.

    A pickle carries the arguments, and none of what is remembered. A forked child goes on with what its parent knew.

    Raises:
        ConfigError: A number makes no sense.

    Example:
        >>> cache = MemoryCache(max_bytes=10_000_000, ttl=60)
        >>> cache.put_many([(b"key", b"value")])
        >>> cache.get_many([b"key", b"unknown"])
        [b'value', None]
    """

    blocks = False

    def __init__(
        self,
        max_bytes: int = 2**26,
        *,
        ttl: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = checked_bytes(max_bytes)
        self.ttl = checked_ttl(ttl)
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[bytes, float]] = (
            OrderedDict()
        )  # the value, and when it was put
        self._size = 0
        _alive.add(self)

    def __repr__(self) -> str:
        return f"MemoryCache({len(self._entries)} entries, {self._size} of {self.max_bytes} bytes)"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.max_bytes, self.ttl)

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        """True: an empty cache is still a cache."""
        return True

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See EmbeddingCache."""
        now = self._clock()
        with self._lock:
            return [self._get(key, now) for key in keys]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """See EmbeddingCache."""
        now = self._clock()
        with self._lock:
            for key, value in items:
                self._drop(key)
                size = len(key) + len(value) + _OVERHEAD
                if size <= self.max_bytes // 4:
                    self._entries[key] = (value, now)
                    self._size += size
            while self._size > self.max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self, prefix: bytes = b"") -> None:
        """Forgets every entry whose key begins so."""
        with self._lock:
            for key in [key for key in self._entries if key.startswith(prefix)]:
                self._drop(key)

    def close(self) -> None:
        """There is nothing to free; what is remembered stays."""

    # -- under the lock ------------------------------------------------------------------------------------

    def _get(self, key: bytes, now: float) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, since = entry
        if self.ttl is not None and now - since >= self.ttl:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= len(key) + len(entry[0]) + _OVERHEAD

    def _forked(self) -> None:
        """In a new child, where the thread that held the lock does not exist and may have left half a change."""
        if self._lock.locked():
            self._entries, self._size = OrderedDict(), 0
        self._lock = threading.Lock()


_alive: weakref.WeakSet[MemoryCache] = weakref.WeakSet()


def _all_forked() -> None:
    for cache in list(_alive):
        cache._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_all_forked)


def _rebuild(max_bytes: int, ttl: float | None) -> MemoryCache:
    return MemoryCache(max_bytes, ttl=ttl)
