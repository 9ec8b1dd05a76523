"""The two clients. Everything they do is a flow; here it is only run, blocking or asynchronously."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from shared_core.catalog import Catalog
from shared_core.client.account_calls import AccountCalls, AsyncAccountCalls
from shared_core.client.arguments import RouterArguments
from shared_core.client.base import RouterBase
from shared_core.client.batch_calls import AsyncBatchCalls, BatchCalls
from shared_core.client.budget_calls import AsyncBudgetCalls, BudgetCalls
from shared_core.client.cost_calls import AsyncCostCalls, CostCalls
from shared_core.client.settings import bypasses_proxy, proxies
from shared_core.client.status import ModelStatus
from shared_core.client.streams import AsyncChatStream, ChatStream
from shared_core.client.writing_calls import AsyncWritingCalls, WritingCalls
from shared_core.errors import ConfigError
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.transport import AsyncTransport, Transport
from shared_core.types import (
    ChatOptions,
    ChatReply,
    EmbedOptions,
    EmbedReply,
    Kind,
    Message,
    RerankOptions,
    RerankReply,
    Timeouts,
)

__all__ = ["AsyncHFRouter", "HFRouter"]


class HFRouter(BatchCalls, CostCalls, BudgetCalls, AccountCalls, WritingCalls):
    """Every Hugging Face inference provider, for threads. Safe to share between them.

    Takes the arguments of `RouterBase`, which `help(HFRouter.__init__)` shows, and:

    Args:
        http_client: An `httpx2.Client` or `httpx.Client` to send with (proxy, TLS, limits); yours to close.

    Example:
        >>> router = HFRouter(model="openai/gpt-oss-120b:cheapest")
        >>> reply = router.chat([{"role": "user", "content": "Hello!"}], max_tokens=50)  # doctest: +SKIP
        >>> reply.text, reply.meta.provider  # doctest: +SKIP
    """

    def __init__(
        self, model: str | None = None, *, http_client: object = None, **settings: Unpack[RouterArguments]
    ) -> None:
        super().__init__(model, **settings)
        self._transport: Transport | None = None
        if http_client is not None:
            from shared_core.transport.injected import InjectedTransport

            self._transport = InjectedTransport(http_client)
            self._has_own_client = True

    def chat(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> ChatReply:
        """One answer to a conversation.

        Args:
            messages: OpenAI-format messages, the oldest first.
            options: Chat parameters and what is special to this call; see `ChatOptions`.

        Raises:
            RouterError: See `shared_core.errors`; each says what to do next.
        """
        flow = self._chat(messages, options, stream=False)
        return BlockingRun(flow, self._sender()).finish()

    def stream(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> ChatStream:
        """The same, in pieces as they are written; see `ChatStream`."""
        flow = self._chat(messages, options, stream=True)
        return ChatStream(BlockingRun(flow, self._sender()))

    def embed(
        self, texts: Iterable[str], kind: Kind = "document", **options: Unpack[EmbedOptions]
    ) -> EmbedReply:
        """One vector a text, in the order of the texts.

        Texts are never altered; equal ones are sent once. A long list becomes several requests, and those that
        one request cannot hold are cut again. With the router the model's providers are asked for at the Hub; a
        name picks one, otherwise the first live one is taken in your order of preference (`:fastest` and
        `:cheapest` too, since nobody publishes figures for embeddings).

        Args:
            texts: The list, of any length. For an empty one nobody is asked, and the array has shape (0, 0), or
                (0, dimensions) where those are given. What becomes of an empty text is for the host to say.
            kind: Whether the texts are searched with ("query") or searched in ("document"). It decides which
                prompt is put in front, and what the cache finds.
            options: What is special to this call; see `EmbedOptions`.

        Raises:
            RouterError: See `shared_core.errors`. `ConfigError` before anything is sent; `InputTooLong` and
                `BadRequest` name the text by its position in the list where it is one text's fault. Vectors that
                had come back by then are in the embedding cache, if there is one.

        Example:
            >>> router = HFRouter("sentence-transformers/all-MiniLM-L6-v2")
            >>> reply = router.embed(["A cat sat on the mat.", "Cats sit."], normalize=True)  # doctest: +SKIP
            >>> reply.vectors.shape, reply.meta.provider  # doctest: +SKIP
            ((2, 384), 'hf-inference')
        """
        return BlockingRun(self._embed(texts, kind, options), self._sender()).finish()

    def rerank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_n: int | None = None,
        **options: Unpack[RerankOptions],
    ) -> RerankReply:
        """How well each document answers the query. Needs a `base_url`: no provider behind the router offers it.

        Args:
            query: What is searched with.
            documents: The list, of any length.
            top_n: How many of the best `order` names; None for all. Every document gets its score.
            options: What is special to this call; see `RerankOptions`.

        Raises:
            RouterError: As for `embed`.

        Example:
            >>> router = HFRouter(base_url="http://localhost:8080")
            >>> reply = router.rerank("Where do cats sit?", ["On mats.", "In 1999."], top_n=1)  # doctest: +SKIP
            >>> reply.order.tolist()  # doctest: +SKIP
            [0]
        """
        return BlockingRun(self._rerank(query, documents, top_n, options), self._sender()).finish()

    def models(self, *, refresh: bool = False) -> Catalog:
        """What is served, by whom, at what price: fetched once in five minutes a process, unless `refresh`."""
        return BlockingRun(self._models(refresh=refresh), self._sender()).finish()

    def status(self, model: str | None = None) -> ModelStatus:
        """Whether a model is there to answer."""
        return BlockingRun(self._status(model), self._sender()).finish()

    def warm(self, model: str | None = None, *, timeout: float | Timeouts | None = None) -> ModelStatus:
        """Loads a model and waits until it answers. Sends a request of one token, which may cost that much."""
        return BlockingRun(self._warm(model, timeout), self._sender()).finish()

    def close(self) -> None:
        """Closes the caches opened for this client, and writes what its ledger holds and its budgets have spent. The
        process shares connections, and closes them when idle."""
        self._close_cache()
        if self._safeguards.writes_later:
            self._safeguards.write_now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _sender(self) -> Transport:
        if self._transport is None:
            self._miss_client()
            from shared_core.transport.blocking import shared

            self._transport = shared(proxies(), bypasses_proxy)
        return self._transport


class AsyncHFRouter(AsyncBatchCalls, AsyncCostCalls, AsyncBudgetCalls, AsyncAccountCalls, AsyncWritingCalls):
    """The same for event loops: usable from any, and from several after one another.

    Takes the arguments of `RouterBase`, which `help(AsyncHFRouter.__init__)` shows, and:

    Args:
        http_client: An `httpx2.AsyncClient` or `httpx.AsyncClient` to send with; yours to close.
        transport: "httpx2", or "aiohttp" (`pip install "hfrouter[aiohttp]"`) for hundreds of calls in flight.
            With a SOCKS proxy in the environment it is httpx2 in any case: aiohttp knows none.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: object = None,
        transport: Literal["httpx2", "aiohttp"] = "httpx2",
        **settings: Unpack[RouterArguments],
    ) -> None:
        super().__init__(model, **settings)
        if transport not in ("httpx2", "aiohttp"):
            raise ConfigError(f"There is no transport {transport!r}.", hint='Choose "httpx2" or "aiohttp".')
        self.transport = transport
        self._transport: AsyncTransport | None = None
        if http_client is not None:
            from shared_core.transport.injected import AsyncInjectedTransport

            self._transport = AsyncInjectedTransport(http_client)
            self._has_own_client = True

    async def chat(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> ChatReply:
        """See `HFRouter.chat`."""
        flow = self._chat(messages, options, stream=False)
        return await AsyncRun(flow, self._sender()).finish()

    def stream(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> AsyncChatStream:
        """See `HFRouter.stream`: `async with router.stream(...) as stream: async for delta in stream`."""
        flow = self._chat(messages, options, stream=True)
        return AsyncChatStream(AsyncRun(flow, self._sender()))

    async def embed(
        self, texts: Iterable[str], kind: Kind = "document", **options: Unpack[EmbedOptions]
    ) -> EmbedReply:
        """See `HFRouter.embed`."""
        return await AsyncRun(self._embed(texts, kind, options), self._sender()).finish()

    async def rerank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_n: int | None = None,
        **options: Unpack[RerankOptions],
    ) -> RerankReply:
        """See `HFRouter.rerank`."""
        return await AsyncRun(self._rerank(query, documents, top_n, options), self._sender()).finish()

    async def models(self, *, refresh: bool = False) -> Catalog:
        """See `HFRouter.models`."""
        return await AsyncRun(self._models(refresh=refresh), self._sender()).finish()

    async def status(self, model: str | None = None) -> ModelStatus:
        """See `HFRouter.status`."""
        return await AsyncRun(self._status(model), self._sender()).finish()

    async def warm(self, model: str | None = None, *, timeout: float | Timeouts | None = None) -> ModelStatus:
        """See `HFRouter.warm`."""
        return await AsyncRun(self._warm(model, timeout), self._sender()).finish()

    async def close(self) -> None:
        """See `HFRouter.close`; closes this event loop's idle connections, which other clients in it may share and
        then reopen."""
        self._close_cache()
        if self._safeguards.writes_later:
            await asyncio.to_thread(self._safeguards.write_now)
        await self._sender().close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["settings"]["transport"] = self.transport
        return state

    def _sender(self) -> AsyncTransport:
        if self._transport is None:
            self._miss_client()
            if self.transport == "aiohttp" and not any(at.startswith("socks") for _, at in proxies()):
                from shared_core.transport.aiohttp import shared as shared_aiohttp

                self._transport = shared_aiohttp(proxies(), bypasses_proxy)
            else:
                from shared_core.transport.asynchronous import shared

                self._transport = shared(proxies(), bypasses_proxy)
        return self._transport


# Both docstrings refer to it, and `help` does not show the docstrings of base classes.
HFRouter.__init__.__doc__ = AsyncHFRouter.__init__.__doc__ = RouterBase.__doc__
