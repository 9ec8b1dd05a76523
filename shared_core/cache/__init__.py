"""Vectors that were paid for once: what is remembered between calls, processes and machines.

    VectorKeys(...).of(texts) ─▶ through(cache, keys) ─▶ Recalled(vectors of the hits, positions of the misses)
    keep(cache, keys of the misses, their new vectors)

Lives here: keys, the caches (a SQLite file, a Redis server), and stores of named bytes over the same kind of
file. Not here: who embeds what is missing. A cache that fails costs time and never a vector: it says so once
in the log, and the call goes on without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.cache.keys import VectorKeys
    from shared_core.cache.opening import open_cache
    from shared_core.cache.protocol import EmbeddingCache
    from shared_core.cache.recall import Recalled, keep, through
    from shared_core.cache.redis import RedisCache
    from shared_core.cache.sqlite import SqliteCache
    from shared_core.cache.store import SqliteStore

_FILES = {
    "keys": ("VectorKeys",),
    "opening": ("open_cache",),
    "protocol": ("EmbeddingCache",),
    "recall": ("Recalled", "keep", "through"),
    "redis": ("RedisCache",),
    "sqlite": ("SqliteCache",),
    "store": ("SqliteStore",),
}

__getattr__, __dir__ = lazily(__name__, _FILES)

__all__ = [
    "EmbeddingCache",
    "Recalled",
    "RedisCache",
    "SqliteCache",
    "SqliteStore",
    "VectorKeys",
    "keep",
    "open_cache",
    "through",
]
