"""The offline router is an independent judge: it shares no code with the client it judges."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import shared_core.testing

ROOM = Path(shared_core.testing.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))


def imported_names(path: Path) -> list[str]:
    """Absolute names of everything that a file of the room imports, lazily or not."""
    package = ["shared_core", "testing", *path.relative_to(ROOM).parent.parts]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found += [".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOM)))
def test_no_file_of_the_room_imports_anything_of_ours_but_the_version(path: Path) -> None:
    allowed = ("shared_core.testing", "shared_core._version")
    ours = [
        n for n in imported_names(path) if n.startswith(("shared_core", "langchain_hf", "llama_index_hf"))
    ]
    assert [name for name in ours if not name.startswith(allowed)] == []


def test_the_check_sees_relative_imports_too() -> None:
    assert "shared_core.testing.call.ChatCall" in imported_names(ROOM / "brains" / "echo.py")
    assert "shared_core._version.__version__" in imported_names(ROOM / "__main__.py")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_importing_the_room_loads_no_server_and_no_model_library() -> None:
    code = (
        "import sys, shared_core.testing\n"
        "heavy = {'starlette', 'uvicorn', 'torch', 'numpy', 'sentence_transformers', 'httpx2', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run_python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_server_library_is_an_error_that_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from shared_core.testing import offline_router\n"
        "with offline_router(): pass"
    )
    assert 'pip install "hfrouter[offline]"' in run_python(code).stderr.splitlines()[-1]
