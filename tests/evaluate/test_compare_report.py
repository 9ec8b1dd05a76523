"""The page of a comparison: what stands in it, what cannot, and where its drawings put things."""

from __future__ import annotations

import itertools
import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared_core import HFRouter
from shared_core.evaluate import Evaluator
from shared_core.evaluate.comparing.report.axes import axis_for
from shared_core.evaluate.comparing.report.labels import Box, place
from shared_core.evaluate.comparing.report.scatter import scatter
from shared_core.evaluate.comparing.report.text import short
from tests.evaluate.made_up import HOSTILE, answer, comparison, failure

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
_EMPTY = {"meta", "br", "hr", "wbr"}


class Page(HTMLParser):
    """A page read as a browser would, roughly: tags that fit, attributes, and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = set(), set(), [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links = [value for name, value in attrs if name == "href"]
        assert all(link.startswith("#") for link in self.links)
        if tag not in _EMPTY and not self.get_starttag_text().endswith("/>"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open:
            self.text.append(data)


def words(page):
    return " ".join("".join(page.text).split())


def test_a_page_holds_the_verdict_tables_drawings_answers_and_how_it_was_measured():
    def make(m, p, r):
        return failure(hint="Wait a little.") if m == 2 else answer(seconds=1.0 + m, usd=("0.02", "0.01")[m])

    found = comparison(["org/a", "org/b", "org/c"], ["Why?", "How?"], 2, make, max_concurrency=3)
    page = Page(found.to_html("My models"))
    said = words(page)
    for sentence in found.verdict():
        assert sentence in said
    for part in (
        "My models",
        "3 models × 2 prompts × 2 repeats: 8 answers, 4 failed",
        "2026-11-27 17:20 UTC",
    ):
        assert part in said
    for title in ("The models", "Cost against latency", "How answers are spread", "Who answered what"):
        assert title in said
    assert "RateLimited: Too many. Wait a little." in said
    assert "answered by groq" in said
    assert "up to 3 questions at a time" in said
    assert "2 times the same" in said
    assert "p95 is the slowest" in said
    assert found.to_html().count("<svg") == 3


def test_a_page_runs_nothing_and_fetches_nothing():
    shown = comparison(["a", "b"], ["x"]).to_html()
    page = Page(shown)
    assert not page.tags & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "image",
        "use",
    }
    assert not page.attributes & {"src", "srcset", "style", "onload", "action", "data"}
    assert "default-src 'none'; style-src 'sha256-" in shown
    assert not re.search(r"https?://|@import|url\(", shown)


@hostile
def test_whatever_others_write_is_text(text):
    def make(m, p, r):
        return (
            failure(error=text, why=text, hint=text)
            if m == 2
            else answer(text=text, provider=text, finish_reason=text)
        )

    found = comparison(
        [f"{text} 1", f"{text} 2", f"{text} 3"], [{"name": text, "prompt": text}], 2, make, notes=[text]
    )
    page, plain = (
        Page(found.to_html(text)),
        Page(comparison(["a/1", "b/2", "c/3"], ["x"], 2, make_plain).to_html()),
    )
    assert page.tags <= plain.tags
    assert page.attributes <= plain.attributes
    shown = found.to_html(text)
    shown.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", shown)
    assert "<script" not in found._repr_html_()


def make_plain(m, p, r):
    return failure(hint="x") if m == 2 else answer(finish_reason="other")


def test_an_answer_of_a_megabyte_is_cut_and_says_so():
    shown = comparison(["a"], ["x"], make=lambda m, p, r: answer(text="é" * 1_000_000)).to_html()
    assert len(shown) < 60_000
    assert "… and 980,000 more characters, which the JSON holds" in shown


def test_20_models_on_50_prompts_make_a_page_that_can_be_sent():
    found = comparison(
        [f"m{n}" for n in range(20)],
        [f"p{n}" for n in range(50)],
        3,
        lambda m, p, r: answer(seconds=1 + m + p + r, text=f"{p} {r} " + "word " * 200),
    )
    assert len(found.to_html()) < 5_000_000


def test_where_nobody_answered_there_is_nothing_to_draw():
    shown = comparison(["a", "b"], ["x"], make=lambda m, p, r: failure()).to_html()
    assert "<svg" not in shown
    assert "Nobody answered" in shown


def test_costs_that_are_unknown_are_not_drawn_and_that_is_said():
    shown = comparison(
        ["a", "b", "c"], ["x"], make=lambda m, p, r: answer(usd=None if m == 1 else "1")
    ).to_html()
    assert "Not drawn, since the cost is not known: 2." in shown
    none = comparison(["a", "b"], ["x"], make=lambda m, p, r: answer(usd=None)).to_html()
    assert "Not drawn, since the cost is not known: 1, 2." in none


def test_what_was_cut_off_called_or_empty_is_said():
    from shared_core.types import ToolCall

    made = [
        answer(finish_reason="length"),
        answer(text=""),
        answer(text="", tool_calls=(ToolCall("1", "add", '{"a": 1}'),)),
        failure("BudgetExceeded", "Too dear."),
    ]
    said = words(Page(comparison(list("abcd"), ["x"], make=lambda m, p, r: made[m]).to_html()))
    for part in ("✂ cut off", "an empty answer", 'calls add{"a": 1}', "– Not asked."):
        assert part in said


def test_who_answered_in_place_of_a_model_is_told():
    made = [answer(model="org/a", provider="groq"), answer(model="org/b", provider=None)]
    said = words(Page(comparison(["org/a"], ["x"], 2, lambda m, p, r: made[r]).to_html()))
    assert "answered by groq (1), nobody says (1)" in said
    assert "as org/a (1), org/b (1)" in said


def test_a_notebook_is_shown_the_verdict_and_the_table():
    page = Page(comparison(["a", "b"], ["x"])._repr_html_())
    assert page.tags & {"table", "ul"} == {"table", "ul"}
    assert "Cheapest" in words(page)


def test_a_conversation_and_its_options_are_shown():
    prompt = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url"}]},
        ],
        "options": {"seed": 1},
    }
    said = words(Page(comparison(["a"], [prompt]).to_html()))
    for part in ("system", "Be brief.", "What is this? [image_url]", 'with {"seed": 1}'):
        assert part in said


VALUES = some.lists(some.one_of(some.just(0.0), some.floats(1e-9, 1e9)), min_size=1, max_size=30)


@given(VALUES)
@patient
def test_an_axis_has_all_values_within_it_in_their_order_and_few_round_ticks(values):
    axis = axis_for(values, 10.0, 500.0)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert places[0] >= 10.0 - 1e-6
    assert places[-1] <= 500.0 + 1e-6
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 9
    assert all(10.0 - 1 <= axis.at(tick) <= 500.0 + 1 for tick in ticks)


SPOTS = some.lists(some.tuples(some.floats(0, 900), some.floats(0, 400)), min_size=1, max_size=30)


@given(SPOTS)
@patient
def test_labels_stay_within_the_field(points):
    field = Box(0, 0, 900, 400)
    for box in place(points, [(60.0, 16.0)] * len(points), field):
        assert box.left >= -1e-6
        assert box.top >= -1e-6
        assert box.right <= 900 + 1e-6
        assert box.bottom <= 400 + 1e-6


def test_labels_of_points_that_are_close_hide_neither_each_other_nor_points():
    points = [(450 + 3 * math.cos(n), 200 + 3 * math.sin(n)) for n in range(10)]
    boxes = place(points, [(120.0, 16.0)] * 10, Box(0, 0, 900, 400))
    assert all(one.shared(other) == 0 for one, other in itertools.combinations(boxes, 2))


def test_a_name_that_is_shortened_keeps_both_ends():
    assert short("maker/a-model-with-a-long-name:provider", 20) == "maker/a-mo…:provider"
    assert len(short("x" * 100, 20)) == 20


def test_of_very_many_models_those_alone_are_labelled_that_nobody_beats():
    found = comparison(
        [f"org/m{number}" for number in range(200)],
        ["p"],
        make=lambda model, _, __: answer(1 + model % 7, str(1 + model % 11)),
    )
    drawn = scatter(found.models)
    best = sum(one.on_front for one in found.models)
    assert 0 < best < 60
    assert drawn.count("<title>") == 200
    assert drawn.count('class="label"') == drawn.count('class="best"') == best


def test_a_run_takes_as_long_as_it_takes_whatever_becomes_of_the_clock(monkeypatch):
    monkeypatch.setattr("time.time", itertools.count(1.7e9, -3600).__next__)
    evaluator = Evaluator(HFRouter(base_url="http://127.0.0.1:1/v1", api_key="k"))
    assert 0 <= evaluator.compare([lambda messages: "Yes."], ["a"]).seconds < 60
