"""Budgets as arguments of a client: which cannot work, how they travel, and grants."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared_core import Budget, BudgetExceeded, ConfigError, HFRouter
from tests.client.conftest import HELLO


@pytest.mark.parametrize(
    "budgets",
    [
        [Budget(usd="1", per="day"), Budget(usd="5", per="day")],
        ["5 dollars"],
        {"usd": "1", "per": "day"},
        [{"usd": "1"}],
    ],
    ids=["two of one name", "a text", "no list", "no window"],
)
def test_budgets_that_cannot_work_are_found_when_the_client_is_made(budgets: Any) -> None:
    with pytest.raises(ConfigError):
        HFRouter("offline/echo", budgets=budgets)


def test_budgets_travel_with_a_pickled_client_and_may_be_plain(offline_url: str, tmp_path: Path) -> None:
    plain = {"requests": 2, "per": "day", "name": "calls"}
    router = HFRouter("offline/echo", base_url=offline_url, budgets=[plain], state=tmp_path)
    router.chat(HELLO)
    twin = pickle.loads(pickle.dumps(router))
    twin.chat(HELLO)
    with pytest.raises(BudgetExceeded):
        router.chat(HELLO)


@pytest.mark.parametrize(
    ("budgets", "value", "amount", "name"),
    [
        ([], "ada", 1, None),
        ([Budget(requests=1, per="day"), Budget(tokens=1, per="day")], "ada", 1, None),
        ([Budget(requests=1, per="day")], "ada", 1, "other"),
        ([Budget(requests=1, per="day")], "ada", -1, None),
        ([Budget(usd="1", per="day")], "ada", 0.5, None),
        ([Budget(usd="1", per="day")], "ada", "5", None),
    ],
    ids=["none", "which", "unknown", "negative", "float", "to one of a budget of all"],
)
def test_a_grant_that_makes_no_sense_is_refused(budgets: Any, value: str, amount: Any, name: Any) -> None:
    with pytest.raises(ConfigError):
        HFRouter("offline/echo", budgets=budgets).grant(value, amount, budget=name)


def test_a_client_without_budgets_loads_nothing_of_them() -> None:
    code = (
        "import sys; from shared_core import HFRouter; HFRouter('org/name');"
        "print([name for name in sys.modules if 'budgets' in name or 'tariff' in name or name.endswith('.holds')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
