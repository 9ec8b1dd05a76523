"""`HFLocalEmbedding`: embeddings computed on this machine, for LlamaIndex.

Lives here: the BaseEmbedding methods.
Not here: models, torch, batches on the device (`shared_core.local`), keeping cached vectors apart
(`embedding_cache`). Nothing heavy loads before the first text.
"""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from pydantic import Field, PrivateAttr

from llama_index_hfrouter.embedding_cache import SeparatedCache, queries
from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder

__all__ = ["HFLocalEmbedding"]


class HFLocalEmbedding(BaseEmbedding):
    """A sentence-transformers model on this machine. Texts reach it unchanged, line ends included.

    Queries and documents are embedded with the model's own prompts for each, where it has any.

    Args:
        model_name: A folder with a sentence-transformers model, or a Hub id; `model` is the same.
        device: Where it runs, such as "cpu" or "cuda"; None lets torch choose.
        embed_batch_size: Texts in one call to the model; default 32.
        embeddings_cache: A LlamaIndex key-value store; vectors of different models, and of queries and
            documents, are kept apart in it. Not part of serialised forms.
        callback_manager, num_workers, rate_limiter: As in BaseEmbedding.

    Raises:
        ConfigError: No model is named, or it cannot be loaded (at first use).
        ImportError: The extra `local` is missing (at first use); the message names the command.

    Example:
        >>> embedding = HFLocalEmbedding("sentence-transformers/all-MiniLM-L6-v2")
        >>> len(embedding.get_text_embedding("A router routes."))  # doctest: +SKIP
        384
    """

    device: str | None = None
    embed_batch_size: int = Field(default=32, gt=0, le=2048)
    embeddings_cache: Any | None = Field(default=None, exclude=True)

    _embedder: LocalEmbedder = PrivateAttr()

    def __init__(self, model_name: str | None = None, *, model: str | None = None, **options: Any) -> None:
        name = model_name or model
        if not name:
            raise ConfigError(
                "A local embedding needs a model.",
                hint='Give a folder or a Hub id, such as "sentence-transformers/all-MiniLM-L6-v2".',
            )
        unknown = sorted(set(options) - set(type(self).model_fields))
        if unknown:
            raise ConfigError(f"{type(self).__name__} has no option {unknown[0]!r}.")
        super().__init__(model_name=name, **options)
        self._embedder = LocalEmbedder(name, self.device or "auto")
        if self.embeddings_cache is not None and not isinstance(self.embeddings_cache, SeparatedCache):
            self.embeddings_cache = SeparatedCache(self.embeddings_cache, name)

    @classmethod
    def class_name(cls) -> str:
        """The key that serialised objects carry; never changes."""
        return "HFLocalEmbedding"

    # -- queries ----------------------------------------------------------------------------------------

    def get_query_embedding(self, query: str) -> Embedding:
        """The vector of what is searched with."""
        with queries():
            return super().get_query_embedding(query)

    async def aget_query_embedding(self, query: str) -> Embedding:
        """`get_query_embedding`, without blocking the event loop."""
        with queries():
            return await super().aget_query_embedding(query)

    def _get_query_embedding(self, query: str) -> Embedding:
        vectors: list[Embedding] = self._embedder.embed([query], kind="query").tolist()
        return vectors[0]

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await asyncio.to_thread(self._get_query_embedding, query)

    # -- documents --------------------------------------------------------------------------------------

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return await asyncio.to_thread(self._get_text_embedding, text)

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        vectors: list[Embedding] = self._embedder.embed(texts, kind="document").tolist()
        return vectors

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)
