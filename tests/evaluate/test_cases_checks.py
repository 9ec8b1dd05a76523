"""Checks: what passes, what fails, and in which words; and what is no check."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import Cost, ToolCall
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, Check, Verdict
from shared_core.evaluate.cases.checks import check_of
from shared_core.evaluate.cases.checks.check import KINDS, Grade
from shared_core.evaluate.cases.checks.rubric import question_of, verdict_in
from shared_core.evaluate.cases.checks.similar import cosine
from shared_core.evaluate.cases.checks.structure import json_in
from shared_core.evaluate.prompts import Prompt

quick = settings(max_examples=100, deadline=None, derandomize=True)
FENCED = 'Here you are:\n```json\n{"city": "Paris"}\n```\nAnything else?'
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLS = Answer(tool_calls=(ToolCall("1", "look", "{}"), ToolCall("2", "add", '{"a": 2, "b": [1, true]}')))

CUT = Answer(tool_calls=(ToolCall("1", "f", '{"a'),))


def said(text: str) -> Answer:
    return Answer(text=text)


PASSES = {
    "equals": ({"equals": "Paris"}, said(" Paris\n")),
    "a number equals its text": ({"equals": 4}, said("4")),
    "starts-with": ({"starts-with": "Pa"}, said("\nParis")),
    "contains": ({"contains": "ari"}, said("Paris")),
    "contains-all": ({"contains-all": ["a", "b"]}, said("ab")),
    "contains-any": ({"contains-any": ["x", "b"]}, said("ab")),
    "icontains": ({"icontains": "STRASSE"}, said("die Straße")),
    "icontains-all": ({"icontains-all": ["A", "b"]}, said("aB")),
    "icontains-any": ({"icontains-any": ["X", "A"]}, said("a")),
    "regex": ({"regex": r"^\d{4}$"}, said("2026")),
    "is-json": ({"is-json": True}, said("[1]")),
    "is-json by a schema": ({"is-json": SCHEMA}, said('{"city": "Paris"}')),
    "json-schema in a fence": ({"json-schema": SCHEMA}, said(FENCED)),
    "json-schema of all": ({"json-schema": SCHEMA}, said('{"city": "```x\\n```"}')),
    "tool-call by name": ({"tool-call": "add"}, CALLS),
    "tool-call by arguments": ({"tool-call": {"name": "add", "arguments": {"b": [1.0, True]}}}, CALLS),
    "finish-reason": ({"finish-reason": "stop"}, Answer(finish_reason="stop")),
    "max-cost to the last digit": ({"max-cost": 0.1}, Answer(cost=Cost(Decimal("0.1"), "reported"))),
    "max-latency": ({"max-latency": "1.5"}, Answer(seconds=1.5)),
    "max-first-token": ({"max-first-token": 1}, Answer(first_token_s=0.5)),
    "not-contains": ({"not-contains": "London"}, said("Paris")),
    "not-json-schema": ({"not-json-schema": SCHEMA}, said("no JSON at all")),
    "promptfoo's form": ({"type": "contains", "value": "a"}, said("a")),
}
FAILS = {
    "equals": ({"equals": "4"}, said("5"), "is not '4'"),
    "starts-with": ({"starts-with": "A"}, said("BA"), "does not start with 'A'"),
    "contains-all names what is missing": ({"contains-all": ["a", "x", "y"]}, said("a"), "has no 'x', 'y'"),
    "icontains-all too, as it was written": ({"icontains-all": ["A", "X"]}, said("a"), "has no 'X'"),
    "contains-any": ({"contains-any": ["x", "y"]}, said("a"), "has none of 'x', 'y'"),
    "regex": ({"regex": "x+"}, said("a"), "nothing matches 'x+'"),
    "is-json in a fence": ({"is-json": True}, said(FENCED), "is not JSON"),
    "NaN is no JSON": ({"is-json": True}, said("NaN"), "NaN is no JSON"),
    "deep JSON": ({"is-json": True}, said("[" * 100_000), "nested too deeply"),
    "json-schema": ({"json-schema": SCHEMA}, said('{"city": 7}'), "$.city: 7 is not of type 'string'"),
    "no JSON": ({"json-schema": SCHEMA}, said("Paris"), "is not JSON"),
    "another tool": ({"tool-call": "subtract"}, CALLS, "subtract is not called, but look, add"),
    "no tool": ({"tool-call": "add"}, said("5"), "add is not called"),
    "an argument missing": ({"tool-call": {"name": "add", "arguments": {"c": 1}}}, CALLS, "without c"),
    "1 is not true": ({"tool-call": {"name": "add", "arguments": {"b": [1, 1]}}}, CALLS, "with b="),
    "cut arguments": ({"tool-call": {"name": "f", "arguments": {"a": 1}}}, CUT, "no JSON object"),
    "finish-reason": ({"finish-reason": "stop"}, Answer(finish_reason="length"), "ended by length"),
    "max-cost": ({"max-cost": "0.1"}, Answer(cost=Cost(Decimal("0.2"), "reported")), "cost $0.2, more than $0.1"),
    "a cost that nobody knows": ({"max-cost": 1}, Answer(cost=Cost(note="no price list")), "unknown (no price list)"),
    "max-latency": ({"max-latency": 1}, Answer(seconds=1.5), "took 1.5 s, more than 1 s"),
    "no pieces": ({"max-first-token": 1}, Answer(seconds=0.1), "did not come in pieces"),
    "not-contains": ({"not-contains": "Paris"}, said("Paris"), "the opposite is true"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "answer"), PASSES.values(), ids=PASSES)
def test_an_answer_passes(check, answer):
    assert check_of(check).judge(answer) == Verdict(True)


@pytest.mark.parametrize(("check", "answer", "why"), FAILS.values(), ids=FAILS)
def test_an_answer_fails_with_a_reason(check, answer, why):
    verdict = check_of(check).judge(answer)
    assert verdict.passed is False
    assert why in verdict.why
    assert "\n" not in verdict.why


REFUSED = {
    "a text": ("Paris", "'Paris' is no check"),
    "an unknown word": ({"contain": "x"}, "There is no check 'contain'"),
    "two words": ({"contains": "x", "equals": "y"}, "A check has one word, not 2"),
    "yes without quotes": ({"equals": True}, "equals: True is no text"),
    "an empty text": ({"contains": ""}, "contains: '' is no text"),
    "one text for several": ({"contains-any": "x"}, "contains-any: 'x' is no list of texts"),
    "a broken pattern": ({"regex": "("}, "regex: '\\(' is no pattern"),
    "no schema": ({"json-schema": "object"}, "json-schema: 'object' is no JSON schema"),
    "a broken schema": ({"json-schema": {"type": "objekt"}}, "json-schema: This is no JSON schema"),
    "a tool without a name": ({"tool-call": {"arguments": {}}}, "tool-call: A tool call is checked by its name"),
    "a negative cost": ({"max-cost": -1}, "max-cost: -1 is no number from 0 on"),
    "a cost of NaN": ({"max-cost": "nan"}, "max-cost: 'nan' is no number"),
    "the opposite of a measure": ({"not-max-cost": 1}, "a measure has no opposite"),
    "a threshold of a text": ({"contains": "x", "threshold": 0.5}, "contains: it has no 'threshold'"),
    "a cosine of 2": ({"similar": "x", "threshold": 2}, "similar: the threshold 2 is no cosine"),
    "what promptfoo knows and this does not": ({"type": "contains", "value": "x", "weight": 2}, "it has no 'weight'"),
}  # fmt: skip


@pytest.mark.parametrize(("item", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_check_is_refused(item: Any, why: str):
    with pytest.raises(ConfigError, match=why):
        check_of(item)


def test_a_near_miss_is_told():
    with pytest.raises(ConfigError, match="Did you mean 'icontains'") as refused:
        check_of({"icontain": "x"})
    assert "Next" in str(refused.value)


def test_a_schema_fetches_nothing_from_the_network(offline_url):
    before = len(offline_url.requests)
    verdict = check_of({"json-schema": {"$ref": f"{offline_url.root}/schema.json"}}).judge(said("{}"))
    assert verdict.passed is None
    assert "leads nowhere" in verdict.why
    assert len(offline_url.requests) == before


def test_a_schema_may_lead_into_itself():
    schema = {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}
    check = check_of({"json-schema": schema})
    assert [check.judge(said(text)).passed for text in ("[1, 2]", '["x"]')] == [True, False]


@quick
@given(st.text(max_size=80))
def test_a_check_and_its_opposite_never_agree(text):
    for word, value in (("contains", "a"), ("icontains", "A"), ("regex", "[a-m]"), ("is-json", True)):
        one, other = check_of({word: value}), check_of({f"not-{word}": value})
        assert one.judge(said(text)).passed is not other.judge(said(text)).passed


@quick
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_json_is_written_is_read_bare_and_in_a_fence(value):
    import json

    text = json.dumps(value)
    assert json_in(text) == value
    assert json_in(f"So:\n```json\n{text}\n```") == value


# -- your own functions --------------------------------------------------------------------------------------


def raises(answer: Answer) -> bool:
    raise LookupError("no\nluck")


def asserts(answer: Answer) -> bool:
    assert answer.text, "it is empty"
    return True


@pytest.mark.parametrize(
    ("function", "verdict"),
    [
        (lambda answer: answer.text == "", Verdict(True)),
        (lambda answer: False, Verdict(False, "is False")),
        (lambda answer: Verdict(False, "rude"), Verdict(False, "rude")),
        (asserts, Verdict(False, "it is empty")),
        (raises, Verdict(None, "the check raised LookupError: no luck")),
        (lambda answer: None, Verdict(None, "the check gave NoneType, neither True nor False")),
    ],
    ids=["true", "false", "a verdict", "an assertion", "an exception", "nothing"],
)
def test_a_function_of_your_own_decides(function, verdict):
    judged = check_of(function).judge(said(""))
    assert (judged.passed, judged.why.partition(" assert")[0]) == (verdict.passed, verdict.why)


def test_a_file_beside_the_cases_is_loaded_and_another_of_its_name_too(tmp_path):
    for folder, word in (("a", "True"), ("b", "False")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"def same(answer):\n    return {word}\n")
    item = {"python": "mine.py:same"}
    assert check_of(item, tmp_path / "a").judge(said("")).passed is True
    assert check_of(item, tmp_path / "b").judge(said("")).passed is False
    assert check_of({"not-python": "mine.py:same"}, tmp_path / "b").judge(said("")).passed is True


def test_a_file_runs_once_for_all_its_checks_and_again_when_it_was_changed(tmp_path):
    path, ran = tmp_path / "mine.py", tmp_path / "ran"
    code = f"""
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Wanted:
    text: str
