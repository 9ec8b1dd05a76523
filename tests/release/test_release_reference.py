"""The API reference: built without a warning, with an entry for every public name, and readable where it is hard."""

from __future__ import annotations

import html
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.release.conftest import ROOT

PAGES = ROOT / "build" / "reference" / "html"
SETTINGS = tomllib.loads((ROOT / ".ci" / "reference" / "zensical.toml").read_text())["project"]
MODULES = [
    page.removesuffix(".md") for part in SETTINGS["nav"][1:] for pages in part.values() for page in pages
]


@pytest.fixture(scope="module")
def pages() -> Path:
    """The folder of the pages; whoever wants to look at them finds them there afterwards."""
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "reference" / "build.py")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
    return PAGES


def page_of(pages: Path, module: str) -> str:
    return (pages / f"{module}.html").read_text()


def words(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", page)))


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry(module: str, pages: Path) -> None:
    entries = {*re.findall(r'<h[2-4] id="([\w.]+)"', page_of(pages, module))}
    names = {*importlib.import_module(module).__all__} - {"__version__"}
    # A function that is named like its file is found there.
    assert {name for name in names if not entries & {f"{module}.{name}", f"{module}.{name}.{name}"}} == set()


INNER = {"client", "flow", "wire", "providers", "routing", "storage", "policy", "transport", "cli"}
"""Rooms whose names are for the other rooms; what users need of them stands in `shared_core` itself."""


def test_every_room_with_names_for_users_has_a_page(pages: Path) -> None:
    rooms = {file.parent.name for file in (ROOT / "shared_core").glob("*/__init__.py")}
    assert {f"shared_core.{room}" for room in rooms - INNER} <= {*MODULES}
    assert {f"{module}.html" for module in MODULES} <= {path.name for path in pages.iterdir()}


@pytest.mark.parametrize("module", MODULES)
def test_a_session_of_the_interpreter_is_code_and_no_quotation(module: str, pages: Path) -> None:
    page = page_of(pages, module)
    assert "doctest: +" not in page
    assert "<blockquote>\n<blockquote>" not in page


def test_methods_that_a_client_inherits_stand_with_it(pages: Path) -> None:
    page = page_of(pages, "shared_core")
    for method in ("chat", "embed", "text_to_image", "batch", "estimate_cost"):
        assert f'id="shared_core.HFRouter.{method}"' in page
        assert f'id="shared_core.AsyncHFRouter.{method}"' in page


def test_arguments_are_a_list(pages: Path) -> None:
    said = words(page_of(pages, "shared_core"))
    assert "Parameters: store (" in said
    assert "Seconds until an answer is forgotten; None for never." in said


def test_langchains_own_sections_are_read(pages: Path) -> None:
    said = words(page_of(pages, "langchain_hfrouter"))
    for section in ("Setup", "Instantiate", "Invoke", "Stream", "Tool calling", "Structured output"):
        assert f" {section} " in said
    assert "temperature (float | None) – Randomness, 0 to 2." in said
    assert "async_transport (" in said


def test_nothing_is_fetched_from_elsewhere(pages: Path) -> None:
    elsewhere = r'"(?:https?:)?//'
    loaded = re.compile(
        rf'<(?:script|img|iframe)[^>]+src={elsewhere}|<link[^>]+rel="stylesheet"[^>]+href={elsewhere}'
    )
    assert not [path.name for path in pages.glob("*.html") if loaded.search(path.read_text())]
