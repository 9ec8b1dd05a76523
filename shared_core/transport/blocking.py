"""The default transport for threads, on httpx2.

One for the whole process: connections are shared by every client object, whoever makes it, so that
making one costs microseconds and a second one to the same host needs no second handshake.
"""

from __future__ import annotations

import atexit
import functools
import os
import ssl
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2

from shared_core.errors import RouterError
from shared_core.transport.backend import TimedBackend
from shared_core.transport.decode import Inflater, inflater_for
from shared_core.transport.failures import failure_of
from shared_core.transport.lanes import KEEP_SECONDS, IdleLanes
from shared_core.transport.proxy import usable_proxy
from shared_core.types import HttpRequest, Waits

__all__ = [
    "PooledTransport",
    "build",
    "headers_of",
    "lane_limits",
    "origin_of",
    "proxy_for",
    "request_parts",
    "shared",
    "shelf_of",
    "tls_context",
]


class PooledTransport:
    """Keeps connections open between requests.

    Args:
        proxies: Proxy address by origin scheme ("http", "https"), as the environment has it.
        no_proxy: Tells whether a host is reached without the proxy.
    """

    def __init__(self, proxies: dict[str, str] | None = None, no_proxy: Any = None) -> None:
        self._proxies = proxies or {}
        self._no_proxy = no_proxy
        self._idle: IdleLanes[httpx2.HTTPTransport] = IdleLanes()
        _live.append(self)

    def send(self, request: HttpRequest, waits: Waits) -> PooledResponse:
        """One exchange up to the reply's head.

        Raises:
            RouterError: `ConnectionLost`, `TimedOut` or `ConfigError`.
        """
        origin = origin_of(request.url)
        if waits.public and proxy_for(origin, self._proxies, self._no_proxy):
            waits.public = False  # the proxy may well stand in this network, and looks the host up itself
        shelf = shelf_of(origin, waits)
        lane = self._idle.take(shelf) or self._open(origin)
        waits.sending()
        failure: RouterError | None
        try:
            reply = lane.handle_request(build(request, waits))
            return PooledResponse(self, shelf, lane, reply, request, waits)
        except Exception as error:
            lane.close()
            proxy = proxy_for(origin, self._proxies, self._no_proxy)
            failure = failure_of(error, request, waits, proxy=proxy)
            if failure is None:
                raise
        except BaseException:
            lane.close()
            raise
        # Outside the handler, so that the library's exception is not even its context.
        raise failure

    def give_back(self, shelf: str, lane: httpx2.HTTPTransport) -> None:
        for stale in self._idle.put(shelf, lane):
            stale.close()

    def close(self) -> None:
        """Closes the connections that are idle; those in use close when their answers end."""
        for lane in self._idle.take_all():
            lane.close()

    def forget(self) -> None:
        """After a fork: the connections belong to the parent. They are kept, unused, so that none is closed."""
        _inherited.append(self._idle)
        self._idle = IdleLanes()

    def _open(self, origin: str) -> httpx2.HTTPTransport:
        lane = httpx2.HTTPTransport(
            verify=tls_context(), limits=lane_limits(), proxy=proxy_for(origin, self._proxies, self._no_proxy)
        )
        lane._pool._network_backend = TimedBackend()
        return lane


