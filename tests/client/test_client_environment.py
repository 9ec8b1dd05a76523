"""What the environment and the user's own client may get wrong: proxies, closed clients, secret headers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter, Timeouts, errors
from shared_core.client.settings import bypasses_proxy, proxies
from shared_core.testing import OfflineRouter, Stall

HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture(autouse=True)
def proxies_are_read_anew() -> Iterator[None]:
    for known in (proxies, bypasses_proxy):
        known.cache_clear()
    yield
    for known in (proxies, bypasses_proxy):
        known.cache_clear()


def test_proxies_are_found_by_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://a:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://b:2")
    monkeypatch.setenv("all_proxy", "http://c:3")
    assert dict(proxies()) == {"http": "http://a:1", "https": "http://b:2", "all": "http://c:3"}


def test_a_proxy_without_a_scheme_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert dict(proxies()) == {"https": "http://proxy.example:3128"}


def test_exempted_hosts_are_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "localhost,.example.com")
    assert proxies() == ()
    assert bypasses_proxy("localhost")
    assert bypasses_proxy("a.example.com")
    assert not bypasses_proxy("example.org")


def ask(kind: str, url: str, **settings: Any) -> Any:
    settings = {"base_url": url, "api_key": "k", "max_retries": 0, "timeout": 5, **settings}
    if kind == "sync":
        return HFRouter("offline/echo", **settings).chat(HELLO)
    return asyncio.run(AsyncHFRouter("offline/echo", transport=kind, **settings).chat(HELLO))


BAD_PROXIES = {
    "a kind that nobody supports": "socks4://127.0.0.1:9",
    "a kind that needs another package or transport": "socks5://127.0.0.1:9",
    "not an address": "http://[::bad",
    "no host": "http://:3128",
}


@pytest.mark.parametrize("proxy", BAD_PROXIES.values(), ids=BAD_PROXIES.keys())
@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_that_cannot_be_used_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, kind: str, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(errors.ConfigError, match=r"(?i)proxy"):
        ask(kind, "http://host.example/v1")


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_that_nobody_answers_at_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:pass-word-1@127.0.0.1:9")
    with pytest.raises(errors.ConnectionLost) as caught:
        ask(kind, "http://host.example/v1")
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "pass-word-1" not in str(caught.value)
    assert "pass-word-1" not in "".join(line for line in found.format() if "shared_core/errors" in line)


@pytest.fixture
def proxy_that_says() -> Iterator[Callable[[bytes], str]]:
    """Starts a proxy that answers each connection with these bytes, or with silence."""
    listeners: list[socket.socket] = []

    def start(said: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(said)
                        while not said and client.recv(65536):
                            pass

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_that_says_nothing_costs_the_time_to_connect_and_not_the_whole_call(
    monkeypatch: pytest.MonkeyPatch, kind: str, proxy_that_says: Callable[[bytes], str]
) -> None:
    monkeypatch.setenv("https_proxy", proxy_that_says(b""))
    with pytest.raises(errors.TimedOut, match=r"^No connection within 0\.1 s"):
        ask(kind, "https://host.example/v1", timeout=Timeouts(total=20, connect=0.1))


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_that_refuses_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, kind: str, proxy_that_says: Callable[[bytes], str]
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    monkeypatch.setenv("https_proxy", proxy_that_says(refusal))
    with pytest.raises(errors.ConnectionLost, match="407"):
        ask(kind, "https://host.example/v1")


@pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])
def test_a_client_of_the_users_that_is_closed_is_one_clear_error(library: Any) -> None:
    client = library.Client()
    client.close()
    with pytest.raises(errors.ConfigError, match="closed"):
        HFRouter("m", api_key="k", http_client=client).chat(HELLO)


@pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])
async def test_an_asynchronous_client_of_the_users_that_is_closed_is_one_clear_error(library: Any) -> None:
    client = library.AsyncClient()
    await client.aclose()
    with pytest.raises(errors.ConfigError, match="closed"):
        await AsyncHFRouter("m", api_key="k", http_client=client).chat(HELLO)


@pytest.mark.parametrize("router_class", [HFRouter, AsyncHFRouter])
def test_a_client_of_the_users_stays_open_when_the_router_is_closed(router_class: Any) -> None:
    client = httpx2.Client() if router_class is HFRouter else httpx2.AsyncClient()
    router = router_class("m", api_key="k", http_client=client)
    if router_class is HFRouter:
        router.close()
    else:
        asyncio.run(router.close())
    assert not client.is_closed
    if isinstance(client, httpx2.Client):
        client.close()


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_gateways_key_in_a_header_does_not_show_in_the_local_variables_of_an_error(
    offline_url: OfflineRouter, kind: str
) -> None:
    offline_url.queue(Stall(None))
    settings: Any = {"timeout": 0.3, "default_headers": {"x-api-key": "s3cr3t-of-the-gateway"}}
    with pytest.raises(errors.TimedOut) as caught:
        ask(kind, offline_url, **settings)
    frames = caught.value.__traceback__
    seen = ""
    while frames is not None:
        if "shared_core/transport" in frames.tb_frame.f_code.co_filename:
            seen += repr(frames.tb_frame.f_locals)
        frames = frames.tb_next
    assert "HttpRequest" in seen
    assert "s3cr3t-of-the-gateway" not in seen
