"""Limits and concurrency of a client: what the server sees of chats, streams, texts and media."""

from __future__ import annotations

import asyncio
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import AsyncHFRouter, Concurrency, HFRouter, Limit, LimitReached, RateLimiter, errors
from shared_core.policy.stores.turnstiles import GATES, turnstile_at
from shared_core.testing import OfflineRouter, SlowHead, Status

HELLO = [{"role": "user", "content": "one two three"}]
ECHO = "offline/echo"
EMBED = "sentence-transformers/all-MiniLM-L6-v2"
ONE_A_DAY = Limit(requests=1, per="day")


def router(url: str, model: str = ECHO, **settings: Any) -> HFRouter:
    return HFRouter(model, base_url=url, api_key="k", **{"max_retries": 0, **settings})


def seconds_of(work: Any) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


# --- rate limits ---


def test_chats_go_out_at_the_pace_of_the_limit(offline_url: OfflineRouter) -> None:
    client = router(offline_url, limits=[Limit(requests=100, per="second", burst=0)])
    with ThreadPoolExecutor(8) as pool:
        took = seconds_of(lambda: list(pool.map(lambda _: client.chat(HELLO), range(21))))
    assert took >= 0.2
    assert len(offline_url.requests) == 21


async def test_tasks_and_threads_share_a_limit_and_so_do_equal_clients(offline_url: OfflineRouter) -> None:
    limits = [{"requests": 100, "per": "second", "burst": 0}]
    settings: Any = {"base_url": offline_url, "api_key": "k", "limits": limits}
    started = time.monotonic()
    await asyncio.gather(
        *(AsyncHFRouter(ECHO, **settings).chat(HELLO) for _ in range(10)),
        *(asyncio.to_thread(HFRouter(ECHO, **settings).chat, HELLO) for _ in range(11)),
    )
    assert time.monotonic() - started >= 0.2


def test_the_second_call_of_a_day_is_refused_without_being_sent(offline_url: OfflineRouter) -> None:
    client = router(offline_url, limits=[ONE_A_DAY], max_retries=5)
    client.chat(HELLO)
    for ask in (
        lambda: client.chat(HELLO),
        lambda: list(client.stream(HELLO)),
        lambda: client.embed(["a"], model=EMBED),
        lambda: client.text_classification("fine", model="offline/classifier"),
    ):
        with pytest.raises(LimitReached, match="1 request per day") as raised:
            ask()
        assert isinstance(raised.value, errors.RateLimited)
        assert raised.value.retry_after is not None
        assert raised.value.retry_after > 80_000
        assert raised.value.attempts == 0
    assert len(offline_url.requests) == 1
    assert client.models(refresh=True).get(ECHO)


def test_each_batch_of_a_long_list_counts(offline_url: OfflineRouter) -> None:
    client = router(offline_url, EMBED, limits=[Limit(requests=4, per="day", burst=3)])
    with pytest.raises(LimitReached):
        client.embed([f"text {number}" for number in range(20)], batch_size=2, max_concurrency=1)
    assert len(offline_url.requests) == 4


def test_tokens_are_corrected_by_the_reply(offline_url: OfflineRouter) -> None:
    client = router(offline_url, limits=[Limit(tokens=100, per="day", burst=2000)])
    for _ in range(30):  # each guessed at more than a thousand, and counted as a few
        client.chat(HELLO, max_tokens=1000)
    with client.stream(HELLO, max_tokens=1000) as stream:
        list(stream)
    client.embed(["one two three"], model=EMBED)
    assert len(offline_url.requests) == 32


def test_each_user_has_a_limit_of_their_own(offline_url: OfflineRouter) -> None:
    client = router(
        offline_url, limits=[Limit(requests=1, per="day", of="tag:user")], usage_tags={"user": "ada"}
    )
    client.chat(HELLO)
    client.chat(HELLO, usage_tags={"user": "bob"})
    with pytest.raises(LimitReached, match="user bob"):
        client.chat(HELLO, usage_tags={"user": "bob"})


def test_where_one_provider_has_no_room_the_next_is_asked(offline_url: OfflineRouter) -> None:
    client = router(
        offline_url,
        f"{ECHO}:groq",
        limits=[Limit(requests=1, per="day", of="provider", only="groq")],
        fallback=[f"{ECHO}:novita"],
    )
    for _ in range(4):
        client.chat(HELLO)
    asked = [request.json["model"] for request in offline_url.requests]
    assert asked == [f"{ECHO}:groq", *[f"{ECHO}:novita"] * 3]


def test_a_limit_for_all_is_not_passed_on(offline_url: OfflineRouter) -> None:
    client = router(offline_url, limits=[ONE_A_DAY], fallback=[f"{ECHO}:novita"])
    client.chat(HELLO)
    with pytest.raises(LimitReached):
        client.chat(HELLO)


def test_a_retry_after_holds_for_all_calls(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(429, headers={"retry-after": "1000"}))
    client, other = (router(offline_url, concurrency=4) for _ in range(2))
    with pytest.raises(errors.RateLimited):
        client.chat(HELLO)
    with pytest.raises(LimitReached, match="asked for a pause"):
        other.chat(HELLO)
    assert len(offline_url.requests) == 1
    assert router(offline_url).chat(HELLO).text, "who has no limits is on their own"


# --- concurrency ---


def test_no_more_than_so_many_are_under_way(offline_url: OfflineRouter) -> None:
    offline_url.queue(SlowHead(0.02), times=-1)
    client = router(offline_url, concurrency=2)
    with ThreadPoolExecutor(8) as pool:
        took = seconds_of(lambda: list(pool.map(lambda _: client.chat(HELLO), range(8))))
    assert took >= 4 * 0.02


