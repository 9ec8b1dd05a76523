"""What lies in a cache, and emptying it: counted as it is, without making or changing a file; errors are errors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError
from shared_core.cache import SqliteCache, contents_of, empty
from shared_core.cache.sqlite import ANSWERS


def filled(path: Path, count: int = 100, **arguments: Any) -> None:
    cache = SqliteCache(path, layout=ANSWERS, **arguments)
    cache.put_many([(b"chat:%27d" % number, bytes(1000)) for number in range(count)])
    cache.close()


def test_entries_and_bytes_are_counted(tmp_path: Path) -> None:
    filled(tmp_path / "answers.sqlite")
    found = contents_of(tmp_path / "answers.sqlite", "answers")
    assert (found.entries, found.value_bytes) == (100, 100_000)
    assert found.file_bytes is not None
    assert found.file_bytes > 100_000
    assert found.oldest is found.newest is None, "without a ttl nobody writes down when"


def test_with_a_ttl_it_is_known_when_they_were_written(tmp_path: Path) -> None:
    began = time.time()
    filled(tmp_path / "answers.sqlite", ttl=60.0)
    found = contents_of(tmp_path / "answers.sqlite", "answers", ttl=60.0)
    assert found.oldest is not None
    assert found.newest is not None
    assert began - 1 <= found.oldest <= found.newest <= time.time() + 1


def test_looking_makes_no_file(tmp_path: Path) -> None:
    assert contents_of(tmp_path / "none" / "answers.sqlite", "answers").entries == 0
    assert empty(tmp_path / "none" / "answers.sqlite", "answers") == 0
    assert not list(tmp_path.iterdir())


def test_emptying_forgets_all_and_gives_the_space_back(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    filled(path, 2000)
    before = contents_of(path, "answers")
    assert empty(path, "answers") == 2000
    after = contents_of(path, "answers")
    assert after.entries == after.value_bytes == 0
    assert after.file_bytes is not None
    assert before.file_bytes is not None
    assert after.file_bytes < before.file_bytes / 10


def test_a_program_goes_on_with_a_cache_that_was_emptied_under_it(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "vectors.sqlite")
    cache.put_many([(b"a", b"1")])
    assert empty(tmp_path / "vectors.sqlite", "vectors") == 1
    assert cache.get_many([b"a"]) == [None]
    cache.put_many([(b"b", b"2")])
    assert cache.get_many([b"b"]) == [b"2"]
    cache.close()


@pytest.mark.parametrize("kind", ["answers", "vectors"])
def test_another_kind_of_file_is_left_alone(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "other.sqlite"
    SqliteCache(path, layout=ANSWERS).close() if kind == "vectors" else SqliteCache(path).close()
    for ask in (contents_of, empty):
        with pytest.raises(ConfigError, match="something else"):
            ask(path, kind)


def test_a_broken_file_is_told_of_and_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)
    with pytest.raises(ConfigError, match="cannot be used"):
        contents_of(path, "answers")
    assert [each.name for each in tmp_path.iterdir()] == ["answers.sqlite"]
