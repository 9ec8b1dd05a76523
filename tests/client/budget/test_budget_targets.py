"""Budgets of a client with several targets: each is set aside for, and the too dear ones are passed over."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from shared_core import Budget, BudgetExceeded, HFRouter
from shared_core.catalog import Price
from shared_core.testing import OfflineRouter, SlowHead, Status
from tests.client.budget.conftest import PRICE, client, only
from tests.client.conftest import HELLO


def test_a_target_that_is_too_dear_leaves_the_call_to_a_cheaper_one(offline_url: OfflineRouter) -> None:
    prices = {
        "offline/echo:groq": PRICE,
        "offline/echo:novita": Price(Decimal("0.01"), Decimal("0.01"), "ours"),
    }
    router = HFRouter(
        "offline/echo:groq",
        base_url=offline_url,
        api_key="any",
        fallback=["offline/echo:novita"],
        prices=prices,
        budgets=[Budget(usd="0.0001", per="day")],
    )
    reply = router.chat(HELLO, max_tokens=300)
    assert (reply.meta.provider, reply.meta.moves) == ("novita", 1)
    assert len(offline_url.requests) == 1
    with pytest.raises(BudgetExceeded) as caught:
        router.chat(HELLO, max_tokens=30_000)
    assert "offline/echo:groq" in "".join(caught.value.__notes__)


def test_what_is_the_same_everywhere_is_not_asked_elsewhere(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=0, per="day"), fallback=["offline/echo:groq"])
    with pytest.raises(BudgetExceeded):
        router.chat(HELLO)
    assert not offline_url.requests


def test_each_target_is_set_aside_for_anew(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=5, per="day"), fallback=["offline/echo:groq"], max_retries=0)
    offline_url.queue(Status(500), path="*chat/completions")
    router.chat(HELLO)
    assert (only(router).spent, only(router).unconfirmed) == (2, 1)


def test_a_call_that_is_hedged_is_set_aside_for_at_both_targets(offline_url: OfflineRouter) -> None:
    offline_url.queue(SlowHead(0.5), path="*chat/completions")
    router = client(
        offline_url, Budget(requests=5, per="day"), fallback=["offline/echo:groq"], hedge=0.05, max_retries=0
    )
    router.chat(HELLO)
    give_up = time.monotonic() + 10
    while only(router).reserved and time.monotonic() < give_up:
        time.sleep(0.005)
    assert (only(router).spent, only(router).unconfirmed, only(router).reserved) == (2, 1, 0)
