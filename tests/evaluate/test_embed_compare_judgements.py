"""Pairs of queries and documents: from lists, files and folders, and what is said of those that cannot work."""

from __future__ import annotations

import csv
import json

import pytest

from shared_core.errors import ConfigError
from shared_core.evaluate import Judgements
from shared_core.evaluate.embeddings.judgements import judgements_of

MEANT = Judgements(
    {"How far?": "How far?", "When?": "When?"},
    {text: text for text in ("Forty miles.", "At noon.", "At twelve.", "A dog.")},
    {"How far?": {"Forty miles.": 1.0}, "When?": {"At noon.": 1.0, "At twelve.": 1.0}},
)

LISTS = {
    "tuples": [("How far?", "Forty miles."), ("When?", ["At noon.", "At twelve."])],
    "mappings": [
        {"query": "How far?", "relevant": "Forty miles."},
        {"query": "When?", "relevant": ["At noon.", "At twelve."]},
    ],
    "one pair for each judgement": [
        ("How far?", "Forty miles."),
        ("When?", "At noon."),
        ("When?", "At twelve."),
    ],
    "what was judged and is not relevant": [
        ("How far?", {"Forty miles.": 1, "A dog.": 0}),
        ("When?", {"At noon.": 1, "At twelve.": 1}),
    ],
}


@pytest.mark.parametrize("pairs", LISTS.values(), ids=LISTS.keys())
def test_pairs_of_a_list(pairs):
    assert judgements_of(pairs, ["A dog.", "At noon."]) == MEANT


FILES = {
    "JSON lines": (
        "p.jsonl",
        '{"query": "How far?", "relevant": "Forty miles."}\n{"document": "A dog."}\n'
        '{"query": "When?", "relevant": ["At noon.", "At twelve."]}\n',
    ),
    "YAML": (
        "p.yaml",
        "- query: How far?\n  relevant: Forty miles.\n- query: When?\n  relevant: [At noon., At twelve.]\n"
        "- document: A dog.\n",
    ),
    "CSV": (
        "p.csv",
        'query,relevant\nHow far?,Forty miles.\nWhen?,At noon.\nWhen?,"At twelve."\n,A dog.\n',
    ),
    "TSV with grades": (
        "p.tsv",
        "query\tgrade\trelevant\nHow far?\t1\tForty miles.\nWhen?\t1\tAt noon.\nWhen?\t\tAt twelve.\n\t\tA dog.\n",
    ),
}


