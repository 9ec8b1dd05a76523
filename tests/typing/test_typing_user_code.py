"""User code is checked by mypy as users do: what is right passes, and what is wrong is an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

FOLDER = Path(__file__).with_name("user_code")
ROOT = Path(__file__).parents[2]
FOUND = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$", re.MULTILINE)


def expected_errors(path: Path) -> set[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    marks = ((number, re.search(r"# wrong: ([a-z-]+)$", line)) for number, line in enumerate(lines, 1))
    return {(number, mark.group(1)) for number, mark in marks if mark}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_mypy_finds_what_is_wrong_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    # The project's own cache: the packages under test were checked into it by `make test`.
    output, complaint, _ = api.run(
        ["--strict", "--no-error-summary", "--config-file", "pyproject.toml", str(path)]
    )
    assert complaint == ""
    found = {
        (int(match["line"]), match["code"]) for match in FOUND.finditer(output) if path.name in match["file"]
    }
    assert found == expected_errors(path), output
    assert all(path.name in match["file"] for match in FOUND.finditer(output)), output


def test_the_marks_are_read() -> None:
    assert len(expected_errors(FOLDER / "core.py")) >= 15


def test_every_package_says_that_it_is_typed() -> None:
    names = ("shared_core", "langchain_hfrouter", "llama_index_hfrouter")
    assert all((ROOT / name / "py.typed").exists() for name in names)
