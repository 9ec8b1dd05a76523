"""What sabotage of the transport showed to be untested: how large compressed bodies may become at a time, and what
hangs on an error of the network."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterator

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConnectionLost, MalformedResponse
from shared_core.transport.decode import Inflater

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
