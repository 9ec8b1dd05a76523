"""What sabotage of the transport showed to be untested: how large compressed bodies may become at a time, what hangs
on an error of the network, limits with a client of the user's, and how long idle connections are kept."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConnectionLost, MalformedResponse, TimedOut
from shared_core.testing import OfflineRouter, Pieces
from shared_core.transport.decode import Inflater
from shared_core.transport.lanes import KEEP_SECONDS, IdleLanes

MIB = 1 << 20


def test_a_small_compressed_body_that_becomes_large_comes_in_pieces() -> None:
    inflater = Inflater()
    pieces = [inflater.feed(gzip.compress(bytes(8 * MIB)))]
    while inflater.pending:
        pieces.append(inflater.feed())
    assert max(map(len, pieces)) <= MIB
    assert b"".join(pieces) == bytes(8 * MIB)


def test_what_is_not_compressed_as_announced_is_malformed() -> None:
    with pytest.raises(MalformedResponse, match="cannot be decompressed"):
        Inflater().feed(b"no gzip at all")


@pytest.fixture
def dead_url() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}/v1"


@pytest.mark.parametrize("kind", ["threads", "httpx2", "aiohttp"])
def test_a_lost_connection_carries_nothing_of_the_library_that_lost_it(dead_url: str, kind: str) -> None:
    """Its frames hold the request, and the request the token."""
    settings = {"model": "a/b", "base_url": dead_url, "api_key": "", "max_retries": 0}
    messages = [{"role": "user", "content": "Hello?"}]

    def chat() -> object:
        if kind == "threads":
            return HFRouter(**settings).chat(messages)
        return asyncio.run(AsyncHFRouter(**settings, transport=kind).chat(messages))

    with pytest.raises(ConnectionLost) as caught:
        chat()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("kind", ["threads", "event loop"])
def test_a_total_limit_holds_between_the_reads_of_an_injected_client(
    offline_url: OfflineRouter, library: Any, kind: str
) -> None:
    """Each single wait is short, so that the library's own limit never trips."""
    offline_url.queue(Pieces(size=30, gap=0.05))
    settings = {"model": "offline/echo", "base_url": offline_url, "api_key": "", "max_retries": 0}
    messages = [{"role": "user", "content": "one two three four five six seven eight"}]

    def chat() -> None:
        with library.Client() as client:
            HFRouter(**settings, timeout=0.4, http_client=client).chat(messages)

    async def chat_in_loop() -> None:
        async with library.AsyncClient() as client:
            await AsyncHFRouter(**settings, timeout=0.4, http_client=client).chat(messages)

    with pytest.raises(TimedOut, match=r"0\.4 s"):
        chat() if kind == "threads" else asyncio.run(chat_in_loop())


def test_of_many_idle_connections_the_oldest_are_handed_back_to_be_closed() -> None:
    lanes: IdleLanes[int] = IdleLanes()
    surplus = [stale for lane in range(300) for stale in lanes.put("https://h", lane)]
    assert surplus == list(range(300 - 256))
    assert lanes.take("https://h") == 299
    assert lanes.take("https://other") is None


def test_a_connection_that_nobody_needed_for_long_is_handed_back_to_be_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lanes: IdleLanes[str] = IdleLanes()
    now = 100.0
    monkeypatch.setattr("shared_core.transport.lanes.time.monotonic", lambda: now)
    assert lanes.put("https://h", "old") == []
    now += KEEP_SECONDS + 1
    assert lanes.put("https://h", "new") == ["old"]
    assert lanes.take_all() == ["new"]
