"""Budgets over time and for many callers: windows, thresholds that are told once, threads and event loops."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from shared_core import AsyncHFRouter, Budget, BudgetExceeded, HFRouter
from shared_core.observe.events import BudgetAlert
from shared_core.testing import OfflineRouter
from tests.client.budget.conftest import client, only
from tests.client.conftest import HELLO


def test_each_threshold_is_told_once_in_a_window(
    offline_url: str, state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    budget = Budget(requests=4, per="day", of="tag:user", mode="warn", alert_at=(0.5, 1.0))
    router = client(offline_url, budget, hooks=[heard.append], usage_tags={"user": "ada"}, state=state)
    with caplog.at_level(logging.WARNING, "hfrouter"):
        for _ in range(6):
            router.chat(HELLO)
    alerts = [event for event in heard if isinstance(event, BudgetAlert)]
    assert [(alert.share, alert.spent, alert.limit, alert.value) for alert in alerts] == [
        (0.5, 2, 4, "ada"),
        (1.0, 4, 4, "ada"),
    ]
    assert alerts[0].id
    assert caplog.text.count("of a budget is spent") == 2
    assert (
        "50 % of a budget is spent; budget 'requests per day of each user' of 'ada': 2 requests of 4"
        in caplog.text
    )


def test_a_new_window_begins_by_itself_and_a_clock_that_jumps_back_does_not_reopen_an_old_one(
    offline_url: str, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_764_288_000.0]
    monkeypatch.setattr("shared_core.client.safeguards.time", SimpleNamespace(time=lambda: now[0]))
    router = client(offline_url, Budget(requests=1, per="hour"), state=state)
    for seconds, allowed in (
        (0, True),
        (3599, False),
        (3600, True),
        (1800, False),
        (3700, False),
        (7200, True),
    ):
        now[0] = 1_764_288_000.0 + seconds
        if allowed:
            router.chat(HELLO)
        else:
            with pytest.raises(BudgetExceeded):
                router.chat(HELLO)
    assert only(router).until == "2025-11-28T03:00Z"


def test_fifty_threads_do_not_overspend_one_hard_budget(offline_url: OfflineRouter, state: Any) -> None:
    budgets = [Budget(requests=30, per="total"), Budget(usd="0.01", per="total", name="money")]
    routers = [client(offline_url, *budgets, state=state) for _ in range(5)]
    refused: list[BudgetExceeded] = []

    def work(router: HFRouter) -> None:
        for _ in range(3):
            try:
                router.chat(HELLO, max_tokens=100)
            except BudgetExceeded as error:
                refused.append(error)

    threads = [threading.Thread(target=work, args=(routers[place % 5],)) for place in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    requests, money = routers[0].budgets()
    assert requests.spent == 30
    assert len(refused) == 120
    assert len(offline_url.requests) == 30
    assert (requests.reserved, money.reserved) == (0, 0)


def test_two_event_loops_after_one_another_share_what_is_spent(offline_url: str, state: Any) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        api_key="any",
        budgets=[Budget(requests=9, per="day")],
        state=state,
    )

    async def some() -> int:
        await asyncio.gather(*(router.chat(HELLO) for _ in range(3)))
        (told,) = await router.budgets()
        await router.close()
        return int(told.spent)

    assert [asyncio.run(some()), asyncio.run(some())] == [3, 6]
