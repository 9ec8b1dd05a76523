"""A fresh offline router for each test, and small ways to talk to it without any client of ours."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter, offline_router
from shared_core.testing.studio.made import Order, make

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a given location.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the one test of LangChain's suite that is a benchmark on cassettes and can only skip here."""
    left_out = [
        item
        for item in items
        if item.path.name == "test_stranger_langchain.py" and item.name == "test_stream_time"
    ]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def router() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as running:
        yield running


@pytest.fixture
def weather_tool() -> dict[str, Any]:
    return WEATHER


@pytest.fixture
def post(router: OfflineRouter) -> Iterator[Callable[..., httpx2.Response]]:
    """Send a chat request: the text of a message, or `messages=`, and any other key of the body."""
    with httpx2.Client(timeout=20) as client:

        def send(text: str = "hello there", model: str = "offline/echo", **body: Any) -> httpx2.Response:
            body.setdefault("messages", [{"role": "user", "content": text}])
            return client.post(f"{router}/chat/completions", json={"model": model, **body})

        yield send


@pytest.fixture
def chunks(post: Callable[..., httpx2.Response]) -> Callable[..., list[dict[str, Any]]]:
    """Send a chat request for a stream and read its events the simple way."""

    def send(*args: Any, **body: Any) -> list[dict[str, Any]]:
        text = post(*args, stream=True, **body).text
        assert text.endswith("data: [DONE]\n\n")
        events = text.removesuffix("data: [DONE]\n\n").split("\n\n")[:-1]
        return [json.loads(event.removeprefix("data: ")) for event in events]

    return send


@pytest.fixture
def raw_exchange(router: OfflineRouter) -> Callable[..., tuple[bytes, BaseException | None]]:
    """Send a chat request over a bare socket; gives every byte that came back, and how reading ended."""

    def send(
        text: str = "hello there", timeout: float = 2, **body: Any
    ) -> tuple[bytes, BaseException | None]:
        payload = json.dumps(
            {"model": "offline/echo", "messages": [{"role": "user", "content": text}], **body}
        ).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(payload)}\r\n\r\n"
        received = b""
        with socket.create_connection((router.host, router.port), timeout=timeout) as sock:
            sock.sendall(head.encode() + payload)
            try:
                while part := sock.recv(65536):
                    received += part
            except OSError as error:
                return received, error
        return received, None

    return send


Http = Callable[..., httpx2.Response]


@pytest.fixture
def http(router: OfflineRouter) -> Iterator[Http]:
    """Send a request: a method, a path of the router or a whole URL, and what httpx2 takes besides."""
    with httpx2.Client(timeout=30) as client:

        def send(method: str, where: str, **how: Any) -> httpx2.Response:
            return client.request(method, where if "://" in where else router.root + where, **how)

        yield send


@pytest.fixture(scope="session")
def red_picture() -> bytes:
    """A small picture that is red."""
    return make(Order("text-to-image", "a red fox", 96, 64)).data


@pytest.fixture(scope="session")
def said_hello() -> bytes:
    """A sound in which somebody says `hello there`."""
    return make(Order("text-to-speech", "hello there")).data


@pytest.fixture(scope="session")
def data_url() -> Callable[[bytes, str], str]:
    """A file as a `data:` URL."""
    return lambda data, kind: f"data:{kind};base64,{base64.b64encode(data).decode()}"
