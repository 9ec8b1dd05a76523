"""Every way to send a call, behind one plain face, so that each promise is tested on all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

from shared_core import AsyncHFRouter, ChatDelta, ChatReply, EmbedReply, HFRouter, RerankReply
from shared_core.catalog import SHARED
from shared_core.client.batches import LESSONS
from shared_core.providers import MAPPINGS

KINDS = [
    "sync",
    "sync, an httpx2 client of the user's",
    "sync, an httpx client of the user's",
    "async",
    "async, aiohttp",
    "async, an httpx2 client of the user's",
    "async, an httpx client of the user's",
]

HELLO = [{"role": "user", "content": "one two three four five six"}]
TRANSPORTS = pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])


class Caller:
    """A client of one kind; asynchronous ones run in a loop of their own."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self.kind = kind
        self.is_async = kind.startswith("async")
        self.injected: Any = None
        if "user's" in kind:
            library = httpx2 if "httpx2" in kind else httpx
            self.injected = library.AsyncClient() if self.is_async else library.Client()
            settings["http_client"] = self.injected
        elif "aiohttp" in kind:
            settings["transport"] = "aiohttp"
        self.router: Any = AsyncHFRouter(**settings) if self.is_async else HFRouter(**settings)
        self.loop = asyncio.Runner() if self.is_async else None

    def chat(self, messages: Any = HELLO, **options: Any) -> ChatReply:
        return self._wait(self.router.chat(messages, **options))

    def embed(self, texts: Any, *kind: Any, **options: Any) -> EmbedReply:
        return self._wait(self.router.embed(texts, *kind, **options))

    def rerank(self, query: Any, documents: Any, **options: Any) -> RerankReply:
        return self._wait(self.router.rerank(query, documents, **options))

    def models(self, **options: Any) -> Any:
        return self._wait(self.router.models(**options))

    def status(self, *model: str) -> Any:
        return self._wait(self.router.status(*model))

    def warm(self, *model: str, **options: Any) -> Any:
        return self._wait(self.router.warm(*model, **options))

    def stream(
        self,
        messages: Any = HELLO,
        *,
        leave_after: int | None = None,
        keep: list[ChatDelta] | None = None,
        **options: Any,
    ) -> tuple[list[ChatDelta], Any]:
        """The deltas, which also go into `keep` as they come, and the stream; closed after `leave_after` of them."""
        deltas = [] if keep is None else keep
        if not self.is_async:
            with self.router.stream(messages, **options) as stream:
                for delta in stream:
                    deltas.append(delta)
                    if len(deltas) == leave_after:
                        break
            return deltas, stream
        return self._wait(self._stream(messages, deltas, leave_after, options))

    async def _stream(
        self, messages: Any, deltas: list[ChatDelta], leave_after: int | None, options: Any
    ) -> Any:
        async with self.router.stream(messages, **options) as stream:
            async for delta in stream:
                deltas.append(delta)
                if len(deltas) == leave_after:
                    break
        return deltas, stream

    def _wait(self, value: Any) -> Any:
        return value if self.loop is None else self.loop.run(value)

    def close_router(self) -> None:
        self._wait(self.router.close())

    def close(self) -> None:
        with contextlib.ExitStack() as stack:
            if self.loop is not None:
                stack.callback(self.loop.close)
            stack.callback(self.close_router)
            if self.injected is not None:
                stack.callback(
                    lambda: self._wait(self.injected.aclose() if self.is_async else self.injected.close())
                )


Maker = Callable[..., Caller]


def makers(kinds: list[str]) -> Any:
    return pytest.fixture(params=kinds)(_make)


def _make(request: pytest.FixtureRequest, offline_url: Any) -> Iterator[Maker]:
    made: list[Caller] = []

    def make(**settings: Any) -> Caller:
        settings = {
            "model": "offline/echo",
            "base_url": offline_url,
            "api_key": "any",
            "timeout": 20,
            **settings,
        }
        made.append(Caller(request.param, **settings))
        return made[-1]

    yield make
    for caller in made:
        caller.close()


make = makers(KINDS)
make_plain = makers(["sync", "async"])


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """No catalogue, mapping or lesson of an earlier test, and none for a later one."""
    for memory in (SHARED, LESSONS, MAPPINGS):
        memory.clear()
    yield
    for memory in (SHARED, LESSONS, MAPPINGS):
        memory.clear()
