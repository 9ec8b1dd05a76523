"""`models`, `info`, `compare` and `recommend`: what a person sees, and what a program gets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screens import check

Run = Callable[..., Any]

SCREENS = {
    "help": ("--help",),
    "models": ("models",),
    "models-filtered": ("models", "--can", "tools", "--license", "permissive", "--max-price", "1"),
    "models-none": ("models", "nothing-of-this-name"),
    "info": ("info", "offline/tools"),
    "compare": ("compare", "offline/tools:groq", "offline/echo", "--input", "5e6"),
    "recommend": ("recommend", "--prefer", "quality", "--can", "json"),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_was_captured(hfrouter: Run, name: str) -> None:
    done = hfrouter(*SCREENS[name])
    assert done.code == 0, done.err
    check(name, done.out)


@pytest.mark.parametrize("name", [name for name in SCREENS if name != "help"])
def test_every_screen_can_be_had_as_json(hfrouter: Run, name: str) -> None:
    done = hfrouter(*SCREENS[name], "--json")
    json.loads(done.out)
    assert done.code == 0


def test_a_terminal_shows_the_same_with_a_bold_head(terminal: Run) -> None:
    shown = terminal("models", "tools")
    assert "\x1b[1m" in shown
    assert "offline/tools" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("info", "no/such"), 4, "There is no model 'no/such'"),
        (("models", "--sort", "beauty"), 2, "There is no order by 'beauty'"),
        (("models", "--can", "flying"), 2, "There is no capability 'flying'"),
        (("recommend", "--prefer", "beauty"), 2, "There is no preference 'beauty'"),
        (("models", "--limit", "0"), 2, "--limit"),
    ],
    ids=str,
)
def test_an_error_is_one_clear_line_and_a_code(hfrouter: Run, arguments: Any, code: int, said: str) -> None:
    done = hfrouter(*arguments)
    assert (done.code, done.out) == (code, "")
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err


@pytest.mark.parametrize("size", ["foo", "8B", "min:", "min:1B max:8B"])
def test_a_size_that_is_no_range_is_refused_here_since_the_hub_would_ignore_it(told: Run, size: str) -> None:
    done = told("models", "--size", size)
    assert (done.code, done.out) == (2, "")
    assert "no range of weights" in done.err


def test_offers_that_are_equally_good_are_told_so(told: Run) -> None:
    shown = " ".join(told("recommend", "--limit", "5").out.split())
    assert shown.count("as cheap as any of") == 5
    assert "the cheapest of" not in shown


def test_a_comparison_says_what_its_costs_are_for(told: Run) -> None:
    shown = " ".join(told("compare", "offline/tools:groq", "offline/echo", "--input", "5e6").out.split())
    assert "Cost: USD for 5,000,000 tokens of input and 1,000,000 tokens of output" in shown


@pytest.mark.parametrize("group", [(), ("endpoints",), ("budget",), ("cache",)], ids=str)
def test_no_command_is_described_by_half_a_sentence(told: Run, group: tuple[str, ...]) -> None:
    assert "..." not in told(*group, "--help").out.partition("Commands:")[2]
