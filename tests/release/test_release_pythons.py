"""The wheel on every Python that it says it runs on: a quick part of our own suite, on those that are here.

`make test-pythons` runs this. What stands here alone counts as tested; `make test` runs all of it on one Python.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.release.conftest import ROOT, Built, Environments

SAID = ("3.11", "3.12", "3.13")
"""The versions of the classifiers."""

QUICK = ("wire", "flow", "types", "routing", "catalog", "contract", "langchain", "llama_index")
"""The rooms without which nothing works, and both adapters: some 3500 tests in two minutes."""


def found(version: str) -> Path | None:
    """The Python of that version: on the path, or where pyenv keeps it."""
    kept = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    for each in [*kept, *([Path(on_path)] if on_path else [])]:
        done = subprocess.run([each, "--version"], capture_output=True, text=True)
        if re.fullmatch(rf"Python {re.escape(version)}\.\d+\s*", done.stdout):
            return each
    return None


@pytest.mark.parametrize("version", SAID)
def test_the_wheel_passes_the_quick_part_of_the_suite(
    version: str, built: Built, environments_elsewhere: Environments, tmp_path: Path
) -> None:
    python = found(version)
    if python is None:
        pytest.skip(f"Python {version} is not on this machine")
    with environments_elsewhere.empty(f"python-{version}", python) as environment:
        began = time.monotonic()
        wheel = f"hfrouter[floor] @ {built.wheel.as_uri()}"
        environment.pip(
            "install", "--quiet", "--no-compile", "--constraint", str(ROOT / "constraints.txt"), wheel
        )
        environments_elsewhere.measured(f"Python {version}", environment, began)
        environment.pip("check")
        # The tests alone, so that it is the wheel that they import.
        shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(
            ROOT / "cookbook", tmp_path / "cookbook", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        done = subprocess.run(
            [environment.python, "-m", "pytest", "-m", "not pinned_set", "-p", "no:cacheprovider"]
            + [f"tests/{room}" for room in QUICK],
            cwd=tmp_path,
            env={**environment.variables, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-8000:]
        passed = re.search(r"(\d+) passed", done.stdout)
        assert passed
        assert int(passed[1]) > 3000
