"""`budget`: what is spent, reserved and left in a state that programs share; grants."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screens import check

from shared_core import Budget, HFRouter
from shared_core.testing import OfflineRouter

Run = Callable[..., Any]

TRIAL = {"usd": "0.10", "per": "total", "of": "tag:user", "name": "trial"}
ALL = {"requests": 3, "per": "total", "name": "three"}
HELLO = [{"role": "user", "content": "one two three four"}]
PRICES = {"offline/echo": {"input": "100", "output": "100", "source": "ours", "date": "2026-11-01"}}


@pytest.fixture
def state(tmp_path: Path, host: OfflineRouter, environment: dict[str, str]) -> Path:
    """A state in which ada and bob have spent something, named in the environment with its budgets."""
    path = tmp_path / "state.sqlite"
    budgets = [Budget(**TRIAL), Budget(**ALL)]  # type: ignore[arg-type]
    with HFRouter(
        "offline/echo", base_url=host, api_key="k", budgets=budgets, state=path, prices=PRICES
    ) as router:
        router.chat(HELLO, max_tokens=20, usage_tags={"user": "ada"})
        router.chat(HELLO * 9, max_tokens=20, usage_tags={"user": "bob"})
    environment |= {"HFROUTER_STATE": str(path), "HFROUTER_BUDGETS": json.dumps([TRIAL, ALL])}
    return path


def test_the_screen_of_budgets_looks_as_it_was_captured(told: Run, state: Path) -> None:
    done = told("budget")
    assert done.code == 0, done.err
    check("budget", done.out)


def test_json_has_the_amounts_exactly(told: Run, state: Path) -> None:
    found = json.loads(told("budget", "--json").out)
    assert found["state"] == str(state)
    three = found["budgets"][-1]
    assert (three["spent"], three["left"], three["limit"]) == (2, 1, 3)
    assert {each["value"]: each["of"] for each in found["budgets"]} == {
        "ada": "tag:user",
        "bob": "tag:user",
        "": "all",
    }
    assert all(isinstance(each["spent"], str) for each in found["budgets"][:-1]), (
        "money is a text, never a float"
    )


def test_alerts_are_those_that_have_passed_a_threshold(told: Run, state: Path) -> None:
    small = json.dumps({**ALL, "alert_at": [0.5, 0.9]})
    found = json.loads(told("budget", "--define", small, "--alerts", "--json").out)
    assert [each["alerts"] for each in found["budgets"]] == [[0.5]]
    large = json.dumps({**ALL, "requests": 100})
    done = told("budget", "--define", large, "--alerts")
    assert done.out == "No budget has passed a threshold in its present window.\n"


def test_more_is_granted_to_one_and_the_program_goes_by_it(
    told: Run, state: Path, host: OfflineRouter
) -> None:
    done = told("budget", "grant", "1.50", "--to", "ada", "--name", "trial")
    assert done.code == 0, done.err
    assert "trial (ada): $" in done.out
    assert "of $1.6 spent" in done.out
    done = told("budget", "grant", "5", "--name", "three", "--json")
    assert json.loads(done.out)[0]["limit"] == 8
    with HFRouter(base_url=host, api_key="k", budgets=[Budget(**TRIAL)], state=state) as router:  # type: ignore[arg-type]
        assert str(next(each.left for each in router.budgets() if each.value == "ada")).startswith("1.5")


def test_what_others_define_is_shown_as_it_is_kept(told: Run, state: Path) -> None:
    done = told("budget", "--define", json.dumps(ALL), "--all")
    assert done.code == 0, done.err
    assert "trial" in done.out
    assert "ada" in done.out
    assert "in nano-dollars, tokens or requests" in done.out
    found = json.loads(told("budget", "--define", json.dumps(ALL), "--all", "--json").out)
    assert {each["value"] for each in found["others"]} == {"ada", "bob"}


def test_a_file_that_is_not_there_yet_is_nothing_spent_and_is_not_made(
    told: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {
        "HFROUTER_STATE": str(tmp_path / "new.sqlite"),
        "HFROUTER_BUDGETS": json.dumps([ALL, TRIAL]),
    }
    done = told("budget")
    assert done.code == 0, done.err
    assert "nothing spent yet" in done.out
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "There is no budget in the settings"),
        (("--define", json.dumps(ALL)), 2, "in the memory of each program"),
        (("--state", "nowhere/s.sqlite", "--define", json.dumps(ALL)), 2, "There is no file"),
        (
            ("--state", "redis://:secret@127.0.0.1:1/0", "--define", json.dumps(ALL)),
            5,
            "127.0.0.1:1 cannot be read",
        ),
        (("--state", "redis://:secret@[", "--define", json.dumps(ALL)), 2, "The Redis URL cannot be read"),
        (("--state", "s.sqlite", "--define", "{"), 2, "is no JSON"),
        (("--state", "s.sqlite", "--define", "{}"), 2, "says not for how long"),
    ],
    ids=[
        "no settings",
        "memory",
        "a file that is named",
        "a server that is away",
        "no address",
        "no JSON",
        "no budget",
    ],
)
def test_what_cannot_be_looked_at_is_said(told: Run, arguments: Any, code: int, said: str) -> None:
    done = told("budget", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in " ".join(done.err.split())
    assert "secret" not in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("1",), "There are several budgets"),
        (("1", "--name", "none"), "There is no budget 'none'"),
        (("1", "--name", "trial"), "one for each user"),
        (("1", "--name", "three", "--to", "ada"), "All share the budget"),
        (("much", "--name", "trial", "--to", "ada"), "is not a sum of US dollars"),
        (("much", "--name", "three"), "is no number of requests"),
        (("-1", "--name", "three"), "No such option"),
        (("--name", "three", "--", "-1"), "is not between 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_grant_that_makes_no_sense_is_told(told: Run, state: Path, arguments: Any, said: str) -> None:
    done = told("budget", "grant", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())


def test_a_file_that_was_named_by_mistake_is_left_as_it_is(told: Run, tmp_path: Path) -> None:
    (notes := tmp_path / "notes.txt").write_text("to do")
    done = told("budget", "--state", str(notes), "--define", json.dumps(ALL))
    assert done.code == 2
    assert "is no SQLite file" in " ".join(done.err.split())
    assert [each.name for each in tmp_path.iterdir() if "notes" in each.name] == ["notes.txt"]
    assert notes.read_text() == "to do"
