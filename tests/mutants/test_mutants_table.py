"""The table of sabotages must not rot: each place still exists, once, and each names tests that are there."""

from __future__ import annotations

import ast
import difflib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


sys.path.insert(0, str(Path(__file__).parent))

from mutants import MUTANTS  # noqa: E402

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@each_mutant
def test_a_sabotage_finds_its_place_exactly_once(mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1


@each_mutant
def test_a_sabotage_changes_one_line_and_leaves_python_behind(mutant) -> None:
    before = (ROOT / mutant.file).read_text(encoding="utf-8")
    after = before.replace(mutant.old, mutant.new)
    changes = [line[0] for line in difflib.ndiff(before.splitlines(), after.splitlines())]
    assert 0 < changes.count("-") + changes.count("+") <= 2
    assert max(changes.count("-"), changes.count("+")) == 1
    ast.parse(after)


@each_mutant
def test_a_sabotage_names_tests_that_exist(mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, *names = test.split("::")
        path = ROOT / file
        assert path.is_file() if names else path.exists()
        for name in names:
            source = path.read_text(encoding="utf-8")
            assert f"def {name}(" in source or f"class {name}(" in source or f"class {name}:" in source


def test_there_are_thirty_sabotages_and_more_each_with_a_name_of_its_own() -> None:
    assert len(MUTANTS) >= 30
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_every_package_and_room_with_behaviour_is_sabotaged() -> None:
    places = {"/".join(Path(mutant.file).parts[:2]) for mutant in MUTANTS}
    rooms = ("types", "policy", "flow", "wire", "transport", "client", "routing", "cache", "local")
    assert {f"shared_core/{room}" for room in rooms} <= places
    assert {Path(place).parts[0] for place in places} == {
        "shared_core",
        "langchain_hfrouter",
        "llama_index_hfrouter",
    }