@pytest.mark.parametrize(("name", "text"), FILES.values(), ids=FILES.keys())
def test_pairs_of_a_file(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert judgements_of(str(tmp_path / name)) == MEANT


def test_grades_are_kept():
    judged = judgements_of([("q", {"good": 3, "fair": 0.5, "bad": 0, "wrong": -1})])
    assert judged.relevant == {"q": {"good": 3.0, "fair": 0.5}}
    assert set(judged.documents) == {"good", "fair", "bad", "wrong"}


def test_documents_with_names_are_named_by_pairs():
    judged = judgements_of([("How far?", "d1")], {"d1": "Forty miles.", "d2": "Forty miles."})
    assert judged.relevant == {"How far?": {"d1": 1.0}}
    assert judged.documents == {"d1": "Forty miles.", "d2": "Forty miles."}


def test_further_documents_come_from_a_file_with_or_without_names(tmp_path):
    (tmp_path / "d.txt").write_text("A dog.\nAt noon.\n", encoding="utf-8")
    (tmp_path / "d.jsonl").write_text('{"_id": "d1", "title": "Far", "text": "Forty miles."}\n')
    assert "A dog." in judgements_of([("q", "At noon.")], tmp_path / "d.txt").documents
    named = judgements_of([("q", "d1")], tmp_path / "d.jsonl")
    assert named.documents == {"d1": "Far Forty miles."}


@pytest.fixture
def folder(tmp_path):
    """A folder in BEIR's form."""
    corpus = [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "title": "", "text": "two"}]
    queries = [{"_id": "q1", "text": "first"}, {"_id": "q2", "text": "second"}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\r\nq1\td1\t2\r\nq1\td2\t0\r\n")
    (tmp_path / "qrels" / "dev.tsv").write_text("q2\td2\t1\n")
    return tmp_path


def test_what_is_said_twice_alike_is_said_once():
    assert judgements_of([("q", "d"), ("q", ["d", "e"])]).relevant == {"q": {"d": 1.0, "e": 1.0}}


def test_of_two_rows_of_a_folder_about_the_same_the_last_one_counts_as_for_beir(folder):
    (folder / "qrels" / "test.tsv").write_text("q1\td1\t2\nq1\td2\t1\nq1\td1\t0\nq2\td1\t1\n")
    assert judgements_of(folder).relevant == {"q1": {"d2": 1.0}, "q2": {"d1": 1.0}}


def test_a_page_break_within_a_line_of_a_file_ends_no_document(tmp_path):
    (tmp_path / "d.txt").write_text("one\x0ctwo\u2028three\x85four\r\nfive\n", encoding="utf-8", newline="")
    judged = judgements_of([("q", "five")], tmp_path / "d.txt")
    assert list(judged.documents) == ["one\x0ctwo\u2028three\x85four", "five"]


def test_a_text_of_a_table_may_be_as_long_as_it_likes(tmp_path):
    usual = csv.field_size_limit(131_072)
    try:
        (tmp_path / "p.csv").write_text(f"query,relevant\nq,{'x' * 200_000}\n")
        assert list(judgements_of(tmp_path / "p.csv").documents) == ["x" * 200_000]
    finally:
        csv.field_size_limit(usual)


def test_a_table_whose_quotes_are_odd_says_where_its_texts_may_stand(tmp_path):
    (tmp_path / "p.csv").write_text('query,relevant\nq,"a"b\n')
    with pytest.raises(ConfigError, match="JSON lines"):
        judgements_of(tmp_path / "p.csv")


@pytest.mark.parametrize("grade", [float("inf"), float("nan"), 0, "2", None])
def test_a_grade_of_ones_own_judgements_is_a_number_above_0(grade):
    with pytest.raises(ConfigError, match="no number above 0"):
        Judgements({"q": "a"}, {"d": "b"}, {"q": {"d": grade}})


def test_a_folder_in_beirs_form_is_read_and_asks_what_its_split_judges(folder):
    judged = judgements_of(folder)
    assert judged == Judgements({"q1": "first"}, {"d1": "T one", "d2": "two"}, {"q1": {"d1": 2.0}})
    assert set(judgements_of(folder, split="dev").queries) == {"q2"}


WRONG = {
    "none": ([], None, "no queries"),
    "a mapping": ({"q": "d"}, None, "Pairs are a dict"),
    "a number": (3, None, "Pairs are a int"),
    "a text alone": (["q"], None, "Pair 1 is no pair"),
    "three things": ([("q", "d", 1)], None, "Pair 1 is no pair"),
    "a word that is none": ([{"query": "q", "positive": "d"}], None, "Pair 1 has 'positive'"),
    "a query alone": ([{"query": "q"}], None, "Pair 1 needs a query and what is relevant"),
    "nothing relevant": ([("q", [])], None, "No document is relevant to query 'q'"),
    "relevant by 0": ([("q", {"d": 0})], None, "No document is relevant to query 'q'"),
    "a number as a document": ([("q", [3])], None, "Pair 1 has a int in place of a text"),
    "a number as what is relevant": ([("q", 3)], None, "Pair 1 names a int as relevant"),
    "a grade that is none": ([("q", {"d": "good"})], None, "Pair 1 has the grade 'good'"),
    "a grade without end": ([("q", {"d": float("inf")})], None, "Pair 1 has the grade inf"),
    "yes as a grade": ([("q", {"d": True})], None, "Pair 1 has the grade True"),
    "a name that no document has": ([("q", "d2")], {"d1": "x"}, "not among the documents, such as 'd2'"),
    "a document that is no text": ([("q", "d")], [3], "Document 1 has a int"),
    "a number of documents": ([("q", "d")], 3, "The documents are a int"),
    "a grade whose sums would have no end": ([("q", {"d": 1e308})], None, "Pair 1 has the grade 1e"),
    "a grade too large for a float": ([("q", {"d": 10**400})], None, "Pair 1 has the grade 1000"),
    "two grades of one pair": (
        [("q", {"d": 2}), ("q", "d")],
        None,
        "Pair 2 grades 'd' with 1, an earlier one with 2",
    ),
    "relevant, and then not": ([("q", "d"), ("q", {"d": 0})], None, "Pair 2 grades 'd' with 0"),
}


@pytest.mark.parametrize(("pairs", "documents", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_pair_is_told_by_its_place(pairs, documents, said):
    with pytest.raises(ConfigError, match=said):
        judgements_of(pairs, documents)


BROKEN = {
    "other columns": ("p.csv", "anchor,positive\na,b\n", "has the columns anchor, positive"),
    "an empty file": ("p.csv", "", "of an empty file"),
    "a row too short": ("p.csv", "query,relevant\na\n", "row 2 has 1 cells"),
    "a quote without end": ("p.csv", 'query,relevant\na,"b\n', "cannot be read as a table"),
    "a grade that is none": ("p.tsv", "query\trelevant\tgrade\na\tb\tx\n", "Pair 1 has the grade 'x'"),
    "no JSON": ("p.jsonl", "{", "is not JSON"),
}


@pytest.mark.parametrize(("name", "text", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_be_read_says_why(name, text, said, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        judgements_of(tmp_path / name)


FOLDERS = {
    "a query that is not there": ("qrels/test.tsv", "q9\td1\t1\n", "judges 'q9'"),
    "a document that is not there": ("qrels/test.tsv", "q1\td9\t1\n", "such as 'd9'"),
    "spaces for tabs": ("qrels/test.tsv", "q1 d1 1\n", "row 1 has 1 cells"),
    "an id twice": ("corpus.jsonl", '{"_id": "d1", "text": "x"}\n' * 2, "'d1' is there twice"),
    "no id": ("queries.jsonl", '{"text": "x"}\n', "item 1 needs an _id"),
}


@pytest.mark.parametrize(("name", "text", "said"), FOLDERS.values(), ids=FOLDERS.keys())
def test_a_folder_that_cannot_be_read_says_why(name, text, said, folder):
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        judgements_of(folder)


def test_a_split_that_is_not_there_says_so(folder):
    with pytest.raises(ConfigError, match=r"train\.tsv cannot be read: No such file"):
        judgements_of(folder, split="train")


def test_what_is_whole_takes_no_further_documents(folder):
    with pytest.raises(ConfigError, match=r"its documents in corpus\.jsonl"):
        judgements_of(folder, ["x"])
    with pytest.raises(ConfigError, match="have their documents"):
        judgements_of(MEANT, ["x"])


def test_judgements_of_ones_own_are_checked_too():
    with pytest.raises(ConfigError, match="no number above 0"):
        Judgements({"q": "q"}, {"d": "d"}, {"q": {"d": -1}})


def test_a_text_that_holds_odd_line_ends_stays_one_row(tmp_path):
    (tmp_path / "p.tsv").write_text("query\trelevant\nq\tone\u2028two\x0bthree\n", encoding="utf-8")
    assert set(judgements_of(tmp_path / "p.tsv").documents) == {"one\u2028two\x0bthree"}
