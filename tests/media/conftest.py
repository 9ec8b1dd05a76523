"""Routers of every kind that make media at the offline router, without waiting between two questions."""

from __future__ import annotations

import asyncio
import functools
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
