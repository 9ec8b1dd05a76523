"""Threads and event loops: one client serves them all and leaves nothing open."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, errors
from shared_core.testing import OfflineRouter, SlowChunks, SlowHead, Stall
from tests.client.conftest import HELLO, TRANSPORTS

LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]


def text(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"call number {number}"}]


def run_in(loop: str, main: Any) -> Any:
    """Runs a coroutine in a fresh loop of that library."""
    if loop == "asyncio":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


def test_sixteen_threads_share_one_client_and_each_gets_its_own_answer(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k")

    def both(number: int) -> tuple[str, str]:
        with router.stream(text(number)) as stream:
            streamed = "".join(delta.text for delta in stream)
        return router.chat(text(number)).text, streamed

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(both, range(64)))
    for number, (plain, streamed) in enumerate(answers):
        assert f"call number {number}" in plain
        assert plain == streamed
    assert len({request.connection for request in offline_url.requests}) <= 16


def test_many_calls_in_one_loop_are_in_flight_together(offline_url: OfflineRouter) -> None:
    offline_url.queue(SlowHead(0.3), times=50)

    async def main() -> list[str]:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k")
        replies = await asyncio.gather(*(router.chat(text(number)) for number in range(50)))
        return [reply.text for reply in replies]

    answers = asyncio.run(main())
    assert all(f"call number {number}" in answer for number, answer in enumerate(answers))
    assert offline_url.in_flight_max == 50


@TRANSPORTS
@pytest.mark.parametrize("loop", LOOPS)
def test_two_runs_after_one_another_each_reuse_their_own_connection_and_leave_none(
    offline_url: OfflineRouter, transport: Any, loop: str
) -> None:
    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)

    async def main() -> None:
        for _ in range(3):
            await router.chat(HELLO)
            async with router.stream(HELLO) as stream:
                _ = [delta async for delta in stream]

    before = offline_url.connections
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_in(loop, main())
        run_in(loop, main())
        gc.collect()
    assert offline_url.connections - before == 2
    assert offline_url.wait_idle()


@TRANSPORTS
def test_a_run_that_ends_without_closing_the_client_leaves_no_connection_open(
    offline_url: OfflineRouter, transport: Any
) -> None:
    def count() -> int:
        return offline_url.open_connections

    before = count()
    asyncio.run(
        AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport).chat(HELLO)
    )
    assert offline_url.wait_closed(left=before)


@TRANSPORTS
def test_two_loops_in_two_threads_share_one_client(offline_url: OfflineRouter, transport: Any) -> None:
    router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)

    async def main(number: int) -> list[str]:
        return [(await router.chat(text(number))).text for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asyncio.run(main(number)), range(8)))
    for number, own in enumerate(answers):
        assert all(f"call number {number}" in answer for answer in own)


@TRANSPORTS
def test_a_client_that_was_closed_opens_again_when_it_is_used(
    offline_url: OfflineRouter, transport: Any
) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)
        async with router:
            await router.chat(HELLO)
        await router.chat(HELLO)

    asyncio.run(main())


FAULTS = {
    "before the head": Stall(None),
    "in the middle": Stall(2),
    "between slow pieces": SlowChunks(0.2, after=1),
}


@TRANSPORTS
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_cancelling_a_task_frees_its_connection(
    offline_url: OfflineRouter, transport: Any, fault: Any
) -> None:
    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)
        await router.chat(HELLO)
        open_before = offline_url.open_connections
        offline_url.queue(fault)
        seen = asyncio.Event()

        async def consume() -> None:
            async with router.stream(HELLO) as stream:
                async for _ in stream:
                    seen.set()

        task = asyncio.ensure_future(consume())
        if isinstance(fault, Stall) and fault.after is None:
            while offline_url.queued:
                await asyncio.sleep(0.005)
        else:
            await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(offline_url.wait_closed, open_before)
        assert await asyncio.to_thread(offline_url.wait_idle)
        await router.chat(HELLO)

    asyncio.run(main())


@TRANSPORTS
def test_the_users_own_time_limit_cancels_a_call_and_stays_the_users(
    offline_url: OfflineRouter, transport: Any
) -> None:
    offline_url.queue(Stall(None))

    async def main() -> None:
        router = AsyncHFRouter("offline/echo", base_url=offline_url, api_key="k", transport=transport)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await router.chat(HELLO)

    asyncio.run(main())
    assert offline_url.wait_idle()


def test_calls_that_wait_for_each_other_s_connection_do_not_stand_in_line(offline_url: OfflineRouter) -> None:
    router = HFRouter("offline/echo", base_url=offline_url, api_key="k")
    offline_url.queue(Stall(None))

    def stuck() -> None:
        with pytest.raises(errors.TimedOut):
            router.chat(HELLO, timeout=1.0)

    slow = threading.Thread(target=stuck)
    slow.start()
    while offline_url.queued:
        time.sleep(0.005)
    assert router.chat(HELLO, timeout=0.9).text
    slow.join()
