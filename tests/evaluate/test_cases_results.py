"""Results of cases: rates and intervals, what counts as passed, and the reports for CI."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import Cost
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, Asked, CaseResult, CaseResults, CaseRun, Cases, Figures, Verdict
from shared_core.evaluate.cases.results import results_of
from shared_core.evaluate.cases.words import costs_of, summary_of
from shared_core.evaluate.intervals import wilson

quick = settings(max_examples=100, deadline=None, derandomize=True)
GOOD, BAD, UNKNOWN = Verdict(True), Verdict(False, "no"), Verdict(None, "nobody knows")
FINE = Answer(text="fine", seconds=0.5, cost=Cost(Decimal("0.001"), "reported"))
BUSY = Answer(error="Overloaded", why="too busy", seconds=0.25)
REFUSED = Answer(error="BudgetExceeded", why="nothing is left")
OUTCOMES: dict[str, tuple[Answer, tuple[Verdict, ...]]] = {
    "p": (FINE, (GOOD, GOOD)),
    "f": (FINE, (GOOD, BAD)),
    "?": (FINE, (GOOD, UNKNOWN)),
    "e": (BUSY, ()),
    "b": (REFUSED, ()),
}


def result(
    runs: str, threshold: float = 1.0, name: str = "a", model: str = "m", text: str = "fine"
) -> CaseResult:
    """A case with a model, its runs by letters: passed, failed, ?: could not be told, error, budget."""
    item = {
        "name": name,
        "prompt": "a",
        "threshold": threshold,
        "checks": [{"contains": "a"}, {"regex": "b"}],
    }
    made = []
    for number, letter in enumerate(runs):
        answer, verdicts = OUTCOMES[letter]
        if answer is FINE:
            answer = Answer(text=text, seconds=0.5, cost=FINE.cost)
        made.append(CaseRun(Asked(model, name, number, answer), verdicts))
    return CaseResult(Cases.of([item]).cases[0], model, tuple(made))


def results(*each: CaseResult, **more: Any) -> CaseResults:
    return CaseResults(
        **{
            "results": each,
            "name": "mine",
            "repeats": 1,
            "started": 0.0,
            "seconds": 2.0,
            "judging": Figures.of([]),
        }
        | more
    )


# -- intervals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passes", "tries", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    ids=["81 of 263", "15 of 148", "0 of 20", "1 of 29"],
)
def test_the_interval_is_that_of_newcombes_table(passes, tries, low, high):
    """R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    assert wilson(passes, tries) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@quick
@given(st.integers(1, 10_000).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries))))
def test_an_interval_holds_the_share_stays_within_0_and_1_and_is_symmetric(counted):
    passes, tries = counted
    low, high = wilson(passes, tries)
    assert 0 <= low <= passes / tries <= high <= 1
    assert (low == 0) == (passes == 0)
    assert (high == 1) == (passes == tries)
    other_low, other_high = wilson(tries - passes, tries)
    assert (low, high) == (pytest.approx(1 - other_high), pytest.approx(1 - other_low))


@quick
@given(st.integers(1, 500).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries))))
def test_more_tries_make_an_interval_narrower_and_more_passes_move_it_up(counted):
    passes, tries = counted
    low, high = wilson(passes, tries)
    wide_low, wide_high = wilson(10 * passes, 10 * tries)
    assert wide_high - wide_low < high - low
    if passes < tries:
        assert wilson(passes + 1, tries)[0] > low
    sure_low, sure_high = wilson(passes, tries, 0.99)
    assert sure_high - sure_low >= high - low


def test_nothing_is_known_of_what_was_never_tried():
    assert wilson(0, 0) == (0.0, 1.0)


# -- what counts as passed -----------------------------------------------------------------------------------

