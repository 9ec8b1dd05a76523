"""The eight call styles as one table, so that each check can run over all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from llama_index.core.llms import ChatMessage

Style = Callable[[Any, str], Awaitable[list[Any]]]


async def chat(llm: Any, text: str) -> list[Any]:
    return [llm.chat([ChatMessage(text)])]


async def achat(llm: Any, text: str) -> list[Any]:
    return [await llm.achat([ChatMessage(text)])]


async def stream_chat(llm: Any, text: str) -> list[Any]:
    return list(llm.stream_chat([ChatMessage(text)]))


async def astream_chat(llm: Any, text: str) -> list[Any]:
    return [chunk async for chunk in await llm.astream_chat([ChatMessage(text)])]


async def complete(llm: Any, text: str) -> list[Any]:
    return [llm.complete(text)]


async def acomplete(llm: Any, text: str) -> list[Any]:
    return [await llm.acomplete(text)]


async def stream_complete(llm: Any, text: str) -> list[Any]:
    return list(llm.stream_complete(text))


async def astream_complete(llm: Any, text: str) -> list[Any]:
    return [chunk async for chunk in await llm.astream_complete(text)]


CHATS = (chat, achat, stream_chat, astream_chat)
COMPLETIONS = (complete, acomplete, stream_complete, astream_complete)
STYLES: tuple[Style, ...] = CHATS + COMPLETIONS
STREAMS: tuple[Style, ...] = (stream_chat, astream_chat, stream_complete, astream_complete)
ASYNC: tuple[Style, ...] = (achat, astream_chat, acomplete, astream_complete)


def name(style: Any) -> str:
    return style.__name__ if callable(style) else str(style)


def text_of(response: Any) -> str:
    """The text of a chat or a completion response."""
    return response.message.content if hasattr(response, "message") else response.text
