"""`models`, `info`, `compare` and `recommend`: what a person sees, and what a program gets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from shared_core.hub import HubModel
from shared_core.testing import OfflineRouter

sys.path.insert(0, str(Path(__file__).parent))
from screens import check

Run = Callable[..., Any]

SCREENS = {
    "help": ("--help",),
    "models": ("models",),
    "models-filtered": ("models", "--can", "tools", "--license", "permissive", "--max-price", "1"),
    "models-none": ("models", "nothing-of-this-name"),
    "info": ("info", "offline/tools"),
    "compare": ("compare", "offline/tools:groq", "offline/echo", "--input-tokens", "5e6"),
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


def test_json_of_a_model_has_every_fact_of_its_card(told: Run) -> None:
    told_of = json.loads(told("info", "offline/tools", "--json").out)
    assert (told_of["size_bytes"], told_of["languages"], told_of["inference"]) == (
        140 * 10**9,
        ["en"],
        "warm",
    )
    assert told_of["results"] == [{"dataset": "MMLU-Pro", "metric": "accuracy", "value": 71.5}]
    facts = {field.name for field in fields(HubModel)} - {"tags", "served"}
    assert not facts - told_of.keys()


def test_of_an_embedding_model_it_is_told_what_stands_before_texts(told: Run) -> None:
    shown = " ".join(told("info", "Qwen/Qwen3-Embedding-8B").out.split())
    assert r"prompts queries 'Instruct: Given a web search query, retrieve relevant passages" in shown
    prompts = json.loads(told("info", "Qwen/Qwen3-Embedding-8B", "--json").out)["prompts"]
    assert (prompts["query"][-7:], prompts["document"]) == ("\nQuery:", "")
    assert json.loads(told("info", "offline/tools", "--json").out)["prompts"] is None


def test_constraints_of_a_recommendation_are_those_of_a_search(told: Run, host: OfflineRouter) -> None:
    words = ("--language", "de", "--tag", "moe", "--library", "transformers", "--author", "offline")
    done = told("recommend", "--provider", "groq", "--size", "max:8B", "--license", "mit", *words)
    assert done.code == 0, done.err
    (sent,) = [one for one in host.requests if one.path == "/api/models"]
    asked = parse_qs(sent.query)
    assert asked["filter"] == ["moe", "de", "transformers", "license:mit"]
    assert (asked["inference_provider"], asked["num_parameters"]) == (["groq"], ["max:8B"])


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


def test_offers_that_are_equally_good_are_told_so(told: Run) -> None:
    shown = " ".join(told("recommend", "--limit", "5").out.split())
    assert shown.count("as cheap as any of") == 5
    assert "the cheapest of" not in shown


def test_a_comparison_says_what_its_costs_are_for(told: Run) -> None:
    shown = " ".join(
        told("compare", "offline/tools:groq", "offline/echo", "--input-tokens", "5e6").out.split()
    )
    assert "Cost: USD for 5,000,000 tokens of input and 1,000,000 tokens of output" in shown


@pytest.mark.parametrize("group", [(), ("endpoints",), ("budget",), ("cache",)], ids=str)
def test_no_command_is_described_by_half_a_sentence(told: Run, group: tuple[str, ...]) -> None:
    assert "..." not in told(*group, "--help").out.partition("Commands:")[2]