class PooledResponse:
    """A reply on its lane. The lane goes back when the body was read to its end, else it is closed."""

    __slots__ = (
        "_body",
        "_ended",
        "_inflater",
        "_lane",
        "_pieces",
        "_request",
        "_shelf",
        "_transport",
        "_waits",
        "headers",
        "status",
    )

    def __init__(
        self,
        transport: PooledTransport,
        shelf: str,
        lane: httpx2.HTTPTransport,
        reply: httpx2.Response,
        request: HttpRequest,
        waits: Waits,
    ) -> None:
        self.status = reply.status_code
        self.headers = headers_of(reply)
        self._transport = transport
        self._shelf = shelf
        self._lane: httpx2.HTTPTransport | None = lane
        self._body = cast(httpx2.SyncByteStream, reply.stream)
        self._request = request
        self._waits = waits
        self._pieces: Iterator[bytes] = iter(self._body)
        self._inflater: Inflater | None = inflater_for(self.headers)
        self._ended = False

    def read(self) -> bytes:
        if self._inflater is not None:
            return self._inflated(self._inflater)
        if self._ended:
            return b""
        failure: RouterError | None
        try:
            for piece in self._pieces:
                if piece:
                    return piece
            self._ended = True
            return b""
        except Exception as error:
            failure = failure_of(error, self._request, self._waits)
            if failure is None:
                raise
        raise failure

    def _inflated(self, inflater: Inflater) -> bytes:
        self._inflater = None  # so that `read` gives the raw bytes
        try:
            while True:
                if not inflater.pending and (raw := self.read()):
                    piece = inflater.feed(raw)
                else:
                    piece = inflater.feed()
                if piece or self._ended:
                    return piece
        finally:
            self._inflater = inflater

    def drain(self, most_bytes: int, seconds: float) -> None:
        self._waits.lingering(seconds)
        try:
            while most_bytes > 0 and (piece := self.read()):
                most_bytes -= len(piece)
        except RouterError:
            return  # not worth more: close() drops the connection

    def close(self) -> None:
        lane, self._lane = self._lane, None
        if lane is None:
            return
        self._waits.line = None
        self._body.close()
        if self._ended:
            self._transport.give_back(self._shelf, lane)
        else:
            lane.close()


def build(request: HttpRequest, waits: Waits) -> httpx2.Request:
    """The library's request, whose every wait on the socket asks `waits`.

    Made from a stream, so that the library adds nothing and copies nothing: half the price.
    """
    method, url, headers, body = request_parts(request)
    address, host = _parsed(url)
    headers = {"host": host, **headers}
    if body:
        headers["content-length"] = str(len(body))
    limits = {"connect": waits, "read": waits, "write": waits, "pool": waits.left()}
    return httpx2.Request(
        method, address, headers=headers, stream=httpx2.ByteStream(body), extensions={"timeout": limits}
    )


def request_parts(request: HttpRequest) -> tuple[str, str, dict[str, str], bytes]:
    """Method, address, headers and body as a library wants them: here, and only here, the token appears."""
    headers = dict(request.headers)
    if token := request.key.reveal():
        headers["authorization"] = f"Bearer {token}"
    return request.method, request.url, headers, request.body


@functools.lru_cache(maxsize=1024)
def _parsed(url: str) -> tuple[httpx2.URL, str]:
    """Address and host. Parsing one costs a tenth of a call, and there are few."""
    address = httpx2.URL(url)
    return address, address.netloc.decode("ascii")


def headers_of(reply: httpx2.Response) -> dict[str, str]:
    """Names in lower case; of repeated headers the last."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reply.headers.raw}


@functools.lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """Scheme, host and port: what a connection may be used again for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def shelf_of(origin: str, waits: Waits) -> str:
    """Where a connection is kept: one that was opened without a look at its address is none for strangers'."""
    return f"public {origin}" if waits.public else origin


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One a process: making it reads every certificate authority (18 ms)."""
    return httpx2.create_ssl_context()


@functools.cache
def lane_limits() -> httpx2.Limits:
    return httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_SECONDS)


def proxy_for(origin: str, proxies: dict[str, str], no_proxy: Any) -> str | None:
    """The proxy to reach this origin by; None for the direct way."""
    parts = urlsplit(origin)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return None if proxy is None or (no_proxy and no_proxy(parts.hostname)) else usable_proxy(proxy)


_live: list[PooledTransport] = []
_inherited: list[object] = []


@functools.cache
def shared(proxies: tuple[tuple[str, str], ...] = (), no_proxy: Any = None) -> PooledTransport:
    """The process's transport for these proxies."""
    return PooledTransport(dict(proxies), no_proxy)


def _after_fork() -> None:
    for transport in _live:
        transport.forget()


def _at_exit() -> None:
    for transport in _live:
        transport.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
