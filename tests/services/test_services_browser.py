"""The browser that judges our HTML: it sees what it should, and would notice what it should not."""

from __future__ import annotations

from pathlib import Path

from browser import Browser


def page(folder: Path, body: str) -> Path:
    file = folder / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><title>t</title><body>{body}", encoding="utf-8")
    return file


def test_a_quiet_page_is_read_measured_and_drawn(browser: Browser, tmp_path: Path) -> None:
    opened = browser.open(page(tmp_path, "<h1>Costs</h1><p hidden>unseen</p>"), width=500)
    assert opened.text.strip() == "Costs"
    assert opened.problems == opened.fetched == []
    assert opened.evaluate("innerWidth") == 500
    assert opened.picture(tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert opened.paper().startswith(b"%PDF")


def test_errors_and_what_is_fetched_are_noticed(browser: Browser, tmp_path: Path) -> None:
    opened = browser.open(
        page(tmp_path, "<img src=no.png><script>console.error('oh'); setTimeout(() => nobody())</script>")
    )
    assert [address.rsplit("/", 1)[1] for address in opened.fetched] == ["no.png"]
    assert "oh" in opened.problems
    assert any("nobody is not defined" in problem for problem in opened.problems)


def test_what_the_reader_has_is_known_to_the_page(browser: Browser, tmp_path: Path) -> None:
    file = page(tmp_path, "<p>x</p>")
    for dark in ("dark", "light"):
        opened = browser.open(file, color_scheme=dark)
        assert opened.evaluate(f"matchMedia('(prefers-color-scheme: {dark})').matches")
    assert browser.open(file, media="print").evaluate("matchMedia('print').matches")
