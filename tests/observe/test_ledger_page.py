"""A ledger as bars and as a page: no day is left out, what is unknown is said to be, and names are nothing but text."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from ended_calls import ended

from shared_core import Ledger
from shared_core.observe.ledger import Periods, usage_page
from shared_core.types import Cost, Usage

DAY = 86_400
NOON = 1_795_780_800.0  # of 2026-11-27
VOID = {"meta", "link", "br", "img"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=y>&amp;\x1b[31m\x00\u202e"


def usd(text: str) -> Cost:
    return Cost(Decimal(text), "price list", "2026-11-01")


def ledger_of(*calls: dict[str, Any]) -> Ledger:
    ledger = Ledger()
    for number, call in enumerate(calls):
        ledger(ended(id=str(number), **call))
    return ledger


class Reader(HTMLParser):
    """What a browser would make of it: tags, attributes, text; and whether each tag is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text, self._open = "", list[str]()
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect"):
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data


@pytest.mark.parametrize(
    ("days", "unit", "first", "count"),
    [
        ([0], "day", "2026-11-27", 1),
        ([0, 30], "day", "2026-10-28", 31),
        ([0, 31], "week", "2026-10-26", 5),
        ([0, 300], "month", "2026-01", 11),
        ([0, 2000], "year", "2021", 6),
        ([0, 365 * 45], "year", "1996", 31),
    ],
    ids=[
        "a day",
        "as many days as there is room for",
        "weeks",
        "months",
        "years",
        "the last of many years",
    ],
)
def test_bars_are_the_shortest_periods_that_there_is_room_for(
    days: list[int], unit: str, first: str, count: int
) -> None:
    ledger = ledger_of(*({"at": NOON - day * DAY, "cost": usd("1")} for day in days))
    periods = Periods.of(ledger.by("day"))
    assert (periods.unit, periods.items[0].name, len(periods.items)) == (unit, first, count)
    assert periods.items[-1].calls == 1


def test_no_call_is_lost_and_no_day_left_out_when_days_are_put_together() -> None:
    ledger = ledger_of(*({"at": NOON - day * DAY, "cost": usd("0.01")} for day in range(0, 200, 3)))
    for most in (3, 12, 31, 100, 365):
        items = Periods.of(ledger.by("day"), most).items
        assert len(items) <= most
        assert sum(item.calls for item in items) == ledger.totals().calls
        assert sum(item.cost for item in items) == ledger.totals().cost
    starts = [date.fromisoformat(item.name) for item in Periods.of(ledger.by("day"), 365).items]
    assert {after - before for before, after in pairwise(starts)} == {timedelta(days=1)}


@pytest.mark.parametrize("at", [0.0, -1e11, 1e18], ids=["a clock that was never set", "long ago", "far off"])
def test_a_clock_that_is_wrong_makes_no_bars_of_centuries(at: float) -> None:
    ledger = ledger_of({"at": at}, {"at": NOON})
    assert [item.name for item in Periods.of(ledger.by("day")).items] == ["2026-11-27"]
    assert "2 calls" in usage_page(ledger, now=NOON)


def test_the_page_is_whole_fetches_nothing_and_runs_nothing() -> None:
    ledger = ledger_of(
        {"cost": usd("0.25"), "first_token_s": 0.1, "streamed": True, "usage_tags": {"user": "ada"}},
        {"at": NOON - DAY, "cost": Cost()},
        {"outcome": "failed", "error": "RateLimited", "usage": None},
    )
    page = usage_page(ledger, now=NOON, since=date(2026, 11, 1), where={"task": "chat"})
    seen = Reader(page)
    assert not seen.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not seen.attributes & {"src", "href", "onload", "onerror", "onclick"}
    assert "default-src 'none'" in page
    assert "//" not in page.partition("</style>")[2]
    for text in (
        "3 calls",
        "$0.25",
        "By user",
        "ada",
        "from 2026-11-01",
        "task = chat",
        "groq",
        "2026-11-26",
    ):
        assert text in seen.text, text


def test_names_are_nothing_but_text() -> None:
    ledger = ledger_of({"model": HOSTILE, "provider": HOSTILE, "usage_tags": {HOSTILE: HOSTILE}})
    page = usage_page(ledger, now=NOON)
    seen = Reader(page)
    assert not seen.tags & {"script", "img"}
    assert "<script>alert(1)</script>\"'><img src=x onerror=y>&amp;" in seen.text
    assert not set("\x1b\x00") & set(page)


def test_what_nobody_knows_the_price_of_is_unknown_and_never_nothing() -> None:
    unknown = ledger_of({"cost": Cost()}, {"cost": Cost()})
    page = Reader(usage_page(unknown, now=NOON)).text
    assert "$0" not in page
    assert "unknown" in page
    assert "2 of unknown cost" in page
    assert unknown.totals().as_dict()["cost_usd"] is None
    some = ledger_of({"cost": usd("0.5")}, {"cost": Cost()})
    page = Reader(usage_page(some, now=NOON)).text
    assert "$0.5 + ?" in page
    assert "and 1 of unknown cost" in page
    assert some.totals().as_dict() | {"cost_usd": "0.5", "unknown_costs": 1} == some.totals().as_dict()


def test_an_empty_ledger_is_a_page_that_says_so() -> None:
    assert "No call is in this ledger" in Reader(usage_page(Ledger(), now=NOON)).text


def test_a_ledger_names_its_tags() -> None:
    ledger = ledger_of({"usage_tags": {"user": "ada", "project": "x"}}, {"usage_tags": {"user": "bob"}}, {})
    assert ledger.tags() == ["project", "user"]


def test_large_numbers_fit() -> None:
    huge = Usage(10**12, 10**12, 2 * 10**12)
    ledger = ledger_of(*({"cost": usd("9000000000"), "usage": huge} for _ in range(3)))
    assert "$27,000,000,000" in Reader(usage_page(ledger, now=NOON)).text
