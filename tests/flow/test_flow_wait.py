"""Waiting for what another thread or task does."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from shared_core.errors import ConnectionLost
from shared_core.flow import Flow, Latch, wait
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun


def waiting(latch: Latch, seconds: float = 10.0) -> Flow[bool]:
    return (yield from wait(latch, seconds))


def test_a_thread_is_woken_by_another() -> None:
    latch = Latch()
    threading.Timer(0.02, latch.open).start()
    assert BlockingRun(waiting(latch), None).finish()  # type: ignore[arg-type]


async def test_a_task_is_woken_by_a_thread() -> None:
    latch = Latch()
    threading.Timer(0.02, latch.open).start()
    assert await AsyncRun(waiting(latch), None).finish()  # type: ignore[arg-type]


async def test_who_comes_late_does_not_wait() -> None:
    latch = Latch()
    latch.open()
    assert BlockingRun(waiting(latch), None).finish()  # type: ignore[arg-type]
    assert await AsyncRun(waiting(latch), None).finish()  # type: ignore[arg-type]


async def test_the_time_may_be_up() -> None:
    latch = Latch()
    assert not BlockingRun(waiting(latch, 0.01), None).finish()  # type: ignore[arg-type]
    assert not await AsyncRun(waiting(latch, 0.01), None).finish()  # type: ignore[arg-type]
    assert latch._told == []


async def test_a_task_that_is_cancelled_leaves_nothing_behind() -> None:
    latch = Latch()
    task = asyncio.create_task(AsyncRun(waiting(latch), None).finish())  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert latch._told == []


def test_a_run_that_is_interrupted_wakes_up() -> None:
    latch = Latch()
    run = BlockingRun(waiting(latch), None)  # type: ignore[arg-type]
    threading.Timer(0.02, run.interrupt).start()
    begun = time.monotonic()
    assert run.whole() is None
    assert time.monotonic() - begun < 5
    assert latch._told == []


def test_a_run_that_is_hung_up_says_so_in_the_flow() -> None:
    run = BlockingRun(waiting(Latch()), None)  # type: ignore[arg-type]
    threading.Timer(0.02, run.hang_up).start()
    with pytest.raises(ConnectionLost):
        run.finish()


def test_a_loop_that_is_closed_meanwhile_is_passed_over() -> None:
    latch = Latch()
    loop = asyncio.new_event_loop()
    latch.when_open(lambda: loop.call_soon_threadsafe(print) if not loop.is_closed() else None)
    loop.close()
    latch.open()
    assert latch.is_open


async def test_a_blocking_call_does_not_wait_for_a_task_of_the_loop_that_it_blocks() -> None:
    latch = Latch(opener=threading.get_ident())
    begun = time.monotonic()
    assert not BlockingRun(waiting(latch), None).finish()  # type: ignore[arg-type]
    assert time.monotonic() - begun < 5
    threading.Timer(0.02, latch.open).start()
    assert await AsyncRun(waiting(latch), None).finish()  # type: ignore[arg-type]
    assert BlockingRun(waiting(latch), None).finish()  # type: ignore[arg-type]
