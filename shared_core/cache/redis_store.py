"""Named bytes on a Redis server, kept until they are deleted: `SqliteStore` for programs on many machines.

Unlike a cache this is somebody's data: what cannot be read or written is an error, and nothing here makes it expire.
How safe it is on the server is for the server's own settings to say (`appendonly`, `maxmemory-policy noeviction`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_core.cache.store import SqliteStore, checked_items, coded
from shared_core.storage.redis import RedisServer, is_redis_url

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisStore", "open_store"]

_AT_ONCE = 500
"""Values of one command: others of a single-threaded server wait for it."""


class RedisStore:
    """Bytes by collection and name, one Redis hash a collection; has the methods of `SqliteStore`.

    Args:
        url_or_client: As for `RedisCache`.
        prefix: What every key begins with.
        timeout: Seconds to wait for a connection, and for each answer.

    Every method raises ConfigError when the server cannot be used.

    Raises:
        ConfigError: The URL makes no sense.
        ImportError: The extra is not installed.
    """

    path: Path | None = None

    def __init__(
        self,
        url_or_client: str | Callable[[], str] | Redis,
        *,
        prefix: str = "hfrouter:store:",
        timeout: float = 5.0,
    ) -> None:
        self._prefix, self._timeout = prefix.encode(), timeout
        self._server = RedisServer(
            url_or_client, whose="The store", instead="what was asked of it fails", timeout=timeout
        )

    def __repr__(self) -> str:
        return f"RedisStore({self._server.where}, prefix={self._prefix.decode()!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self._server.travelling(), self._prefix.decode(), self._timeout)

    def get_many(self, names: Sequence[str], collection: str = "") -> list[bytes | None]:
        """The values in the order of the names, None where there is none."""
        wanted = [coded(name) for name in names]
        found: list[bytes | None] = []
        for start in range(0, len(wanted), _AT_ONCE):
            found += self._values(wanted[start : start + _AT_ONCE], collection)
        return found

    def put_many(self, items: Sequence[tuple[str, bytes]], collection: str = "") -> None:
        """Writes all of these, or none."""
        rows = checked_items(items)
        if rows:
            self._server.require(lambda client: client.hset(self._hash(collection), mapping=rows))

    def delete_many(self, names: Sequence[str], collection: str = "") -> int:
        """Deletes those that are there; says how many."""
        unwanted = [coded(name) for name in names]
        if not unwanted:
            return 0
        return self._server.require(lambda client: int(client.hdel(self._hash(collection), *unwanted)))

    def names(self, prefix: str = "", collection: str = "") -> Iterator[str]:
        """The names that begin with the prefix, ascending by their bytes. What is written meanwhile may be in."""
        for name in self._names(prefix, collection):
            yield _decoded(name)

    def items(self, prefix: str = "", collection: str = "") -> Iterator[tuple[str, bytes]]:
        """Names with their values, as `names` lists them."""
        names = self._names(prefix, collection)
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            for name, value in zip(some, self._values(some, collection), strict=True):
                if value is not None:  # deleted meanwhile
                    yield _decoded(name), value

    def close(self) -> None:
        """Closes the connections made here. The next use opens them again."""
        self._server.close()

    def _names(self, prefix: str, collection: str) -> list[bytes]:
        start = coded(prefix)
        found: list[bytes] = self._server.require(lambda client: client.hkeys(self._hash(collection)))
        return sorted(name for name in found if name.startswith(start))

    def _values(self, names: list[bytes], collection: str) -> list[bytes | None]:
        return self._server.require(lambda client: list(client.hmget(self._hash(collection), names)))

    def _hash(self, collection: str) -> bytes:
        return self._prefix + coded(collection)


def open_store(place: str | Path | Callable[[], str]) -> SqliteStore | RedisStore:
    """The store that a user means.

    Args:
        place: A path to a SQLite file or a folder for one; a URL that begins with `redis://`, `rediss://` or
            `unix://`, or a function of a module that returns one.

    Raises:
        ConfigError: It cannot be used.
    """
    if isinstance(place, str | Path) and not is_redis_url(place):
        return SqliteStore(place)
    return RedisStore(place if callable(place) else str(place))


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")


def _rebuild(source: str | Callable[[], str], prefix: str, timeout: float) -> RedisStore:
    return RedisStore(source, prefix=prefix, timeout=timeout)
