"""Small files of each kind, and routers that make media at the offline router without waiting between questions."""

from __future__ import annotations

import asyncio
import functools
import io
import struct
import wave
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.policy.retry import Retry
from shared_core.providers import MAPPINGS
from shared_core.testing import OfflineRouter

KINDS = ("threads", "httpx2", "aiohttp")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.client.jobs._LONGEST_WAIT", 0.0)
    monkeypatch.setattr("shared_core.client.pipeline.Retry", functools.partial(Retry, jitter=lambda: 0.0))


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    MAPPINGS.clear()
    yield
    MAPPINGS.clear()


Make = Callable[..., Awaitable[Any]]


@pytest.fixture
def settings(offline_url: OfflineRouter) -> dict[str, Any]:
    return {
        "base_url": offline_url,
        "api_key": "hf_canary",
        "embedding_api": "router",
        "hub_url": offline_url.root,
    }


@pytest.fixture
def make(kind: str, settings: dict[str, Any]) -> Make:
    """`await make("text_to_image", "a boat", model=...)`, by a client of the test's kind."""

    async def make(method: str, *args: Any, **options: Any) -> Any:
        if kind == "threads":
            return await asyncio.to_thread(getattr(HFRouter(**settings), method), *args, **options)
        async with AsyncHFRouter(**settings, transport=kind) as router:
            return await getattr(router, method)(*args, **options)

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)


def _png(width: int = 3, height: int = 2) -> bytes:
    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\x00" + b"\xff\x00\x00" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", pixels) + piece(b"IEND", b"")


def _wav(seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x00\x00" * int(8000 * seconds))
    return file.getvalue()


@pytest.fixture
def png() -> bytes:
    """Red, 3 x 2 pixels."""
    return _png()


@pytest.fixture
def wav() -> bytes:
    """Half a second of silence."""
    return _wav()


@pytest.fixture
def mp4() -> bytes:
    """The head of a film, and no pictures."""
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
