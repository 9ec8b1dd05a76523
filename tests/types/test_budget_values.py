"""What a budget may be, and how it is written down."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import pytest

from shared_core import Budget, BudgetState, ConfigError
from shared_core.types import budget_from

SOUND = [
    Budget(usd="5.00", per="day"),
    Budget(usd=Decimal("0.10"), per="total", of="tag:user", exceptions={"ada": "20.00", "bob": 0}),
    Budget(tokens=1_000_000, per="month", mode="warn", alert_at=(0.5, 0.9)),
    Budget(
        requests=100, per="hour", of="key", name="calls", unpriced="allow", unreachable="refuse", alert_at=()
    ),
    Budget(usd="0", per="total", of="tag:user"),
]


@pytest.mark.parametrize("budget", SOUND, ids=lambda budget: budget.name)
def test_a_budget_survives_pickles_json_and_its_own_dictionary(budget: Budget) -> None:
    assert pickle.loads(pickle.dumps(budget)) == budget
    assert budget_from(json.loads(json.dumps(budget.as_dict()))) == budget
    assert budget_from(budget) is budget
    assert {budget: 1}[budget] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"per": "day"},
        {"usd": "1", "tokens": 5, "per": "day"},
        {"usd": 5.0, "per": "day"},
        {"usd": "five", "per": "day"},
        {"usd": "NaN", "per": "day"},
        {"usd": "1e30", "per": "day"},
        {"usd": "-1", "per": "day"},
        {"usd": True, "per": "day"},
        {"tokens": "5", "per": "day"},
        {"tokens": 10**17, "per": "day"},
        {"requests": 1.5, "per": "day"},
        {"requests": 1, "per": "week"},
        {"requests": 1},
        {"requests": 1, "per": "day", "mode": "soft"},
        {"requests": 1, "per": "day", "alert_at": 0.8},
        {"requests": 1, "per": "day", "alert_at": (0,)},
        {"requests": 1, "per": "day", "alert_at": ("all",)},
        {"requests": 1, "per": "day", "of": "line\nbreak"},
        {"requests": 1, "per": "day", "exceptions": {"ada": 5}},
        {"requests": 1, "per": "day", "of": "tag:user", "exceptions": {"ada": "5"}},
        {"requests": 1, "per": "day", "of": "tag:user", "exceptions": ["ada"]},
        {"requests": 1, "per": "day", "unpriced": "perhaps"},
        {"requests": 1, "per": "day", "unreachable": "wait"},
        {"requests": 1, "per": "day", "limit": 3},
        "5 dollars",
    ],
    ids=str,
)
def test_what_is_no_budget_is_said_at_once(arguments: Any) -> None:
    with pytest.raises(ConfigError):
        budget_from(arguments)


def test_a_fraction_of_a_nano_dollar_is_rounded_up() -> None:
    assert Budget(usd="0.0000000001", per="day").units == 1


def test_a_state_tells_what_is_left_and_reads_well() -> None:
    state = BudgetState(
        "trial",
        "ada",
        "usd",
        Decimal("0.1"),
        Decimal("0.07"),
        Decimal("0.05"),
        Decimal(0),
        Decimal(0),
        "",
        None,
    )
    assert state.left == Decimal(0)
    assert str(state) == "trial (ada): $0.07 of $0.1 spent, $0.05 reserved"
