"""`Waits.public`: a stranger's address leads neither to this machine nor to its network, whatever its name resolves to.

The resolver is the test's own; what would be connected to is a server of the test's own, or nothing.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import ConnectionLost
from shared_core.routing import is_public
from shared_core.types import ApiKey, HttpRequest, Timeouts, Waits

PRIVATE = {
    "this machine": "127.0.0.1",
    "this machine, another number": "127.8.9.1",
    "a network of one's own": "10.1.2.3",
    "a network at home": "192.168.1.1",
    "a provider's network": "100.64.0.1",
    "a cloud's metadata": "169.254.169.254",
    "anywhere": "0.0.0.0",
    "everybody": "224.0.0.1",
    "this machine in IPv6": "::1",
    "a link": "fe80::1",
    "a link with its name": "fe80::1%lo",
    "a network of one's own in IPv6": "fd00::1",
    "this machine, mapped": "::ffff:127.0.0.1",
    "metadata, mapped": "::ffff:169.254.169.254",
    "a network of one's own, translated": "64:ff9b::a01:203",
    "this machine, by 6to4": "2002:7f00:1::",
}
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE)
def test_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public(address: str) -> None:
    assert is_public(address)


def request(url: str) -> HttpRequest:
    return HttpRequest("GET", url, {"accept": "*/*"}, b"", ApiKey(""))


def waits(*, public: bool = True) -> Waits:
    made = Waits(Timeouts(total=5, connect=1), time.monotonic, streamed=False)
    made.public = public
    return made


Fetch = Callable[..., Any]


@pytest.fixture
def fetch(kind: str) -> Iterator[Fetch]:
    """`await fetch(url, waits, **transport settings)`: one exchange by a transport of the test's own."""
    loop_made: list[Any] = []

    async def fetch(url: str, waits: Waits, **settings: Any) -> bytes:
        if kind == "threads":
            return await asyncio.to_thread(fetch_blocking, url, waits, settings)
        if not loop_made:
            loop_made.append(transport(kind, settings))
        response = await loop_made[0].send(request(url), waits)
        body = b""
        while piece := await response.read():
            body += piece
        await response.close()
        return body

    blocking = functools.cache(lambda **settings: transport("threads", settings))

    def fetch_blocking(url: str, waits: Waits, settings: dict[str, Any]) -> bytes:
        made = blocking(**{name: value for name, value in settings.items() if name != "proxies"})
        if "proxies" in settings:
            made = transport("threads", settings)
        loop_made.append(made)
        response = made.send(request(url), waits)
        body = b""
        while piece := response.read():
            body += piece
        response.close()
        return body

    fetch.close = lambda: [each.close() for each in loop_made]  # type: ignore[attr-defined]
    yield fetch
    if kind == "threads":
        fetch.close()  # type: ignore[attr-defined]


def transport(kind: str, settings: dict[str, Any]) -> Any:
    from shared_core.transport import aiohttp, asynchronous, blocking

    made = {
        "threads": blocking.PooledTransport,
        "httpx2": asynchronous.AsyncPooledTransport,
        "aiohttp": aiohttp.AiohttpTransport,
    }
    return made[kind](**settings)


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`resolves("evil.example", "10.0.0.1", ...)`: what the name is answered with, by whichever resolver is asked."""
    table: dict[str, tuple[str, ...]] = {}
    ask = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in table:
            return ask(host, port, *args, **more)
        found = []
        for address in table[name]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            place = (address, port, 0, 0) if ":" in address else (address, port)
            found.append((family, socket.SOCK_STREAM, 6, "", place))
        return found

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return lambda name, *addresses: table.update({name: addresses})


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE)
async def test_a_name_that_leads_here_is_refused(
    kind: str, fetch: Fetch, server: Any, resolves: Callable[..., None], address: str
) -> None:
    resolves("evil.example", address)
    with pytest.raises(ConnectionLost, match="no public address"):
        await fetch(f"http://evil.example:{server.port}/x", waits())
    assert server.connections == 0


async def test_a_name_of_which_one_answer_leads_here_is_refused(
    kind: str, fetch: Fetch, server: Any, resolves: Callable[..., None]
) -> None:
    resolves("evil.example", "127.0.0.1", "8.8.8.8")
    with pytest.raises(ConnectionLost, match="no public address"):
        await fetch(f"http://evil.example:{server.port}/x", waits())
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
async def test_an_address_that_is_here_is_refused_without_a_look_up(
    kind: str, fetch: Fetch, server: Any, host: str
) -> None:
    with pytest.raises(ConnectionLost, match="no public address"):
        await fetch(f"http://{host}:{server.port}/x", waits())
    assert server.connections == 0


async def test_nobody_else_is_kept_from_this_machine(
    kind: str, fetch: Fetch, server: Any, say: Any, resolves: Callable[..., None]
) -> None:
    resolves("home.example", "127.0.0.1")
    server.script(say.body(b"hello"))
    assert await fetch(f"http://home.example:{server.port}/x", waits(public=False)) == b"hello"


async def test_a_connection_that_somebody_else_opened_to_this_machine_is_no_way_in(
    kind: str, fetch: Fetch, server: Any, say: Any, resolves: Callable[..., None]
) -> None:
    """An idle connection is taken without a look at where it leads."""
    resolves("home.example", "127.0.0.1")
    server.script(say.body(b"hello"), say.body(b"secret"))
    place = f"http://home.example:{server.port}/x"
    assert await fetch(place, waits(public=False)) == b"hello"
    with pytest.raises(ConnectionLost, match="no public address"):
        await fetch(place, waits())
    assert len(server.requests) == 1


async def test_a_name_is_asked_for_once_so_that_it_cannot_be_answered_otherwise_a_moment_later(
    kind: str, fetch: Fetch, server: Any, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.1 plays a public address here; whoever asked again would be sent on to 127.0.0.2."""
    asked: list[Any] = []
    ask = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if host not in ("evil.example", b"evil.example"):
            return ask(host, port, *args, **more)  # an address, which nobody is asked about
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{len(asked)}", port))]

    server.script(say.body(b"hello"))
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr("shared_core.transport.backend.is_public", lambda address: address == "127.0.0.1")
    assert await fetch(f"http://evil.example:{server.port}/x", waits()) == b"hello"
    assert len(asked) == 1


async def test_a_proxy_in_this_network_is_reached_all_the_same(
    kind: str, fetch: Fetch, server: Any, say: Any
) -> None:
    """It looks names up itself, and is the user's own."""
    server.script(say.body(b"hello"))
    proxies = {"http": f"http://127.0.0.1:{server.port}"}
    assert await fetch("http://files.example/x", waits(), proxies=proxies) == b"hello"
    assert server.requests[0].line.startswith("GET http://files.example/x ")
