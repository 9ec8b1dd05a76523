"""A transport on aiohttp, for programs that keep hundreds of calls in flight.

What `HFRouterLLM` uses by default, since LlamaIndex brings the library; elsewhere the extra `aiohttp`.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore2

from shared_core.errors import ConfigError, RouterError, TimedOut
from shared_core.transport.backend import is_address, refuse_private
from shared_core.transport.blocking import origin_of, proxy_for, request_parts, tls_context
from shared_core.transport.decode import Inflater, inflater_for
from shared_core.transport.drain import drain_rest
from shared_core.transport.failures import failure_of
from shared_core.transport.lanes import KEEP_SECONDS
from shared_core.transport.per_loop import PerLoop
from shared_core.transport.proxy import usable_proxy
from shared_core.types import HttpRequest, Waits

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import ClientSession

__all__ = ["AiohttpTransport", "shared"]

_LARGE = 1 << 20  # bytes


class _Session:
    """A session that others of the loop may share: who closes it while they still call leaves it to the last of them.

    Args:
        session: The library's, whose closing would break off what is under way.
    """

    __slots__ = ("_leaving", "_users", "session")

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self._users = 0
        self._leaving = False

    def enter(self) -> None:
        self._users += 1

    async def leave(self) -> None:
        self._users -= 1
        if self._leaving and not self._users:
            await self.session.close()

    def retire(self) -> None:
        """It gets no new calls."""
        self._leaving = True

    async def close(self) -> None:
        """Closes it now; where it is retired, only when nobody uses it."""
        if not (self._leaving and self._users):
            await self.session.close()


class AiohttpTransport:
    """Keeps one aiohttp session for every event loop.

    Raises:
        ConfigError: aiohttp is not installed.
    """

    def __init__(self, proxies: dict[str, str] | None = None, no_proxy: Any = None) -> None:
        try:
            import aiohttp
        except ImportError:
            raise ConfigError(
                "The transport 'aiohttp' needs the package aiohttp.",
                hint='Run: pip install "hfrouter[aiohttp]"',
            ) from None
        self._aiohttp = aiohttp
        self._proxies = proxies or {}
        self._no_proxy = no_proxy
        self._sessions: PerLoop[_Session] = PerLoop(self._open, _Session.close)
        self._guarded: PerLoop[_Session] = PerLoop(lambda: self._open(public=True), _Session.close)

    async def send(self, request: HttpRequest, waits: Waits) -> AiohttpResponse:
        method, url, headers, body = request_parts(request)
        proxy = proxy_for(origin_of(url), self._proxies, self._no_proxy)
        guarded = waits.public and proxy is None  # a proxy may well stand in this network
        session = await (self._guarded if guarded else self._sessions).get()
        if proxy is not None:
            usable_proxy(proxy, socks=False)
        waits.connecting()
        opening = self._aiohttp.ClientTimeout(total=None, connect=waits.left())
        waits.sending()
        failure: RouterError | None
        session.enter()
        answered = False
        try:
            if guarded and is_address(host := urlsplit(url).hostname or ""):
                refuse_private(host, host)  # aiohttp asks its resolver for names alone
            async with asyncio.timeout(waits.left()):
                reply = await session.session.request(
                    method,
                    url,
                    # Large bytes would be written in one go; aiohttp warns of that.
                    data=io.BytesIO(body) if len(body) > _LARGE else body or None,
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy,
                    timeout=opening,
                )
            answered = True
            return AiohttpResponse(reply, request, waits, session)
        except self._aiohttp.ConnectionTimeoutError:
            waits.connecting()
            failure = TimedOut(f"{waits.verdict()} (host {urlsplit(url).netloc}).")
        except self._aiohttp.ClientConnectorError as error:
            waits.connecting()  # nothing was sent: what costs money may be tried again
            failure = failure_of(error, request, waits, proxy=proxy)
            if failure is None:
                raise
        except Exception as error:
            failure = failure_of(error, request, waits, proxy=proxy)
            if failure is None:
                raise
        except BaseException as error:  # noqa: BLE001  # raised again
            # Cancelled: the library's frames, whose local variables show the token, are left out.
            raise error.with_traceback(None) from None
        finally:
            headers.clear()  # a traceback that shows locals must not show the token
            if not answered:
                await session.leave()
        raise failure

    async def close(self) -> None:
        """Closes the running loop's sessions, once nobody calls with them any more."""
        for sessions in (self._sessions, self._guarded):
            if (session := sessions.present()) is not None:
                session.retire()
            await sessions.clear()

    def _open(self, *, public: bool = False) -> _Session:
        aiohttp = self._aiohttp
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEP_SECONDS,
                ssl=tls_context(),
                resolver=_public_only(aiohttp.ThreadedResolver()) if public else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return _Session(session)


class AiohttpResponse:
    __slots__ = ("_inflater", "_reply", "_request", "_session", "_waits", "headers", "status")

    def __init__(
        self, reply: aiohttp.ClientResponse, request: HttpRequest, waits: Waits, session: _Session
    ) -> None:
        self._session: _Session | None = session
        self.status = reply.status
        self.headers = {name.lower(): value for name, value in reply.headers.items()}
        self._reply = reply
        self._request = request
        self._waits = waits
        self._inflater: Inflater | None = inflater_for(self.headers)

    async def read(self) -> bytes:
        if self._inflater is None:
            return await self._read_raw()
        while True:
            if self._inflater.pending:
                piece = self._inflater.feed()
            elif raw := await self._read_raw():
                piece = self._inflater.feed(raw)
            else:
                return b""
            if piece:
                return piece

    async def _read_raw(self) -> bytes:
        failure: RouterError | None
        try:
            content = self._reply.content
            if (piece := content.read_nowait()) or content.at_eof():
                return piece
            async with asyncio.timeout(self._waits.left()):
                return await content.readany()
        except Exception as error:
            failure = failure_of(error, self._request, self._waits)
            if failure is None:
                raise
        raise failure

    async def drain(self, most_bytes: int, seconds: float) -> None:
        await drain_rest(self._read_raw, self._waits, most_bytes, seconds)

    async def close(self) -> None:
        # Returns the connection when the body was read to its end, else closes it.
        self._reply.close() if not self._reply.content.at_eof() else self._reply.release()
        session, self._session = self._session, None
        if session is not None:
            await session.leave()


@functools.cache
def shared(proxies: tuple[tuple[str, str], ...] = (), no_proxy: Any = None) -> AiohttpTransport:
    """The process's transport for these proxies."""
    return AiohttpTransport(dict(proxies), no_proxy)


def _public_only(resolver: Any) -> Any:
    """The resolver, refusing names that lead to this machine or its network: what it gives is connected to."""
    resolve = resolver.resolve

    async def checked(host: str, *about: Any, **more: Any) -> Any:
        found = await resolve(host, *about, **more)
        for each in found:
            try:
                refuse_private(host, each["host"])
            except httpcore2.ConnectError as error:
                raise OSError(errno.EHOSTUNREACH, str(error)) from None
        return found

    resolver.resolve = checked
    return resolver
