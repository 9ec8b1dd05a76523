"""The runner of the sabotages tells red from green, and both from runs that prove nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mutant import Mutant


def load_runner():
    """Under a name of its own: other folders have a `run` too."""
    spec = importlib.util.spec_from_file_location("run_mutants", Path(__file__).with_name("run.py"))
    runner = importlib.util.module_from_spec(spec)
    sys.modules["run_mutants"] = runner  # dataclasses look their module up there
    spec.loader.exec_module(runner)
    return runner


run = load_runner()

PRODUCT = "def answer():\n    return 42\n"
TEST = "from product import answer\n\ndef test_the_answer():\n    assert answer() == 42\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "product.py").write_text(PRODUCT)
    (tmp_path / "test_product.py").write_text(TEST)
    return tmp_path


@pytest.mark.parametrize(
    ("new", "tests", "status"),
    [
        pytest.param("return 41", ("test_product.py",), "red", id="a test fails"),
        pytest.param("return 6 * 7", ("test_product.py",), "green", id="no test notices"),
        pytest.param("return 4 2", ("test_product.py",), "broken", id="nothing can be imported"),
        pytest.param("return 41", ("test_product.py::test_gone",), "broken", id="no such test"),
    ],
)
def test_only_a_test_that_fails_kills_a_sabotage(
    copy: Path, new: str, tests: tuple[str, ...], status: str
) -> None:
    mutant = Mutant("The answer is wrong", "product.py", "return 42", new, tests)
    with run.sabotaged(copy, mutant):
        verdict = run.run_tests(copy, tests)
    assert verdict.status == status, verdict.about
    assert (copy / "product.py").read_text() == PRODUCT
    assert status != "red" or verdict.about == "test_product.py::test_the_answer"


def test_a_run_without_end_is_ended_and_kills_nothing(copy: Path) -> None:
    (copy / "test_product.py").write_text("import time\n\ndef test_for_ever():\n    time.sleep(600)\n")
    verdict = run.run_tests(copy, ("test_product.py",), longest=1.5)
    assert verdict.status == "broken"
    assert "no end" in verdict.about


def test_a_place_that_is_gone_or_occurs_twice_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    file = "shared_core/policy/retry.py"
    gone = Mutant("Gone", file, "what was never written", "", ("tests/policy",))
    twice = Mutant("Twice", file, "attempt", "", ("tests/policy",))
    assert not run.check_anchors([gone])
    assert not run.check_anchors([twice])
    assert "Gone: its place occurs 0 times" in capsys.readouterr().out
