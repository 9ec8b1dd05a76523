"""Who reads a stream, who drops it and who closes it: one reader at a time, and nothing stays open."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.testing import OfflineRouter, SlowHead, Stall
from tests.client.conftest import HELLO, TRANSPORTS


def test_a_stream_dropped_half_read_is_told_of_in_an_event_loop(offline_url: OfflineRouter) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k")
        stream = router.stream(HELLO)
        await anext(stream)
        run = stream._run
        with pytest.warns(ResourceWarning, match="use `async with`"):
            del stream
        await run.close()

    asyncio.run(main())


def test_a_stream_dropped_half_read_frees_its_connection_in_a_thread(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k")
    offline_url.queue(Stall(2))
    before = offline_url.open_connections
    stream = router.stream(HELLO)
    next(stream)
    del stream
    gc.collect()
    assert offline_url.wait_idle()
    assert offline_url.wait_closed(left=before)


def test_a_stream_closed_by_another_thread_just_ends(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url)
    offline_url.queue(Stall(after=2))
    stream = router.stream(HELLO)
    next(stream)
    stopper = threading.Timer(0.2, stream.close)
    stopper.start()
    began = time.monotonic()
    assert len(list(stream)) < 4
    assert time.monotonic() - began < 10, "the reader was not woken; its own limit is 30 s"
    stopper.join()
    with pytest.raises(errors.ConfigError, match="not finished"):
        stream.reply  # noqa: B018
    assert router.chat(HELLO).text == HELLO[0]["content"]


@TRANSPORTS
def test_a_stream_closed_by_another_task_just_ends(offline_url: OfflineRouter, transport: Any) -> None:
    async def main() -> None:
        async with AsyncHFRouter("offline/echo", base_url=offline_url, transport=transport) as router:
            offline_url.queue(Stall(after=2))
            stream = router.stream(HELLO)
            await anext(stream)

            async def read() -> int:
                return len([delta async for delta in stream])

            reader = asyncio.create_task(read())
            await asyncio.sleep(0.1)
            await stream.close()
            assert await asyncio.wait_for(reader, 5) < 4
            with pytest.raises(errors.ConfigError, match="not finished"):
                stream.reply  # noqa: B018
            assert (await router.chat(HELLO)).text == HELLO[0]["content"]

    asyncio.run(main())


def test_a_second_thread_that_reads_a_stream_is_refused_and_spoils_nothing(
    offline_url: OfflineRouter,
) -> None:
    router = HFRouter("offline/echo", base_url=offline_url)
    offline_url.queue(SlowHead(0.3))
    stream = router.stream(HELLO)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(list, stream)
        while not offline_url.requests:
            time.sleep(0.001)
        with pytest.raises(errors.ConfigError, match="reading this stream already"):
            next(stream)
        assert "".join(delta.text for delta in first.result()) == HELLO[0]["content"]
    assert stream.reply.text == HELLO[0]["content"]


@TRANSPORTS
def test_a_second_task_that_reads_a_stream_is_refused_and_spoils_nothing(
    offline_url: OfflineRouter, transport: Any
) -> None:
    async def main() -> None:
        async with AsyncHFRouter("offline/echo", base_url=offline_url, transport=transport) as router:
            stream = router.stream(HELLO)
            first, second = await asyncio.gather(anext(stream), anext(stream), return_exceptions=True)
            assert isinstance(second, errors.ConfigError)
            rest = "".join([delta.text async for delta in stream])
            assert first.text + rest == stream.reply.text == HELLO[0]["content"]

    asyncio.run(main())
