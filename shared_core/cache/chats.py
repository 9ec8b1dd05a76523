"""Answers that were paid for once: the exact-match cache of chat calls.

Lives here: what may be remembered, under which key, where. Not here: when it is looked up (`policy.cache`), how an
answer becomes bytes (`chat_form`), how a place keeps bytes (`memory`, `sqlite`, `redis`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_core.cache.chat_form import packed, unpacked
from shared_core.cache.opening import Opening
from shared_core.errors import ConfigError
from shared_core.types import ApiKey, ChatReply, ChatRequest, Target
from shared_core.wire import json as wire_json

if TYPE_CHECKING:
    from shared_core.cache.protocol import EmbeddingCache

__all__ = ["OF_PROCESS", "ChatCache"]

_FORMAT = 1
"""Raised when the meaning of a key changes: older entries are then never found."""

_PREFIX = b"chat:"
_WHOLE = frozenset({"stop", "length", "tool_calls"})
"""How an answer ends that the model has finished. "content_filter" is a filter's word of the moment, and no word may
be half an answer."""


class ChatCache:
    """Remembers complete answers to chat calls, by everything that was asked and by the token that asked.

    Only calls at temperature 0 are remembered unless `any_temperature`: without a temperature the host takes its own,
    which is above 0, and a seed is heeded by few hosts. Never remembered: errors, partial answers, refusals, empty
    answers, answers of another target of `fallback`, and endings other than "stop", "length" (the limit is part of the
    call) and "tool_calls".

    Args:
        store: True for the memory of this object; a path to a SQLite file or a folder for one; a URL that begins with
            `redis://`, `rediss://` or `unix://`, or a function of a module that returns one; or anything with
            `get_many`, `put_many` and `close`, as in `shared_core.cache`. Opened with the first call.
        ttl: Seconds until an answer is forgotten; None for never.
        max_bytes: Size that memory (default 64 MiB) or the file (default 1 GiB) is kept under. A Redis server has a
            bound of its own.
        any_temperature: Whether calls at any temperature are remembered, so that each is answered the same way.

    Clients share it, threads and event loops too. A pickle carries the arguments: a file or a server is found again,
    memory begins empty. A file is private to the user (mode 0600). Keys are hashes: neither prompt nor token can be
    read out of one; the answers themselves are stored as they are. A place in trouble (a full disk, a server that is
    away) is logged once and makes calls slower, never wrong.

    Attributes:
        blocks: Whether asking it may take a while: a file or a server, rather than memory.

    Raises:
        ConfigError: An argument makes no sense, with the first call when the file belongs to another program.

    Example:
        >>> from shared_core import HFRouter
        >>> cache = ChatCache(ttl=3600)
        >>> router = HFRouter("openai/gpt-oss-120b", chat_cache=cache)
        >>> reply = router.chat([{"role": "user", "content": "Hello!"}], temperature=0)  # doctest: +SKIP
        >>> reply.meta.cached, reply.meta.cost.usd  # doctest: +SKIP
        (True, Decimal('0'))
    """

    def __init__(
        self,
        store: EmbeddingCache | Callable[[], str] | str | Path | bool = True,
        *,
        ttl: float | None = None,
        max_bytes: int | None = None,
        any_temperature: bool = False,
    ) -> None:
        self.any_temperature = any_temperature
        self._place = Opening(store, ttl=ttl, max_bytes=max_bytes)
        self.blocks = self._place.blocks
        self._last: tuple[Target, ApiKey, bool, blake2b] | None = None

    @classmethod
    def of(
        cls, given: ChatCache | EmbeddingCache | Mapping[str, Any] | Callable[[], str] | str | Path | bool
    ) -> ChatCache:
        """The cache that a client's `chat_cache` means.

        Args:
            given: One, which is given back as it is; what `as_dict` gave; True for the memory of this process, the same
                for all clients; or a `store`.

        Raises:
            ConfigError: It is nothing of these.
        """
        if isinstance(given, ChatCache):
            return given
        if given is True:
            return OF_PROCESS
        if isinstance(given, Mapping):
            try:
                return cls(**given)
            except TypeError as error:
                raise ConfigError(f"A ChatCache cannot be made of these arguments: {error}.") from None
        return cls(given)

    def as_dict(self) -> dict[str, Any]:
        """The arguments as JSON, to write down settings: no password, and memory in place of what JSON cannot say."""
        return {**self._place.as_dict(), "any_temperature": self.any_temperature}

    def __repr__(self) -> str:
        return f"ChatCache({self._place}, any_temperature={self.any_temperature})"

    def __reduce__(self) -> tuple[object, ...]:
        if self is OF_PROCESS:
            return _of_process, ()
        return _rebuild, (self._place, self.any_temperature)

    def admits(self, request: ChatRequest) -> bool:
        """Whether an answer to this may be remembered."""
        if self.any_temperature:
            return True
        extra = request.extra_body
        temperature = extra["temperature"] if "temperature" in extra else request.params.get("temperature")
        return temperature == 0 and temperature is not False

    def key(self, request: ChatRequest, target: Target, token: ApiKey) -> bytes:
        """The key of a call: a hash of all that decides its answer. Whether it is streamed does not.

        Args:
            request: What is asked.
            target: Of whom, on whose account.
            token: The account's.

        Raises:
            BadRequest: Something cannot be written as JSON.
        """
        body: dict[str, Any] = {"model": request.model, "messages": request.messages, **request.params}
        body.pop("stream_options", None)
        if request.extra_body:
            body |= request.extra_body
        hasher = self._begun(target, token, request.reasoning_tags).copy()
        hasher.update(wire_json.dump(body))
        return _PREFIX + hasher.digest()

    def _begun(self, target: Target, token: ApiKey, reasoning_tags: bool) -> blake2b:
        """The part of a key that is the same for most calls of a client."""
        known = self._last  # replaced as a whole, so that threads may
        if known is not None and known[0] is target and known[1] is token and known[2] is reasoning_tags:
            return known[3]
        account = blake2b(token.reveal().encode(), digest_size=16).hexdigest()
        headers = sorted((name.lower(), value) for name, value in target.headers.items())
        place = [_FORMAT, account, target.base_url, target.bill_to, headers, reasoning_tags]
        begun = blake2b(json.dumps(place).encode(), digest_size=32)
        self._last = (target, token, reasoning_tags, begun)
        return begun

    def get(self, key: bytes) -> ChatReply | None:
        """The answer, the caller's own to change; None where there is none that can be read."""
        found = self._place.store.get_many([key])[0]
        return None if found is None else unpacked(found)

    def put(self, key: bytes, reply: ChatReply) -> None:
        """Remembers an answer, if it is one to remember."""
        if _is_whole(reply) and (data := packed(reply)) is not None:
            self._place.store.put_many([(key, data)])

    def clear(self) -> None:
        """Forgets every answer in the place, whoever put it there.

        Raises:
            ConfigError: The store is another program's, and cannot.
        """
        self._place.clear(_PREFIX)

    def close(self) -> None:
        """Frees the file or the connection; the next call opens it again. Memory keeps what it has."""
        self._place.close()


def _is_whole(reply: ChatReply) -> bool:
    """Whether each answer was finished by the model, and is one."""
    return bool(reply.choices) and all(
        choice.finish_reason in _WHOLE and not choice.refusal and (choice.text or choice.tool_calls)
        for choice in reply.choices
    )


OF_PROCESS = ChatCache()
"""What `chat_cache=True` means."""


def _of_process() -> ChatCache:
    return OF_PROCESS


def _rebuild(place: Opening, any_temperature: bool) -> ChatCache:
    cache = ChatCache(any_temperature=any_temperature)
    cache._place, cache.blocks = place, place.blocks
    return cache
