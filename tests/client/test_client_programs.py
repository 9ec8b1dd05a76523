"""Whole programs: how they end, what they fork, and the proxies of their environment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.testing import OfflineRouter


def program(code: str, **environment: str) -> str:
    """The output of a fresh interpreter that treats every warning as an error."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "HF_TOKEN_PATH")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**kept, **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


SYNC = """
from shared_core import HFRouter
r = HFRouter('offline/echo', base_url={url!r}, api_key='k')
ask = lambda: r.chat([{{'role': 'user', 'content': 'hello there'}}]).text
"""


def test_a_program_that_just_ends_leaves_no_warning(offline_url: OfflineRouter) -> None:
    assert "hello there" in program(SYNC.format(url=str(offline_url)) + "print(ask())")


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
def test_an_asynchronous_program_that_just_ends_leaves_no_warning(
    offline_url: OfflineRouter, transport: str
) -> None:
    code = f"""
import asyncio
from shared_core import AsyncHFRouter
async def main():
    r = AsyncHFRouter('offline/echo', base_url={str(offline_url)!r}, api_key='k', transport={transport!r})
    print((await r.chat([{{'role': 'user', 'content': 'hello there'}}])).text)
    async with r.stream([{{'role': 'user', 'content': 'hello there'}}]) as stream:
        async for delta in stream:
            break
asyncio.run(main())
asyncio.run(main())
"""
    assert program(code).count("hello there") == 2


def test_an_asynchronous_client_works_in_a_forked_child(offline_url: OfflineRouter) -> None:
    code = f"""
import asyncio, os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from shared_core import AsyncHFRouter
r = AsyncHFRouter('offline/echo', base_url={str(offline_url)!r}, api_key='k')
ask = lambda: asyncio.run(r.chat([{{'role': 'user', 'content': 'hello there'}}])).text
print(bool(ask()), flush=True)
child = os.fork()
if child == 0:
    print(bool(ask()), flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], bool(ask()))
"""
    assert program(code).split() == ["True", "True", "0", "True"]


class Proxy:
    """A proxy on loopback that passes plain requests on and remembers their first lines."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client: socket.socket) -> None:
        with client:
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(65536)
            head, _, body = request.partition(b"\r\n\r\n")
            first, *rest = head.decode("latin-1").split("\r\n")
            self.asked.append(first)
            method, url, version = first.split(" ")
            host, _, path = url.removeprefix("http://").partition("/")
            name, _, port = host.partition(":")
            kept = [line for line in rest if not line.lower().startswith(("connection:", "proxy-"))]
            length = next(
                (int(line.split(":")[1]) for line in rest if line.lower().startswith("content-length")), 0
            )
            while len(body) < length:
                body += client.recv(65536)
            with socket.create_connection((name, int(port))) as server:
                lines = [f"{method} /{path} {version}", *kept, "connection: close", "", ""]
                server.sendall("\r\n".join(lines).encode("latin-1") + body)
                while piece := server.recv(65536):
                    client.sendall(piece)

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


PROXIED = """
import asyncio
from shared_core import AsyncHFRouter, HFRouter
async def later(r):
    return await r.chat(hello)
hello = [{{'role': 'user', 'content': 'hello there'}}]
kind = {kind!r}
if kind == 'sync':
    print(HFRouter('offline/echo', base_url={url!r}, api_key='k').chat(hello).text)
else:
    print(asyncio.run(later(AsyncHFRouter('offline/echo', base_url={url!r}, api_key='k', transport=kind))).text)
"""


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_of_the_environment_is_used(offline_url: OfflineRouter, proxy: Proxy, kind: str) -> None:
    code = PROXIED.format(kind=kind, url=str(offline_url))
    assert "hello there" in program(code, HTTP_PROXY="", http_proxy=proxy.url)
    assert proxy.asked == [f"POST {offline_url}/chat/completions HTTP/1.1"]


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_host_that_the_environment_exempts_is_reached_without_it(
    offline_url: OfflineRouter, proxy: Proxy, kind: str
) -> None:
    code = PROXIED.format(kind=kind, url=str(offline_url))
    assert "hello there" in program(code, http_proxy=proxy.url, no_proxy="127.0.0.1,localhost")
    assert proxy.asked == []


def test_making_a_client_opens_and_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket", refuse)
    HFRouter("org/name")
    AsyncHFRouter("org/name")
