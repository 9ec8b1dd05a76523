"""`compare` on prompts: what a person sees, what a program gets, and a run that is broken off."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core.testing import OfflineRouter, SlowHead, Status
from tests.cli.conftest import _COMMAND

Run = Callable[..., Any]

CAPTURES = Path(__file__).parent / "captures"
ASK = ("compare", "offline/echo:groq", "--prompt", "Hello!")
SCREENS = {
    "compare-prompts": (ASK, 0),
    "compare-failed": (("compare", "offline/none", "-p", "Hello!"), 1),
    "compare-not-asked": (("compare", "offline/echo:groq", "-p", "Hello!", "--budget", "0.0001"), 1),
}


def masked(shown: str) -> str:
    """The screen without what is another each time: times, and the columns that these make wide."""
    shown = re.sub(r"\d+(\.\d+)?( / \d+(\.\d+)?)? (ms|s)\b", "TIME", shown)
    shown = re.sub(r"Root=\S+\]", "ID]", shown)
    shown = re.sub(r"'evaluation [0-9a-f]+'", "'evaluation ID'", shown)
    shown = re.sub(r"(TIME +)[\d,]+ ", r"\1SPEED ", shown)
    lines = (
        re.sub("─+", "─", re.sub(" {2,}(?=\\S)(?!^)", "  ", line)).rstrip() for line in shown.splitlines()
    )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", SCREENS)
def test_a_comparison_looks_as_it_was_captured(hfrouter: Run, name: str) -> None:
    arguments, code = SCREENS[name]
    done = hfrouter(*arguments)
    assert done.code == code, done.err
    assert masked(done.out) == (CAPTURES / f"{name}.txt").read_text(encoding="utf-8")


def test_several_models_fit_80_columns_with_the_verdict_below(hfrouter: Run) -> None:
    models = (
        "offline/echo:groq",
        "offline/reasoner:featherless-ai",
        "offline/tools:fireworks-ai",
        "offline/none",
    )
    done = hfrouter("compare", *models, "-p", "Hello!", "-p", "Why is the sky blue?", "--repeats", "2")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    said = " ".join(done.out.split())
    for part in ("4/4", "0/4", "Cheapest known: offline/echo:groq", "Failed most: offline/none, 4 of 4"):
        assert part in said
    assert done.err == ""


def test_json_is_all_that_is_printed(hfrouter: Run) -> None:
    told = json.loads(hfrouter(*ASK, "--json").out)
    assert told["answers"][0]["answer"]["text"] == "Hello!"
    assert told["models"][0]["cost"] == "0.0000015"


def test_reports_are_written_by_their_endings(hfrouter: Run, tmp_path: Path) -> None:
    reports = [tmp_path / f"r.{ending}" for ending in ("html", "md", "csv", "json")]
    done = hfrouter(*ASK, *(part for report in reports for part in ("-o", str(report))), "--title", "Mine")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("Written")] == [
        f"Written: {report}" for report in reports
    ]
    assert "<h1><bdi>Mine</bdi></h1>" in reports[0].read_text()


def test_prompts_come_from_a_file_and_the_system_prompt_goes_before(
    hfrouter: Run, host: OfflineRouter, tmp_path: Path
) -> None:
    (tmp_path / "p.jsonl").write_text('"One"\n{"prompt": "Two", "system": "My own."}\n')
    hfrouter(
        "compare", "offline/echo", "--prompts", str(tmp_path / "p.jsonl"), "-p", "Three", "-s", "Be brief."
    )
    sent = [
        request.json["messages"] for request in host.requests if request.path.endswith("/chat/completions")
    ]
    assert sorted((each[0]["content"], each[1]["content"]) for each in sent) == [
        ("Be brief.", "One"),
        ("Be brief.", "Three"),
        ("My own.", "Two"),
    ]


def test_parameters_reach_the_models(hfrouter: Run, host: OfflineRouter) -> None:
    hfrouter(*ASK, "--max-tokens", "7", "--temperature", "0.5")
    sent = host.requests[-1].json
    assert (sent["max_tokens"], sent["temperature"]) == (7, 0.5)


def test_a_model_without_a_price_is_asked_under_a_budget_if_that_is_wished(hfrouter: Run) -> None:
    under = ("compare", "offline/echo:featherless-ai", "-p", "Hello!", "--budget", "1")
    refused = hfrouter(*under)
    assert (refused.code, "--unpriced asks also those" in " ".join(refused.out.split())) == (1, True)
    allowed = hfrouter(*under, "--unpriced")
    assert allowed.code == 0
    assert "Budget: $0 of $1 spent." in allowed.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--title", "x"), "There are no prompts to ask"),
        (("--repeats", "2"), "There are no prompts to ask"),
        (("-p", "x", "-o", "r.pdf"), "r.pdf names no kind of report"),
        (("--prompts", "none.txt"), "none.txt cannot be read"),
        (("-p", "x", "--budget", "much"), "'much' is not a sum of US dollars"),
        pytest.param(
            ("-p", "x", "--repeats", "0"),
            "greater than or equal to 1",
            marks=pytest.mark.pinned_set,  # the words of the tested typer
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_work_is_said_before_anybody_is_asked(
    hfrouter: Run, host: OfflineRouter, arguments: tuple[str, ...], said: str
) -> None:
    done = hfrouter("compare", "offline/echo", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert not [request for request in host.requests if request.path.endswith("/chat/completions")]


def test_what_a_provider_says_cannot_drive_the_terminal(hfrouter: Run, host: OfflineRouter) -> None:
    host.queue(Status(400, {"error": {"message": "\x1b]0;mine\x07\x1b[2J\u202e"}}))
    done = hfrouter(*ASK)
    assert done.code == 1
    assert not re.search("[\x1b\x07\u202e]", done.out + done.err)


def test_a_terminal_shows_a_bar_while_it_lasts(terminal: Run) -> None:
    shown = terminal(*ASK)
    assert "1/1 answers" in shown
    assert "Cost: $0.0015 for 1,000 answers." in shown


def test_a_run_is_gone_on_with_where_it_was(hfrouter: Run, host: OfflineRouter, tmp_path: Path) -> None:
    resumed = (*ASK, "--resume", str(tmp_path / "run.jsonl"))
    hfrouter(*resumed)
    done = hfrouter(*resumed, "-p", "Bye!")
    assert "1 of the answers is of an earlier run." in done.out
    chats = [request for request in host.requests if request.path.endswith("/chat/completions")]
    assert [request.json["messages"][-1]["content"] for request in chats] == ["Hello!", "Bye!"]


def test_ctrl_c_keeps_what_was_answered_and_says_how_to_go_on(
    environment: dict[str, str], host: OfflineRouter, tmp_path: Path
) -> None:
    host.forget()
    host.queue(SlowHead(0.001))
    host.queue(SlowHead(60), times=-1)
    environment = {**environment, "TMPDIR": str(tmp_path)}
    asked = ("compare", "offline/echo", "-p", "One", "-p", "Two", "--concurrency", "1")
    process = subprocess.Popen(
        [*_COMMAND, *asked], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and not _kept(tmp_path):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    (file,) = tmp_path.glob("hfrouter-answers-*.jsonl")
    assert f"--resume {file}" in " ".join(err.split())
    assert "Traceback" not in err
    host.forget()
    again = subprocess.run(
        [*_COMMAND, *asked, "--resume", str(file)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "1 of the answers is of an earlier run." in again.stdout


def _kept(folder: Path) -> bool:
    """Whether an answer is in the file that the command keeps."""
    return any(len(file.read_bytes().splitlines()) > 1 for file in folder.glob("hfrouter-answers-*.jsonl"))


def test_a_run_that_is_done_leaves_no_file(
    hfrouter: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["TMPDIR"] = str(tmp_path)
    hfrouter(*ASK)
    hfrouter("compare", "offline/none", "-p", "x")
    assert not list(tmp_path.glob("hfrouter-answers-*"))