RULES = {
    "all passed": ("ppp", 1.0, "passed", 3, 3),
    "one failed": ("ppf", 1.0, "failed", 2, 3),
    "enough passed": ("ppppf", 0.8, "passed", 4, 5),
    "one too few": ("pppff", 0.8, "failed", 3, 5),
    "an error has not passed": ("ppe", 1.0, "error", 2, 3),
    "enough passed beside an error": ("ppppe", 0.8, "passed", 4, 5),
    "a failure is graver than an error": ("pef", 1.0, "failed", 1, 3),
    "what could not be told is an error": ("p?", 1.0, "error", 1, 2),
    "what was not asked has not passed": ("pbb", 1.0, "not asked", 1, 1),
    "enough passed before the budget was used up": ("ppppb", 0.8, "passed", 4, 4),
    "nobody was asked": ("bb", 0.5, "not asked", 0, 0),
    "a share that floats cannot hold": ("ppppppp" + "fff", 0.7, "passed", 7, 10),
}


@pytest.mark.parametrize(("runs", "threshold", "outcome", "passes", "made"), RULES.values(), ids=RULES)
def test_a_case_passes_when_its_share_of_all_repeats_did(runs, threshold, outcome, passes, made):
    found = result(runs, threshold)
    assert (found.outcome, found.passes, found.made) == (outcome, passes, made)
    assert found.interval == wilson(passes, made)


def test_reasons_are_told_once_for_each_check_and_kind_of_error():
    assert result("ffee").reasons == ["regex: 'b': no (2 times)", "Overloaded: too busy (2 times)"]
    assert result("?").reasons == ["regex: 'b': nobody knows"]
    assert result("p").reasons == []


def test_runs_are_sorted_by_case_and_model_whatever_came_between():
    cases = Cases.of(
        [{"name": name, "prompt": name, "checks": [{"equals": "x"}]} for name in ("a", "b")]
    ).cases
    runs = [CaseRun(Asked(model, name, 0, FINE), (GOOD,)) for name in ("a", "b") for model in ("m", "n")]
    assert [(each.case.name, each.model) for each in results_of(cases, runs)] == [
        ("a", "m"),
        ("a", "n"),
        ("b", "m"),
        ("b", "n"),
    ]


def test_the_whole_is_told_in_a_sentence_with_what_it_cost():
    found = results(result("p"), result("f", name="b"), result("e", name="c"), result("b", name="d"))
    assert summary_of(found) == "1 of 4 passed, 1 failed, 1 ended in errors, 1 not asked"
    assert costs_of(found) == "answers $0.002"
    judged = Figures.of([Asked("j", "1", 0, Answer(text="{}"))])
    assert (
        costs_of(results(result("e"), judging=judged, embedding=Cost()))
        == "answers $0, judge unknown, vectors unknown"
    )
    assert not found.ok
    assert results(result("p"), result("ppppf", 0.8, "b")).ok


# -- JUnit ---------------------------------------------------------------------------------------------------

HOSTILE = "\x1b[2J ]]> </system-out><x a='\"&'> \x00\x0b\ud800\uffff 😀 \t\r\n end"


def report(found: CaseResults, tmp_path: Any) -> ET.Element:
    found.save(tmp_path / "junit.xml")
    return ET.fromstring((tmp_path / "junit.xml").read_bytes())


def test_a_suite_is_a_model_and_a_test_is_a_case(tmp_path):
    found = results(
        result("pp", model="one"),
        result("pf", model="two"),
        result("ee", name="b", model="one"),
        result("bb", name="b", model="two"),
    )
    root = report(found, tmp_path)
    assert root.attrib == {"name": "mine", "tests": "4", "failures": "1", "errors": "1", "time": "2.000"}
    one, two = root
    assert (one.get("name"), one.get("tests"), one.get("errors"), one.get("skipped")) == (
        "one",
        "2",
        "1",
        "0",
    )
    assert (two.get("failures"), two.get("skipped"), two.get("time")) == ("1", "1", "1.000")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", one.get("timestamp"))
    assert [(test.get("classname"), test.get("name"), test.get("time")) for test in one] == [
        ("one", "a", "1.000"),
        ("one", "b", "0.500"),
    ]
    assert [[child.tag for child in test] for test in (*one, *two)] == [
        ["system-out"],
        ["error", "system-out"],
        ["failure", "system-out"],
        ["skipped", "system-out"],
    ]
    failure = two[0][0]
    assert failure.get("message") == "1 of 2 passed, 95 % interval 9 to 91 %: regex: 'b': no"
    assert (failure.get("type"), failure.text) == ("failed", "regex: 'b': no")
    assert "[2] failed, 0.5 s\nfine" in two[0][1].text


