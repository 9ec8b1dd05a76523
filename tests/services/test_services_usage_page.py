"""The page of a ledger in a browser: it opens without complaint, asks for nothing, and can be read on any screen."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

import pytest
from browser import Browser
from pages import check_page

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from kept import NOON, a_ledger

from shared_core import Ledger
from shared_core.observe.ledger import usage_page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    with Ledger(a_ledger(folder / "usage.sqlite")) as ledger:
        (folder / "usage.html").write_text(usage_page(ledger, now=NOON), encoding="utf-8")
    return folder / "usage.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_complaint_and_asks_for_nothing(browser: Browser, page: Path, scheme: str) -> None:
    opened = browser.open(page, color_scheme=scheme)
    assert opened.problems == opened.fetched == []
    for text in ("120 calls", "deepseek-ai/DeepSeek-V3.1", "unknown", "By user", "2026-11-27"):
        assert text in opened.text
    paper, ink = (
        opened.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color")
    )
    light, dark = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink))
    assert (light > dark) is (scheme == "light")


def test_it_reads_as_it_was_captured(browser: Browser, page: Path) -> None:
    check_page("usage", browser.open(page).text)


def test_the_bars_are_drawn_as_high_as_what_they_show(browser: Browser, page: Path) -> None:
    opened = browser.open(page)
    heights = opened.evaluate(
        "[...document.querySelectorAll('rect.cost')].map(bar => bar.getBoundingClientRect().height)"
    )
    with Ledger(page.with_name("usage.sqlite")) as ledger:
        costs = [float(day.cost) for day in ledger.by("day")]
    assert len(heights) == len(costs) == 12, "two days have nothing to show"
    assert [height / max(heights) for height in heights] == pytest.approx(
        [cost / max(costs) for cost in costs], abs=0.01
    )


@pytest.mark.parametrize("width", [360, 1000, 1800])
def test_nothing_sticks_out(browser: Browser, page: Path, width: int) -> None:
    opened = browser.open(page, width=width)
    assert opened.evaluate("document.documentElement.scrollWidth") == width


def test_it_can_be_printed(browser: Browser, page: Path) -> None:
    opened = browser.open(page, color_scheme="dark")
    pages = len(re.findall(rb"/Type\s*/Page\b", opened.paper()))
    assert 1 <= pages <= 3


def test_a_hostile_name_is_read_and_not_run(browser: Browser, tmp_path: Path) -> None:
    from ended_calls import ended

    name = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    ledger = Ledger()
    ledger(ended(model=name, usage_tags={name: name}))
    (tmp_path / "usage.html").write_text(
        usage_page(ledger, now=NOON, since=date(2026, 11, 1)), encoding="utf-8"
    )
    opened = browser.open(tmp_path / "usage.html")
    assert opened.problems == opened.fetched == []
    assert opened.evaluate("document.title") == "Usage"
    assert name in opened.text
