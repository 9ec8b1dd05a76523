"""LangChain's cache of answers (`set_llm_cache`) in memory, in a file or on a Redis server; for any model.

Lives here: generations as JSON and back. Not here: the places (`shared_core.cache`). Nothing is ever loaded by a name
that stands in the data, so that a file from elsewhere can hold wrong answers, and cannot run code.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.messages import message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk

from shared_core.cache import REMEMBERED, EmbeddingCache, Opening

__all__ = ["HFLLMCache"]

_logger = logging.getLogger("hfrouter")

_VERSION = 1
_KINDS: dict[str, type[Generation]] = {
    kind.__name__: kind for kind in (ChatGenerationChunk, ChatGeneration, GenerationChunk, Generation)
}


class HFLLMCache(BaseCache):
    """Remembers what models answered, by prompt and settings.

    LangChain decides what is looked up: every call of every model that does not say `cache=False`, at any temperature,
    and no streams. Its key holds the model's settings and not the account: give each tenant a namespace. For calls
    through this package alone, `chat_cache` of the model is the finer tool.

    Args:
        store: True for the memory of this object; a path to a SQLite file or a folder for one; a URL that begins with
            `redis://`, `rediss://` or `unix://`, or a function of a module that returns one; or a store of
            `shared_core.cache`.
        namespace: Keeps those apart who share a store.
        ttl: Seconds until an answer is forgotten; None for never.
        max_bytes: Size that memory (default 64 MiB) or the file (default 1 GiB) is kept under.

    A file is private to the user (mode 0600), and is shared by threads and processes. A place in trouble is logged
    once and makes calls slower, never wrong. What a remembered answer of this package cost is told as nothing.

    Raises:
        ConfigError: An argument makes no sense.

    Example:
        >>> from langchain_core.globals import set_llm_cache
        >>> from langchain_core.outputs import Generation
        >>> cache = HFLLMCache(ttl=3600)
        >>> set_llm_cache(cache)  # doctest: +SKIP
        >>> cache.update("the prompt", "the settings", [Generation(text="the answer")])
        >>> cache.lookup("the prompt", "the settings")[0].text
        'the answer'
    """

    def __init__(
        self,
        store: EmbeddingCache | Callable[[], str] | str | Path | bool = True,
        *,
        namespace: str = "",
        ttl: float | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.namespace = namespace
        self._place = Opening(store, ttl=ttl, max_bytes=max_bytes)
        # Of fixed length, so that no namespace is the beginning of another.
        self._prefix = b"lc:" + blake2b(namespace.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def __repr__(self) -> str:
        return f"HFLLMCache({self._place}, namespace={self.namespace!r})"

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """What was answered; None where nothing is remembered that can be read."""
        found = self._place.store.get_many([self._key(prompt, llm_string)])[0]
        return None if found is None else _read(found)

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Remembers an answer. One that JSON cannot say is not remembered, and the log says so."""
        try:
            data = _written(return_val)
        except (TypeError, ValueError, RecursionError) as error:
            _logger.warning("An answer cannot be remembered: %s", type(error).__name__)
            return
        self._place.store.put_many([(self._key(prompt, llm_string), data)])

    def clear(self, **kwargs: Any) -> None:  # noqa: ARG002 (the base class's)
        """Forgets every answer of this namespace."""
        self._place.clear(self._prefix)

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """As `lookup`, off the event loop where it may take a while."""
        if not self._place.blocks:
            return self.lookup(prompt, llm_string)
        return await asyncio.to_thread(self.lookup, prompt, llm_string)

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """As `update`, off the event loop where it may take a while."""
        if not self._place.blocks:
            return self.update(prompt, llm_string, return_val)
        return await asyncio.to_thread(self.update, prompt, llm_string, return_val)

    async def aclear(self, **kwargs: Any) -> None:
        """As `clear`, off the event loop."""
        await asyncio.to_thread(self.clear, **kwargs)

    def close(self) -> None:
        """Frees the file or the connection; the next call opens it again."""
        self._place.close()

    def _key(self, prompt: str, llm_string: str) -> bytes:
        # JSON, since joined strings could be cut in two ways; ASCII, since a prompt may hold a lone surrogate.
        asked = json.dumps([_VERSION, prompt, llm_string]).encode("ascii")
        return self._prefix + blake2b(asked, digest_size=32).digest()


def _written(generations: Sequence[Generation]) -> bytes:
    return json.dumps([_VERSION, [_plain(each) for each in generations]], separators=(",", ":")).encode(
        "ascii"
    )


def _plain(generation: Generation) -> list[Any]:
    kind = next(name for name, kind in _KINDS.items() if isinstance(generation, kind))
    message = message_to_dict(generation.message) if isinstance(generation, ChatGeneration) else None
    return [kind, generation.text, generation.generation_info, message]


def _read(data: bytes) -> list[Generation] | None:
    try:
        version, listed = json.loads(data)
        return [_generation(*each) for each in listed] if version == _VERSION else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _generation(
    kind: str, text: str, info: dict[str, Any] | None, plain: dict[str, Any] | None
) -> Generation:
    if plain is None:
        return _KINDS[kind](text=text, generation_info=info)
    (message,) = messages_from_dict([plain])
    if message.response_metadata.get("model_provider") == "hfrouter":
        message.response_metadata["cost"] = REMEMBERED.as_dict()
    chat: Any = _KINDS[kind]
    generation: Generation = chat(message=message, generation_info=info)
    return generation
