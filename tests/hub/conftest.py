"""A Hub and a router on this machine, and the two kinds of client that ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.catalog import SHARED
from shared_core.hub import AsyncHub, Hub
from shared_core.hub.memory import ANSWERS
from shared_core.testing import OfflineRouter, offline_router


@pytest.fixture(scope="module")
def host() -> Iterator[OfflineRouter]:
    with offline_router() as url:
        yield url


@pytest.fixture(params=["threads", "event loop"])
def ask(request: pytest.FixtureRequest, host: OfflineRouter) -> Callable[..., Any]:
    """Calls a method of a fresh hub of either kind."""
    host.forget()
    ANSWERS.clear()
    SHARED.clear()
    about: dict[str, Any] = {"base_url": str(host), "hub_url": host.root, "api_key": "k", "max_retries": 0}

    def call(method: str, *arguments: Any, **options: Any) -> Any:
        if request.param == "threads":
            return getattr(Hub(HFRouter(**about)), method)(*arguments, **options)

        async def run() -> Any:
            async with AsyncHFRouter(**about) as router:
                return await getattr(AsyncHub(router), method)(*arguments, **options)

        return asyncio.run(run())

    return call
