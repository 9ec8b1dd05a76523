"""Sockets for event loops that know the call's limits: the twin of `backend`.

Built on asyncio's own transports instead of httpx2's anyio layer, which takes one number of seconds a wait and
costs more: compare the async columns of "httpx2, raw", which runs on that layer, and "shared_core alone" in
`benchmarks/README.md`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Iterable
from typing import Any

import httpcore2

from shared_core.transport.backend import TUNNEL, is_address, refuse_private
from shared_core.types import Waits

__all__ = ["AsyncTimedBackend"]

Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

_WORTH_A_CALL = 64 * 1024  # bytes
_ENOUGH_BUFFERED = 256 * 1024  # bytes; above that the socket is left unread until the caller catches up


class AsyncTimedBackend(httpcore2.AsyncNetworkBackend):
    """Opens asyncio connections within `Waits`, the name look-up included."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | Waits | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Option] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        if isinstance(timeout, Waits):
            timeout.connecting()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_left(timeout)):
                at = await _public(host, port) if isinstance(timeout, Waits) and timeout.public else host
                transport, stream = await loop.create_connection(
                    _Stream,
                    at,
                    port,
                    local_addr=None if local_address is None else (local_address, 0),
                    # Racing address families is for names; for an address it only costs tasks.
                    happy_eyeballs_delay=None if is_address(at) else 0.25,
                )
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        for option in socket_options or ():
            transport.get_extra_info("socket").setsockopt(*option)
        return stream

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self._received: deque[bytes] = deque()
        self._buffered = 0
        self._ended = False
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._write_paused = False
        self._read_paused = False
        self._unsent: list[bytes] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received.append(data)
        self._buffered += len(data)
        if self._buffered > _ENOUGH_BUFFERED and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._ended = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._failure = exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        _wake(self._writer)

    # What httpx2 calls.

    async def read(self, max_bytes: int, timeout: float | Waits | None = None) -> bytes:
        if self._unsent:
            await self._flush(timeout)
        while not self._received:
            if self._failure is not None:
                raise httpcore2.ReadError(str(self._failure)) from self._failure
            if self._ended:
                return b""
            self._reader = self._loop.create_future()
            try:
                await _within(self._reader, timeout, httpcore2.ReadTimeout)
            finally:
                self._reader = None
        data = self._received.popleft()
        if len(data) > max_bytes:
            self._received.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        self._buffered -= len(data)
        if self._read_paused and self._buffered <= _ENOUGH_BUFFERED // 2 and not self._ended:
            self._read_paused = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | Waits | None = None) -> None:
        # Held back until the answer is waited for, or there is a lot: see `backend._TimedStream`.
        self._unsent.append(buffer)
        if len(buffer) > _WORTH_A_CALL:
            await self._flush(timeout)

    async def _flush(self, timeout: float | Waits | None) -> None:
        together = b"".join(self._unsent)
        self._unsent.clear()
        if isinstance(timeout, Waits):
            if timeout.opening and not together.startswith(TUNNEL):
                timeout.sending()
            if timeout.left() <= 0:  # a reply that is quick would come as if nothing were late
                raise httpcore2.WriteTimeout
        if self._failure is not None or self._transport.is_closing():
            raise httpcore2.WriteError(str(self._failure or "the connection is closed"))
        self._transport.write(together)
        while self._write_paused and not self._ended:
            self._writer = self._loop.create_future()
            try:
                await _within(self._writer, timeout, httpcore2.WriteTimeout)
            finally:
                self._writer = None

    async def aclose(self) -> None:
        # Nothing is worth sending or waiting for any more, a TLS farewell included.
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | Waits | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(_left(timeout)):
                transport = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError:
            self._transport.abort()
            raise httpcore2.ConnectTimeout from None
        except (OSError, ssl.SSLError) as error:
            self._transport.abort()
            raise httpcore2.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore2.ConnectError("the connection closed during the TLS handshake")
        self._transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of idle connections: anything to read means they are over
            return self._ended or bool(self._received) or self._transport.is_closing()
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


async def _public(host: str, port: int) -> str:
    """An address of the host, which is asked for once: the one that was checked is the one connected to."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    for address in addresses:
        refuse_private(host, address)
    # Of both families the older one is the likelier to be reached from everywhere.
    return min(addresses, key=lambda address: ":" in address)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _left(timeout: float | Waits | None) -> float | None:
    return timeout.left() if isinstance(timeout, Waits) else timeout


async def _within(waiter: asyncio.Future[None], timeout: float | Waits | None, late: type[Exception]) -> None:
    seconds = _left(timeout)
    if seconds is None:
        await waiter
        return
    timer = waiter.get_loop().call_later(seconds, _expire, waiter, late)
    try:
        await waiter
    finally:
        timer.cancel()


def _expire(waiter: asyncio.Future[None], late: type[Exception]) -> None:
    if not waiter.done():
        waiter.set_exception(late())
