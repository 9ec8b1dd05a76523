"""`--dry-run`, and whom only a file names: what is shown, what is asked, and that nothing happens before."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screens import check

from shared_core.testing import OfflineRouter

Run = Callable[..., Any]

STRANGER = """
models: [offline/echo:groq]
judge: offline/echo:groq
embedder: local:nobody/has-this
options: {max_tokens: 50}
repeats: 2
cases:
  - name: greeting
    prompt: Say hello, please.
    checks: [{icontains: hello}, {llm-rubric: It is friendly.}, {similar: hello}]
  - name: picture
    messages: [{role: user, content: [{type: image_url, image_url: {url: "https://example.org/a.png"}}]}]
    checks: [{contains: a}, {python: "spy.py:look"}]
"""
SPY = "open(__file__ + '.ran', 'w').close()\n\n\ndef look(answer):\n    return True\n"
PAIRS = "query,relevant\nwhich cat,a cat sleeps\nwhat bread,the price of bread\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    """A folder with a stranger's files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.yaml").write_text(STRANGER)
    (tmp_path / "spy.py").write_text(SPY)
    (tmp_path / "pairs.csv").write_text(PAIRS)
    (tmp_path / "simple.yaml").write_text(
        "models: [offline/echo:groq]\ncases: [{prompt: a, checks: [{equals: a}]}]"
    )
    return tmp_path


def asked(host: OfflineRouter) -> list[str]:
    """What was sent besides questions for the catalogue of prices, which are free."""
    return [request.path for request in host.requests if not request.path.endswith("/models")]


def test_a_dry_run_of_cases_looks_as_it_was_captured_and_asks_nobody(
    told: Run, host: OfflineRouter, here: Path
) -> None:
    done = told("test", "cases.yaml", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert asked(host) == []
    assert not (here / "spy.py.ran").exists()
    check("test-dry-run", done.out)


def test_a_dry_run_is_json_for_a_program(told: Run, here: Path) -> None:
    found = json.loads(told("test", "cases.yaml", "--dry-run", "--json", "--budget", "0.50").out)
    model, judge, embedder = found["subjects"]
    assert [each["calls"] for each in found["subjects"]] == [4, 2, 3]
    assert (model["role"], model["completion_tokens"], model["cost"]["high"]["usd"]) == (
        "model",
        [0, 200],
        None,
    )
    assert "image_url" in model["cost"]["high"]["note"]
    assert judge["cost"]["high"]["usd"] is not None
    assert (embedder["where"], embedder["download"]) == ("this machine", "nobody/has-this")
    assert (found["code"], found["options"], found["repeats"]) == (["spy.py:look"], ["max_tokens"], 2)
    assert found["high"]["usd"] is None


def test_objects_of_the_command_line_are_not_loaded_by_a_dry_run(told: Run, here: Path) -> None:
    found = json.loads(told("test", "cases.yaml", "-m", "spy.py:look", "--dry-run", "--json").out)
    assert (found["subjects"][0]["name"], found["subjects"][0]["where"]) == ("spy.py:look", "your code")
    assert not (here / "spy.py.ran").exists()


def test_the_upper_bound_holds(told: Run, here: Path) -> None:
    asked = ("compare", "offline/echo:groq", "-p", "Hello!", "-p", "Good morning to you all.", "-r", "3")
    high = json.loads(told(*asked, "--max-tokens", "20", "--dry-run", "--json").out)["high"]["usd"]
    really = json.loads(told(*asked, "--max-tokens", "20", "--json").out)["models"][0]["cost"]
    assert 0 < float(really) <= float(high)


def test_a_dry_run_of_a_comparison_looks_as_it_was_captured(
    told: Run, host: OfflineRouter, here: Path
) -> None:
    models = ("offline/echo:groq", "offline/tools:groq", "no/such")
    done = told("compare", *models, "-p", "Hello!", "--max-tokens", "100", "--budget", "0.10", "--dry-run")
    assert (done.code, done.err, asked(host)) == (0, "", [])
    check("compare-dry-run", done.out)


def test_a_dry_run_of_embedders_looks_as_it_was_captured(told: Run, host: OfflineRouter, here: Path) -> None:
    (here / "folder").mkdir()
    models = ("offline/embed-16", "local:nobody/has-this", "local:folder")
    done = told(
        "embed-compare", "pairs.csv", *(word for name in models for word in ("-m", name)), "--dry-run"
    )
    assert (done.code, done.err, asked(host)) == (0, "", [])
    check("embed-compare-dry-run", done.out)


@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "cases.yaml", "--dry-run", "--repeats", "0"),
        ("test", "cases.yaml", "--dry-run", "-o", "x.pdf"),
        ("test", "none.yaml", "--dry-run"),
        ("compare", "a/b", "--dry-run"),
        ("compare", "a/b", "-p", "x", "--budget", "much", "--dry-run"),
        ("embed-compare", "none.csv", "-m", "a/b", "--dry-run"),
        ("embed-compare", "pairs.csv", "-m", "local:no such/thing/at all", "--dry-run"),
    ],
    ids=" ".join,
)
def test_what_cannot_work_is_told_by_a_dry_run_too(told: Run, here: Path, arguments: tuple[str, ...]) -> None:
    done = told(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_in_a_pipe_whom_only_the_file_names_is_not_asked(
    hfrouter: Run, host: OfflineRouter, here: Path
) -> None:
    done = hfrouter("test", "cases.yaml", "--allow-python")
    assert (done.code, done.out, asked(host)) == (2, "", [])
    said = " ".join(done.err.split())
    assert (
        "Only cases.yaml names the model offline/echo:groq, the judge offline/echo:groq, the embedder "
        "local:nobody/has-this. Nobody was asked. Next: Name them with -m, --judge and --embedder, or allow what the "
        "file names: --allow-models." in said
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--allow-models",),
        ("-m", "offline/echo:groq"),
        ("-m", "offline/echo:groq", "-m", "offline/tools:groq"),
    ],
    ids=" ".join,
)
def test_what_is_allowed_or_named_is_asked_without_a_word(told: Run, here: Path, arguments: Any) -> None:
    done = told("test", "simple.yaml", *arguments)
    assert "names" not in done.err
    assert "offline/echo:groq" in done.out


