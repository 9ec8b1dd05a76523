"""A Redis server that programs on many machines share. Needs the extra `redis`.

Lives here: the connection, its time limits, its secrets, and leaving a server alone that is away. Not here: what is
kept there. Whatever asks it must know how to go on without an answer: a server that is down makes things slower or
coarser, never wrong, and nobody hangs.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from shared_core.errors import ConfigError
from shared_core.storage.trouble import PAUSE, Trouble

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisServer", "is_redis_url"]

T = TypeVar("T")

_left_by_parents: list[Any] = []
"""Kept for good: finalising a parent's client would end its connections."""


def is_redis_url(value: object) -> bool:
    """Whether it is the address of a Redis server, rather than a path or something else."""
    return isinstance(value, str) and value.startswith(("redis://", "rediss://", "unix://"))


class RedisServer:
    """One server, for threads.

    Args:
        url_or_client: `redis://`, `rediss://` or `unix://`; a function that gives such a URL, which is what to
            take when the object must be pickled and the URL holds a password; or a client, used as it is.
        whose: What is kept there, for messages: "The embedding cache".
        instead: What happens while the server is away, for messages: "embedding goes on without it".
        timeout: Seconds to wait for a connection, and for each answer. A client brings its own.
        pause: Seconds without another try after a failure.
        clock: Seconds, ascending.

    The URL appears in no message, and in a pickle only when it is without password.

    Raises:
        ConfigError: The URL makes no sense, or the client decodes its replies.
        ImportError: The extra is not installed.
    """

    def __init__(
        self,
        url_or_client: str | Callable[[], str] | Redis,
        *,
        whose: str,
        instead: str,
        timeout: float = 2.0,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = url_or_client
        self._whose = whose
        self._timeout = timeout
        self._secrets: tuple[str, ...] = ()
        self._process = os.getpid()
        self.client, self.where = self._connect()
        self._trouble = Trouble(f"{whose} at {self.where}", clock, instead=instead, pause=pause)

    @property
    def is_away(self) -> bool:
        """Whether the last failure was a moment ago, so that nothing is asked."""
        return self._trouble.pausing()

    def ask(self, work: Callable[[Any], T]) -> T | None:
        """What the work answers, given the client; None when the server cannot be asked."""
        from redis.exceptions import RedisError

        if self._process != os.getpid():
            self._begin_anew()
        if self._trouble.pausing():
            return None
        try:
            return work(self.client)
        except (RedisError, OSError) as error:
            self._trouble.happened(self._told(error))
            return None

    def require(self, work: Callable[[Any], T]) -> T:
        """What the work answers, for what cannot go on without.

        Raises:
            ConfigError: The server cannot be asked.
        """
        from redis.exceptions import RedisError

        try:
            return work(self.client)
        except (RedisError, OSError) as error:
            told = self._told(error)
        raise ConfigError(
            f"{self._whose} at {self.where} cannot be used: {told}.",
            hint="Check that the Redis server runs, and that it may write.",
        )

    def travelling(self) -> str | Callable[[], str]:
        """What a pickle may hold of it.

        Raises:
            ConfigError: It would hold a password.
        """
        if self._secrets and isinstance(self._source, str):
            raise ConfigError(
                f"{self._whose} is on a Redis server whose URL holds a password; it is not pickled, so that the "
                "password goes nowhere.",
                hint="Give it a function of a module that returns the URL, such as one reading the environment.",
            )
        if not isinstance(self._source, str) and not callable(self._source):
            raise ConfigError(
                f"{self._whose} is on a Redis client, which is not pickled: it may hold a password.",
                hint="Give it a URL, or a function of a module that returns one.",
            )
        return self._source

    def close(self) -> None:
        """Closes the connections made here; a client that was given stays open, its owner closes it."""
        if isinstance(self._source, str) or callable(self._source):
            self.client.close()

    def _begin_anew(self) -> None:
        """In the child of a fork: a lock of the parent's connections may be held by a thread that is not here."""
        self._process = os.getpid()
        if isinstance(self._source, str) or callable(self._source):
            _left_by_parents.append(self.client)
            self.client, self.where = self._connect()

    def _connect(self) -> tuple[Any, str]:
        """The client, and the server's name without secrets."""
        client, where = self._client()
        if client is not self._source:
            # By itself the garbage collector may end a socket before the connection that would have closed it.
            forgotten = weakref.finalize(self, _close, client, self._process)
            forgotten.atexit = False
        return client, where

    def _client(self) -> tuple[Any, str]:
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise ImportError(
                f'{self._whose} needs the Redis client: pip install "hfrouter[redis]"'
            ) from error

        source = self._source
        if not isinstance(source, str) and not callable(source):
            options = source.get_connection_kwargs()
            if options.get("decode_responses"):
                raise ConfigError(
                    "The Redis client decodes replies to strings; what is kept there is bytes.",
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


def _close(client: Any, process: int) -> None:
    """Closes a client that nobody has any more; one of the parent of a fork is the parent's."""
    if process == os.getpid():
        client.close()
    else:
        _left_by_parents.append(client)
