"""A key-value store in which vectors of different models and kinds cannot be taken for each other.

Lives here: the wrapper around a caller's store. Not here: embedding.

LlamaIndex's cache key is the bare text: a document's vector is served for the same text as a query, and one
model's for another's. The wrapper writes each model and kind into a collection of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from llama_index.core.storage.kvstore.types import BaseKVStore

__all__ = ["SeparatedCache", "queries"]

_kind: ContextVar[str] = ContextVar("hfrouter_embedding_kind", default="document")


@contextmanager
def queries() -> Iterator[None]:
    """Inside, cached vectors are those of queries; outside, of documents. Holds for one task or thread."""
    token = _kind.set("query")
    try:
        yield
    finally:
        _kind.reset(token)


class SeparatedCache(BaseKVStore):
    """A caller's store, seen by one model.

    Args:
        store: Where the vectors really go.
        model: The model that makes them.
    """

    def __init__(self, store: BaseKVStore, model: str) -> None:
        self.store = store
        self.model = model

    def _collection(self, collection: str) -> str:
        return f"{collection}/{self.model}/{_kind.get()}"

    def put(self, key: str, val: dict[str, Any], collection: str = "data") -> None:
        """See BaseKVStore."""
        self.store.put(key, val, self._collection(collection))

    async def aput(self, key: str, val: dict[str, Any], collection: str = "data") -> None:
        """See BaseKVStore."""
        await self.store.aput(key, val, self._collection(collection))

    def get(self, key: str, collection: str = "data") -> dict[str, Any] | None:
        """See BaseKVStore."""
        return self.store.get(key, self._collection(collection))

    async def aget(self, key: str, collection: str = "data") -> dict[str, Any] | None:
        """See BaseKVStore."""
        return await self.store.aget(key, self._collection(collection))

    def get_all(self, collection: str = "data") -> dict[str, dict[str, Any]]:
        """See BaseKVStore."""
        return self.store.get_all(self._collection(collection))

    async def aget_all(self, collection: str = "data") -> dict[str, dict[str, Any]]:
        """See BaseKVStore."""
        return await self.store.aget_all(self._collection(collection))

    def delete(self, key: str, collection: str = "data") -> bool:
        """See BaseKVStore."""
        return self.store.delete(key, self._collection(collection))

    async def adelete(self, key: str, collection: str = "data") -> bool:
        """See BaseKVStore."""
        return await self.store.adelete(key, self._collection(collection))
