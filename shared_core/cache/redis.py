"""A cache on a Redis server, for programs on many machines. Needs the extra `redis`.

Not here: the connection and its time limits (`storage.redis`), and how much the server
keeps; that is its own `maxmemory`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared_core.cache.checks import checked_ttl
from shared_core.storage.redis import RedisServer

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisCache", "is_shared_state"]

_KEYS_AT_ONCE = 500
"""Keys of one MGET: others of a single-threaded server wait for it."""

_OTHERS = (b"{budgets}:", b"limit:", b"limit-users", b"closings", b"store:")
"""What stands under the same prefix and is no cache's: limits, budgets, targets, documents."""


class RedisCache:
    """Bytes by key on a Redis server.

    Args:
        url_or_client: `redis://`, `rediss://` or `unix://`; a function that gives such a URL, which is what to
            take when the cache must be pickled and the URL holds a password; or a client, used as it is.
        prefix: What every key begins with.
        ttl: Seconds until an entry is forgotten; None for never.
        timeout: Seconds to wait for a connection, and for each answer. A client brings its own.
        clock: Seconds, ascending.

    A server that is away costs one wait a minute and no answer: it is logged once, and calls go on without it. The
    URL appears in no message, `repr` or pickle unless it is without password.

    Raises:
        ConfigError: The URL or a number makes no sense, or the client decodes its replies.
        ImportError: The extra is not installed.

    Example:
        >>> RedisCache("redis://:secret@cache.example:6379/0", ttl=86_400)
        RedisCache(cache.example:6379, prefix='hfrouter:')
    """

    def __init__(
        self,
        url_or_client: str | Callable[[], str] | Redis,
        *,
        prefix: str = "hfrouter:",
        ttl: float | None = None,
        timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = prefix.encode()
        self._ttl = checked_ttl(ttl)
        self._timeout = timeout
        self._server = RedisServer(
            url_or_client,
            whose="The cache",
            instead="calls go on without it",
            timeout=timeout,
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"RedisCache({self._server.where}, prefix={self._prefix.decode()!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self._server.travelling(), self._prefix.decode(), self._ttl, self._timeout)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See EmbeddingCache."""
        names = [self._prefix + key for key in keys]

        def look_up(client: Redis) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            for start in range(0, len(names), _KEYS_AT_ONCE):
                pipeline.mget(names[start : start + _KEYS_AT_ONCE])
            return pipeline.execute()

        answers = self._server.ask(look_up) if keys else None
        if answers is None:
            return [None] * len(keys)
        return [value for answer in answers for value in answer]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """See EmbeddingCache."""

        def remember(client: Redis) -> None:
            pipeline = client.pipeline(transaction=False)
            if self._ttl is None:
                for start in range(0, len(items), _KEYS_AT_ONCE):
                    some = items[start : start + _KEYS_AT_ONCE]
                    pipeline.mset({self._prefix + key: value for key, value in some})
            else:
                for key, value in items:
                    pipeline.set(self._prefix + key, value, px=max(1, int(self._ttl * 1000)))
            pipeline.execute()

        if items:
            self._server.ask(remember)

    def clear(self, prefix: bytes = b"") -> None:
        """Forgets every entry whose key begins so, step by step: other programs are served meanwhile.

        Limits, budgets and documents of hfrouter on the same server stay.
        """
        pattern = re.sub(rb"([\\*?\[\]])", rb"\\\1", self._prefix + prefix) + b"*"

        def forget(client: Redis) -> None:
            found: list[Any] = []
            for name in client.scan_iter(pattern, count=_KEYS_AT_ONCE):
                if not is_shared_state(name.removeprefix(self._prefix)):
                    found.append(name)
                if len(found) == _KEYS_AT_ONCE:
                    client.unlink(*found)
                    found.clear()
            if found:
                client.unlink(*found)

        self._server.ask(forget)

    def close(self) -> None:
        """Closes the connections made here; a client that was given stays open, its owner closes it."""
        self._server.close()


def is_shared_state(key: bytes) -> bool:
    """Whether a key, without its prefix, belongs to what is no cache: losing that would not only cost time."""
    return key.startswith(_OTHERS)


def _rebuild(source: str | Callable[[], str], prefix: str, ttl: float | None, timeout: float) -> RedisCache:
    return RedisCache(source, prefix=prefix, ttl=ttl, timeout=timeout)
