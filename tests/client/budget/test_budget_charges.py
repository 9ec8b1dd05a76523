"""What a chat is charged with: what it really used, what it may have used, or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, Budget, RouterError
from shared_core.testing import BadGzip, Cut, OfflineRouter, Stall, Status
from tests.client.budget.conftest import PRICES, client, only
from tests.client.conftest import HELLO, Maker

NOT_BILLED = (Status(429, headers={"retry-after": "0"}), Status(400), Status(401), Status(402), Status(503))


def test_what_was_really_used_takes_the_place_of_what_was_set_aside(make_plain: Maker, state: Any) -> None:
    budgets = [Budget(usd="1", per="day"), Budget(tokens=10**6, per="day"), Budget(requests=10, per="day")]
    caller = make_plain(prices=PRICES, budgets=budgets, state=state)
    reply = caller.chat(HELLO)
    usd, tokens, requests = caller._wait(caller.router.budgets())
    assert usd.spent == reply.meta.cost.usd
    assert tokens.spent == reply.usage.total_tokens  # type: ignore[union-attr]
    assert requests.spent == 1
    assert {usd.reserved, tokens.reserved, requests.reserved, usd.unconfirmed} == {0}


@pytest.mark.parametrize("fault", NOT_BILLED, ids=repr)
def test_what_surely_did_not_run_costs_nothing(
    make_plain: Maker, offline_url: OfflineRouter, state: Any, fault: Any
) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(usd="1", per="day")], state=state, max_retries=0)
    offline_url.queue(fault, path="*chat/completions")
    with pytest.raises(RouterError):
        caller.chat(HELLO)
    (told,) = caller._wait(caller.router.budgets())
    assert (told.spent, told.reserved) == (0, 0)


def test_where_nobody_listens_nothing_is_charged() -> None:
    router = client("http://127.0.0.1:9/v1", Budget(usd="1", per="day"), max_retries=0)
    with pytest.raises(RouterError):
        router.chat(HELLO)
    assert (only(router).spent, only(router).reserved) == (0, 0)


@pytest.mark.parametrize("fault", [Status(500), Status(504), Cut(after=9), BadGzip()], ids=repr)
def test_what_may_have_run_is_charged_with_what_it_may_have_cost(
    make_plain: Maker, offline_url: OfflineRouter, fault: Any
) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(tokens=10**6, per="day")], max_retries=0)
    offline_url.queue(fault, path="*chat/completions")
    with pytest.raises(RouterError):
        caller.chat(HELLO, max_tokens=100)
    (told,) = caller._wait(caller.router.budgets())
    assert told.spent == told.unconfirmed == 271  # 27 bytes, a frame of 16, a preamble of 128, and the answer
    assert told.reserved == 0


@pytest.mark.parametrize(("status", "times"), [(500, 3), (429, 1)], ids=["may have run", "refused"])
def test_retries_are_one_request_and_those_that_may_have_run_are_charged_like_the_answer(
    offline_url: OfflineRouter, status: int, times: int
) -> None:
    router = client(offline_url, Budget(requests=10, per="day"), Budget(tokens=10**6, per="day"))
    for _ in range(2):
        offline_url.queue(Status(status, headers={"retry-after": "0"}), path="*chat/completions")
    reply = router.chat(HELLO)
    assert reply.meta.attempts == 3
    requests, tokens = router.budgets()
    assert (requests.spent, requests.unconfirmed) == (1, 0)
    once = reply.usage.total_tokens  # type: ignore[union-attr]
    assert (tokens.spent, tokens.unconfirmed) == (times * once, (times - 1) * once)


def test_a_stream_that_is_read_whole_costs_what_it_counts(make_plain: Maker, state: Any) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(usd="1", per="day")], state=state)
    _, stream = caller.stream(HELLO)
    (told,) = caller._wait(caller.router.budgets())
    assert told.spent == stream.reply.meta.cost.usd
    assert (told.reserved, told.unconfirmed) == (0, 0)


@pytest.mark.parametrize("end", ["left", "cut"])
def test_a_stream_that_is_left_or_cut_costs_the_prompt_and_what_arrived(
    make_plain: Maker, offline_url: OfflineRouter, state: Any, end: str
) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(tokens=10**6, per="day")], state=state, max_retries=0)
    if end == "cut":
        offline_url.queue(Cut(after=4, chunks=True, how="reset"), path="*chat/completions")
        with pytest.raises(RouterError):
            caller.stream(HELLO, max_tokens=1000)
    else:
        caller.stream(HELLO, max_tokens=1000, leave_after=3)
    (told,) = caller._wait(caller.router.budgets())
    assert 171 < told.spent == told.unconfirmed <= 171 + 27
    assert told.reserved == 0


async def test_a_call_that_is_cancelled_on_its_way_is_charged_and_one_that_was_not_sent_is_not(
    offline_url: OfflineRouter, state: Any
) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        api_key="any",
        budgets=[Budget(requests=10, per="day")],
        state=state,
    )
    await router.chat(HELLO)
    offline_url.queue(Stall(after=0), path="*chat/completions")
    task = asyncio.create_task(router.chat(HELLO))
    while len(offline_url.requests) < 2:
        await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (told,) = await router.budgets()
    assert (told.spent, told.unconfirmed, told.reserved) == (2, 1, 0)
    unborn = asyncio.create_task(router.chat(HELLO))
    await asyncio.sleep(0)
    unborn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unborn
    (told,) = await router.budgets()
    assert (told.spent, told.reserved) == (2, 0)
    await router.close()


async def test_a_call_that_is_cancelled_while_the_file_is_busy_leaves_nothing_behind(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        budgets=[Budget(requests=10, per="day")],
        state=tmp_path / "state.db",
    )
    await router.chat(HELLO)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tasks = [asyncio.create_task(router.chat(HELLO)) for _ in range(5)]
    for turn, task in enumerate(tasks):
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    other.execute("ROLLBACK")
    other.close()
    assert (await router.chat(HELLO)).text
    give_up = time.monotonic() + 10
    while (told := (await router.budgets())[0]).reserved and time.monotonic() < give_up:
        await asyncio.sleep(0.005)  # threads that asked for the others still find out that they are over
    assert (told.spent, told.reserved) == (2, 0)
    await router.close()
