"""How each family of contenders is called, one shape for all of them.

Lives here: one small class a family with `call acall stream astream tools`, and what text came back, so that
a measure never knows whom it measures. The iterators are the contender's own: nothing stands between them and
the loop.
Not here: clocks (`measures`), constructors (`contenders`).

Frameworks are imported inside the functions: this file is read in environments that have only one of them.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import canned

SYSTEM, USER = "You are terse.", "Say hello."
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]


class LangChain:
    """`invoke`, `ainvoke`, `stream`, `astream`, and a stream with a tool bound."""

    def __init__(self, model: Any) -> None:
        from langchain_core.messages import HumanMessage, SystemMessage

        self.model = model
        self.messages = [SystemMessage(SYSTEM), HumanMessage(USER)]
        self.bound: Any = None

    def call(self) -> Any:
        return self.model.invoke(self.messages)

    async def acall(self) -> Any:
        return await self.model.ainvoke(self.messages)

    def stream(self) -> Iterator[Any]:
        return self.model.stream(self.messages)

    async def astream(self) -> AsyncIterator[Any]:
        return self.model.astream(self.messages)

    def tools(self) -> Iterator[Any]:
        if self.bound is None:
            self.bound = self.model.bind_tools([canned.TOOL])
        return self.bound.stream(self.messages)

    def text(self, reply: Any) -> str:
        return reply.content

    delta = text

    def arguments(self, chunks: list[Any]) -> Any:
        parts = [call.get("args") or "" for chunk in chunks for call in chunk.tool_call_chunks]
        return json.loads("".join(parts))


class LlamaIndex:
    """`chat`, `achat`, `stream_chat`, `astream_chat`, and `stream_chat_with_tools`."""

    def __init__(self, llm: Any) -> None:
        from llama_index.core.llms import ChatMessage

        self.llm = llm
        self.messages = [ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=USER)]
        self.tool: Any = None

    def call(self) -> Any:
        return self.llm.chat(self.messages)

    async def acall(self) -> Any:
        return await self.llm.achat(self.messages)

    def stream(self) -> Iterator[Any]:
        return self.llm.stream_chat(self.messages)

    async def astream(self) -> AsyncIterator[Any]:
        return await self.llm.astream_chat(self.messages)

    def tools(self) -> Iterator[Any]:
        if self.tool is None:
            from llama_index.core.tools import FunctionTool

            self.tool = FunctionTool.from_defaults(fn=_record_numbers, name=canned.TOOL_NAME)
        return self.llm.stream_chat_with_tools([self.tool], chat_history=self.messages)

    def text(self, reply: Any) -> str:
        return reply.message.content

    def delta(self, chunk: Any) -> str:
        return chunk.delta or ""

    def arguments(self, chunks: list[Any]) -> Any:
        (call,) = self.llm.get_tool_calls_from_response(chunks[-1])
        return call.tool_kwargs


def _record_numbers(title: str, numbers: list[int], words: list[str]) -> str:
    """Keep a list of numbers and a list of words."""
    return f"{title}: {len(numbers)} numbers, {len(words)} words"


class Core:
    """`shared_core` without a framework. Its two clients are built when first needed."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.router: Any = None
        self.async_router: Any = None

    def _sync(self) -> Any:
        if self.router is None:
            from shared_core import HFRouter

            self.router = HFRouter(**self.options)
        return self.router

    def _async(self) -> Any:
        if self.async_router is None:
            from shared_core import AsyncHFRouter

            self.async_router = AsyncHFRouter(**self.options)
        return self.async_router

    def call(self) -> Any:
        return self._sync().chat(MESSAGES)

    async def acall(self) -> Any:
        return await self._async().chat(MESSAGES)

    def stream(self) -> Iterator[Any]:
        with self._sync().stream(MESSAGES) as deltas:
            yield from deltas

    async def astream(self) -> AsyncIterator[Any]:
        return self._astream()

    async def _astream(self) -> AsyncIterator[Any]:
        async with self._async().stream(MESSAGES) as deltas:
            async for delta in deltas:
                yield delta

    def text(self, reply: Any) -> str:
        return reply.text or ""

    delta = text


