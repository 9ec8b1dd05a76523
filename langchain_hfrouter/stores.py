"""A LangChain ByteStore in a SQLite file or on a Redis server.

Lives here: LangChain's names for what the stores of `shared_core.cache` do. Not here: the file, the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from langchain_core.stores import BaseStore

from shared_core.cache import open_store

__all__ = ["HFByteStore"]


class HFByteStore(BaseStore[str, bytes]):
    """Bytes by name in one SQLite file, for `CacheBackedEmbeddings`, `create_kv_docstore` and the like.

    Args:
        path: The file, or a folder for one. Private to the user (mode 0600) when it is made here. Or a Redis server:
            a URL such as "redis://host:6379/0", or a function of a module that returns one.
        namespace: Keeps stores in one file apart.

    Any string is a key: unlike LocalFileStore it takes slashes, "..", spaces and every script, and no key can
    reach another file. Threads and processes share it; a pickle carries the path. Nothing is ever evicted.

    Raises:
        ConfigError: The file or the server cannot be used, or belongs to another program; a value is not bytes.

    Example:
        >>> import tempfile
        >>> store = HFByteStore(tempfile.mkdtemp())
        >>> store.mset([("docs/../1", b"one"), ("2", b"two")])
        >>> store.mget(["2", "none"]), list(store.yield_keys(prefix="docs/"))
        ([b'two', None], ['docs/../1'])
        >>> store.close()
    """

    def __init__(self, path: str | Path | Callable[[], str], *, namespace: str = "") -> None:
        self._store = open_store(path)
        self.namespace = namespace

    @property
    def path(self) -> Path | None:
        """The file; None on a server."""
        return self._store.path

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of the keys, None where there is none."""
        return self._store.get_many(keys, self.namespace)

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Writes all of these, or none; a key that is known gets the new value."""
        self._store.put_many(key_value_pairs, self.namespace)

    def mdelete(self, keys: Sequence[str]) -> None:
        """Deletes those of the keys that are there."""
        self._store.delete_many(keys, self.namespace)

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """The keys that begin with the prefix, in the order of their UTF-8 bytes."""
        return self._store.names(prefix or "", self.namespace)

    def close(self) -> None:
        """Closes the file. The next use opens it again."""
        self._store.close()