def test_whatever_a_model_wrote_the_report_is_xml_and_holds_it(tmp_path):
    found = results(result("f", name=HOSTILE, model=HOSTILE, text=HOSTILE * 100), name=HOSTILE)
    root = report(found, tmp_path)
    (suite,) = root
    (test,) = suite
    assert "]]> </system-out><x a='\"&'>" in test[1].text
    assert "😀" in test.get("name")
    assert len(test[1].text) < 2000
    assert not re.search("[\x00\x0b\x1b]", (tmp_path / "junit.xml").read_text())


@quick
@given(st.text(st.characters(codec=None), max_size=30))
def test_any_text_makes_a_report_that_can_be_read(text):
    from shared_core.evaluate.cases.junit import as_junit

    root = ET.fromstring(as_junit(results(result("f", name=f"n{text}", text=text))).encode())
    assert root[0][0].get("name").startswith("n")


# -- Markdown and JSON ---------------------------------------------------------------------------------------


def test_markdown_holds_a_table_and_what_failed(tmp_path):
    found = results(result("pp"), result("pf", name="b"), notes=("Prices are old.",))
    text = found.to_markdown()
    assert found.save(tmp_path / "out.md").read_text(encoding="utf-8") == text
    assert "### mine: 1 of 2 passed, 1 failed" in text
    assert "| a | m | passed | 2 of 2 passed, 95 % interval 34 to 100 % | 0.50 s |" in text
    assert "**b** with m:\n\n- regex: 'b': no\n- the answer begins: fine" in text
    assert "Prices are old." in text


def test_a_model_cannot_write_markdown_or_html_into_a_report():
    text = results(result("f", name="a|b", text="<img src=x> [x](http://x) | `c` **d** \n# e")).to_markdown()
    assert "<img" not in text
    assert "\\[x\\](http" in text
    assert "a\\|b" in text
    assert "\n# e" not in text


def test_json_holds_every_answer_and_verdict(tmp_path):
    found = results(result("pfe"))
    told = json.loads(found.save(tmp_path / "out.json").read_text())
    assert told == json.loads(found.to_json())
    assert (told["ok"], told["summary"]) == (False, "0 of 1 passed, 1 failed")
    (one,) = told["results"]
    assert (one["passes"], one["runs"], one["rate"]) == (1, 3, pytest.approx(1 / 3))
    assert one["interval"] == [round(bound, 4) for bound in wilson(1, 3)]
    assert one["answers"][1]["verdicts"] == [{"passed": True, "why": ""}, {"passed": False, "why": "no"}]
    assert one["answers"][2]["answer"]["error"] == "Overloaded"
    assert one["answers"][0]["answer"]["cost"]["usd"] == "0.001"


@pytest.mark.parametrize("ending", ["json", "xml", "md"])
def test_a_report_that_cannot_be_written_is_an_error_of_ours(tmp_path, ending):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be written"):
        results(result("p")).save(tmp_path / "file" / f"report.{ending}")
    with pytest.raises(ConfigError, match="names no kind of report"):
        results(result("p")).save(tmp_path / "report.html")


def test_a_link_leads_to_the_report_and_a_pipe_stays_one(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    results(result("p")).save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["ok"]
    pipe = tmp_path / "pipe.xml"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        results(result("p")).save(pipe)
        assert os.read(reading, 10) == b"<?xml vers"
        assert not pipe.is_file()
    finally:
        os.close(reading)
