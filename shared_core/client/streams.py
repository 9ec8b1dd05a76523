"""A streamed answer in the caller's hands."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from shared_core.errors import ConfigError
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.types import ChatDelta, ChatReply
from shared_core.types.answers import CompletionReply

__all__ = ["AsyncChatStream", "AsyncTextStream", "ChatStream", "TextStream"]

Reply = TypeVar("Reply")


class _Stream(Generic[Reply]):
    """What all kinds of stream share: the deltas of one read, handed out one by one."""

    _run: BlockingRun[Reply] | AsyncRun[Reply]

    def __init__(self) -> None:
        self._ready: list[ChatDelta] = []  # the rest of one read, the next delta last

    @property
    def reply(self) -> Reply:
        """The whole answer, once the stream has been read to its end.

        Raises:
            ConfigError: The stream is not finished, or was closed early.
        """
        try:
            return self._run.result
        except AttributeError:
            raise ConfigError(
                "The stream is not finished, so there is no reply yet.",
                hint="Read it to its end first; after a failure the error's `.partial` has what arrived.",
            ) from None

    def _keep(self, deltas: Sequence[ChatDelta]) -> ChatDelta:
        self._ready.extend(reversed(deltas))
        return self._ready.pop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'ended' if self._run.done else 'open'}>"


class _Blocking(_Stream[Reply]):
    def __init__(self, run: BlockingRun[Reply]) -> None:
        super().__init__()
        self._run: BlockingRun[Reply] = run

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatDelta:
        if self._ready:
            return self._ready.pop()
        deltas = self._run.advance()
        if deltas is None:
            raise StopIteration
        return deltas[0] if len(deltas) == 1 else self._keep(deltas)

    def close(self) -> None:
        """Ends the stream wherever it stands. Harmless when repeated."""
        self._ready.clear()
        self._run.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A blocking connection can be freed from here.
        if hasattr(self, "_run") and not self._run.done:
            self._run.close()


class _Async(_Stream[Reply]):
    def __init__(self, run: AsyncRun[Reply]) -> None:
        super().__init__()
        self._run: AsyncRun[Reply] = run

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatDelta:
        if self._ready:
            return self._ready.pop()
        deltas = await self._run.advance()
        if deltas is None:
            raise StopAsyncIteration
        return deltas[0] if len(deltas) == 1 else self._keep(deltas)

    async def close(self) -> None:
        """Ends the stream wherever it stands. Harmless when repeated."""
        self._ready.clear()
        await self._run.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        # Closing needs the event loop, which nobody runs for us here.
        if hasattr(self, "_run") and self._run.open:
            message = f"An {type(self).__name__} was dropped without being closed: use `async with`."
            warnings.warn(message, ResourceWarning, source=self, stacklevel=1)


class ChatStream(_Blocking[ChatReply]):
    """An answer that arrives in pieces: iterate it, preferably inside `with`.

    The request is sent when the first delta is asked for. Leaving early frees the connection.

    Example:
        >>> with router.stream(messages) as stream:  # doctest: +SKIP
        ...     for delta in stream:
        ...         print(delta.text, end="", flush=True)
        >>> stream.reply.usage  # doctest: +SKIP
    """


class AsyncChatStream(_Async[ChatReply]):
    """The twin of `ChatStream` for event loops: `async with` and `async for`."""


class TextStream(_Blocking[CompletionReply]):
    """A text that a model goes on with, in pieces; used like `ChatStream`."""


class AsyncTextStream(_Async[CompletionReply]):
    """The twin of `TextStream` for event loops: `async with` and `async for`."""
