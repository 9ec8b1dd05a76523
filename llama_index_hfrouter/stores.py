"""A LlamaIndex key-value store in a SQLite file or on a Redis server.

Lives here: LlamaIndex's names, and dictionaries as JSON. Not here: the file, the server (`shared_core.cache`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llama_index.core.storage.kvstore.types import DEFAULT_BATCH_SIZE, DEFAULT_COLLECTION, BaseKVStore

from shared_core.cache import open_store
from shared_core.errors import ConfigError

__all__ = ["HFKVStore"]


class HFKVStore(BaseKVStore):
    """Dictionaries by key and collection in one SQLite file: a document store, an ingestion cache, a cache of
    embeddings.

    Args:
        path: The file, or a folder for one. Private to the user (mode 0600) when it is made here. Or a Redis server:
            a URL such as "redis://host:6379/0", or a function of a module that returns one.

    Every write is in the file, or on the server, when the method returns; there is nothing to persist. Threads and
    processes share it, and a pickle carries the path, so it travels into the workers of an `IngestionPipeline`. Unlike
    a store that counts its entries with `len`, an empty one is not taken for none.

    Raises:
        ConfigError: The file or the server cannot be used, or belongs to another program; a value is not JSON.

    Example:
        >>> import tempfile
        >>> store = HFKVStore(tempfile.mkdtemp())
        >>> store.put("key", {"text": "Hello"})
        >>> store.get("key"), store.get("key", collection="other")
        ({'text': 'Hello'}, None)
        >>> store.close()
    """

    def __init__(self, path: str | Path | Callable[[], str]) -> None:
        self._store = open_store(path)

    @property
    def path(self) -> Path | None:
        """The file; None on a server."""
        return self._store.path

    def put(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:
        """Writes one entry."""
        self._store.put_many([(key, _coded(val))], collection)

    async def aput(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:
        """Writes one entry, off the event loop."""
        await asyncio.to_thread(self.put, key, val, collection)

    def put_all(
        self,
        kv_pairs: Sequence[tuple[str, dict[str, Any]]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = DEFAULT_BATCH_SIZE,  # noqa: ARG002 (the base class's)
    ) -> None:
        """Writes many entries: all of them, or none. `batch_size` is for stores that need one."""
        self._store.put_many([(key, _coded(value)) for key, value in kv_pairs], collection)

    async def aput_all(
        self,
        kv_pairs: Sequence[tuple[str, dict[str, Any]]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        """As `put_all`, off the event loop."""
        await asyncio.to_thread(self.put_all, kv_pairs, collection, batch_size)

    def get(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:
        """One entry, or None."""
        value = self._store.get_many([key], collection)[0]
        return None if value is None else _read(value)

    async def aget(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:
        """One entry, or None; off the event loop."""
        return await asyncio.to_thread(self.get, key, collection)

    def get_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:
        """Every entry of a collection."""
        return {name: _read(value) for name, value in self._store.items(collection=collection)}

    async def aget_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:
        """Every entry of a collection, off the event loop."""
        return await asyncio.to_thread(self.get_all, collection)

    def delete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """Deletes one entry; says whether it was there."""
        return self._store.delete_many([key], collection) > 0

    async def adelete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """As `delete`, off the event loop."""
        return await asyncio.to_thread(self.delete, key, collection)

    def close(self) -> None:
        """Closes the file. The next use opens it again."""
        self._store.close()


def _coded(value: dict[str, Any]) -> bytes:
    # ASCII: escapes carry a lone surrogate, which UTF-8 cannot.
    try:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError) as error:
        raise ConfigError(f"A value cannot be kept: {error}.", hint="Keep what JSON can say.") from error


def _read(value: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(value)
    return read
