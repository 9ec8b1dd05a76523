"""The page of a comparison in a real browser: by day and by night, on a phone, on paper, and against its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.made_up import HOSTILE, answer, comparison, failure
from tests.services.browser import Browser
from tests.services.pages import check_page

OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('svg.scatter .label')].map(each => each.getBoundingClientRect());
  let found = 0;
  boxes.forEach((one, place) => boxes.slice(place + 1).forEach(other => {
    const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (wide > 2 && high > 4) found += 1;
  }));
  return found;
})()"""
INERT = """[document.scripts.length, document.images.length,
  document.querySelectorAll('[onerror], [onload], a:not([href^="#"])').length]"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def usual() -> Any:
    """Five models, of which one fails now and then and one is free."""

    def make(m: int, p: int, r: int) -> Any:
        if m == 3 and (p + r) % 3 == 0:
            return failure("RateLimited", "Too many requests.", "Wait a little.")
        return answer((1.2, 0.5, 0.35, 3.2, 1.0)[m] * (1 + 0.1 * p + 0.05 * r), ("3", "5", "9", "2", "0")[m])

    models = [
        "openai/gpt-oss-120b",
        "Qwen/Qwen3-32B",
        "meta-llama/Llama-3.3-70B-Instruct:cerebras",
        "a/b",
        "c/d",
    ]
    return comparison(models, [f"Prompt {n}" for n in range(4)], 3, make)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return usual().save(tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_without_complaint_and_fetches_nothing(
    browser: Browser, report: Path, scheme: str
) -> None:
    page = browser.open(report, color_scheme=scheme)
    assert page.problems == page.fetched == []
    for part in (
        "Models on your own prompts",
        "Cheapest: c/d",
        "Cost against latency",
        "How it was measured",
    ):
        assert part in page.text
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    dark = scheme == "dark"
    assert (_light(colours[0]), _light(colours[1])) == ((False, True) if dark else (True, False))


def test_it_reads_as_it_was_captured(browser: Browser, report: Path) -> None:
    check_page("comparison", browser.open(report).text)


def test_its_plots_are_drawn_with_a_point_and_a_label_for_each_model(browser: Browser, report: Path) -> None:
    page = browser.open(report)
    sizes = page.evaluate(
        "[...document.querySelectorAll('svg')].map(each => each.getBoundingClientRect().height)"
    )
    assert len(sizes) == 3
    assert min(sizes) > 150
    assert page.evaluate("document.querySelectorAll('svg.scatter .best, svg.scatter .beaten').length") == 5
    assert page.evaluate("document.querySelectorAll('svg .dots').length") == 10
    assert page.evaluate(OVERLAPS) == 0


def test_many_points_that_are_close_keep_their_labels_apart(browser: Browser, tmp_path: Path) -> None:
    made = comparison(
        [f"maker/model-{n}" for n in range(14)],
        ["x"],
        make=lambda m, p, r: answer(1 + m / 40, f"{1 + m % 3 / 9:.3f}"),
    )
    assert browser.open(made.save(tmp_path / "close.html")).evaluate(OVERLAPS) == 0


def test_on_a_phone_the_page_is_no_wider_than_the_screen(browser: Browser, report: Path) -> None:
    assert browser.open(report, width=360, height=740).evaluate(WIDER) <= 0


def test_on_paper_answers_that_were_closed_stand_open(browser: Browser, report: Path) -> None:
    is_seen = "document.querySelector('.card .words').checkVisibility()"
    assert not browser.open(report).evaluate(is_seen)
    page = browser.open(report, media="print")
    assert page.evaluate(is_seen)
    assert page.paper().startswith(b"%PDF")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_answers_that_would_run_are_read(browser: Browser, tmp_path: Path, text: str) -> None:
    def make(m: int, p: int, r: int) -> Any:
        return failure(error=text, why=text, hint=text) if m == 2 else answer(text=text, provider=text)

    made = comparison(
        [f"{text} 1", f"{text} 2", f"{text} 3"], [{"name": text, "prompt": text}], 2, make, notes=[text]
    )
    page = browser.open(made.save(tmp_path / "hostile.html", title=text))
    assert page.evaluate(INERT) == [0, 0, 0]
    assert page.problems == page.fetched == []
    assert page.evaluate("document.querySelectorAll('.card').length") == 3


def test_one_model_and_none_that_answered(browser: Browser, tmp_path: Path) -> None:
    one = browser.open(comparison(["a"], ["x"]).save(tmp_path / "one.html"))
    assert "Cost: $1.00 for 1,000 answers." in one.text
    none = browser.open(
        comparison(["a", "b"], ["x"], make=lambda m, p, r: failure()).save(tmp_path / "none.html")
    )
    assert "Nobody answered" in none.text
    assert one.problems == none.problems == []


def _light(colour: str) -> bool:
    numbers = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(numbers) > 3 * 127
