"""`endpoints`: what a person sees of dedicated endpoints, what a program gets, and what is asked back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screens import check

from shared_core.testing import OfflineRouter

Run = Callable[..., Any]

CAPTURES = Path(__file__).parent / "captures"
SCREENS = {
    "endpoints": ("endpoints",),
    "endpoints-none": ("endpoints", "--namespace", "acme"),
    "endpoints-show": ("endpoints", "show", "mine"),
    "endpoints-pause": ("endpoints", "pause", "offline/mine"),
    "endpoints-help": ("endpoints", "--help"),
    "endpoints-create-help": ("endpoints", "create", "--help"),
}
NEW = ("endpoints", "create", "new", "--model", "offline/echo", "--instance", "nvidia-l4:x1")


@pytest.fixture
def environment(environment: dict[str, str], host: OfflineRouter) -> dict[str, str]:
    """With the API of endpoints, and a token for it."""
    return {
        **environment,
        "HFROUTER_ENDPOINTS_URL": host.endpoints_url,
        "HFROUTER_API_KEY": "hf_owner_12345678",
    }


@pytest.fixture
def deployed(hfrouter: Run, host: OfflineRouter) -> OfflineRouter:
    """After the command's own fixture, which forgets what was there."""
    host.deploy("mine", "offline/echo")
    host.deploy("code-of-the-whole-company", "offline/tools", state="scaledToZero")
    host.deploy("resting", "offline/echo", state="paused")
    return host


@pytest.mark.pinned_set  # help is in the words of the tested typer
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_was_captured_and_fits(
    hfrouter: Run, deployed: OfflineRouter, name: str
) -> None:
    done = hfrouter(*SCREENS[name])
    shown = "\n".join(line.rstrip() for line in done.out.splitlines()) + "\n"
    shown = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT", shown)
    assert (done.code, done.err) == (0, "")
    assert shown == (CAPTURES / f"{name}.txt").read_text(encoding="utf-8")
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["list", "show", "pause", "resume", "scale-to-zero", "wait", "delete"])
def test_an_address_that_is_none_is_one_clear_line_whatever_was_asked_for(told: Run, command: str) -> None:
    name = [] if command == "list" else ["mine"]
    done = told("endpoints", command, *name, "--hub-url", "nonsense")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("hfrouter: hub_url='nonsense' is not an absolute address.\nNext: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("endpoints", "--json"),
        ("endpoints", "list", "--json"),
        ("endpoints", "show", "mine", "--json"),
        ("endpoints", "pause", "mine", "--json"),
        ("endpoints", "resume", "resting", "--wait", "--json"),
        ("endpoints", "scale-to-zero", "mine", "--json"),
        ("endpoints", "wait", "mine", "--json"),
        ("endpoints", "delete", "mine", "--yes", "--json"),
        (*NEW, "--min-replica", "0", "--sleep-after", "15", "--json"),
    ],
    ids=" ".join,
)
def test_every_command_can_be_had_as_json(hfrouter: Run, deployed: OfflineRouter, arguments: Any) -> None:
    done = hfrouter(*arguments)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)


def test_metrics_look_as_they_were_captured_and_can_be_had_as_json(
    hfrouter: Run, deployed: OfflineRouter
) -> None:
    deployed.deploy("ours", "offline/echo", namespace="acme")
    shown = hfrouter("endpoints", "metrics", "acme/ours")
    assert (shown.code, shown.err) == (0, "")
    check("endpoints-metrics", shown.out)
    metrics = {
        each["name"]: each for each in json.loads(hfrouter("endpoints", "metrics", "acme/ours", "--json").out)
    }
    assert metrics["http_requests"]["value"] == 0
    refused = hfrouter("endpoints", "metrics", "mine")
    assert refused.code == 3
    assert "Team or Enterprise" in refused.err


def test_what_was_said_is_what_is_created(hfrouter: Run, deployed: OfflineRouter) -> None:
    hfrouter(
        *NEW, "--namespace", "acme", "--max-replica", "3", "--sleep-after", "15", "--task", "text-generation"
    )
    sent = deployed.requests[-1]
    assert sent.path == "/v2/endpoint/acme"
    assert sent.json["compute"]["scaling"] == {"minReplica": 1, "maxReplica": 3, "scaleToZeroTimeout": 15}
    assert sent.json["provider"] == {"region": "us-east-1", "vendor": "aws"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("endpoints", "show", "nothing"), 4, "There is no endpoint 'offline/nothing'"),
        (("endpoints", "show", "strangers/x"), 3, "The token was not accepted"),
        (("endpoints", "wait", "resting"), 4, "is paused. Next: Resume it"),
        (("endpoints", "show", "../x"), 2, "is not the name of an endpoint"),
        (("endpoints", "--json", "show", "mine"), 2, "Options stand behind the command"),
        ((*NEW[:-1], "l4"), 2, "Write it as nvidia-l4:x1"),
        ((*NEW[:2], "mine", *NEW[3:]), 1, "already exists"),
        (("endpoints", "dance"), 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_error_is_one_clear_line_and_a_code(
    hfrouter: Run, deployed: OfflineRouter, arguments: Any, code: int, said: str
) -> None:
    done = hfrouter(*arguments)
    assert (done.code, done.out) == (code, "")
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert "hf_owner" not in done.err


@pytest.mark.parametrize(
    ("name", "said"), [("mine", "mine is 'running'"), ("resting", "resume offline/resting")]
)
def test_the_doctor_looks_at_the_endpoint_in_place_of_the_router(
    hfrouter: Run, deployed: OfflineRouter, environment: dict[str, str], name: str, said: str
) -> None:
    del environment["HFROUTER_BASE_URL"]
    environment["HFROUTER_ENDPOINT"] = name
    assert said in " ".join(hfrouter("doctor").out.split())


def test_a_chat_may_be_with_an_endpoint(hfrouter: Run, deployed: OfflineRouter) -> None:
    assert hfrouter("chat", "-e", "mine", "Hello!").out.startswith("Hello!")
    assert "is paused" in hfrouter("chat", "-e", "resting", "Hello!").err


def test_looking_for_models_wakes_no_endpoint(
    hfrouter: Run, deployed: OfflineRouter, environment: dict[str, str]
) -> None:
    del environment["HFROUTER_BASE_URL"]
    environment["HFROUTER_ENDPOINT"] = "mine"
    assert hfrouter("models", "--all").code == 0
    assert not [one for one in deployed.requests if one.path.startswith("/dedicated")]


def test_nothing_is_deleted_where_nobody_can_be_asked(hfrouter: Run, deployed: OfflineRouter) -> None:
    done = hfrouter("endpoints", "delete", "mine")
    assert done.code == 2
    assert "Pass --yes" in done.err
    assert "DELETE" not in {one.method for one in deployed.requests}


@pytest.mark.parametrize(("typed", "methods"), [("mine", {"GET", "DELETE"}), ("no", {"GET"}), ("m", {"GET"})])
def test_a_person_types_the_name_to_delete_it(
    terminal: Run, host: OfflineRouter, typed: str, methods: set[str]
) -> None:
    host.deploy("mine", "offline/echo")
    shown = terminal("endpoints", "delete", "mine", typing=(("to confirm", f"{typed}\n"),))
    assert "offline/mine (running) will be gone for good" in " ".join(shown.split())
    assert {one.method for one in host.requests} == methods