def test_a_stream_holds_its_slot_until_it_is_left(offline_url: OfflineRouter) -> None:
    client = router(offline_url, concurrency=1)
    with client.stream(HELLO) as stream:
        next(iter(stream))
        with pytest.raises(LimitReached, match="under way"):
            client.chat(HELLO, timeout=0.05)
    assert client.chat(HELLO).text


async def test_two_event_loops_after_one_another_share_a_gate(offline_url: OfflineRouter) -> None:
    def in_a_loop() -> None:
        async def main() -> None:
            client = AsyncHFRouter(ECHO, base_url=offline_url, api_key="k", concurrency=1)
            await asyncio.gather(*(client.chat(HELLO) for _ in range(3)))
            stream = client.stream(HELLO)
            async for _ in stream:
                break  # and left behind
            await stream.close()

        asyncio.run(main())

    for _ in range(2):
        await asyncio.to_thread(in_a_loop)
    assert all(gate.is_idle for gate in GATES._gates.values())


def painter(url: OfflineRouter, **settings: Any) -> HFRouter:
    return router(url, "offline/painter:fal-ai", embedding_api="router", hub_url=url.root, **settings)


def test_a_film_counts_once_however_often_it_is_asked_after(offline_url: OfflineRouter) -> None:
    client = painter(offline_url, limits=[Limit(requests=1, per="day", of="provider")], concurrency=1)
    reply = client.text_to_image("a red square")
    assert reply.files
    with pytest.raises(LimitReached, match="fal-ai"):
        client.text_to_image("a red square", timeout=5)


@pytest.mark.parametrize("task", ["embed", "text_to_image"])
def test_a_provider_that_was_found_for_a_model_counts_as_named(offline_url: OfflineRouter, task: str) -> None:
    model, provider = {"embed": (EMBED, "hf-inference"), "text_to_image": ("offline/painter", "fal-ai")}[task]
    limits = [Limit(requests=1, per="day", of="provider", only=provider)]
    client = router(
        offline_url, model, limits=limits, embedding_api="router", hub_url=offline_url.root, timeout=20
    )
    ask = {"embed": lambda: client.embed(["a"]), "text_to_image": lambda: client.text_to_image("a")}[task]
    ask()
    with pytest.raises(LimitReached, match=provider):
        ask()


# --- settings ---


@pytest.mark.parametrize(
    "wrong",
    [{"limits": "60/minute"}, {"limits": [60]}, {"limits": [{}]}, {"concurrency": 0}, {"concurrency": "few"}],
    ids=repr,
)
def test_settings_that_cannot_work_are_said_when_the_client_is_made(wrong: Any) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        HFRouter(ECHO, **wrong)
    assert raised.value.hint


def test_a_copy_has_the_same_limits(offline_url: OfflineRouter) -> None:
    client = HFRouter(ECHO, base_url=offline_url, limits=[ONE_A_DAY], concurrency=Concurrency(3, of="host"))
    copied = pickle.loads(pickle.dumps(client))
    assert [type(each).__name__ for each in copied._safeguards.per_try] == ["RateLimit", "LimitConcurrency"]
    client.chat(HELLO)
    with pytest.raises(LimitReached):
        copied.chat(HELLO)


def test_a_limit_that_is_named_twice_is_one(offline_url: OfflineRouter) -> None:
    client = router(offline_url, limits=[Limit(requests=2, per="day", burst=1)] * 2)
    client.chat(HELLO)
    client.chat(HELLO)
    assert len(offline_url.requests) == 2


def test_who_limits_nothing_pays_nothing() -> None:
    assert HFRouter(ECHO)._policies == HFRouter(ECHO, limits=[], concurrency=None)._policies


# --- the limiter alone ---


async def test_a_limiter_lets_threads_and_tasks_through_at_its_pace() -> None:
    limiter = RateLimiter([Limit(requests=200, per="second", burst=0), Limit(tokens=10**6)])
    started = time.monotonic()
    done = await asyncio.gather(
        *(limiter.aacquire(5) for _ in range(10)), *(asyncio.to_thread(limiter.acquire, 5) for _ in range(11))
    )
    assert done == [True] * 21
    assert time.monotonic() - started >= 0.1


def test_a_limiter_that_would_have_to_wait_says_so() -> None:
    limiter = RateLimiter(ONE_A_DAY, timeout=3.0)
    assert limiter.acquire()
    assert not limiter.acquire(blocking=False)
    with pytest.raises(LimitReached, match="1 request per day") as raised:
        limiter.acquire()
    assert raised.value.retry_after is not None
    assert not turnstile_at(None).line._queues


def test_limiters_share_by_name_and_copies_with_their_original() -> None:
    named, same, other = (RateLimiter(ONE_A_DAY, name=name) for name in ("a", "a", "b"))
    own, another = RateLimiter(ONE_A_DAY), RateLimiter(ONE_A_DAY)
    copied = pickle.loads(pickle.dumps(own))
    assert [each.acquire(blocking=False) for each in (named, same, other, own, another, copied)] == [
        True,
        False,
        True,
        True,
        True,
        False,
    ]
    assert repr(own) == "RateLimiter(1 request per day)"


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": []},
        {"limits": Limit(requests=1, of="model")},
        {"limits": ONE_A_DAY, "state": "/tmp/x.sqlite"},
        {"limits": ONE_A_DAY, "name": "x", "state": 3},
    ],
    ids=repr,
)
def test_a_limiter_that_cannot_work_is_said_when_it_is_made(wrong: Any) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        RateLimiter(**wrong)
    assert raised.value.hint
