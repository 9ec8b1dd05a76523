"""From what a user wrote for a cache to the place that it means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.cache.checks import checked_bytes, checked_ttl
from shared_core.errors import ConfigError
from shared_core.storage.redis import is_redis_url
from shared_core.types import plain_safeguard

if TYPE_CHECKING:
    from shared_core.cache.protocol import EmbeddingCache

__all__ = ["Opening", "default_path", "open_cache"]

_REDIS_TIMEOUT = 0.5  # seconds: a call waits for it


def default_path() -> Path:
    """The cache that a user's programs share: beside the Hub's own, where HF_HOME says."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "hfrouter" / "embeddings.sqlite"


def open_cache(cache: EmbeddingCache | str | Path | bool | None) -> EmbeddingCache | None:
    """The cache of vectors that an argument means.

    Args:
        cache: None or False for none; True for the user's own, beside the Hub's cache; a path to a SQLite file
            or a folder for one; a URL that begins with `redis://`, `rediss://` or `unix://`; or a cache, which is given
            back as it is.

    Raises:
        ConfigError: It is nothing of these, or the file belongs to another program.
    """
    if cache is None or cache is False:
        return None
    if is_redis_url(cache):
        from shared_core.cache.redis import RedisCache

        return RedisCache(str(cache), timeout=_REDIS_TIMEOUT)
    if cache is True or isinstance(cache, str | Path):
        from shared_core.cache.sqlite import SqliteCache

        return SqliteCache(None if cache is True else cache)
    if _is_store(cache):
        return cache
    raise ConfigError(
        f"cache= is of type {type(cache).__name__}.",
        hint='Give True, a path, "redis://host:6379/0", a SqliteCache, a RedisCache, or anything with get_many, '
        "put_many and close.",
    )


class Opening:
    """A place for answers, opened when it is first needed.

    Args:
        store: True for memory; a path; a Redis URL, or a function that returns one; or a store.
        ttl: Seconds until an entry is forgotten; None for never.
        max_bytes: Its size; None for the place's own default.

    A pickle carries the arguments, as far as they hold no password.

    Attributes:
        blocks: Whether asking it may take a while. A store that says `blocks = False` is asked on the event loop.

    Raises:
        ConfigError: One of them makes no sense.
    """

    def __init__(
        self,
        store: EmbeddingCache | Callable[[], str] | str | Path | bool,
        *,
        ttl: float | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._given, self.ttl, self.max_bytes = store, checked_ttl(ttl), max_bytes
        if max_bytes is not None:
            checked_bytes(max_bytes)
        self._is_ours = store is True or (isinstance(store, str | Path) and store != "") or self._is_redis
        if not self._is_ours and not _is_store(store):
            raise ConfigError(
                f"A cache cannot be kept in a {type(store).__name__}.",
                hint='Give True for memory, a path, "redis://host:6379/0", a function that returns such a URL, or '
                "anything with get_many, put_many and close.",
            )
        if (ttl is not None or max_bytes is not None) and not self._is_ours:
            raise ConfigError(
                "ttl and max_bytes are for caches that are opened here.",
                hint="Set them where the store is made.",
            )
        if max_bytes is not None and self._is_redis:
            raise ConfigError("max_bytes is not ours to keep on a Redis server.", hint="Set its `maxmemory`.")
        self.blocks = store is not True and getattr(store, "blocks", True)
        self._opened: dict[str, EmbeddingCache] = {}

    @property
    def store(self) -> EmbeddingCache:
        """The place, opened.

        Raises:
            ConfigError: The file belongs to another program, or the URL makes no sense.
            ImportError: Redis needs its extra.
        """
        found = self._opened.get("it")
        # Two threads may both open it, and the first one's is taken; a lock could be left locked by a fork.
        return self._opened.setdefault("it", self._open()) if found is None else found

    def clear(self, prefix: bytes) -> None:
        """Forgets the entries whose keys begin so.

        Raises:
            ConfigError: The store has no `clear`.
        """
        clear = getattr(self.store, "clear", None)
        if clear is None:
            raise ConfigError(
                f"A {type(self._given).__name__} has no method `clear`.", hint="Clear it yourself."
            )
        clear(prefix)

    def as_dict(self) -> dict[str, Any]:
        """The arguments as JSON, without a password; memory stands in for functions and objects."""
        is_written = isinstance(self._given, str | Path)
        store = plain_safeguard(self._given) if is_written else True
        told = {"store": store, "ttl": self.ttl, "max_bytes": self.max_bytes}
        return {name: value for name, value in told.items() if value is not None}

    def close(self) -> None:
        """Frees what was opened here."""
        if self._is_ours and (opened := self._opened.get("it")) is not None:
            opened.close()

    def __repr__(self) -> str:
        # The URL of a server may hold a password; what is opened knows how to hide it.
        if self._is_redis:
            return repr(self._opened.get("it", "a Redis server"))
        return "in memory" if self._given is True else repr(self._given)

    def __reduce__(self) -> tuple[object, ...]:
        if self._is_redis:
            self.store.__reduce__()  # refuses where a password would travel
        return _rebuild, (self._given, self.ttl, self.max_bytes)

    @property
    def _is_redis(self) -> bool:
        return is_redis_url(self._given) or (callable(self._given) and not _is_store(self._given))

    def _open(self) -> EmbeddingCache:
        given: Any = self._given
        if given is True:
            from shared_core.cache.memory import MemoryCache

            return MemoryCache(ttl=self.ttl, **self._bound())
        if self._is_redis:
            from shared_core.cache.redis import RedisCache

            return RedisCache(given, ttl=self.ttl, timeout=_REDIS_TIMEOUT)
        if isinstance(given, str | Path):
            from shared_core.cache.sqlite import ANSWERS, SqliteCache

            return SqliteCache(given, ttl=self.ttl, layout=ANSWERS, **self._bound())
        store: EmbeddingCache = given
        return store

    def _bound(self) -> dict[str, Any]:
        return {} if self.max_bytes is None else {"max_bytes": self.max_bytes}


def _is_store(value: object) -> bool:
    return all(callable(getattr(value, name, None)) for name in ("get_many", "put_many", "close"))


def _rebuild(store: Any, ttl: float | None, max_bytes: int | None) -> Opening:
    return Opening(store, ttl=ttl, max_bytes=max_bytes)