class Httpx2:
    """What a careful hand would write on httpx2: one client, lines, `json.loads`, read to the real end."""

    def __init__(self, url: str) -> None:
        import httpx2

        self.url = url + "/chat/completions"
        self.httpx2 = httpx2
        self.client = httpx2.Client()
        self.async_client: Any = None

    def _async(self) -> Any:
        if self.async_client is None:
            limits = self.httpx2.Limits(max_connections=None, max_keepalive_connections=None)
            self.async_client = self.httpx2.AsyncClient(limits=limits)
        return self.async_client

    def call(self) -> Any:
        return self.client.post(self.url, json=_body()).json()

    async def acall(self) -> Any:
        return (await self._async().post(self.url, json=_body())).json()

    def stream(self) -> Iterator[str]:
        with self.client.stream("POST", self.url, json=_body(stream=True)) as reply:
            for line in reply.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    yield _delta(json.loads(line[6:]))

    async def astream(self) -> AsyncIterator[str]:
        return self._astream()

    async def _astream(self) -> AsyncIterator[str]:
        async with self._async().stream("POST", self.url, json=_body(stream=True)) as reply:
            async for line in reply.aiter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    yield _delta(json.loads(line[6:]))

    def text(self, reply: Any) -> str:
        return str(reply["choices"][0]["message"]["content"])

    def delta(self, chunk: str) -> str:
        return chunk

    async def aclose(self) -> None:
        await self._async().aclose()


class Aiohttp:
    """The same by hand on aiohttp: async alone."""

    def __init__(self, url: str) -> None:
        self.url = url + "/chat/completions"
        self.session: Any = None

    def _session(self) -> Any:
        if self.session is None:
            import aiohttp

            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self.session

    async def acall(self) -> Any:
        async with self._session().post(self.url, json=_body()) as reply:
            return await reply.json()

    async def astream(self) -> AsyncIterator[str]:
        return self._astream()

    async def _astream(self) -> AsyncIterator[str]:
        async with self._session().post(self.url, json=_body(stream=True)) as reply:
            async for line in reply.content:
                if line.startswith(b"data: ") and line != b"data: [DONE]\n":
                    yield _delta(json.loads(line[6:]))

    def text(self, reply: Any) -> str:
        return str(reply["choices"][0]["message"]["content"])

    def delta(self, chunk: str) -> str:
        return chunk

    async def aclose(self) -> None:
        await self._session().close()


class Socket:
    """Bytes in, bytes out, nothing parsed: how fast the server and the loopback are by themselves."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.requests = {}
        for stream in (False, True):
            body = json.dumps(_body(stream=stream)).encode()
            line = f"POST {parts.path}/chat/completions HTTP/1.1"
            self.requests[stream] = (
                f"{line}\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            )

    def call(self) -> Any:
        self.socket.sendall(self.requests[False])
        reply = b""
        while not reply.endswith(b"}"):
            reply += self.socket.recv(65536)
        return json.loads(reply[reply.index(b"\r\n\r\n") :])

    def stream(self) -> Iterator[bytes]:
        self.socket.sendall(self.requests[True])
        tail = b""
        while tail != b"\r\n0\r\n\r\n":
            data = self.socket.recv(65536)
            tail = (tail + data)[-7:]
            yield data

    def text(self, reply: Any) -> str:
        return str(reply["choices"][0]["message"]["content"])

    def joined(self, chunks: list[bytes]) -> str:
        lines = b"".join(chunks).split(b"\n")
        return "".join(_delta(json.loads(line[6:])) for line in lines if line.startswith(b"data: {"))


def joined(calls: Any, chunks: list[Any]) -> str:
    """The text of a whole stream, to see that what was timed was also right."""
    if isinstance(calls, Socket):
        return calls.joined(chunks)
    return "".join(calls.delta(chunk) for chunk in chunks)


def _body(*, stream: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {"model": canned.MODEL, "messages": MESSAGES}
    return {**body, "stream": True} if stream else body


def _delta(event: dict[str, Any]) -> str:
    choices = event["choices"]
    return (choices[0]["delta"].get("content") or "") if choices else ""


FAMILIES: dict[str, Any] = {
    "langchain": LangChain,
    "llamaindex": LlamaIndex,
    "core": Core,
    "httpx2": Httpx2,
    "aiohttp": Aiohttp,
    "socket": Socket,
}


def run(coroutine: Any) -> Any:
    """Run one coroutine on this process's own loop, kept so that connections outlive a round."""
    return _loop().run_until_complete(coroutine)


_LOOPS: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _LOOPS:
        _LOOPS.append(asyncio.new_event_loop())
    return _LOOPS[0]
