"""How bytes travel: the only room that imports an HTTP library.

A transport performs one exchange: it sends an `HttpRequest`, adds the token as the bytes leave, and hands
back a response whose body is read piece by piece. It keeps the limits of the call's `Waits`, follows no
redirect, retries nothing, and raises only this package's errors.

`blocking` and `asynchronous` run on httpx2, `aiohttp` on that library, `injected` on a client that the
user made.
"""

from __future__ import annotations

from typing import Protocol

from shared_core.flow import Head
from shared_core.types import HttpRequest, Waits

__all__ = ["AsyncResponse", "AsyncTransport", "Response", "Transport"]


class Response(Head, Protocol):
    """A reply whose head has arrived."""

    def read(self) -> bytes:
        """The next bytes of the decoded body; empty at its end."""

    def drain(self, most_bytes: int, seconds: float) -> None:
        """Reads and drops the rest, within both bounds, so that the connection can serve again."""

    def close(self) -> None:
        """Frees the connection: for the next request when the body was read, else for good."""


class Transport(Protocol):
    """Sends from the calling thread; usable from many at once."""

    def send(self, request: HttpRequest, waits: Waits) -> Response: ...

    def close(self) -> None: ...


class AsyncResponse(Head, Protocol):
    """The twin of `Response` for event loops."""

    async def read(self) -> bytes: ...

    async def drain(self, most_bytes: int, seconds: float) -> None: ...

    async def close(self) -> None: ...


class AsyncTransport(Protocol):
    """The twin of `Transport`: usable from any event loop, from several after one another too."""

    async def send(self, request: HttpRequest, waits: Waits) -> AsyncResponse: ...

    async def close(self) -> None: ...
