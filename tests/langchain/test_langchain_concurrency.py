"""Threads, event loops, cancellation, leaving early."""

from __future__ import annotations

import asyncio
import copy
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest

from langchain_hfrouter import ChatHFRouter
from shared_core.testing import SlowChunks, SlowHead


def test_one_model_serves_many_threads(make: Any) -> None:
    model = make()
    start = threading.Barrier(8)

    def ask(number: int) -> tuple[str, str]:
        start.wait()
        streamed = "".join(chunk.text for chunk in model.stream(f"stream {number}"))
        return model.invoke(f"call {number}").text, streamed

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [(f"call {number}", f"stream {number}") for number in range(8)]


def test_the_first_models_may_be_made_by_many_threads_at_once() -> None:
    # The validator is built with the first model; in a process of its own, since here it is built already.
    code = """
import sys, threading
from langchain_hfrouter import ChatHFRouter
sys.setswitchinterval(1e-6)
gate, made = threading.Barrier(8), []
def make():
    gate.wait()
    made.append(ChatHFRouter(model="a/b", temperature=1).temperature)
threads = [threading.Thread(target=make) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(made)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{[1.0] * 8}\n", done.stderr


@pytest.mark.parametrize("transport", ["httpx2", "aiohttp"])
def test_one_model_serves_two_event_loops_after_one_another(transport: str, make: Any) -> None:
    model = make(async_transport=transport)

    async def ask() -> tuple[str, str]:
        answer = await model.ainvoke("hi there")
        return answer.text, "".join([chunk.text async for chunk in model.astream("hi there")])

    assert asyncio.run(ask()) == asyncio.run(ask()) == ("hi there", "hi there")


async def test_calls_of_one_loop_run_side_by_side(make: Any, router: Any) -> None:
    router.queue(SlowHead(0.3), times=20)
    model = make()
    loop = asyncio.get_running_loop()
    began = loop.time()
    answers = await asyncio.gather(*(model.ainvoke(f"{number}") for number in range(20)))
    assert [answer.text for answer in answers] == [f"{number}" for number in range(20)]
    assert loop.time() - began < 3  # one after another they take six seconds


async def test_a_cancelled_call_frees_its_connection(make: Any, router: Any, requests: Any) -> None:
    router.queue(SlowHead(30))
    task = asyncio.create_task(make().ainvoke("hi"))
    while not requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(router.wait_idle)
    assert requests[0].outcome == "client left"
    assert (await make().ainvoke("hi")).text == "hi"


async def test_an_async_stream_left_early_frees_its_connection(make: Any, router: Any, requests: Any) -> None:
    router.queue(SlowChunks(0.2, after=3))
    stream = make().astream("one two three four five six seven")
    async for _ in stream:
        break
    await stream.aclose()
    assert await asyncio.to_thread(router.wait_idle)
    assert requests[0].outcome == "client left"


def test_a_stream_left_early_frees_its_connection(make: Any, router: Any, requests: Any) -> None:
    router.queue(SlowChunks(0.2, after=3))
    for _ in make().stream("one two three four five six seven"):
        break
    assert router.wait_idle()
    assert requests[0].outcome == "client left"


def test_streams_one_after_another_use_one_connection(make: Any, router: Any) -> None:
    model = make()
    list(model.stream("warm"))
    before = router.connections
    for _ in range(20):
        list(model.stream("hi there"))
    assert router.connections == before


LIBRARIES = ["httpx2", pytest.param("httpx", marks=pytest.mark.pinned_set)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_injected_client_carries_the_calls(library: str, make: Any, requests: Any) -> None:
    with import_module(library).Client(headers={"x-mine": "1"}) as client:
        model = make(http_client=client)
        assert model.invoke("hi there").text == "hi there"
        assert "".join(chunk.text for chunk in model.stream("hi there")) == "hi there"
    assert {each.headers.get("x-mine") for each in requests} == {"1"}


@pytest.mark.parametrize("library", LIBRARIES)
async def test_an_injected_async_client_carries_the_calls(library: str, make: Any, requests: Any) -> None:
    async with import_module(library).AsyncClient(headers={"x-mine": "1"}) as client:
        model = make(async_http_client=client)
        assert (await model.ainvoke("hi there")).text == "hi there"
        assert "".join([chunk.text async for chunk in model.astream("hi there")]) == "hi there"
    assert {each.headers.get("x-mine") for each in requests} == {"1"}


def test_a_deep_copy_shares_an_injected_client(make: Any, requests: Any) -> None:
    with import_module("httpx2").Client(headers={"x-mine": "1"}) as client:
        twin = copy.deepcopy(make(http_client=client, api_key=""))
        assert twin.http_client is client
        assert twin.invoke("hi").text == "hi"


def test_making_a_model_opens_and_reads_nothing(no_ambient_token: None, router: Any, requests: Any) -> None:
    ChatHFRouter(model="offline/echo", base_url=str(router))
    assert len(requests) == 0


async def test_an_async_stream_that_is_just_dropped_frees_its_connection_too(
    make: Any, router: Any, requests: Any
) -> None:
    router.queue(SlowChunks(0.2, after=3))

    async def first_word() -> str:
        async for chunk in make().astream("one two three four five six seven"):
            return chunk.text
        raise AssertionError("nothing came")

    assert await first_word() == "one"
    assert await asyncio.to_thread(router.wait_idle)
    assert requests[0].outcome == "client left"


async def test_a_cancelled_stream_frees_its_connection(make: Any, router: Any, requests: Any) -> None:
    router.queue(SlowChunks(30, after=2))
    seen: list[str] = []

    async def read() -> None:
        async for chunk in make().astream("one two three"):
            seen.append(chunk.text)

    task = asyncio.create_task(read())
    while not seen:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(router.wait_idle)
    assert requests[0].outcome == "client left"
