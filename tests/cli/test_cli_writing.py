"""Files that commands write: a full disk loses neither what was there nor what was paid for."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core.testing import OfflineRouter
from tests.cli.conftest import _COMMAND
from tests.cli.kept import a_ledger

Run = Callable[..., Any]

PAIRS = "query,relevant\nwhich cat,a cat sleeps\nwhat bread,the price of bread\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.json").write_text('[{"prompt": "a", "checks": [{"equals": "a"}]}]')
    (tmp_path / "pairs.csv").write_text(PAIRS)
    (tmp_path / "prompts.json").write_text('["Hello!"]')
    a_ledger(tmp_path / "usage.sqlite")
    for ending in ("html", "csv", "json", "md", "xml"):
        (tmp_path / f"full.{ending}").symlink_to("/dev/full")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("usage", "--ledger", "usage.sqlite", "-o", "full.html", "-o", "fine.csv"), "tokens"),
        (("compare", "offline/echo", "-p", "Hello!", "-o", "full.html", "-o", "fine.csv"), "tok/s"),
        (("test", "cases.json", "-m", "offline/echo", "-o", "full.json", "-o", "fine.md"), "1 of 1 passed"),
        (
            ("test", "cases.json", "-m", "offline/echo", "--junit", "full.xml", "-o", "fine.md"),
            "1 of 1 passed",
        ),
        (("embed-compare", "pairs.csv", "-m", "offline/embed-16", "-o", "full.csv", "-o", "fine.md"), "nDCG"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_report_that_cannot_be_written_is_told_after_all_that_can(
    told: Run, here: Path, arguments: tuple[str, ...], shown: str
) -> None:
    done = told(*arguments)
    assert done.code == 2
    assert shown in done.out
    assert "cannot be written: No space left on device" in " ".join(done.err.split())
    assert (here / "fine.csv").exists() or (here / "fine.md").exists()


def test_what_was_paid_for_is_kept_where_a_report_cannot_be_written(
    told: Run, here: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(here))
    done = told("compare", "offline/echo", "-p", "Hello!", "-o", "full.csv")
    (kept,) = here.glob("hfrouter-answers-*.jsonl")
    assert f"add: --resume {kept}" in " ".join(done.err.split())
    again = told("compare", "offline/echo", "-p", "Hello!", "-o", "fine.csv", "--resume", str(kept))
    assert "1 of the answers is of an earlier run." in again.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "offline/echo", "-p", "Hello!", "-o", "report.html"),
        ("embed-compare", "pairs.csv", "-m", "offline/embed-16", "-o", "report.html"),
    ],
    ids=lambda value: value[0],
)
def test_a_full_disk_leaves_the_report_that_was_there(
    here: Path, environment: dict[str, str], host: OfflineRouter, arguments: tuple[str, ...]
) -> None:
    (here / "report.html").write_text("old")
    before = sorted(each.name for each in here.iterdir())
    done = subprocess.run(
        [*_COMMAND, *arguments],
        # Python would write its own files cut short, and read them again.
        env={**environment, "TMPDIR": str(here.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.returncode == 2
    assert "report.html cannot be written" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert (here / "report.html").read_text() == "old"
    assert sorted(each.name for each in here.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("test", "cases.json", "-m", "offline/echo", "-o", "cases.json"), "cases.json has another use"),
        (("test", "cases.json", "-m", "offline/echo", "--junit", "cases.json"), "cases.json has another use"),
        (
            ("test", "cases.json", "-m", "offline/echo", "-o", "a.xml", "--junit", "./a.xml"),
            "has another use",
        ),
        (
            ("compare", "a/b", "--prompts", "prompts.json", "-o", "prompts.json"),
            "prompts.json has another use",
        ),
        (("embed-compare", "pairs.csv", "-m", "a/b", "-o", "pairs.csv"), "pairs.csv has another use"),
        (("usage", "--ledger", "usage.sqlite", "-o", "a.csv", "-o", "a.csv"), "a.csv has another use"),
        (("compare", "a/b", "-p", "x", "-o", "folder.md"), "folder.md is a folder"),
        (("compare", "a/b", "-p", "x", "-o", "cases.json/a.md"), "Nothing can be written in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_place_that_cannot_be_meant_is_told_before_anybody_is_asked(
    told: Run, host: OfflineRouter, here: Path, arguments: tuple[str, ...], said: str
) -> None:
    (here / "folder.md").mkdir()
    before = (here / "cases.json").read_bytes()
    done = told(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert not host.requests
    assert (here / "cases.json").read_bytes() == before


@pytest.mark.parametrize("option", ["--export-inspect", "--export-promptfoo"])
def test_an_export_writes_over_nothing(told: Run, here: Path, option: str) -> None:
    mine = here / ("cases.jsonl" if option == "--export-inspect" else "promptfooconfig.yaml")
    mine.write_text('{"prompt": "mine", "checks": [{"equals": "a"}]}\n')
    before = sorted(each.name for each in here.iterdir())
    done = told("test", "cases.json", option, ".")
    assert (done.code, "is there already" in done.err) == (2, True)
    assert "mine" in mine.read_text()
    assert sorted(each.name for each in here.iterdir()) == before


def test_vectors_are_one_document_of_json_or_a_line_each(told: Run, here: Path, host: OfflineRouter) -> None:
    command = ("embed", "-m", "offline/embed-4", "--base-url", str(host))
    lines = told(*command, stdin="one\ntwo\n").out.splitlines()
    found = json.loads(told(*command, "--json", stdin="one\ntwo\n").out)
    assert found["vectors"] == [json.loads(line) for line in lines]
    assert (found["rows"], found["failed"]) == (2, 0)
    assert json.loads(told(*command, "--json", stdin="").out)["vectors"] == []
    assert "vectors" not in json.loads(told(*command, "--json", "-o", "v.npy", stdin="one\n").out)
