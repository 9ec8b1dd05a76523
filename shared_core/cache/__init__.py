"""Vectors and answers that were paid for once: what is remembered between calls, processes and machines.

    ChatCache(place)      get(key) ─▶ answer | None, put(key, answer)
    VectorKeys(...).of(texts) ─▶ through(cache, keys) ─▶ Recalled(vectors of the hits, positions of the misses)
    keep(cache, keys of the misses, their new vectors)

Lives here: keys, the places (memory, a SQLite file, a Redis server), and stores of named bytes over the same kind of
file. Not here: who embeds or asks what is missing. A cache that fails costs time and never an answer: it says so once
in the log, and the call goes on without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.cache.chat_form import REMEMBERED
    from shared_core.cache.chats import ChatCache
    from shared_core.cache.contents import Contents, contents_of, empty
    from shared_core.cache.keys import VectorKeys
    from shared_core.cache.memory import MemoryCache
    from shared_core.cache.opening import Opening, open_cache
    from shared_core.cache.protocol import EmbeddingCache
    from shared_core.cache.recall import Recalled, keep, through
    from shared_core.cache.redis import RedisCache
    from shared_core.cache.redis_store import RedisStore, open_store
    from shared_core.cache.sqlite import SqliteCache
    from shared_core.cache.store import SqliteStore

_FILES = {
    "chat_form": ("REMEMBERED",),
    "chats": ("ChatCache",),
    "contents": ("Contents", "contents_of", "empty"),
    "keys": ("VectorKeys",),
    "memory": ("MemoryCache",),
    "opening": ("Opening", "open_cache"),
    "protocol": ("EmbeddingCache",),
    "recall": ("Recalled", "keep", "through"),
    "redis": ("RedisCache",),
    "redis_store": ("RedisStore", "open_store"),
    "sqlite": ("SqliteCache",),
    "store": ("SqliteStore",),
}

__getattr__, __dir__ = lazily(__name__, _FILES)

__all__ = [
    "REMEMBERED",
    "ChatCache",
    "Contents",
    "EmbeddingCache",
    "MemoryCache",
    "Opening",
    "Recalled",
    "RedisCache",
    "RedisStore",
    "SqliteCache",
    "SqliteStore",
    "VectorKeys",
    "contents_of",
    "empty",
    "keep",
    "open_cache",
    "open_store",
    "through",
]
