"""What rows are made of, and what becomes of rows that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError
from shared_core.corpus.shards import Row
from shared_core.corpus.sources import open_source, rows_of


def rows(source: Any, text: str = "text", id: str | None = "id", format: Any = None) -> list[Row]:
    return list(rows_of(open_source(source, format, text, id).items(), text, id))


def named(source: Any, **options: Any) -> list[tuple[object, str]]:
    found = rows(source, **options)
    assert [row.error for row in found] == [""] * len(found)
    assert [row.number for row in found] == list(range(len(found)))
    return [(row.id, row.text) for row in found]


def generated() -> Iterator[str]:
    yield from ("a", "b")


def test_texts_pairs_and_mappings_can_be_iterated() -> None:
    assert named(["a", "b"]) == named(generated()) == [(0, "a"), (1, "b")]
    assert named([("x", "a"), ["y", "b"]]) == [("x", "a"), ("y", "b")]
    assert named([{"id": 7, "text": "a", "more": None}]) == [(7, "a")]
    assert named([{"key": 7, "body": ""}], text="body", id="key") == [(7, "")]
    assert named([{"id": 7, "text": "a"}], id=None) == [(0, "a")]
    assert named([{"text": "a"}, {"text": "b"}]) == [(0, "a"), (1, "b")]
    assert named([]) == []


def test_jsonl_takes_objects_and_strings_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes('\ufeff{"text": "a\\nb", "id": 1}\r\n\n  \n{"id": 2, "text": "ü"}'.encode())
    assert named(path) == [(1, "a\nb"), (2, "ü")]
    path.write_text('"one"\n"two"\n')
    assert named(str(path)) == [(0, "one"), (1, "two")]
    (tmp_path / "corpus.log").write_text('"one"\n')
    assert named(tmp_path / "corpus.log", format="jsonl") == [(0, "one")]


def test_csv_takes_quotes_newlines_and_very_long_fields(tmp_path: Path) -> None:
    path = tmp_path / "corpus.csv"
    long = "word " * 200_000
    path.write_bytes(f'\ufeffid,text\r\na,"one, ""two""\nthree"\r\nb,{long}\r\n'.encode())
    assert named(path) == [("a", 'one, "two"\nthree'), ("b", long)]
    (tmp_path / "corpus.tsv").write_text("text\tid\none, two\t5\n")
    assert named(tmp_path / "corpus.tsv") == [("5", "one, two")]


BAD = {
    "a number": ([("x", 5)], "its text is of type int"),
    "nothing": ([("x", None)], "its text is of type NoneType"),
    "bytes": ([b"bytes"], "its text is of type bytes"),
    "a lone surrogate": (["\ud800"], "its text is not valid Unicode"),
    "a triple": ([("a", "b", "c")], "its text is of type tuple"),
    "an id that is true": ([(True, "a")], "its id is of type bool"),
    "an id with a fraction": ([(1.5, "a")], "its id is of type float"),
    "an id beyond 64 bits": ([(2**63, "a")], "its id does not fit in 64 bits"),
    "an id that is no Unicode": ([("\udc80", "a")], "its id is not valid Unicode"),
    "an empty field": ([{"id": 1, "text": None}], "it has no field 'text'"),
}


@pytest.mark.parametrize(("source", "error"), BAD.values(), ids=BAD.keys())
def test_a_row_that_cannot_be_embedded_says_why(source: list[Any], error: str) -> None:
    (row,) = rows(source)
    assert row.error.startswith(error)
    assert row.text == ""


def test_lines_that_are_no_rows_are_failed_rows_and_the_next_are_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'{"text": "a"}\n{broken\n[1, 2]\n"\xff\xfe"\n' + b"[" * 100_000 + b'\n{"text": "b"}\n')
    errors = {row.number: row.error for row in rows(path) if row.error}
    assert list(errors) == [1, 2, 3, 4]
    assert errors[2] == "its line is neither an object nor a string"
    assert all(errors[i].startswith("its line is not JSON") for i in (1, 3, 4))
    path = tmp_path / "corpus.csv"
    path.write_bytes(b"id,text\n1,a\n2\n3,\xff\n4,b\n")
    assert [row.error for row in rows(path)] == [
        "",
        "it has no field 'text'",
        "its text is not valid Unicode (a lone surrogate)",
        "",
    ]


def test_ids_are_all_of_the_first_rows_kind() -> None:
    found = rows([(1, "a"), ("x", "b"), (2, "c")])
    assert [(row.id, row.error) for row in found] == [
        (1, ""),
        (1, "its id is a string, that of the first row is a number"),
        (2, ""),
    ]
    found = rows([{"id": "x", "text": "a"}, {"text": "b"}])
    assert found[1].error == "its id is missing, that of the first row is a string"


def test_a_source_without_the_field_is_an_error_and_no_corpus_of_failures(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="first row has no field 'text', only 'id', 'body'"):
        rows([{"id": 1, "body": "a"}])
    (tmp_path / "corpus.csv").write_text("id,body\n1,a\n")
    with pytest.raises(ConfigError, match="no column 'text', only id, body"):
        rows(tmp_path / "corpus.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ConfigError, match="no column 'text'"):
        rows(tmp_path / "empty.csv")


def test_what_is_no_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        rows(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match=r"format of .* is not known"):
        rows(tmp_path / "corpus.docx")
    with pytest.raises(ConfigError, match="source_format= is for files"):
        rows(["a"], format="csv")
    with pytest.raises(ConfigError, match="of type int is no path"):
        rows(7)


def test_how_much_is_read_is_known_where_the_size_is(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('"a"\n"b"\n')
    source = open_source(path, None, "text", None)
    items = source.items()
    assert source.done() == 0
    next(items)
    assert source.done() == 0.5
    assert list(items) == ["b"]
    assert source.done() == 1
    counted, endless = (
        open_source(["a", "b"], None, "text", None),
        open_source(iter("ab"), None, "text", None),
    )
    next(counted.items())
    assert (counted.done(), endless.done()) == (0.5, None)
