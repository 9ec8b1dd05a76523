"""A stream or call that is left before its end frees its connection: rows F35 and F36 of the fault table.

Left by `break`, by an exception, by closing, by dropping the object, by cancellation, by a timeout around it,
by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from calling import TASKS

from shared_core import AsyncHFRouter, HFRouter

ASYNC = ("httpx2", "aiohttp")
MESSAGES = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def endless(server: Any, say: Any) -> Any:
    """The server, whose next stream goes on for ever."""
    server.script([*say.begun(), say.forever(say.chunk(say.token("on ")), 0.01)])
    return server


async def test_f36_leaving_a_loop_frees_the_connection(kind: str, endless: Any, routers: Any) -> None:
    async with routers.stream(kind, endless.url) as deltas:
        async for delta in deltas:
            assert delta.text == "on "
            break
    assert await endless.freed()


async def test_f36_an_exception_in_the_loop_frees_the_connection(
    kind: str, endless: Any, routers: Any
) -> None:
    async def fail() -> None:
        async with routers.stream(kind, endless.url) as deltas:
            async for _ in deltas:
                raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await endless.freed()


async def test_f36_closing_a_stream_frees_the_connection_and_ends_it(kind: str, endless: Any) -> None:
    if kind == "threads":
        stream = HFRouter("a/b", base_url=endless.url).stream(MESSAGES)
        assert next(stream).text == "on "
        stream.close()
        stream.close()
        assert list(stream) == []
    else:
        astream = AsyncHFRouter("a/b", base_url=endless.url, transport=kind).stream(MESSAGES)
        assert (await anext(astream)).text == "on "
        await astream.close()
        await astream.close()
        assert [delta async for delta in astream] == []
    assert await endless.freed()


async def test_a_stream_that_nobody_read_has_sent_nothing(kind: str, server: Any, routers: Any) -> None:
    async with routers.stream(kind, server.url):
        pass
    assert (server.requests, server.connections) == ([], 0)


async def test_a_blocking_stream_that_is_dropped_frees_the_connection(endless: Any) -> None:
    stream = HFRouter("a/b", base_url=endless.url).stream(MESSAGES)
    next(stream)
    del stream
    assert await endless.freed()


async def test_an_async_stream_that_is_dropped_warns(endless: Any) -> None:
    stream = AsyncHFRouter("a/b", base_url=endless.url).stream(MESSAGES)
    await anext(stream)
    run = stream._run
    with pytest.warns(ResourceWarning, match="without being closed"):
        del stream
    await run.close()


@pytest.mark.parametrize("transport", ASYNC)
@pytest.mark.parametrize("task", TASKS)
async def test_f35_cancelling_calls_that_wait_frees_the_connections_and_blames_nobody(
    task: str, transport: str, server: Any, start_server: Any, say: Any, call: Any
) -> None:
    second = start_server()
    server.script([say.hang], times=4)  # three failures in a row would close the host
    for number in range(4):
        asking = asyncio.create_task(call(transport, server.url, task=task, fallback=[second.url]))
        assert await server.asked(number + 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert await server.freed()
    assert (await call(transport, server.url, task=task, fallback=[second.url])).is_right
    assert (len(server.requests), second.connections) == (5, 0)


@pytest.mark.parametrize("transport", ASYNC)
async def test_f35_cancelling_a_task_in_mid_stream_frees_the_connection(
    transport: str, endless: Any, routers: Any
) -> None:
    seen = asyncio.Event()

    async def read() -> None:
        async with routers.stream(transport, endless.url) as deltas:
            async for _ in deltas:
                seen.set()

    task = asyncio.create_task(read())
    await seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await endless.freed()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("transport", ASYNC)
async def test_f35_cancelling_between_two_tries_sends_no_further_one(
    transport: str, task: str, server: Any, say: Any, call: Any
) -> None:
    server.script(say.body({"error": "Slow down"}, 429, retry_after="3"))
    asking = asyncio.create_task(call(transport, server.url, task=task))
    assert await server.asked(1)
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not await server.asked(2, 0.1)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("transport", ASYNC)
async def test_f35_a_timeout_around_a_call_frees_the_connection(
    transport: str, task: str, server: Any, say: Any, call: Any
) -> None:
    server.script([say.hang])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await call(transport, server.url, task=task)
    assert await server.freed()


@pytest.mark.parametrize("task", TASKS)
def test_ctrl_c_in_a_blocking_call_frees_the_connection(task: str, server: Any, say: Any) -> None:
    server.script([*say.begun(say.token("Half")), say.hang] if task == "stream" else [say.hang])
    router = HFRouter("a/b", base_url=server.url)

    def read() -> None:
        if task == "stream":
            for _ in router.stream(MESSAGES):
                pass
        elif task == "chat":
            router.chat(MESSAGES)
        else:
            router.embed(["Hello."])

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    try:
        with pytest.raises(KeyboardInterrupt):
            read()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert asyncio.run(server.freed())
    assert len(server.requests) == 1
