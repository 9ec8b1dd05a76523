"""The embedding cache on a Redis server, for programs on many machines. Needs the extra `redis`.

Lives here: the calls and the time limits. Not here: how much the server keeps; that is its own `maxmemory`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from shared_core.errors import ConfigError
from shared_core.storage.trouble import Trouble

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisCache"]

_KEYS_AT_ONCE = 500
"""Keys of one MGET: others of a single-threaded server wait for it."""


class RedisCache:
    """Vectors on a Redis server.

    Args:
        url_or_client: `redis://`, `rediss://` or `unix://`; a function that gives such a URL, which is what to
            take when the cache must be pickled and the URL holds a password; or a client, used as it is.
        prefix: What every key begins with.
        ttl: Seconds until a vector is forgotten; None for never.
        timeout: Seconds to wait for a connection, and for each answer. A client brings its own.
        clock: Seconds, ascending.

    A server that is away costs one wait a minute and no vector: it is logged once, and the call goes on without
    it. The URL appears in no message, `repr` or pickle unless it is without password.

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
        ttl: int | None = None,
        timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if ttl is not None and ttl < 1:
            raise ConfigError(
                f"ttl={ttl}: a vector must be kept for a second at least; None keeps it for good."
            )
        self._source = url_or_client
        self._prefix = prefix.encode()
        self._ttl = ttl
        self._timeout = timeout
        self._secrets: tuple[str, ...] = ()
        self._client, self._where = self._connect()
        self._trouble = Trouble(f"The embedding cache at {self._where}", clock)

    def __repr__(self) -> str:
        return f"RedisCache({self._where}, prefix={self._prefix.decode()!r})"

    def __reduce__(self) -> tuple[object, ...]:
        if self._secrets and isinstance(self._source, str):
            raise ConfigError(
                "A RedisCache whose URL holds a password is not pickled, so that the password goes nowhere.",
                hint="Give it a function of a module that returns the URL, such as one reading the environment.",
            )
        if not isinstance(self._source, str) and not callable(self._source):
            raise ConfigError(
                "A RedisCache around a client is not pickled: the client may hold a password.",
                hint="Give it a URL, or a function of a module that returns one.",
            )
        return _rebuild, (self._source, self._prefix.decode(), self._ttl, self._timeout)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See EmbeddingCache."""
        from redis.exceptions import RedisError

        if not keys or self._trouble.pausing():
            return [None] * len(keys)
        names = [self._prefix + key for key in keys]
        pipeline = self._client.pipeline(transaction=False)
        for start in range(0, len(names), _KEYS_AT_ONCE):
            pipeline.mget(names[start : start + _KEYS_AT_ONCE])
        try:
            answers: list[list[bytes | None]] = pipeline.execute()
        except (RedisError, OSError) as error:
            self._trouble.happened(self._told(error))
            return [None] * len(keys)
        return [value for answer in answers for value in answer]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """See EmbeddingCache."""
        from redis.exceptions import RedisError

        if not items or self._trouble.pausing():
            return
        pipeline = self._client.pipeline(transaction=False)
        if self._ttl is None:
            for start in range(0, len(items), _KEYS_AT_ONCE):
                some = items[start : start + _KEYS_AT_ONCE]
                pipeline.mset({self._prefix + key: value for key, value in some})
        else:
            for key, value in items:
                pipeline.set(self._prefix + key, value, ex=self._ttl)
        try:
            pipeline.execute()
        except (RedisError, OSError) as error:
            self._trouble.happened(self._told(error))

    def close(self) -> None:
        """Closes the connections made here; a client that was given stays open, its owner closes it."""
        if isinstance(self._source, str) or callable(self._source):
            self._client.close()

    def _connect(self) -> tuple[Any, str]:
        """The client, and the server's name without secrets."""
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise ImportError('RedisCache needs the Redis client: pip install "hfrouter[redis]"') from error

        source = self._source
        if not isinstance(source, str) and not callable(source):
            options = source.get_connection_kwargs()
            if options.get("decode_responses"):
                raise ConfigError(
                    "The Redis client decodes replies to strings; vectors are bytes.",
                    hint="Make it without decode_responses=True.",
                )
            return source, f"{options.get('host', options.get('path', 'a client'))}"
        url = source if isinstance(source, str) else source()
        try:
            parts = urlsplit(url)
            where = f"{parts.hostname or parts.path}:{parts.port or 6379}"
            client = Redis.from_url(
                url,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                retry=Retry(NoBackoff(), 1),  # once, for a connection that idled away; more is waiting
            )
        except ValueError:
            # Not `from error`: its message may quote the part of the URL that is a password.
            raise ConfigError(
                "The Redis URL cannot be read.",
                hint="It looks like redis://[user:password@]host[:port][/number]; percent-encode odd characters.",
            ) from None
        # Asked of the client, since a URL may hold them in its query too.
        options = client.get_connection_kwargs()
        secrets = (options.get("password"), options.get("username")) if options.get("password") else ()
        written = [word for word in (*secrets, parts.password) if word]
        self._secrets = tuple({form for word in written for form in (word, unquote(word), quote(word))})
        return client, where

    def _told(self, error: Exception) -> Exception:
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return type(error)(text) if text != str(error) else error


def _rebuild(source: str | Callable[[], str], prefix: str, ttl: int | None, timeout: float) -> RedisCache:
    return RedisCache(source, prefix=prefix, ttl=ttl, timeout=timeout)
