"""What the tests of classic tasks share: an offline router, and clients of either kind that ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.catalog import default_model
from shared_core.providers import MAPPINGS
from shared_core.testing import offline_router
from shared_core.testing.studio.made import Order, make

PICTURE = make(Order("text-to-image", "a green frog on a red ball", 64, 64, form="PNG")).data
SOUND = make(Order("text-to-speech", "Hello you")).data
TABLE = {"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    documented = default_model("summarization")
    assert documented is not None
    names = {documented.model.partition(":")[0]: "offline/summarization"}
    with offline_router(embedder="words", token="hf_canary", aliases=names) as url:
        yield url


@pytest.fixture(params=["threads", "event loop"])
def ask(request: pytest.FixtureRequest, host: Any) -> Ask:
    """Calls a method of a fresh client of either kind."""
    host.forget()
    MAPPINGS.clear()

    def call(method: str, *given: Any, settings: dict[str, Any] | None = None, **options: Any) -> Any:
        about = {
            "base_url": str(host),
            "api_key": "hf_canary",
            "embedding_api": "router",
            "hub_url": host.root,
        }
        about |= settings or {}
        if request.param == "threads":
            return getattr(HFRouter(**about), method)(*given, **options)

        async def run() -> Any:
            async with AsyncHFRouter(**about) as router:
                return await getattr(router, method)(*given, **options)

        return asyncio.run(run())

    return call


def model_of(method: str) -> str:
    return f"offline/{method.replace('_', '-')}"
