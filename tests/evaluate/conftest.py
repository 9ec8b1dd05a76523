"""Whom evaluations ask: an offline router with clients of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.flow import Flow
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun


@pytest.fixture(params=["threads", "event loop"])
def drive(request: pytest.FixtureRequest, offline_url: str) -> Callable[..., Any]:
    """Runs the flow that a function makes of a client, on either driver."""

    def run(make: Callable[[Any], Flow[Any]], **settings: Any) -> Any:
        if request.param == "threads":
            client = HFRouter(base_url=offline_url, **settings)
            return BlockingRun(make(client), client._sender()).finish()

        async def on_a_loop() -> Any:
            async with AsyncHFRouter(base_url=offline_url, **settings) as router:
                return await AsyncRun(make(router), router._sender()).finish()

        return asyncio.run(on_a_loop())

    return run
