"""The cache in a file: what it remembers, what it forgets first, and who may read it."""

from __future__ import annotations

import copy
import os
import pickle
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared_core import ConfigError
from shared_core.cache import SqliteCache
from shared_core.cache.sqlite import LAYOUT
from shared_core.storage.database import Database


def pairs(numbers: range, size: int = 16) -> list[tuple[bytes, bytes]]:
    return [(b"key %d" % number, bytes([number % 256]) * size) for number in numbers]


def known(cache: SqliteCache, numbers: range) -> list[int]:
    values = cache.get_many([b"key %d" % number for number in numbers])
    return [number for number, value in zip(numbers, values, strict=True) if value is not None]


def test_values_come_back_in_the_order_of_the_keys(cache: SqliteCache) -> None:
    cache.put_many(pairs(range(1200)))
    keys = [b"key 1199", b"no such key", b"key 3", b"key 1199"]
    assert cache.get_many(keys) == [bytes([1199 % 256]) * 16, None, bytes([3]) * 16, bytes([1199 % 256]) * 16]
    assert len(known(cache, range(1200))) == 1200  # more keys than one statement takes
    assert cache.get_many([]) == []
    cache.put_many([])


def test_a_new_value_takes_the_place_of_the_old(cache: SqliteCache) -> None:
    cache.put_many([(b"k", b"old"), (b"k", b"newer")])
    assert cache.get_many([b"k"]) == [b"newer"]
    cache.put_many([(b"k", b"newest")])
    assert cache.get_many([b"k"]) == [b"newest"]


def test_it_outlives_its_object_and_opens_again_after_close(cache: SqliteCache) -> None:
    cache.put_many(pairs(range(3)))
    cache.close()
    cache.close()
    assert known(SqliteCache(cache.path), range(3)) == [0, 1, 2]
    assert known(cache, range(3)) == [0, 1, 2]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_nobody_else_may_read_it(cache: SqliteCache) -> None:
    cache.put_many(pairs(range(3)))
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in cache.path.parent.iterdir()}
    assert files == {"vectors.sqlite": 0o600, "vectors.sqlite-wal": 0o600, "vectors.sqlite-shm": 0o600}
    assert stat.S_IMODE(cache.path.parent.stat().st_mode) == 0o700


def test_the_file_stays_under_its_bound_and_what_was_not_used_goes_first(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "c.db", max_bytes=2**20)
    beloved = range(20)
    cache.put_many(pairs(beloved, size=4000))
    for start in range(100, 2000, 50):  # eight times what fits
        cache.put_many(pairs(range(start, start + 50), size=4000))
        assert known(cache, beloved) == list(beloved)
        assert cache.path.stat().st_size <= 2**20 + 50 * 4096 * 4
    there = known(cache, range(100, 2000))
    assert 100 <= len(there) <= 260
    assert there == list(range(there[0], 2000)), "the latest stay"
    cache.close()


def test_one_batch_larger_than_the_bound_leaves_its_end(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "c.db", max_bytes=2**20)
    cache.put_many(pairs(range(1000), size=4000))
    there = known(cache, range(1000))
    assert there
    assert there == list(range(there[0], 1000))
    cache.close()
    assert cache.path.stat().st_size <= 2**20


def test_reading_writes_nothing_while_there_is_room(cache: SqliteCache) -> None:
    cache.put_many(pairs(range(100)))
    written = cache.path.with_name(cache.path.name + "-wal").stat().st_size
    for _ in range(50):
        known(cache, range(100))
    cache.close()
    again = SqliteCache(cache.path)
    assert known(again, range(100)) == list(range(100))
    assert written == 0 or not cache.path.with_name(cache.path.name + "-wal").stat().st_size
    again.close()


def test_a_read_only_user_of_a_full_cache_still_notes_what_it_used(tmp_path: Path) -> None:
    writer = SqliteCache(tmp_path / "c.db", max_bytes=2**20)
    for start in range(0, 200, 10):
        writer.put_many(pairs(range(start, start + 10), size=4000))
    reader = SqliteCache(tmp_path / "c.db", max_bytes=2**20)
    known(reader, range(10))
    reader.close()
    for start in range(1000, 1150, 10):
        writer.put_many(pairs(range(start, start + 10), size=4000))
    assert known(writer, range(10)) == list(range(10))
    assert not known(writer, range(10, 60))
    writer.close()


def test_a_copy_carries_its_arguments_and_no_file(cache: SqliteCache) -> None:
    cache.put_many(pairs(range(3)))
    for twin in (pickle.loads(pickle.dumps(cache)), copy.copy(cache), copy.deepcopy(cache)):
        assert (twin.path, twin.max_bytes) == (cache.path, cache.max_bytes)
        assert known(twin, range(3)) == [0, 1, 2]
        twin.close()
    assert len(pickle.dumps(cache)) < 600
    assert "vectors.sqlite" in repr(cache)


def test_threads_share_one_cache(cache: SqliteCache) -> None:
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for turn in range(20):
                mine = [(b"%d-%d" % (name, turn), b"%d" % turn)]
                cache.put_many(mine)
                assert cache.get_many([mine[0][0]]) == [mine[0][1]]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_bound_that_nothing_fits_under_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="under 1 MiB"):
        SqliteCache(tmp_path / "c.db", max_bytes=1000)


def test_many_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    start = threading.Barrier(6)

    def open_all(_: int) -> None:
        for number in range(25):
            start.wait(20)
            SqliteCache(tmp_path / f"{number}.sqlite").close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(open_all, range(6)))


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_file_whose_tables_another_program_makes_meanwhile_is_no_strangers(
    tmp_path: Path, after: int
) -> None:
    path = tmp_path / "new.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    asked = []

    class Slow:
        """Another program comes in between two questions."""

        def execute(self, statement: str) -> Any:
            answer = connection.execute(statement)
            row = answer.fetchone()
            asked.append(statement)
            if len(asked) == after:
                SqliteCache(path).close()
            return SimpleNamespace(fetchone=lambda: row)

    assert Database(path, LAYOUT)._is_ours(Slow()) is False  # type: ignore[arg-type]
    assert len(asked) == 3
    connection.close()
