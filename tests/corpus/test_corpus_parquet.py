"""Parquet as a source and as a sink."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from shared_core import ConfigError
from shared_core.corpus import embed_corpus

pytestmark = pytest.mark.pinned_set


def table_of(folder: Path) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = parquet.read_table(folder).to_pydict()
    return columns


def test_a_table_becomes_a_table_in_the_same_order(tmp_path: Path, letters: Any, expected: Any) -> None:
    texts = [f"text {i % 7}" for i in range(95)]
    source = tmp_path / "corpus.parquet"
    parquet.write_table(
        pa.table({"doc": texts, "key": list(range(1000, 1095)), "more": texts}), source, row_group_size=20
    )
    report = embed_corpus(source, tmp_path / "out.parquet", letters(), text="doc", id="key", shard_size=30)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.schema.field("id").type == pa.int64()
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 3)
    assert table["id"].to_pylist() == list(range(1000, 1095))
    np.testing.assert_array_equal(np.array(table["vector"].to_pylist()), expected(texts))
    assert (report.rows, report.embedded, report.failed) == (95, 7, 0)
    assert len(list((tmp_path / "out.parquet").iterdir())) == 4


def test_a_folder_of_tables_is_one_corpus(tmp_path: Path, letters: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "ba":
        parquet.write_table(pa.table({"text": [f"{name}{i}" for i in range(3)]}), folder / f"{name}.parquet")
    given: list[str] = []
    embed_corpus(folder, lambda batch: given.extend(batch.texts), letters())
    assert given == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_ids_may_be_strings_and_rows_without_text_fail(tmp_path: Path, letters: Any) -> None:
    source = tmp_path / "corpus.pq"
    parquet.write_table(pa.table({"id": ["x", "y", None], "text": ["one", None, "three"]}), source)
    report = embed_corpus(source, tmp_path / "out", letters())
    assert table_of(tmp_path / "out")["id"] == ["x"]
    assert report.failed == 2
    assert report.failed_file is not None
    assert "no field 'text'" in report.failed_file.read_text()


def test_an_array_of_numbers_is_no_text(tmp_path: Path, letters: Any) -> None:
    source = tmp_path / "corpus.parquet"
    parquet.write_table(pa.table({"text": [1, 2]}), source)
    report = embed_corpus(source, tmp_path / "out", letters())
    assert report.failed == 2
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_no_table_or_lacks_the_column_is_said(tmp_path: Path, letters: Any) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match=r"a\.parquet is no Parquet file"):
        embed_corpus(tmp_path / "a.parquet", tmp_path / "out", letters())
    parquet.write_table(pa.table({"body": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(ConfigError, match="has no column 'text', only body"):
        embed_corpus(tmp_path / "b.parquet", tmp_path / "out", letters())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"no \.parquet file"):
        embed_corpus(tmp_path / "empty", tmp_path / "out", letters())


def test_a_folder_with_other_files_is_not_written_to(tmp_path: Path, letters: Any) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-000000.parquet").write_bytes(b"somebody's")
    with pytest.raises(ConfigError, match="not empty, and no checkpoint"):
        embed_corpus(["a"], tmp_path / "out", letters())
    assert (tmp_path / "out" / "part-000000.parquet").read_bytes() == b"somebody's"
    (tmp_path / "file.parquet").write_bytes(b"")
    with pytest.raises(ConfigError, match="is a file; Parquet goes to a folder"):
        embed_corpus(["a"], tmp_path / "file.parquet", letters())


def test_a_part_that_went_missing_is_named(tmp_path: Path, letters: Any) -> None:
    embed_corpus(["a", "b"], tmp_path / "out", letters(), shard_size=1)
    (tmp_path / "out" / "part-000000.parquet").unlink()
    with pytest.raises(ConfigError, match=r"part-000000\.parquet is missing"):
        embed_corpus(["a", "b", "c"], tmp_path / "out", letters(), shard_size=1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_table_is_exact_whenever_its_run_was_killed(kill_and_resume: Callable[[str], int]) -> None:
    assert kill_and_resume("vectors.parquet") > 30
