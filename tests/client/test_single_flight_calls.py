"""Identical calls at the same time, from threads, tasks and event loops: they go out once, and nobody hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from shared_core import AsyncHFRouter, ChatCache, HFRouter, errors
from shared_core.cache import MemoryCache
from shared_core.policy.stores.flights import FLIGHTS
from shared_core.testing import SlowHead, Stall, Status

HELLO = [{"role": "user", "content": "one two three"}]
SLOW = SlowHead(0.3)


@pytest.fixture(autouse=True)
def nothing_is_left_under_way() -> Iterator[None]:
    yield
    assert len(FLIGHTS) == 0


def settings(url: Any, cache: Any = None) -> dict[str, Any]:
    return {
        "model": "offline/echo",
        "base_url": str(url),
        "api_key": "k",
        "timeout": 20,
        "chat_cache": ChatCache() if cache is None else cache,
    }


def asked(url: Any) -> int:
    return len(url.requests)


def until(condition: Any) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.002)


async def until_async(condition: Any) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.002)


def test_threads_ask_once(offline_url: Any) -> None:
    router = HFRouter(**settings(offline_url))
    offline_url.queue(SLOW)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: router.chat(HELLO, temperature=0), range(8)))
    assert asked(offline_url) == 1
    assert {reply.text for reply in replies} == {"one two three"}
    assert [reply.meta.cached for reply in replies].count(False) == 1
    followers = [reply for reply in replies if reply.meta.cached]
    assert all((reply.meta.cost.usd, reply.meta.attempts) == (Decimal(0), 0) for reply in followers)
    assert len({id(reply.raw) for reply in replies}) == 8  # each his own


async def test_tasks_ask_once(offline_url: Any) -> None:
    async with AsyncHFRouter(**settings(offline_url)) as router:
        offline_url.queue(SLOW)
        replies = await asyncio.gather(*(router.chat(HELLO, temperature=0) for _ in range(8)))
    assert asked(offline_url) == 1
    assert [reply.meta.cached for reply in replies] == [False] + [True] * 7


def test_threads_and_two_event_loops_ask_once(offline_url: Any) -> None:
    cache = ChatCache()
    blocking, in_loops = (
        HFRouter(**settings(offline_url, cache)),
        AsyncHFRouter(**settings(offline_url, cache)),
    )
    offline_url.queue(SLOW)
    start = threading.Barrier(6)

    def in_thread() -> list[Any]:
        start.wait()
        return [blocking.chat(HELLO, temperature=0)]

    def in_loop() -> list[Any]:
        async def several() -> list[Any]:
            return list(await asyncio.gather(*(in_loops.chat(HELLO, temperature=0) for _ in range(5))))

        start.wait()
        return asyncio.run(several())

    with ThreadPoolExecutor(6) as pool:
        works = [pool.submit(work) for work in (in_thread, in_loop) * 3]
        replies = [reply for work in works for reply in work.result()]
    assert (asked(offline_url), len(replies)) == (1, 18)
    assert {reply.text for reply in replies} == {"one two three"}


def test_one_loop_after_another_finds_nothing_in_its_way(offline_url: Any) -> None:
    router = AsyncHFRouter(**settings(offline_url))

    async def broken_off() -> None:
        offline_url.queue(Stall())
        task = asyncio.create_task(router.chat(HELLO, temperature=0))
        await until_async(lambda: offline_url.in_flight)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def whole() -> Any:
        return await router.chat(HELLO, temperature=0)

    asyncio.run(broken_off())
    assert asyncio.run(whole()).text == "one two three"


async def test_a_leader_that_is_cancelled_is_followed_by_another(offline_url: Any) -> None:
    async with AsyncHFRouter(**settings(offline_url)) as router:
        offline_url.queue(Stall())
        leader = asyncio.create_task(router.chat(HELLO, temperature=0))
        await until_async(lambda: offline_url.in_flight)
        followers = [asyncio.create_task(router.chat(HELLO, temperature=0)) for _ in range(4)]
        await asyncio.sleep(0.02)
        leader.cancel()
        replies = await asyncio.gather(*followers)
        with pytest.raises(asyncio.CancelledError):
            await leader
    assert asked(offline_url) == 2
    assert sorted(reply.meta.cached for reply in replies) == [False, True, True, True]


async def test_followers_that_are_cancelled_harm_nobody(offline_url: Any) -> None:
    async with AsyncHFRouter(**settings(offline_url)) as router:
        offline_url.queue(SLOW)
        leader = asyncio.create_task(router.chat(HELLO, temperature=0))
        await until_async(lambda: offline_url.in_flight)
        followers = [asyncio.create_task(router.chat(HELLO, temperature=0)) for _ in range(4)]
        await asyncio.sleep(0.02)
        for follower in followers[:3]:
            follower.cancel()
        assert (await leader).text == (await followers[3]).text == "one two three"
        done = await asyncio.gather(*followers[:3], return_exceptions=True)
    assert [type(each) for each in done] == [asyncio.CancelledError] * 3
    assert asked(offline_url) == 1


def test_a_followers_time_limit_is_its_own(offline_url: Any) -> None:
    router = HFRouter(**settings(offline_url), max_retries=0)
    offline_url.queue(SlowHead(0.6))
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(router.chat, HELLO, temperature=0)
        until(lambda: offline_url.in_flight)
        with pytest.raises(errors.TimedOut, match=r"within 0\.1 s: an identical call"):
            router.chat(HELLO, temperature=0, timeout=0.1)
        assert leader.result().text == "one two three"
    assert asked(offline_url) == 1


def test_a_leader_that_is_out_of_time_leaves_it_to_the_others(offline_url: Any) -> None:
    router = HFRouter(**settings(offline_url), max_retries=0)
    offline_url.queue(Stall())
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(router.chat, HELLO, temperature=0, timeout=0.2)
        until(lambda: offline_url.in_flight)
        assert router.chat(HELLO, temperature=0).text == "one two three"
        with pytest.raises(errors.TimedOut):
            leader.result()


def test_a_bad_request_is_said_to_all_of_them_once_it_was_said(offline_url: Any) -> None:
    router = HFRouter(**settings(offline_url))
    offline_url.queue((Status(400, {"error": {"message": "no such parameter"}}), SLOW))

    def ask(_: int) -> errors.RouterError:
        with pytest.raises(errors.BadRequest, match="no such parameter") as caught:
            router.chat(HELLO, temperature=0)
        return caught.value

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(ask, range(4)))
    assert asked(offline_url) == 1
    assert sorted(error.attempts for error in said) == [0, 0, 0, 1]
    assert {error.model for error in said} == {"offline/echo"}


def test_who_has_another_target_is_not_bound_by_who_has_none(offline_url: Any) -> None:
    cache = ChatCache()
    alone = HFRouter(**settings(offline_url, cache), max_retries=0)
    helped = HFRouter(**settings(offline_url, cache), max_retries=0, fallback=["offline/reasoner"])
    offline_url.queue((Status(503), SLOW), match="offline/echo")
    offline_url.queue(Status(503), match="offline/echo")
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(alone.chat, HELLO, temperature=0)
        until(lambda: offline_url.in_flight)
        assert helped.chat(HELLO, temperature=0).meta.model == "offline/reasoner"
        with pytest.raises(errors.Overloaded):
            leader.result()


def test_what_stood_in_for_a_leader_is_not_handed_on(offline_url: Any) -> None:
    cache = ChatCache()
    alone = HFRouter(**settings(offline_url, cache), max_retries=0)
    helped = HFRouter(**settings(offline_url, cache), max_retries=0, fallback=["offline/reasoner"])
    offline_url.queue(Status(503), match="offline/echo")
    offline_url.queue(SLOW, match="offline/reasoner")
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(helped.chat, HELLO, temperature=0)
        until(lambda: asked(offline_url) == 2)
        assert alone.chat(HELLO, temperature=0).meta.model == "offline/echo"
        assert leader.result().meta.model == "offline/reasoner"


def test_calls_whose_answer_is_chance_are_each_asked(offline_url: Any) -> None:
    router = HFRouter(**settings(offline_url))
    offline_url.queue(SLOW, times=4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: router.chat(HELLO, temperature=1), range(4)))
    assert asked(offline_url) == 4


def test_streams_neither_wait_nor_are_waited_for(offline_url: Any) -> None:
    router = HFRouter(**settings(offline_url))
    with router.stream(HELLO, temperature=0) as stream, ThreadPoolExecutor(1) as pool:
        next(stream)  # and is not read on
        other = pool.submit(router.chat, HELLO, temperature=0, timeout=5)
        assert other.result().text == "one two three"
    assert asked(offline_url) == 2


async def test_a_blocking_call_inside_a_loop_does_not_wait_for_a_task_that_it_holds_up(
    offline_url: Any,
) -> None:
    cache = ChatCache()
    async with AsyncHFRouter(**settings(offline_url, cache)) as router:
        offline_url.queue(SlowHead(1.0))  # long enough to be still under way, whatever else the machine does
        task = asyncio.create_task(router.chat(HELLO, temperature=0))
        await until_async(lambda: offline_url.in_flight)
        begun = time.monotonic()
        assert HFRouter(**settings(offline_url, cache)).chat(HELLO, temperature=0).text == "one two three"
        assert time.monotonic() - begun < 10
        assert (await task).text == "one two three"
    assert asked(offline_url) == 2


@pytest.mark.parametrize("place", ["memory", "file"])
def test_many_threads_and_many_questions_each_asked_once(offline_url: Any, tmp_path: Any, place: str) -> None:
    router = HFRouter(**settings(offline_url, True if place == "memory" else tmp_path))

    def ask(number: int) -> bool:
        text = f"question {number % 7}"
        return router.chat([{"role": "user", "content": text}], temperature=0).text == text

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(140)))
    assert asked(offline_url) == 7
    router._safeguards.arguments["chat_cache"].close()  # type: ignore[union-attr]


# --- vectors ---


def embed_settings(url: Any, cache: Any) -> dict[str, Any]:
    return {
        "model": "offline/embed-16",
        "base_url": str(url),
        "api_key": "k",
        "timeout": 20,
        "embedding_cache": cache,
    }


PATH = "/v1/embeddings"
TEXTS = [f"text {number}" for number in range(10)]


def test_identical_batches_of_texts_go_out_once(offline_url: Any) -> None:
    router = HFRouter(**embed_settings(offline_url, MemoryCache()))
    offline_url.queue(SLOW, path=PATH)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: router.embed(TEXTS), range(4)))
    assert asked(offline_url) == 1
    assert all(np.array_equal(reply.vectors, replies[0].vectors) for reply in replies)
    assert sorted(reply.meta.attempts for reply in replies) == [0, 0, 0, 1]
    followers = [reply for reply in replies if not reply.meta.attempts]
    assert {reply.meta.cost.usd for reply in followers} == {Decimal(0)}
    assert {(reply.usage, reply.notes) for reply in followers} == {(None, ())}
    followers[0].vectors[:] = 0  # each his own
    assert followers[1].vectors.any()


def test_without_a_cache_of_vectors_each_call_is_asked(offline_url: Any) -> None:
    router = HFRouter(**embed_settings(offline_url, None))
    offline_url.queue(SLOW, times=3, path=PATH)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: router.embed(TEXTS), range(3)))
    assert asked(offline_url) == 3


@pytest.mark.parametrize(
    ("other", "options"),
    [
        ({"api_key": "another"}, {}),
        ({"bill_to": "acme"}, {}),
        ({}, {"dimensions": 8}),
        ({}, {"extra_headers": {"x-variant": "b"}}),
        ({}, {"extra_body": {"user": "b"}}),
        ({"model": "offline/embed-8"}, {}),
    ],
    ids=str,
)
def test_batches_that_differ_in_anything_are_each_asked(
    offline_url: Any, other: dict[str, Any], options: dict[str, Any]
) -> None:
    one = HFRouter(**embed_settings(offline_url, MemoryCache()))
    two = HFRouter(**{**embed_settings(offline_url, MemoryCache()), **other})
    offline_url.queue(SLOW, path=PATH)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(one.embed, TEXTS)
        until(lambda: offline_url.in_flight)
        two.embed(TEXTS, **options)
        assert asked(offline_url) == 2
        leader.result()


async def test_texts_in_several_batches_are_shared_batch_by_batch(offline_url: Any) -> None:
    async with AsyncHFRouter(**embed_settings(offline_url, MemoryCache())) as router:
        offline_url.queue(SLOW, times=5, path=PATH)
        one, two = await asyncio.gather(*(router.embed(TEXTS, batch_size=2) for _ in range(2)))
    assert asked(offline_url) == 5
    assert np.array_equal(one.vectors, two.vectors)
    assert one.meta.attempts + two.meta.attempts == 5
