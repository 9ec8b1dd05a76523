"""Embedding from several threads, tasks and loops, and calls that are given up half-way."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.testing import SlowHead, Stall
from tests.client.conftest import TRANSPORTS

MODEL = "offline/embed-16"
PATH = "/v1/embeddings"
TEXTS = [f"text {n}" for n in range(120)]


def settings(url: Any) -> dict[str, Any]:
    return {"base_url": str(url), "api_key": "k", "timeout": 20}


def test_one_client_serves_many_threads(offline_url: Any) -> None:
    router = HFRouter(MODEL, **settings(offline_url))
    whole = router.embed(TEXTS).vectors
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: router.embed(TEXTS[n:], batch_size=9).vectors, range(16)))
    for n, vectors in enumerate(replies):
        assert np.array_equal(vectors, whole[n:])


@TRANSPORTS
async def test_one_client_serves_many_tasks(offline_url: Any, transport: Any) -> None:
    async with AsyncHFRouter(MODEL, transport=transport, **settings(offline_url)) as router:
        whole = (await router.embed(TEXTS)).vectors
        replies = await asyncio.gather(*(router.embed(TEXTS[n:], batch_size=9) for n in range(16)))
    for n, reply in enumerate(replies):
        assert np.array_equal(reply.vectors, whole[n:])


@TRANSPORTS
def test_one_client_serves_one_loop_after_another(offline_url: Any, transport: Any) -> None:
    router = AsyncHFRouter(MODEL, transport=transport, **settings(offline_url))
    before = offline_url.open_connections

    async def embed() -> np.ndarray:
        return (await router.embed(TEXTS, batch_size=10)).vectors

    first, second = asyncio.run(embed()), asyncio.run(embed())
    assert np.array_equal(first, second)
    assert offline_url.wait_closed(before)


@TRANSPORTS
def test_two_loops_at_once_do_not_disturb_each_other(offline_url: Any, transport: Any) -> None:
    router = AsyncHFRouter(MODEL, transport=transport, **settings(offline_url))

    async def embed() -> int:
        return len(await router.embed(TEXTS, batch_size=5))

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: asyncio.run(embed()), range(6))) == [120] * 6


@TRANSPORTS
def test_a_cancelled_call_leaves_no_connection(offline_url: Any, transport: Any) -> None:
    offline_url.queue(Stall(), path=PATH, times=-1)
    before = offline_url.open_connections

    async def main() -> None:
        async with AsyncHFRouter(MODEL, transport=transport, **settings(offline_url)) as router:
            task = asyncio.create_task(router.embed(TEXTS, batch_size=30))
            while offline_url.in_flight < 4:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert offline_url.wait_closed(before)


def test_a_failure_hangs_up_on_the_requests_beside_it(offline_url: Any) -> None:
    router = HFRouter(MODEL, **settings(offline_url), max_retries=0)
    told: list[int] = []

    def complain(done: int, total: int) -> None:
        told.append(done)
        raise ZeroDivisionError

    before = offline_url.open_connections
    offline_url.queue(Stall(), Stall(), SlowHead(0.05), path=PATH)
    with pytest.raises(ZeroDivisionError):
        router.embed(TEXTS, batch_size=40, progress=complain)
    assert told == [40]
    assert offline_url.wait_idle()
    assert offline_url.open_connections <= before + 1  # the one that was answered is kept


def test_no_thread_outlives_a_call(offline_url: Any) -> None:
    router = HFRouter(MODEL, **settings(offline_url))
    router.embed(TEXTS, batch_size=10)
    assert not [thread for thread in threading.enumerate() if thread.name == "hfrouter gather"]


@pytest.mark.parametrize("batch_size", [None, 10], ids=["one request", "many"])
def test_vectors_go_when_the_caller_lets_them_go_without_the_garbage_collector(
    offline_url: Any, batch_size: int | None
) -> None:
    router = HFRouter(MODEL, **settings(offline_url))
    router.embed(TEXTS[:60], batch_size=batch_size)
    gc.collect()
    gc.disable()
    try:
        reply = router.embed(TEXTS[:60], batch_size=batch_size)
        seen = weakref.ref(reply.vectors)
        del reply
        assert seen() is None
    finally:
        gc.enable()


def test_a_pickled_client_embeds_elsewhere(offline_url: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    router = HFRouter(MODEL, base_url=str(offline_url), api_key="")
    router.embed(["a"])
    copy = pickle.loads(pickle.dumps(router))
    assert np.array_equal(copy.embed(TEXTS).vectors, router.embed(TEXTS).vectors)


def test_an_explicit_token_stays_behind(offline_url: Any) -> None:
    copy = pickle.loads(pickle.dumps(HFRouter(MODEL, base_url=str(offline_url), api_key="canary")))
    assert b"canary" not in pickle.dumps(copy)
    with pytest.raises(errors.ConfigError, match="left behind"):
        copy.embed(["a"])