def test_a_judge_that_the_command_line_names_as_a_model_needs_no_leave(told: Run, here: Path) -> None:
    (here / "judged.yaml").write_text(
        "judge: offline/echo\nembedder: nobody/needs-this\ncases: [{prompt: a, checks: [{llm-rubric: kind}]}]"
    )
    assert "names" not in told("test", "judged.yaml", "-m", "offline/echo").err
    refused = told("test", "judged.yaml", "-m", "offline/tools")
    assert (refused.code, "names the judge offline/echo." in " ".join(refused.err.split())) == (2, True)


@pytest.mark.parametrize(
    ("answer", "is_asked"), [("y\n", True), ("n\n", False), ("\x03", False)], ids=["yes", "no", "Ctrl-C"]
)
def test_on_a_terminal_a_person_is_shown_whom_and_asked(
    terminal: Run, host: OfflineRouter, here: Path, answer: str, is_asked: bool
) -> None:
    shown = terminal("test", "simple.yaml", typing=(("[y/N]: ", answer),))
    assert "simple.yaml names whom to ask: the model offline/echo:groq." in shown
    assert "at most" in shown
    assert ("1 of 1 passed" in shown) is is_asked
    assert "Traceback" not in shown
    assert bool(asked(host)) is is_asked


def test_a_file_that_names_very_many_is_told_in_few_words(told: Run, here: Path) -> None:
    names = [f"org/model-{number}" for number in range(2000)]
    (here / "many.json").write_text(
        json.dumps({"models": names, "cases": [{"prompt": "a", "checks": [{"equals": "a"}]}]})
    )
    refused = " ".join(told("test", "many.json").err.split())
    assert "the model org/model-19 and 1,980 more. Nobody was asked." in refused
    assert "and 1980 more, which --json has" in told("test", "many.json", "--dry-run").out


def test_a_strangers_names_cannot_drive_the_terminal(told: Run, here: Path) -> None:
    (here / "evil.json").write_text(
        json.dumps(
            {
                "models": ["\x1b[2J" + "m" * 200],
                "judge": "\x1b]0;mine\x07/j",
                "cases": [{"prompt": "a", "checks": [{"llm-rubric": "x"}, {"python": "\x1b[2Ja.py:b"}]}],
            }
        )
    )
    for done in (told("test", "evil.json", "--dry-run"), told("test", "evil.json", "--allow-python")):
        assert "\x1b" not in done.out + done.err
        assert max(map(len, done.out.splitlines()), default=0) <= 80
