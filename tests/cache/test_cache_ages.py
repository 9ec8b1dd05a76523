"""How old an entry may become, in a file and on a server; and clearing them."""

from __future__ import annotations

import pickle
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError
from shared_core.cache import SqliteCache
from shared_core.cache.sqlite import ANSWERS

DAY = 86_400.0
NOW = 1_800_000_000.0


class Wall:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])
    finally:
        connection.close()


def test_an_entry_is_forgotten_when_its_time_is_up(tmp_path: Path, wall: Wall) -> None:
    cache = SqliteCache(tmp_path, ttl=DAY, wall_clock=wall)
    cache.put_many([(b"key", b"value")])
    wall.now += DAY - 1
    assert cache.get_many([b"key"]) == [b"value"]  # asking does not make it younger
    wall.now += 2
    assert cache.get_many([b"key"]) == [None]
    assert rows(cache.path) == 1
    cache.put_many([(b"other", b"value")])  # the next one to be written takes it out of the file
    assert rows(cache.path) == 1
    cache.close()


def test_an_entry_that_is_written_again_is_young_again(tmp_path: Path, wall: Wall) -> None:
    cache = SqliteCache(tmp_path, ttl=DAY, wall_clock=wall)
    cache.put_many([(b"key", b"old")])
    wall.now += DAY - 1
    cache.put_many([(b"key", b"new")])
    wall.now += DAY - 1
    assert cache.get_many([b"key"]) == [b"new"]
    cache.close()


def test_after_a_clock_was_set_back_nothing_lives_longer_than_twice_its_time(
    tmp_path: Path, wall: Wall
) -> None:
    cache = SqliteCache(tmp_path, ttl=60, wall_clock=wall)
    wall.now = NOW + 365 * DAY  # wrong, for a moment
    cache.put_many([(b"wrong", b"1")])
    wall.now = NOW
    assert cache.get_many([b"wrong"]) == [None]
    cache.put_many([(b"right", b"2")])
    assert cache.get_many([b"wrong", b"right"]) == [None, b"2"]
    wall.now += 61
    assert cache.get_many([b"right"]) == [None]
    cache.close()


def test_two_programs_may_have_two_opinions_on_what_is_old(tmp_path: Path, wall: Wall) -> None:
    strict = SqliteCache(tmp_path, ttl=60, wall_clock=wall)
    lax = SqliteCache(tmp_path, wall_clock=wall)
    strict.put_many([(b"key", b"value")])
    wall.now += 61
    assert (strict.get_many([b"key"]), lax.get_many([b"key"])) == ([None], [b"value"])
    lax.put_many([(b"timeless", b"value")])
    strict.close()
    lax.close()


def test_what_was_written_without_an_age_is_too_old(tmp_path: Path) -> None:
    with_none = SqliteCache(tmp_path)
    with_none.put_many([(b"key", b"value")])
    with_none.close()
    cache = SqliteCache(tmp_path, ttl=10 * 365 * DAY)
    assert cache.get_many([b"key"]) == [None]
    cache.close()


def test_with_an_age_the_size_is_bounded_too(tmp_path: Path, wall: Wall) -> None:
    cache = SqliteCache(tmp_path, ttl=DAY, max_bytes=2**20, wall_clock=wall)
    for number in range(300):
        wall.now += 1
        cache.put_many([(b"%d" % number, bytes(10_000))])
    assert cache.path.stat().st_size <= 2**20
    assert cache.get_many([b"0", b"299"]) == [None, bytes(10_000)]
    cache.close()


def test_a_file_is_cleared_by_the_beginning_of_the_keys(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path)
    cache.put_many([(b"a:1", b"1"), (b"a:2", b"2"), (b"b:1", b"3")])
    cache.clear(b"a:")
    assert cache.get_many([b"a:1", b"a:2", b"b:1"]) == [None, None, b"3"]
    cache.clear()
    assert cache.get_many([b"b:1"]) == [None]
    cache.close()


def test_files_of_vectors_and_of_answers_are_not_taken_for_one_another(tmp_path: Path) -> None:
    answers = SqliteCache(tmp_path, layout=ANSWERS, ttl=5)
    assert answers.path.name == "answers.sqlite"
    answers.close()
    twin = pickle.loads(pickle.dumps(answers))
    assert (twin.path, twin.ttl, twin._database.layout) == (answers.path, 5, ANSWERS)
    twin.close()
    with pytest.raises(ConfigError, match="something else, not an embedding cache"):
        SqliteCache(answers.path)


@pytest.mark.parametrize("ttl", [0, -3, float("nan"), True, "60"], ids=repr)
def test_an_age_that_makes_no_sense_is_refused(tmp_path: Path, ttl: Any) -> None:
    with pytest.raises(ConfigError, match="ttl="):
        SqliteCache(tmp_path, ttl=ttl)
