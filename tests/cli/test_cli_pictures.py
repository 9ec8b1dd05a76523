"""The pictures of screens show what the captures show, load nothing, and are the ones that the script draws."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pictures import CAPTURES, PICTURES, SCREENS, picture, text_of


@pytest.mark.parametrize("name", SCREENS)
def test_a_picture_shows_its_capture(name: str) -> None:
    svg = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    command, lines = text_of(svg)
    assert command == SCREENS[name]
    assert lines == (CAPTURES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert svg == picture(name), "draw it anew: python tests/cli/pictures.py"


@pytest.mark.parametrize("name", SCREENS)
def test_a_picture_loads_nothing_and_runs_nothing(name: str) -> None:
    svg = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "style", "rect", "path", "circle", "text"}
    assert "url(" not in svg
    assert "@import" not in svg
    assert "href" not in svg
    assert svg.count("http") == 1, "the name of SVG itself"


def test_no_picture_is_left_of_a_screen_that_is_no_more() -> None:
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(SCREENS)
