"""A client that the user made: their proxy, their certificates, their limits.

httpx and httpx2 clients work alike here. The promise about time is weaker than that of the own
transports: the client's library applies a fixed limit to each single wait on the socket, so that the total
is checked between two reads only (a thread), or by cancelling the wait (an event loop). Where names lead is that
client's business too: what `Waits.public` asks for is not checked here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from shared_core.errors import ConfigError, RouterError, TimedOut
from shared_core.transport.blocking import request_parts
from shared_core.transport.drain import drain_rest
from shared_core.transport.failures import failure_of
from shared_core.types import HttpRequest, Waits

__all__ = ["AsyncInjectedTransport", "InjectedTransport", "check_client"]


def check_client(client: object, kind: str) -> None:
    """Raises `ConfigError` unless the object is an httpx or httpx2 client of that kind ("Client", "AsyncClient")."""
    names = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in type(client).__mro__}
    if not names & {f"httpx2.{kind}", f"httpx.{kind}"}:
        raise ConfigError(
            f"The injected client is a {type(client).__module__}.{type(client).__name__}.",
            hint=f"Pass an httpx2.{kind} or an httpx.{kind}.",
        )


class InjectedTransport:
    """Sends through the user's blocking client, which stays the user's to close."""

    def __init__(self, client: Any) -> None:
        check_client(client, "Client")
        self._client = client

    def send(self, request: HttpRequest, waits: Waits) -> InjectedResponse:
        waits.sending()
        failure: RouterError | None
        try:
            reply = self._client.send(
                _build(self._client, request, waits), stream=True, follow_redirects=False
            )
            return InjectedResponse(reply, request, waits)
        except Exception as error:
            waits.opening = _never_connected(error)
            failure = failure_of(error, request, waits)
            if failure is None:
                raise
        raise failure

    def close(self) -> None:
        """Does nothing."""


class InjectedResponse:
    __slots__ = ("_pieces", "_reply", "_request", "_waits", "headers", "status")

    def __init__(self, reply: Any, request: HttpRequest, waits: Waits) -> None:
        self.status: int = reply.status_code
        self.headers: dict[str, str] = dict(reply.headers)
        self._reply = reply
        self._request = request
        self._waits = waits
        self._pieces: Iterator[bytes] = reply.iter_bytes()

    def read(self) -> bytes:
        _check(self._waits)
        failure: RouterError | None
        try:
            for piece in self._pieces:
                if piece:
                    return piece
            return b""
        except Exception as error:
            failure = failure_of(error, self._request, self._waits)
            if failure is None:
                raise
        raise failure

    def drain(self, most_bytes: int, seconds: float) -> None:
        # The library's own limit for a read was fixed with the request and may be minutes; a server that
        # lingers after its last word would cost them. The connection is lent to us until we close it.
        stream = self._reply.extensions.get("network_stream")
        if self._reply.extensions.get("http_version") != b"HTTP/1.1" or not hasattr(stream, "__dict__"):
            return
        read = stream.read
        stream.read = lambda max_bytes, timeout=None: read(max_bytes, seconds)  # noqa: ARG005
        self._waits.lingering(seconds)
        try:
            while most_bytes > 0 and (piece := self.read()):
                most_bytes -= len(piece)
        except RouterError:
            return
        finally:
            del stream.read

    def close(self) -> None:
        self._reply.close()


class AsyncInjectedTransport:
    """Sends through the user's asynchronous client, which stays the user's to close."""

    def __init__(self, client: Any) -> None:
        check_client(client, "AsyncClient")
        self._client = client

    async def send(self, request: HttpRequest, waits: Waits) -> AsyncInjectedResponse:
        waits.sending()
        failure: RouterError | None
        try:
            async with asyncio.timeout(waits.left()):
                reply = await self._client.send(
                    _build(self._client, request, waits), stream=True, follow_redirects=False
                )
            return AsyncInjectedResponse(reply, request, waits)
        except Exception as error:
            waits.opening = _never_connected(error)
            failure = failure_of(error, request, waits)
            if failure is None:
                raise
        raise failure

    async def close(self) -> None:
        """Does nothing."""


class AsyncInjectedResponse:
    __slots__ = ("_pieces", "_reply", "_request", "_waits", "headers", "status")

    def __init__(self, reply: Any, request: HttpRequest, waits: Waits) -> None:
        self.status: int = reply.status_code
        self.headers: dict[str, str] = dict(reply.headers)
        self._reply = reply
        self._request = request
        self._waits = waits
        self._pieces: AsyncIterator[bytes] = reply.aiter_bytes()

    async def read(self) -> bytes:
        failure: RouterError | None
        try:
            async with asyncio.timeout(self._waits.left()):
                async for piece in self._pieces:
                    if piece:
                        return piece
            return b""
        except Exception as error:
            failure = failure_of(error, self._request, self._waits)
            if failure is None:
                raise
        raise failure

    async def drain(self, most_bytes: int, seconds: float) -> None:
        await drain_rest(self.read, self._waits, most_bytes, seconds)

    async def close(self) -> None:
        await self._reply.aclose()


def _build(client: Any, request: HttpRequest, waits: Waits) -> Any:
    if client.is_closed:
        raise ConfigError(
            "The client that was passed as http_client is closed.", hint="Keep it open, or make another."
        )
    method, url, headers, body = request_parts(request)
    left = waits.left()
    seconds = {"connect": min(waits.limits.connect, left), "read": left, "write": left, "pool": left}
    return client.build_request(method, url, headers=headers, content=body, extensions={"timeout": seconds})


def _never_connected(error: Exception) -> bool:
    """Whether nothing was sent for certain, so that even what costs money may be tried again."""
    return type(error).__name__ in ("ConnectError", "ConnectTimeout", "PoolTimeout")


def _check(waits: Waits) -> None:
    if waits.left() <= 0:
        raise TimedOut(f"{waits.verdict()}.")
