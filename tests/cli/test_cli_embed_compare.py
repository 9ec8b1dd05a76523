"""`embed-compare`: what a person sees, what a program gets, what is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

CAPTURES = Path(__file__).parent / "captures"
MODELS = ("-m", "offline/no-provider", "-m", "offline/embed-16")
PAIRS = """query,relevant
which cat sleeps on the mat,a cat sleeps on the mat
what is the price of bread,the price of bread went up
when does the train leave,the train leaves at noon
,a dog barks at night
"""


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS, encoding="utf-8")
    return str(path)


def without_times(shown: str) -> str:
    """A screen without what every run has its own of: times, the day, an id, and the widths they make."""
    shown = re.sub(
        r"^(offline\S+ .*?\S+-\S+ +\S+) +\S+ +\S+( +\d+)$", r"\1  N  N\2", shown, flags=re.MULTILINE
    )
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE", re.sub(r"Root=\S+", "ID", shown))
    shown = re.sub(r"\x1b\[[\d;]*m", "", shown)
    return re.sub(r" {2,}", "  ", re.sub("─+", "─", "\n".join(map(str.rstrip, shown.splitlines())))) + "\n"


@pytest.mark.parametrize("where", ["pipe", "terminal"])
def test_a_screen_looks_as_it_was_captured(hfrouter: Run, terminal: Run, pairs: str, where: str) -> None:
    arguments = ("embed-compare", pairs, *MODELS, "-m", "no/such", "-k", "1", "-k", "3")
    shown = hfrouter(*arguments).out if where == "pipe" else terminal(*arguments)
    assert max(map(len, re.sub(r"\x1b\[[\d;]*m|.*\r", "", shown).splitlines())) <= 80
    table = without_times(shown[shown.index("model  ") :] if where == "pipe" else shown.rpartition("\r")[2])
    table = re.sub(r"^\[#.*\n", "", table, flags=re.MULTILINE)
    assert table == (CAPTURES / "embed-compare.txt").read_text(encoding="utf-8")


@pytest.mark.pinned_set  # in the words of the tested typer
def test_its_help_fits_and_shows_examples(hfrouter: Run) -> None:
    done = hfrouter("embed-compare", "--help")
    assert done.out == (CAPTURES / "embed-compare-help.txt").read_text(encoding="utf-8")
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_program_gets_json_and_files(hfrouter: Run, pairs: str, tmp_path: Path) -> None:
    names = [tmp_path / f"report.{ending}" for ending in ("html", "md", "csv", "json")]
    written = [word for name in names for word in ("-o", str(name))]
    done = hfrouter("embed-compare", pairs, *MODELS, "--json", *written)
    told = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert [model["model"] for model in told["models"]] == ["offline/no-provider", "offline/embed-16"]
    assert json.loads(names[3].read_text()) == told
    assert all("offline/embed-16" in name.read_text() for name in names)


def test_prompts_and_further_documents_reach_the_model(
    hfrouter: Run, pairs: str, tmp_path: Path, host: Any
) -> None:
    (tmp_path / "more.txt").write_text("ships sail\n", encoding="utf-8")
    further = ("--documents", str(tmp_path / "more.txt"), "--query-prompt", "q: ", "--document-prompt", "d: ")
    done = hfrouter("embed-compare", pairs, *MODELS[:2], *further)
    assert done.code == 0, done.err
    sent = [request.json["input"] for request in host.requests if request.path.endswith("embeddings")]
    texts = {text for each in sent for text in ([each] if isinstance(each, str) else each)}
    assert {"d: ships sail", "q: when does the train leave"} <= texts


def test_with_a_cache_the_second_run_asks_nobody(
    hfrouter: Run, pairs: str, host: Any, environment: Any, tmp_path: Path
) -> None:
    environment["XDG_CACHE_HOME"] = str(tmp_path)
    assert hfrouter("embed-compare", pairs, *MODELS, "--cache").code == 0
    host.forget()
    again = hfrouter("embed-compare", pairs, *MODELS, "--cache")
    assert not [request for request in host.requests if request.path.endswith("embeddings")]
    assert "had 7 vectors in its cache" in again.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "No model was given"),
        (("-m", "a/b", "-m", "a/b"), 2, "A model is given twice"),
        (("-m", "a/b", "-o", "x.pdf"), 2, "x.pdf names no kind of report"),
        (("-m", "a/b", "--similarity", "near"), 2, "There is no similarity 'near'"),
        (("-m", "a/b", "--documents", "none.txt"), 2, "none.txt cannot be read"),
        pytest.param(
            ("-m", "a/b", "-k", "0"),
            2,
            "greater than or equal to 1",
            marks=pytest.mark.pinned_set,  # the words of the tested typer
        ),
        (("-m", "local:"), 2, "needs a model"),
    ],
    ids=[
        "no model",
        "one twice",
        "a form that is none",
        "a similarity that is none",
        "no file",
        "k of 0",
        "no name",
    ],
)
def test_an_error_is_one_clear_line_and_a_code(
    hfrouter: Run, pairs: str, arguments: Any, code: int, said: str
) -> None:
    done = hfrouter("embed-compare", pairs, *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_a_model_that_fails_is_told_and_ends_with_code_1(hfrouter: Run, pairs: str) -> None:
    done = hfrouter("embed-compare", pairs, "-m", "no/such")
    assert done.code == 1
    assert "no/such failed: ModelNotServed" in done.out
    assert "nDCG" not in done.out
