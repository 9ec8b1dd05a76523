"""Many who wait for one limit, in threads and loops: in which order they pass, and who holds up nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared_core import errors
from shared_core.errors import LimitReached
from shared_core.flow import Wait
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.policy.rate_limit import RateLimit
from shared_core.policy.state.buckets import Charge, MemoryBuckets
from shared_core.policy.turnstile import Turnstile
from shared_core.types import (
    EmbedRequest,
    Limit,
)
from tests.policy.rate_limit.conftest import NOTHING, Answers, Clock, call_with, limited, stepped


class Recorded(MemoryBuckets):
    """Remembers when something passed."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[float] = []

    def take_now(self, charges: Sequence[Charge], now: float) -> Sequence[float]:
        waits = super().take(charges, now)
        if not waits:
            self.passed.append(now)
        return waits


def most_in(times: list[float], seconds: float) -> int:
    times = sorted(times)
    return max(sum(1 for at in times if start <= at < start + seconds - 1e-6) for start in times)


def run(policy: RateLimit, service: Any = None, **about: Any) -> Any:
    return BlockingRun(policy(call_with(**about), service or Answers()), NOTHING).finish()


async def arun(policy: RateLimit, service: Any = None, **about: Any) -> Any:
    return await AsyncRun(policy(call_with(**about), service or Answers()), NOTHING).finish()


def test_threads_and_tasks_of_several_loops_together_never_pass_faster_than_the_limit() -> None:
    buckets = Recorded()
    policy = RateLimit((Limit(requests=250, per="second", burst=5),), Turnstile(buckets))

    async def tasks() -> None:
        await asyncio.gather(*(arun(policy) for _ in range(15)))

    with ThreadPoolExecutor(12) as pool:
        loops = [pool.submit(asyncio.run, tasks()) for _ in range(3)]
        threads = [pool.submit(run, policy) for _ in range(45)]
        for each in [*loops, *threads]:
            each.result(20)
    assert len(buckets.passed) == 90
    assert most_in(buckets.passed, 0.1) <= 25 + 5
    assert max(buckets.passed) - min(buckets.passed) >= (90 - 6) / 250 - 1e-6
    assert not policy.turnstile.line._queues


async def test_turns_come_in_the_order_of_coming() -> None:
    policy, order = limited(Limit(requests=200, per="second", burst=0)), []

    async def one(number: int) -> None:
        await arun(policy)
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(one(number))
            await asyncio.sleep(0)
    assert order == list(range(20))


async def test_who_comes_later_does_not_pass_who_waits_although_it_needs_less() -> None:
    policy, order = limited(Limit(tokens=1000, per="second", burst=100)), []

    async def one(name: str, size: int) -> None:
        await arun(policy, request=EmbedRequest(["x" * 4 * size], "m"))
        order.append(name)

    await one("leaves a little room", 80)
    async with asyncio.TaskGroup() as group:
        for name, size in (("large", 70), ("small", 1), ("smaller", 1)):
            group.create_task(one(name, size))
            await asyncio.sleep(0)
    assert order == ["leaves a little room", "large", "small", "smaller"]


async def test_a_user_who_has_used_up_their_limit_does_not_hold_up_the_others() -> None:
    policy = limited(
        Limit(requests=1, per="hour", of="tag:user", only="ada"),
        Limit(requests=500, per="second", of="provider"),
    )
    await arun(policy, user="ada")
    waiting = asyncio.create_task(arun(policy, user="ada", total=7200))
    await asyncio.sleep(0)
    await asyncio.gather(*(arun(policy, user="bob") for _ in range(10)))
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not policy.turnstile.line._queues


async def test_who_has_room_at_the_provider_but_no_turn_of_their_own_steps_aside() -> None:
    policy = limited(
        Limit(requests=1, per="hour", of="tag:user", only="ada"),
        Limit(requests=50, per="second", burst=0, of="provider"),
    )
    await arun(policy, user="ada")
    waiting = asyncio.create_task(arun(policy, user="ada", total=7200))  # for both of the limits, at first
    await asyncio.sleep(0)
    assert await arun(policy, user="bob", total=0.5) == "fine"
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.004, 0.005, 0.0055, 0.02])
async def test_a_waiter_that_is_cancelled_leaves_its_turn_to_the_next(moment: float) -> None:
    policy = limited(Limit(requests=200, per="second", burst=0))
    await arun(policy)
    tasks = [asyncio.create_task(arun(policy)) for _ in range(6)]
    await asyncio.sleep(moment)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [each for each in done[1::2] if each != "fine"] == []
    assert not policy.turnstile.line._queues


def test_a_thread_that_is_interrupted_leaves_its_turn_to_the_next() -> None:
    policy = limited(Limit(requests=20, per="second", burst=0))
    run(policy)
    waiting = BlockingRun(policy(call_with(), Answers()), NOTHING)
    ended: list[BaseException] = []

    def finish() -> None:
        try:
            waiting.finish()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=finish)
    thread.start()
    waiting.hang_up()
    thread.join(10)
    assert [type(each) for each in ended] in ([errors.ConnectionLost], [])
    assert run(policy) == "fine"
    assert not policy.turnstile.line._queues


def test_a_loop_that_ended_with_waiters_in_it_holds_nobody_up() -> None:
    policy = limited(Limit(requests=100, per="second", burst=0))

    async def leave_some() -> None:
        await arun(policy)
        tasks = [asyncio.create_task(arun(policy)) for _ in range(3)]
        await asyncio.sleep(0)
        del tasks

    for _ in range(3):
        asyncio.run(leave_some())
        assert run(policy) == "fine"
    assert not policy.turnstile.line._queues


def test_a_waiter_whose_loop_stands_still_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.policy.state.line.PATIENCE", 0.02)
    monkeypatch.setattr("shared_core.policy.turnstile.PATIENCE", 0.02)
    policy = limited(Limit(requests=100, per="second", burst=0))
    run(policy)
    stuck = policy(call_with(), Answers())
    assert isinstance(next(stuck), Wait)  # it is first, and never looks again
    assert [run(policy) for _ in range(3)] == ["fine"] * 3
    stuck.close()
    assert not policy.turnstile.line._queues


def test_a_stream_that_is_left_has_used_its_turn_and_nothing_more() -> None:
    clock = Clock()
    policy = limited(Limit(requests=2, per="hour", burst=1))
    flow = policy(call_with(clock), Answers())
    next(flow)
    flow.close()
    assert stepped(policy(call_with(clock), Answers()), clock) == "fine"
    assert isinstance(stepped(policy(call_with(clock), Answers()), clock), LimitReached)
