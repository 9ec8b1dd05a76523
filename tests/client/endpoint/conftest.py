"""An API of dedicated endpoints on this machine, and clients of either kind that call them by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.client.locating import FOUND
from shared_core.testing import OfflineRouter, offline_router

HELLO = [{"role": "user", "content": "Hello, endpoint!"}]
KEY = "hf_of_the_owner_12345678"

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def offline() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture
def host(offline: OfflineRouter) -> OfflineRouter:
    offline.forget()
    FOUND.clear()
    return offline


@pytest.fixture
def about(host: OfflineRouter) -> dict[str, Any]:
    return {"api_key": KEY, "hub_url": host.root, "endpoints_url": host.endpoints_url, "max_retries": 0}


@pytest.fixture(params=["threads", "event loop"])
def ask(request: pytest.FixtureRequest, about: dict[str, Any]) -> Ask:
    """Calls a method of a fresh client of either kind."""

    def call(method: str, *arguments: Any, of: dict[str, Any], **options: Any) -> Any:
        if request.param == "threads":
            return getattr(HFRouter(**{**about, **of}), method)(*arguments, **options)

        async def run() -> Any:
            async with AsyncHFRouter(**{**about, **of}) as router:
                return await getattr(router, method)(*arguments, **options)

        return asyncio.run(run())

    return call


def paths(host: OfflineRouter) -> list[str]:
    return [one.path for one in host.requests]
