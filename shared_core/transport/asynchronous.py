"""The default transport for event loops, on httpx2: the twin of `blocking`.

One for the whole process, with its own connections for every loop.
"""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2

from shared_core.errors import RouterError
from shared_core.transport.async_backend import AsyncTimedBackend
from shared_core.transport.blocking import (
    build,
    headers_of,
    lane_limits,
    origin_of,
    proxy_for,
    shelf_of,
    tls_context,
)
from shared_core.transport.decode import Inflater, inflater_for
from shared_core.transport.drain import drain_rest
from shared_core.transport.failures import failure_of
from shared_core.transport.lanes import IdleLanes
from shared_core.transport.per_loop import PerLoop
from shared_core.types import HttpRequest, Waits

__all__ = ["AsyncPooledTransport", "shared"]

Idle = IdleLanes[httpx2.AsyncHTTPTransport]


class AsyncPooledTransport:
    """Keeps connections open between requests; see `blocking.PooledTransport`."""

    def __init__(self, proxies: dict[str, str] | None = None, no_proxy: Any = None) -> None:
        self._proxies = proxies or {}
        self._no_proxy = no_proxy
        self._idle: PerLoop[Idle] = PerLoop(IdleLanes, _close_all)
        _live.append(self)

    async def send(self, request: HttpRequest, waits: Waits) -> AsyncPooledResponse:
        origin = origin_of(request.url)
        if waits.public and proxy_for(origin, self._proxies, self._no_proxy):
            waits.public = False  # see `blocking`
        idle = await self._idle.get()
        shelf = shelf_of(origin, waits)
        lane = idle.take(shelf) or self._open(origin)
        waits.sending()
        failure: RouterError | None
        try:
            reply = await lane.handle_async_request(build(request, waits))
            return AsyncPooledResponse(idle, shelf, lane, reply, request, waits)
        except Exception as error:
            await lane.aclose()
            proxy = proxy_for(origin, self._proxies, self._no_proxy)
            failure = failure_of(error, request, waits, proxy=proxy)
            if failure is None:
                raise
        except BaseException:
            await lane.aclose()
            raise
        raise failure

    async def close(self) -> None:
        """Closes the running loop's idle connections."""
        await self._idle.clear()

    def forget(self) -> None:
        self._idle.forget()

    def _open(self, origin: str) -> httpx2.AsyncHTTPTransport:
        lane = httpx2.AsyncHTTPTransport(
            verify=tls_context(), limits=lane_limits(), proxy=proxy_for(origin, self._proxies, self._no_proxy)
        )
        lane._pool._network_backend = AsyncTimedBackend()
        return lane


class AsyncPooledResponse:
    """A reply on its lane; see `blocking.PooledResponse`."""

    __slots__ = (
        "_body",
        "_ended",
        "_idle",
        "_inflater",
        "_lane",
        "_pieces",
        "_request",
        "_shelf",
        "_waits",
        "headers",
        "status",
    )

    def __init__(
        self,
        idle: Idle,
        shelf: str,
        lane: httpx2.AsyncHTTPTransport,
        reply: httpx2.Response,
        request: HttpRequest,
        waits: Waits,
    ) -> None:
        self.status = reply.status_code
        self.headers = headers_of(reply)
        self._idle = idle
        self._shelf = shelf
        self._lane: httpx2.AsyncHTTPTransport | None = lane
        self._body = cast(httpx2.AsyncByteStream, reply.stream)
        self._request = request
        self._waits = waits
        self._pieces: AsyncIterator[bytes] = aiter(self._body)
        self._inflater: Inflater | None = inflater_for(self.headers)
        self._ended = False

    async def read(self) -> bytes:
        if self._inflater is not None:
            return await self._inflated(self._inflater)
        if self._ended:
            return b""
        failure: RouterError | None
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
            self._ended = True
            return b""
        except Exception as error:
            failure = failure_of(error, self._request, self._waits)
            if failure is None:
                raise
        raise failure

    async def _inflated(self, inflater: Inflater) -> bytes:
        self._inflater = None  # so that `read` gives the raw bytes
        try:
            while True:
                if not inflater.pending and (raw := await self.read()):
                    piece = inflater.feed(raw)
                else:
                    piece = inflater.feed()
                if piece or self._ended:
                    return piece
        finally:
            self._inflater = inflater

    async def drain(self, most_bytes: int, seconds: float) -> None:
        await drain_rest(self.read, self._waits, most_bytes, seconds)

    async def close(self) -> None:
        lane, self._lane = self._lane, None
        if lane is None:
            return
        await self._body.aclose()
        if not self._ended:
            await lane.aclose()
            return
        for stale in self._idle.put(self._shelf, lane):
            await stale.aclose()


async def _close_all(idle: Idle) -> None:
    for lane in idle.retire():
        await lane.aclose()


_live: list[AsyncPooledTransport] = []


@functools.cache
def shared(proxies: tuple[tuple[str, str], ...] = (), no_proxy: Any = None) -> AsyncPooledTransport:
    """The process's transport for these proxies."""
    return AsyncPooledTransport(dict(proxies), no_proxy)


def _after_fork() -> None:
    for transport in _live:
        transport.forget()


os.register_at_fork(after_in_child=_after_fork)