with open({str(ran)!r}, "a") as file:
    file.write("x")
def a(answer): return answer.text == Wanted("x").text
b = a
"""
    path.write_text(code)
    for name in ("a", "b", "a"):
        assert check_of({"python": f"mine.py:{name}"}, tmp_path).judge(said("x"))
    assert ran.read_text() == "x"
    path.write_text(code.replace('"x").text', '"y").text'))
    os.utime(path, ns=(1, 1))
    assert not check_of({"python": "mine.py:a"}, tmp_path).judge(said("x"))


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("mine.py", "names no object"),
        ("mine.py:missing", "has no 'missing'"),
        ("other.py:f", "there is no file"),
        ("no.such.module:f", "No module named"),
        ("mine.py:number", "is no function"),
        ("broken.py:f", "SyntaxError"),
        ("raises.py:f", "ZeroDivisionError"),
    ],
    ids=["no name", "not there", "no file", "no module", "a number", "broken", "code that raises"],
)
def test_code_that_cannot_be_had_is_an_error_of_the_file(tmp_path, place, why):
    (tmp_path / "mine.py").write_text("number = 1\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "raises.py").write_text("1 / 0\n")
    with pytest.raises(ConfigError, match=re.escape(why)):
        check_of({"python": place}, tmp_path)


def test_code_of_a_file_does_not_run_unless_that_is_allowed(tmp_path):
    (tmp_path / "mine.py").write_text("import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n")
    with pytest.raises(ConfigError, match="running code was not allowed"):
        check_of({"python": "mine.py:f"}, tmp_path, allow_python=False)
    assert not (tmp_path / "ran").exists()


# -- judges and vectors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "passed", "why"),
    [
        ('{"pass": true, "reason": "kind"}', True, "kind"),
        ('```json\n{"pass": false, "reason": "ru\\nde"}\n```', False, "ru de"),
        ('  {"pass": false}  ', False, ""),
        ("PASS", None, "the judge gave no verdict"),
        ('{"pass": "true"}', None, "the judge gave no verdict"),
        ('[{"pass": true}]', None, "the judge gave no verdict"),
        (
            'The answer says:\n```json\n{"pass": true}\n```\nbut it is rude.',
            None,
            "the judge gave no verdict",
        ),
        ('{"pass": true} {"pass": false}', None, "the judge gave no verdict"),
    ],
    ids=["plain", "in a fence", "no reason", "a word", "a text", "a list", "a quotation", "two"],
)
def test_only_an_answer_that_is_nothing_but_a_verdict_is_one(text, passed, why):
    assert verdict_in(text) == Verdict(passed, why)


@quick
@given(st.text(max_size=200))
def test_no_answer_gets_out_of_its_quotes(text):
    import json

    asked = question_of("It is kind.", Prompt("1", [{"role": "user", "content": "Hi"}]), said(text))
    document = json.loads(asked[1]["content"])
    assert list(document) == ["rubric", "conversation", "answer"]
    assert (document["rubric"], document["answer"]["text"]) == ("It is kind.", text)


def test_similar_goes_by_its_threshold():
    check = check_of({"similar": "x", "threshold": 0.5})
    assert check.judge(said("a"), Grade(0.5)).passed is True
    assert check.judge(said("a"), Grade(0.4999)).passed is False
    assert check_of({"not-similar": "x"}).judge(said("a"), Grade(0.7)).passed is True


def test_what_could_not_be_told_is_not_turned_into_a_pass():
    unknown = Grade(verdict=Verdict(None, "the judge failed"))
    assert check_of({"not-llm-rubric": "x"}).judge(said("a"), unknown) == Verdict(None, "the judge failed")
    assert check_of({"llm-rubric": "x"}).judge(said("a")).passed is None


@quick
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=5), st.floats(0.001, 1e3))
def test_a_cosine_knows_no_length(vector, factor):
    other = [factor * each for each in vector]
    assert cosine(vector, other) == pytest.approx(1.0 if any(vector) else 0.0)
    assert cosine(vector, [0.0] * len(vector)) == 0.0


def test_every_word_stands_in_the_list_that_users_read():
    from shared_core.evaluate.cases import checks

    for kind in KINDS:
        assert kind in (checks.__doc__ or "")


def test_a_check_shows_its_words_and_stays_on_one_line():
    assert check_of({"not-contains": "a\n" * 100}).words.startswith("not-contains: 'a")
    assert len(check_of({"equals": "x" * 500}).words) < 80
    assert repr(check_of({"equals": "x"})) == "Check(kind='equals', value='x', negated=False, threshold=None)"
    assert isinstance(check_of(check_of(raises)), Check)
    assert check_of(raises).words == "python: raises"
