"""`test`: what a person sees, what CI gets, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

Run = Callable[..., Any]

CAPTURES = Path(__file__).parent / "captures"
CASES = """
models: [offline/echo:groq]
cases:
  - name: greeting
    prompt: Say hello, please.
    checks: [{icontains: hello}, {max-cost: 0.01}]
  - name: arithmetic
    prompt: What is 2 plus 2? Answer with the number alone, and with nothing else around it.
    checks: [{equals: "4"}, {not-contains: plus}]
"""
BOTS = """
from langchain_core.runnables import RunnableLambda

chain = RunnableLambda(lambda messages: messages[-1].text.upper())
number = 7


def bot(messages, **options):
    return "hello"


def polite(answer):
    return "please" in answer.text.lower()
"""


@pytest.fixture
def cases(tmp_path: Path) -> str:
    (tmp_path / "cases.yaml").write_text(CASES)
    (tmp_path / "bots.py").write_text(BOTS)
    return str(tmp_path / "cases.yaml")


def steady(shown: str) -> str:
    """A screen without what differs from run to run."""
    lines = (line.rstrip() for line in shown.splitlines())
    return re.sub(r" +\d[\d.]* m?s\b", " TIME", "\n".join(lines)) + "\n"


def test_the_screen_looks_as_it_was_captured_and_fits_80_columns(hfrouter: Run, cases: str) -> None:
    done = hfrouter("test", cases, "-m", "offline/echo:groq", "-m", "offline/none", "--repeats", "2")
    assert done.code == 1
    assert done.err == ""
    assert max(map(len, done.out.splitlines())) <= 80
    shown = re.sub(r"request id Root[-=\w\s]*\]", "request id ID]", steady(done.out))
    capture = CAPTURES / "test.txt"
    assert shown == capture.read_text(encoding="utf-8")


def test_a_terminal_shows_how_far_it_is_and_then_the_same(terminal: Run, cases: str) -> None:
    shown = terminal("test", cases, "--allow-models")
    assert "answers" in shown
    assert "1 of 2 passed, 1 failed." in shown
    assert "\x1b[1m" in shown


def test_when_all_pass_it_ends_well(hfrouter: Run, tmp_path: Path) -> None:
    path = tmp_path / "fine.jsonl"
    path.write_text('{"prompt": "a", "checks": [{"equals": "a"}]}\n')
    done = hfrouter("test", str(path), "-m", "offline/echo")
    assert (done.code, "1 of 1 passed." in done.out) == (0, True)


def test_json_and_the_reports_hold_everything(hfrouter: Run, cases: str, tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("out.json", "out.md", "out.xml", "junit.any")]
    saved = [part for name in names[:3] for part in ("-o", name)]
    done = hfrouter("test", cases, "--allow-models", "--json", *saved, "--junit", names[3])
    told = json.loads(done.out)
    assert (done.code, told["summary"]) == (1, "1 of 2 passed, 1 failed")
    assert json.loads(Path(names[0]).read_text())["results"][1]["outcome"] == "failed"
    assert "1 of 2 passed" in Path(names[1]).read_text()
    for name in names[2:]:
        assert ET.parse(name).getroot().get("failures") == "1"


def test_a_chain_and_a_function_can_be_tested_too(hfrouter: Run, cases: str, tmp_path: Path) -> None:
    models = (f"{tmp_path}/bots.py:chain", f"{tmp_path}/bots.py:bot")
    done = hfrouter("test", cases, *(part for model in models for part in ("-m", model)), "--json")
    told = [(each["model"], each["outcome"]) for each in json.loads(done.out)["results"]]
    assert [model for model, _ in told] == [*models, *models]


def test_a_judge_may_be_an_object_and_an_answer_may_break_the_budget(hfrouter: Run, tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("[{prompt: a, checks: [{llm-rubric: kind}]}]")
    (tmp_path / "who.py").write_text('def judge(messages):\n    return \'{"pass": true, "reason": "yes"}\'\n')
    done = hfrouter("test", str(path), "-m", "offline/echo", "--judge", f"{tmp_path}/who.py:judge")
    assert (done.code, done.err) == (0, "")
    refused = hfrouter(
        "test", str(path), "-m", "offline/echo:groq", "--judge", "offline/echo", "--budget", "0.000000001"
    )
    assert refused.code == 1
    assert "1 not asked" in refused.out


def test_code_of_checks_runs_only_when_it_is_allowed(hfrouter: Run, tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("[{prompt: please, checks: [{python: 'bots.py:polite'}]}]")
    (tmp_path / "bots.py").write_text(BOTS)
    refused = hfrouter("test", str(path), "-m", "offline/echo")
    assert (refused.code, refused.out) == (2, "")
    assert "--allow-python" in refused.err
    assert hfrouter("test", str(path), "-m", "offline/echo", "--allow-python").code == 0


def test_answers_are_kept_and_gone_on_from(hfrouter: Run, cases: str, tmp_path: Path) -> None:
    kept = ("--allow-models", "--resume", str(tmp_path / "kept.jsonl"))
    hfrouter("test", cases, *kept)
    again = hfrouter("test", cases, *kept)
    assert "2 of the answers are of an earlier run." in again.out


def test_cases_are_exported_and_nobody_is_asked(hfrouter: Run, host: Any, cases: str, tmp_path: Path) -> None:
    done = hfrouter("test", cases, "--export-inspect", f"{tmp_path}/i", "--export-promptfoo", f"{tmp_path}/p")
    assert done.code == 0
    assert "left out: inspect-ai: greeting: the check max-cost: 0.01" in done.out
    assert {path.name for path in (tmp_path / "i").iterdir()} == {"task.py", "cases.jsonl"}
    assert {path.name for path in (tmp_path / "p").iterdir()} == {
        "promptfooconfig.yaml",
        "hfrouter_provider.py",
    }
    assert not host.requests


def test_what_an_export_leaves_out_can_be_had_as_json(told: Run, cases: str, tmp_path: Path) -> None:
    done = told("test", cases, "--export-promptfoo", f"{tmp_path}/p", "--json")
    assert done.code == 0
    assert json.loads(done.out) == {"written": [f"{tmp_path}/p"], "left_out": []}
    done = told("test", cases, "--export-inspect", f"{tmp_path}/i", "--json")
    assert "inspect-ai: greeting: the check max-cost: 0.01" in json.loads(done.out)["left_out"][0]


def test_what_a_model_writes_cannot_move_the_cursor(hfrouter: Run, tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(
        json.dumps([{"name": "\x1b[2Jn", "prompt": "\x1b[2J" + "x" * 300, "checks": [{"equals": "a"}]}])
    )
    done = hfrouter("test", str(path), "-m", "offline/echo")
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.yaml",), "missing.yaml cannot be read"),
        (("CASES", "-m", "nowhere.py:bot"), "there is no file"),
        (("CASES", "-m", "FOLDER/bots.py:number"), "is a int, which cannot be asked"),
        (("CASES", "-o", "report.pdf"), "names no kind of report"),
        (("CASES", "--threshold", "0"), "--threshold"),
        (("CASES", "--budget", "much"), "much"),
    ],
    ids=["no file", "no object's file", "a number", "a pdf", "a threshold of 0", "a budget in words"],
)
def test_what_cannot_work_is_told_in_a_line_and_ends_with_2(
    hfrouter: Run, cases: str, tmp_path: Path, arguments: Any, said: str
) -> None:
    filled = [each.replace("CASES", cases).replace("FOLDER", str(tmp_path)) for each in arguments]
    done = hfrouter("test", *filled)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err
