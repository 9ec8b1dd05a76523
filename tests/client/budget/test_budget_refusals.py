"""Calls that a budget refuses before anything is sent, and those that it lets through."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import pytest

from shared_core import Budget, BudgetExceeded, HFRouter
from shared_core.client.tariff import ANSWER_TOKENS
from shared_core.testing import OfflineRouter
from tests.client.budget.conftest import PRICES, client, only
from tests.client.conftest import HELLO, Maker


def test_a_call_that_may_cost_more_than_is_left_is_not_sent(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    caller = make_plain(
        prices=PRICES, budgets=[Budget(usd="0.0001", per="day", of="tag:user")], usage_tags={"user": "ada"}
    )
    caller.chat(HELLO, max_tokens=50)
    sent = len(offline_url.requests)
    with pytest.raises(BudgetExceeded, match=r"of 'ada'.*Nothing was sent") as caught:
        caller.chat(HELLO, max_tokens=500)
    assert len(offline_url.requests) == sent
    error = caught.value
    assert (error.budget, error.value) == ("usd per day of each user", "ada")
    assert error.need is not None
    assert error.left is not None
    assert error.need > error.left > 0
    assert error.retry_after is not None
    assert 0 <= error.retry_after <= 86400
    assert "Lower max_tokens" in error.hint
    assert pickle.loads(pickle.dumps(error)).need == error.need
    caller.chat(HELLO, max_tokens=20)  # what is cheap enough still goes through
    caller.chat(HELLO, max_tokens=100, usage_tags={"user": "bob"})


@pytest.mark.parametrize(
    "budget",
    [Budget(requests=2, per="hour"), Budget(tokens=700, per="month"), Budget(usd="0.0002", per="total")],
    ids=lambda budget: budget.name,
)
def test_each_unit_has_its_limit(offline_url: str, state: Any, budget: Budget) -> None:
    router = client(offline_url, budget, state=state)

    def spend_it_all() -> None:
        for _ in range(1000):
            router.chat(HELLO, max_tokens=300)

    with pytest.raises(BudgetExceeded):
        spend_it_all()
    told = only(router)
    assert 0 < told.spent <= told.limit
    assert told.reserved == 0


def test_all_budgets_of_a_call_must_have_enough_and_else_none_is_touched(
    offline_url: str, state: Any
) -> None:
    router = client(offline_url, Budget(requests=9, per="day"), Budget(tokens=10, per="day"), state=state)
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match="tokens per day"):
            router.chat(HELLO, max_tokens=5)
    assert [told.reserved for told in router.budgets()] == [0] * len(router.budgets())
    assert {told.spent for told in router.budgets()} == {0}


def test_each_user_has_an_amount_and_a_grant_and_calls_without_a_user_share_one(
    offline_url: str, state: Any
) -> None:
    trial = Budget(requests=1, per="total", of="tag:user", exceptions={"eve": 3}, name="trial")
    router = client(offline_url, trial, state=state)
    router.grant("ada", 1)
    counts = {"ada": 2, "bob": 1, "eve": 3, "": 1}
    for user, count in counts.items():
        tags = {"user": user} if user else {}
        for _ in range(count):
            router.chat(HELLO, usage_tags=tags)
        with pytest.raises(BudgetExceeded):
            router.chat(HELLO, usage_tags=tags)
    assert {told.value: told.spent for told in router.budgets()} == counts
    assert {told.value: told.granted for told in router.budgets()} == {"ada": 1, "bob": 0, "eve": 0, "": 0}


def test_each_token_has_its_own(offline_url: str) -> None:
    budget = Budget(requests=1, per="total", of="key")
    one, other = (
        HFRouter("offline/echo", base_url=offline_url, api_key=key, budgets=[budget])
        for key in ("first-key", "second")
    )
    one.chat(HELLO)
    other.chat(HELLO)
    with pytest.raises(BudgetExceeded):
        one.chat(HELLO)
    told = one.budgets()
    assert len(told) == 2  # budgets of one name share a place
    assert "first-key" not in repr(told)


def test_a_call_without_a_price_is_refused_and_the_error_says_what_to_do(offline_url: str) -> None:
    budget = Budget(usd="5", per="day")
    with pytest.raises(BudgetExceeded, match="No price of offline/echo is known") as caught:
        client(offline_url, budget, prices=None).chat(HELLO)
    assert "prices=" in caught.value.hint
    assert 'unpriced="allow"' in caught.value.hint


@pytest.mark.parametrize("mode", [{"unpriced": "allow"}, {"mode": "warn"}], ids=str)
def test_a_call_without_a_price_may_be_let_through(offline_url: str, mode: Any) -> None:
    router = client(offline_url, Budget(usd="5", per="day", **mode), prices=None)
    router.chat(HELLO)
    assert only(router).spent == 0


def test_what_a_reply_reports_is_counted_where_no_list_has_a_price(offline_url: OfflineRouter) -> None:
    from shared_core.testing import ExtraHeaders

    offline_url.queue(ExtraHeaders({"x-cost": "0.25"}), path="*")
    budget = Budget(usd="0.25", per="day", unpriced="allow")
    router = client(offline_url, budget, prices=None, reported_cost="x-cost")
    router.chat(HELLO)
    assert only(router).spent == Decimal("0.25")
    with pytest.raises(BudgetExceeded):
        router.chat(HELLO)


def test_a_budget_that_warns_refuses_nothing(offline_url: str) -> None:
    router = client(offline_url, Budget(requests=1, per="day", mode="warn"))
    for _ in range(3):
        router.chat(HELLO)
    assert (only(router).spent, only(router).left) == (3, 0)


def test_without_max_tokens_a_bounded_share_is_set_aside_and_the_hint_says_so(offline_url: str) -> None:
    router = client(offline_url, Budget(tokens=ANSWER_TOKENS, per="day"))
    with pytest.raises(BudgetExceeded) as caught:
        router.chat(HELLO)
    assert "Pass max_tokens" in caught.value.hint
    assert caught.value.need is not None
    assert caught.value.need > ANSWER_TOKENS
    router.chat(HELLO, max_tokens=10)


def test_tools_and_pictures_in_a_prompt_are_set_aside_for(offline_url: str) -> None:
    router = client(offline_url, Budget(tokens=2000, per="day"))
    tool = {"type": "function", "function": {"name": "look", "description": "x" * 2000, "parameters": {}}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    for options in ({"tools": [tool]}, {"messages": [{"role": "user", "content": [picture]}]}):
        with pytest.raises(BudgetExceeded):
            router.chat(**{"messages": HELLO, "max_tokens": 5, **options})  # type: ignore[arg-type]
