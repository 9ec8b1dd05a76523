"""Results in a notebook: tables whose cells are text, whatever strangers wrote."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_core import HFRouter
from shared_core.hub import Hub
from shared_core.hub.compare import compared
from shared_core.hub.cost_report import cost_report
from shared_core.hub.recommend import recommended
from shared_core.hub.search import SearchResult
from shared_core.hub.tables import html_table
from shared_core.testing import OfflineRouter

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
TAGS = {"table", "thead", "tbody", "tr", "th", "td", "p"}


class Reader(HTMLParser):
    """The tags, attributes and texts of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes |= set(attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def is_harmless(html: str) -> bool:
    seen = Reader(html)
    sides = {("style", "text-align:left"), ("style", "text-align:right")}
    return set(seen.tags) <= TAGS and seen.attributes <= sides


@pytest.fixture(scope="module")
def found(host: OfflineRouter) -> SearchResult:
    about = {"base_url": str(host), "hub_url": host.root, "api_key": "k"}
    return Hub(HFRouter(**about)).search_models(task="text-generation", capability=["json"])


RESULTS = {
    "a search": lambda found: found,
    "a comparison": lambda found: compared([(model, None) for model in found]),
    "recommendations": lambda found: recommended(list(found)),
    "a month's costs": lambda found: cost_report(list(found), {"input": 10**9}, machine_usd="400"),
    "a month's costs without a machine": lambda found: cost_report(list(found), {"input": 10**9}),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_notebook_shows_a_table_with_every_model(make, found):
    html = make(found)._repr_html_()
    assert is_harmless(html)
    assert Reader(html).tags.count("table") == 1
    cells = [len(row.split("</td>")) - 1 for row in html.partition("<tbody>")[2].split("<tr>")[1:]]
    assert cells
    assert set(cells) == {html.count("<th ")}
    assert any("offline/json" in text for text in Reader(html).texts)


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_what_strangers_wrote_is_text_in_a_table(make, found):
    evil = tuple(
        replace(
            model,
            card=replace(model.card, id=EVIL, license=EVIL),
            offers=tuple(replace(offer, provider=EVIL) for offer in model.offers),
        )
        for model in found
    )
    html = make(replace(found, models=evil, notes=(EVIL,)))._repr_html_()
    assert is_harmless(html)
    assert "alert(1)" in "".join(Reader(html).texts)


def test_an_empty_result_is_an_empty_table():
    assert is_harmless(SearchResult(())._repr_html_())
    assert Reader(compared([])._repr_html_()).tags.count("td") == 0
    assert Reader(recommended([])._repr_html_()).tags.count("td") == 0
    assert Reader(cost_report([], {})._repr_html_()).tags.count("td") == 0


@given(
    st.lists(
        st.one_of(st.text(), st.none(), st.booleans(), st.integers(), st.floats()), min_size=1, max_size=5
    )
)
def test_any_cells_are_harmless_and_none_is_lost(row):
    html = html_table([str(cell) for cell in row], [row], [str(row[0])])
    assert is_harmless(html)
    assert Reader(html).tags.count("td") == len(row)


def test_numbers_are_written_for_people():
    html = html_table(["a"] * 5, [[131_072, 0.123456, None, True, Decimal("1.5")]])
    assert Reader(html).texts[5:] == ["131,072", "0.1235", "-", "✓", "1.5"]
    assert len(html_table(["a"], [["x" * 10_000]])) < 1_000


def test_a_gap_and_the_title_stand_on_the_side_of_their_column():
    html = html_table(["model", "cost"], [["a", None], ["b", "$0.20"]])
    assert html.count("text-align:right") == 3  # the title, the gap, the sum
    assert "right" not in html_table(["model", "license"], [["a", None]])
    assert html_table(["model"], []).count("<th ") == 1


def test_a_usage_in_floats_is_told_as_whole_tokens(found):
    note = compared([(model, None) for model in found], {"input": 1e6, "output": 10**12})._repr_html_()
    assert "1,000,000 tokens of input and 1,000,000,000,000 tokens of output" in note
