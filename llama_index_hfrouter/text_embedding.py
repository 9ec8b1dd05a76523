"""What both embedding classes do with LlamaIndex: batches, events, the limiter, the caller's store of vectors.

Lives here: the public methods of BaseEmbedding, over two that a class must have (`_embed`, `_aembed`).
Not here: who makes the vectors (`router_embedding`, `local_embedding`), the store's keys (`embedding_cache`).

LlamaIndex's own versions of these methods take a document's vector for a query's, let cached asynchronous
batches pass by the limiter, tell the limiter no token counts, take an empty store that has a length for none,
and know no counts of tokens; so they are written anew.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index_instrumentation import get_dispatcher
from pydantic import ConfigDict, Field

from llama_index_hfrouter.embedding_cache import StoredVectors
from shared_core.errors import ConfigError, RouterError
from shared_core.types import EmbedReply, Kind, Usage

__all__ = ["TextEmbedding"]

_dispatcher = get_dispatcher(__name__)

_LIMITED_BATCH = 32
"""Texts a batch when a limiter counts: no known host takes fewer in one request, so a batch is a request."""

_LETTERS_A_TOKEN = 4  # in English; what everybody estimates with


class Counted:
    """One batch while it is embedded: its vectors, and the tokens that were read for them."""

    __slots__ = ("texts", "tokens", "vectors")

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.vectors: list[Embedding] = []
        self.tokens: int | None = 0

    def take(self, found: Sequence[Embedding | None], missing: list[Embedding], usage: Usage | None) -> None:
        """Puts new vectors between those that were found."""
        new = iter(missing)
        self.vectors = [next(new) if vector is None else vector for vector in found]
        if missing:
            self.tokens = None if usage is None else usage.prompt_tokens


class TextEmbedding(BaseEmbedding):
    """BaseEmbedding over `_embed` and `_aembed`; those are what a class made from this one overrides."""

    model_config = ConfigDict(defer_build=True)

    model_name: str = ""
    embed_batch_size: int = Field(default=2048, gt=0, le=2048)
    embeddings_cache: Any | None = Field(default=None, exclude=True)
    rate_limiter: Any | None = Field(default=None, exclude=True)  # LlamaIndex's own since core 0.14.16

    def to_payload(self) -> dict[str, Any]:
        """What events and callbacks may see: no token, no headers, no address."""
        return {
            "class_name": self.class_name(),
            "model": self.model_name,
            "model_name": self.model_name,
            "embed_batch_size": self.embed_batch_size,
        }

    @abstractmethod
    def _embed(self, texts: list[str], kind: Kind) -> EmbedReply:
        """Vectors of one batch."""

    @abstractmethod
    async def _aembed(self, texts: list[str], kind: Kind, among: int = 1) -> EmbedReply:
        """As `_embed`; `among` batches are under way together."""

    @abstractmethod
    def _identity(self, kind: Kind) -> dict[str, Any]:
        """Everything but the model's name that decides a vector."""

    def _together(self) -> int | None:
        """How many batches of an asynchronous call are under way together; None for all."""
        return self.num_workers if self.num_workers and self.num_workers > 1 else None

    # -- what LlamaIndex's own methods are made of, for those who call or override them -------------------

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._embed([query], "query").tolist()[0]

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await self._aembed([query], "query")).tolist()[0]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._embed([text], "document").tolist()[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aembed([text], "document")).tolist()[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return self._embed(texts, "document").tolist()

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return (await self._aembed(texts, "document")).tolist()

    # -- LlamaIndex's interface ----------------------------------------------------------------------------

    @_dispatcher.span
    def get_query_embedding(self, query: str) -> Embedding:
        """The vector of what is searched with."""
        return self._batch([query], "query")[0]

    @_dispatcher.span
    async def aget_query_embedding(self, query: str) -> Embedding:
        """`get_query_embedding`, without blocking the event loop."""
        return (await self._abatch([query], "query"))[0]

    @_dispatcher.span
    def get_text_embedding(self, text: str) -> Embedding:
        """The vector of what is searched in."""
        return self._batch([text], "document")[0]

    @_dispatcher.span
    async def aget_text_embedding(self, text: str) -> Embedding:
        """`get_text_embedding`, without blocking the event loop."""
        return (await self._abatch([text], "document"))[0]

    @_dispatcher.span
    def get_text_embedding_batch(
        self,
        texts: list[str],
        show_progress: bool = False,
        **kwargs: Any,  # noqa: ARG002  (LlamaIndex's signature)
    ) -> list[Embedding]:
        """One vector a text, in their order.

        Args:
            texts: What is searched in; may be empty.
            show_progress: Whether a bar is drawn, a step a batch.
            kwargs: Not used.
        """
        vectors: list[Embedding] = []
        with _bar(len(texts), show_progress) as advance:
            for start, batch in self._batches(texts):
                with _place(start):
                    vectors += self._batch(batch, "document")
                advance(len(batch))
        return vectors

    @_dispatcher.span
    async def aget_text_embedding_batch(
        self,
        texts: list[str],
        show_progress: bool = False,
        **kwargs: Any,  # noqa: ARG002  (LlamaIndex's signature)
    ) -> list[Embedding]:
        """As `get_text_embedding_batch`, with batches side by side: `num_workers` of them where that is set.

        Args:
            texts: What is searched in; may be empty.
            show_progress: Whether a bar is drawn, a step a batch.
            kwargs: Not used.
        """
        batches = self._batches(texts)
        among = min(len(batches), self._together() or len(batches))
        places = asyncio.Semaphore(max(among, 1))

        async def one(start: int, batch: list[str]) -> list[Embedding]:
            async with places:
                with _place(start):
                    vectors = await self._abatch(batch, "document", among)
            advance(len(batch))
            return vectors

        with _bar(len(texts), show_progress) as advance:
            done = await _all([one(start, batch) for start, batch in batches])
        return [vector for vectors in done for vector in vectors]

    # -- one batch -----------------------------------------------------------------------------------------

    def _batches(self, texts: Sequence[str]) -> list[tuple[int, list[str]]]:
        """Where each batch begins, and its texts."""
        if isinstance(texts, str):
            raise ConfigError(
                "The texts are one string, not a list of them.", hint="For one text write [text]."
            )
        size = self.embed_batch_size
        if self.rate_limiter is not None:
            size = min(size, _LIMITED_BATCH)
        return [(start, list(texts[start : start + size])) for start in range(0, len(texts), size)]

    def _batch(self, texts: list[str], kind: Kind) -> list[Embedding]:
        with self._events(texts) as counted:
            store = self._stored(kind)
            found = [None] * len(texts) if store is None else store.get(texts)
            missing, new, usage = _missing(texts, found), [], None
            if missing:
                if self.rate_limiter is not None:
                    self.rate_limiter.acquire(num_tokens=self._estimate(missing))
                reply = self._embed(missing, kind)
                new, usage = reply.tolist(), reply.usage
                if store is not None:
                    store.put(missing, new)
            counted.take(found, new, usage)
        return counted.vectors

    async def _abatch(self, texts: list[str], kind: Kind, among: int = 1) -> list[Embedding]:
        with self._events(texts) as counted:
            store = self._stored(kind)
            found = [None] * len(texts) if store is None else await store.aget(texts)
            missing, new, usage = _missing(texts, found), [], None
            if missing:
                if self.rate_limiter is not None:
                    await self.rate_limiter.async_acquire(num_tokens=self._estimate(missing))
                reply = await self._aembed(missing, kind, among)
                new, usage = reply.tolist(), reply.usage
                if store is not None:
                    await store.aput(missing, new)
            counted.take(found, new, usage)
        return counted.vectors

    def _stored(self, kind: Kind) -> StoredVectors | None:
        if self.embeddings_cache is None:
            return None
        return StoredVectors(self.embeddings_cache, self.model_name, kind, self._identity(kind))

    def _estimate(self, texts: Sequence[str]) -> int:
        """Tokens, about. Never more than a minute's worth, for which LlamaIndex's limiters would wait for ever."""
        estimate = sum(len(text) // _LETTERS_A_TOKEN + 1 for text in texts)
        most = getattr(self.rate_limiter, "tokens_per_minute", None)
        return estimate if most is None else min(estimate, int(most))

    @contextmanager
    def _events(self, texts: list[str]) -> Iterator[Counted]:
        """Tells both of LlamaIndex's event systems about one batch."""
        counted, payload = Counted(texts), self.to_payload()
        _dispatcher.event(EmbeddingStartEvent(model_dict=payload))
        with self.callback_manager.event(
            CBEventType.EMBEDDING, payload={EventPayload.SERIALIZED: payload}
        ) as event:
            yield counted
            event.on_end(
                payload={EventPayload.CHUNKS: texts, EventPayload.EMBEDDINGS: counted.vectors},
            )
        _dispatcher.event(EmbeddingEndEvent(chunks=texts, embeddings=counted.vectors, **_tokens(counted)))


def _missing(texts: Sequence[str], found: Sequence[Embedding | None]) -> list[str]:
    return [text for text, vector in zip(texts, found, strict=True) if vector is None]


def _tokens(counted: Counted) -> dict[Literal["token_count"], Any]:
    """The count for the event, where this version of LlamaIndex has a field for it."""
    known = "token_count" in EmbeddingEndEvent.model_fields and counted.tokens is not None
    return {"token_count": counted.tokens} if known else {}


@contextmanager
def _place(start: int) -> Iterator[None]:
    """The core names a text by its position, which is that in its batch."""
    try:
        yield
    except RouterError as error:
        if start:
            error.add_note(f"Positions are those in the batch that began at text {start}.")
        raise


async def _all(batches: Sequence[Coroutine[Any, Any, list[Embedding]]]) -> list[list[Embedding]]:
    """Every result in order; the first failure stops the others, which nobody would wait for."""
    tasks = [asyncio.ensure_future(batch) for batch in batches]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _bar(total: int, show: bool) -> Iterator[Any]:
    """A function that moves a bar on by so many texts."""
    if not show:
        yield lambda count: None  # noqa: ARG005
        return
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    with tqdm(total=total, desc="Generating embeddings") as bar:
        yield bar.update
