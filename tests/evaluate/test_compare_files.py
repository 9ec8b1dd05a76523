"""A comparison as CSV, JSON, Markdown and files: exact values, and strings that mean nothing there."""

from __future__ import annotations

import csv
import io
import json
import os
import re

import pytest

from shared_core.errors import ConfigError
from tests.evaluate.made_up import HOSTILE, answer, comparison, failure

hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def of(text):
    """A comparison in which everything that others write is that text."""

    def make(m, p, r):
        return failure(why=text, hint=text) if m else answer(text=text, provider=text, finish_reason=text)

    return comparison([f"{text} 1", f"{text} 2"], [{"name": text, "prompt": text}], 2, make)


def test_csv_has_a_row_for_each_model_and_prompt_and_leaves_empty_what_is_not_known():
    found = comparison(["a", "b"], ["x", "y"], make=lambda m, p, r: answer(usd=None if m else "0.000001"))
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [(row["model"], row["prompt"]) for row in rows] == [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")]
    assert [row["cost"] for row in rows] == ["0.000001", "0.000001", "", ""]
    assert rows[0]["latency_p50"] == "1.0"


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "\0=1", "＝1+1", "＋1", "－1", "＠x"],
    ids=ascii,
)
def test_no_cell_of_csv_is_a_formula(name):
    found = comparison([name], ["x"])
    (row,) = csv.DictReader(io.StringIO(found.to_csv()))
    assert row["model"].startswith("'")


@pytest.mark.parametrize("name", ["a\r=1+1", "a\r\n=1+1", "a\n=1+1", 'a",=1+1', "a\x0b=1"], ids=ascii)
def test_no_text_ends_its_cell_of_csv(name):
    text = comparison([name], ["x"]).to_csv()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["model"] == name.replace("\r\n", "\n").replace("\r", "\n")
    assert "\r" not in text


def test_json_holds_every_answer_and_money_as_text():
    found = comparison(["a"], ["x"], 2)
    told = json.loads(found.to_json())
    assert [each["answer"]["text"] for each in told["answers"]] == ["Yes.", "Yes."]
    assert told["answers"][0]["answer"]["cost"]["usd"] == "0.001"
    assert told["models"][0]["cost"] == "0.002"
    assert told["models"][0]["ranks"]["cost"] == 1
    assert told["verdict"] == found.verdict()


@hostile
def test_json_and_csv_bear_any_string(text):
    found = of(text)
    assert json.loads(found.to_json())["answers"][0]["answer"]["text"] == text
    assert len(list(csv.DictReader(io.StringIO(found.to_csv())))) == 2


@hostile
def test_in_markdown_strings_of_others_are_text(text):
    shown = of(text).to_markdown(text)
    shown.encode()
    assert "\x1b" not in shown
    bare = re.sub(r"\\.", "", shown)
    assert not re.search(r"<(script|img|svg|a|b)\b", bare)
    assert "](" not in bare
    tables = [line for line in bare.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {8}


def test_markdown_says_the_verdict_the_table_and_what_failed():
    shown = comparison(
        ["a", "b"], ["x"], make=lambda m, p, r: failure(hint="Wait.") if m else answer()
    ).to_markdown()
    assert shown.startswith("# Models on your own prompts\n\n2 models × 1 prompt, 2026-11-27 17:20 UTC.\n")
    assert "- Failed most: **b**, 1 of 1 (RateLimited 1)." in shown
    assert "| a | 1 of 1 | 0.25 / 0.25 s | 1.0 / 1.0 s | 5.3 | \\$1.00 |".replace("\\", "") in shown
    assert "- b: 1 × RateLimited: Too many. Wait." in shown


@pytest.mark.parametrize(
    ("name", "begins"),
    {
        "r.html": "<!doctype html>",
        "r.HTM": "<!doctype html>",
        "r.md": "# A title",
        "r.csv": "model,prompt,",
        "r.json": "{",
    }.items(),
)
def test_the_ending_of_a_name_says_what_is_written(tmp_path, name, begins):
    path = comparison(["a"], ["x"]).save(tmp_path / "new" / name, title="A title")
    assert path.read_text(encoding="utf-8").startswith(begins)
    assert [each.name for each in path.parent.iterdir()] == [name]


def test_a_name_without_such_an_ending_is_refused():
    with pytest.raises(ConfigError, match=r"r\.pdf names no kind of report"):
        comparison(["a"], ["x"]).save("r.pdf")


def test_a_file_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "r.html").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        comparison(["a"], ["x"]).save(tmp_path / "r.html")
    assert [each.name for each in tmp_path.iterdir()] == ["r.html"]


def test_a_new_report_is_its_owners_alone_and_an_old_one_keeps_its_mode(tmp_path):
    found = comparison(["a"], ["x"])
    found.save(tmp_path / "new.json")
    (tmp_path / "old.json").write_text("{}")
    os.chmod(tmp_path / "old.json", 0o644)
    found.save(tmp_path / "old.json")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("new.json", "old.json")]
    assert modes == [0o600, 0o644]


def test_no_prompt_or_answer_is_in_the_repr():
    assert "Yes." not in repr(comparison(["a"], ["secret prompt"]))
    assert "secret" not in repr(comparison(["a"], ["secret prompt"]))
