"""One client for one piece of work: a budget more, and all else shared."""

from __future__ import annotations

import pytest

from shared_core import Budget, BudgetExceeded, HFRouter

HELLO = [{"role": "user", "content": "Hello!"}]


def test_it_stops_at_its_own_budget_and_the_other_goes_on(offline_url):
    router = HFRouter("offline/echo", base_url=offline_url)
    bound = router.within(Budget(requests=1, per="total", name="one piece of work"))
    bound.chat(HELLO)
    with pytest.raises(BudgetExceeded, match="one piece of work"):
        bound.chat(HELLO)
    assert router.chat(HELLO).text == "Hello!"
    assert router.budgets() == []


def test_what_it_spends_counts_in_the_budgets_of_the_first_one_too(offline_url):
    router = HFRouter(
        "offline/echo", base_url=offline_url, budgets=[Budget(requests=9, per="total", name="everybody's")]
    )
    bound = router.within(Budget(requests=5, per="total", name="the job's"))
    bound.chat(HELLO)
    assert [str(one) for one in bound.budgets()] == [
        "everybody's: 1 of 9 requests spent",
        "the job's: 1 of 5 requests spent",
    ]
    assert [str(one) for one in router.budgets()] == ["everybody's: 1 of 9 requests spent"]


def test_other_targets_are_bound_as_well(offline_url):
    router = HFRouter("offline/none", base_url=offline_url, fallback=["offline/echo"], max_retries=0)
    bound = router.within(Budget(requests=1, per="total", name="with others"))
    with pytest.raises(BudgetExceeded):
        [bound.chat(HELLO) for _ in range(2)]


def test_it_is_the_same_client_otherwise(offline_url):
    router = HFRouter("offline/echo", base_url=offline_url, ledger=True, usage_tags={"team": "a"})
    bound = router.within(Budget(requests=5, per="total", name="ledger too"))
    bound.chat(HELLO)
    assert router.ledger is not None
    assert bound.ledger is router.ledger
    assert router.ledger.totals().calls == 1
