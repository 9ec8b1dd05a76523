"""A function of the user's is asked apart from whoever waits for it, and both drivers do that alike."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared_core.flow import Flow, ask
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun

Run = Callable[[Flow[Any]], Any]
RUNS: dict[str, Run] = {
    "blocking": lambda flow: BlockingRun(flow, None).finish(),  # type: ignore[arg-type]
    "asynchronous": lambda flow: asyncio.run(AsyncRun(flow, None).finish()),  # type: ignore[arg-type]
}
each_driver = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


def as_it_is(value: Any) -> Any:
    return value


@each_driver
def test_the_answer_is_what_is_made_of_its_result(run: Run) -> None:
    assert run(ask(lambda: 20, lambda result: result + 1, 5)) == 21


@each_driver
def test_it_runs_in_another_thread_with_the_context_of_the_call(run: Run) -> None:
    WHO.set("ada")
    thread, who = run(ask(lambda: (threading.get_ident(), WHO.get()), as_it_is, 5))
    assert thread != threading.get_ident()
    assert who == "ada"


@each_driver
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_what_it_raises_is_raised(run: Run, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        run(ask(fail, as_it_is, 5))
    assert caught.value is error


@each_driver
def test_what_takes_too_long_is_left_alone(run: Run) -> None:
    release = threading.Event()
    try:
        assert run(ask(lambda: release.wait(30), as_it_is, 0.01)) is None
    finally:
        release.set()


def test_an_event_loop_awaits_what_can_be_awaited() -> None:
    async def later() -> int:
        await asyncio.sleep(0)
        return 20

    for function in (later, lambda: later()):
        assert RUNS["asynchronous"](ask(function, lambda result: result + 1, 5)) == 21


def test_a_time_limit_of_its_own_is_no_time_limit_of_ours() -> None:
    async def later() -> int:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        RUNS["asynchronous"](ask(later, as_it_is, 5))


@each_driver
def test_a_coroutine_that_comes_too_late_is_not_complained_about(run: Run) -> None:
    release, made = threading.Event(), []

    async def coming() -> None:
        raise AssertionError("nobody awaits it")

    def function() -> Any:
        release.wait(10)
        made.append(coming())
        return made[-1]

    assert run(ask(function, as_it_is, 0.01)) is None
    release.set()
    for _ in range(5000):
        if made and inspect.getcoroutinestate(made[0]) == inspect.CORO_CLOSED:
            break
        time.sleep(0.001)
    assert inspect.getcoroutinestate(made[0]) == inspect.CORO_CLOSED
