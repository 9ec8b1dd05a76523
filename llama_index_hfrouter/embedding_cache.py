"""Vectors in a caller's LlamaIndex key-value store, each under what made it.

Lives here: collections, keys, reading and writing. Not here: embedding (`text_embedding`), the core's own cache
of vectors (`shared_core.cache`), which is smaller and faster.

LlamaIndex's own cache key is the bare text: a document's vector is served for the same text as a query, and one
model's for another's. Here everything that decides a vector names the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from llama_index.core.storage.kvstore.types import BaseKVStore

from shared_core.catalog import prompts_for
from shared_core.types import Kind

__all__ = ["StoredVectors", "prompt_in_key"]

Vector = list[float]


class StoredVectors:
    """A store, as one model sees it for one kind of text.

    Args:
        store: Where the vectors are.
        model: The model's name, to be read by people who look into the store.
        kind: What the texts are.
        identity: Everything else that decides a vector.
    """

    __slots__ = ("collection", "store")

    def __init__(self, store: BaseKVStore, model: str, kind: Kind, identity: Mapping[str, Any]) -> None:
        described = repr(sorted(identity.items())).encode("utf-8", "backslashreplace")
        digest = blake2b(described, digest_size=8).hexdigest()
        self.store = store
        self.collection = f"embeddings/{model}/{kind}/{digest}"

    def get(self, texts: Sequence[str]) -> list[Vector | None]:
        """The vector of each text, None where there is none."""
        return [_vector(self.store.get(text, self.collection)) for text in texts]

    async def aget(self, texts: Sequence[str]) -> list[Vector | None]:
        """As `get`."""
        return [_vector(await self.store.aget(text, self.collection)) for text in texts]

    def put(self, texts: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Keeps the vectors: in one write where the store has one for many."""
        entries = _entries(texts, vectors)
        if type(self.store).put_all is not BaseKVStore.put_all:
            self.store.put_all(entries, self.collection)
            return
        for text, entry in entries:
            self.store.put(text, entry, self.collection)

    async def aput(self, texts: Sequence[str], vectors: Sequence[Vector]) -> None:
        """As `put`."""
        entries = _entries(texts, vectors)
        if type(self.store).aput_all is not BaseKVStore.aput_all:
            await self.store.aput_all(entries, self.collection)
            return
        for text, entry in entries:
            await self.store.aput(text, entry, self.collection)


def prompt_in_key(given: str | None, model: str, kind: Kind) -> str | None:
    """What a key says of the text before each text: vectors made with and without one must not answer for each other.

    Args:
        given: The user's; None where it was left open, so that what the model is known to want is used.
        model: The model's id.
        kind: What the texts are.
    """
    known = prompts_for(model) if given is None else None
    return given if known is None else known.of(kind) or None


def _entries(texts: Sequence[str], vectors: Sequence[Vector]) -> list[tuple[str, dict[str, Any]]]:
    return [(text, {"vector": vector}) for text, vector in zip(texts, vectors, strict=True)]


def _vector(entry: dict[str, Any] | None) -> Vector | None:
    vector = None if entry is None else entry.get("vector")
    return vector if isinstance(vector, list) else None
