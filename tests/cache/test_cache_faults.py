"""Whatever befalls the file: vectors are never lost, the log says it once, and nobody else's file is touched."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError
from shared_core.cache import SqliteCache, SqliteStore

ITEM = [(b"key", b"value")]
Start = Callable[..., "subprocess.Popen[str]"]


def finished(process: subprocess.Popen[str]) -> str:
    """What the process printed; its errors are the test's."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    return out


def test_a_broken_file_is_set_aside_and_begun_anew(
    cache: SqliteCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put_many(ITEM)
    cache.close()
    cache.path.write_bytes(b"this is no database " * 1000)

    assert cache.get_many([b"key"]) == [None]
    cache.put_many(ITEM)
    assert cache.get_many([b"key"]) == [b"value"]

    aside = cache.path.with_name("vectors.sqlite.broken")
    assert aside.read_bytes().startswith(b"this is no database")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"begun anew; the old file is now {aside}" in caplog.text


def test_damage_inside_a_file_is_found_when_it_is_read(cache: SqliteCache, tmp_path: Path) -> None:
    cache.put_many([(b"key %d" % i, bytes(3000)) for i in range(500)])
    cache.close()
    damaged = bytearray(cache.path.read_bytes())
    damaged[16384:] = b"\xff" * (len(damaged) - 16384)
    cache.path.write_bytes(damaged)

    assert cache.get_many([b"key 7"]) == [None]
    cache.put_many(ITEM)
    assert cache.get_many([b"key"]) == [b"value"]


def test_a_file_that_is_cut_short_is_begun_anew(cache: SqliteCache) -> None:
    cache.put_many([(b"key %d" % i, bytes(3000)) for i in range(500)])
    cache.close()
    cache.path.write_bytes(cache.path.read_bytes()[:20_000])
    assert cache.get_many([b"key 7"]) == [None]
    cache.put_many(ITEM)
    assert cache.get_many([b"key"]) == [b"value"]


def test_of_two_who_find_it_broken_the_second_leaves_the_new_file_alone(cache: SqliteCache) -> None:
    other = SqliteCache(cache.path)
    cache.put_many([(b"key %d" % i, bytes(3000)) for i in range(500)])
    cache.close()
    other.close()
    cache.path.write_bytes(b"x" * 50_000)
    cache._database._opened.inode = other._database._opened.inode = cache.path.stat().st_ino
    with pytest.raises(sqlite3.DatabaseError), cache._database.reading():
        pass
    with pytest.raises(sqlite3.DatabaseError), other._database.reading():
        pass
    assert cache._database.set_aside() is not None
    cache.put_many(ITEM)
    assert other._database.set_aside() is None
    assert other.get_many([b"key"]) == [b"value"]
    other.close()


def test_while_another_holds_the_file_nothing_is_lost_and_the_log_says_it_once(
    cache: SqliteCache, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    cache.put_many(ITEM)
    clock.now += 61
    cache.put_many(ITEM)
    holder.execute("ROLLBACK")
    holder.close()
    assert cache.get_many([b"key"]) == [None]
    assert len(caplog.records) == 1
    assert "cannot be used (database is locked); calls go on without it" in caplog.text

    cache.put_many(ITEM)  # still within the minute
    clock.now += 61
    assert cache.get_many([b"key"]) == [None]
    cache.put_many(ITEM)
    assert cache.get_many([b"key"]) == [b"value"]


FULL_DISK = """
import resource, sys, logging
logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(message)s")
from shared_core.cache import SqliteCache
cache = SqliteCache(sys.argv[1])
cache.put_many([(b"early", b"value")])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
for i in range(5):
    cache.put_many([(b"%d-%d" % (i, j), bytes(3000)) for j in range(300)])
print(cache.get_many([b"early", b"4-4"]))
print(cache._trouble.pausing())
"""


def test_a_full_disk_is_said_once_and_what_was_there_stays(tmp_path: Path, start: Start) -> None:
    said, values, pausing = finished(start(FULL_DISK, tmp_path / "c.db")).splitlines()
    assert "cannot be used" in said
    assert pausing == "True"
    assert values == "[None, None]"
    survivor = SqliteCache(tmp_path / "c.db")
    assert survivor.get_many([b"early", b"4-4"]) == [b"value", None]
    survivor.close()


FULL_FROM_THE_START = """
import resource, sys, logging
logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(message)s")
from shared_core.cache import SqliteCache
from shared_core.storage import database
database.time.sleep = lambda seconds: print("waited")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
print(SqliteCache(sys.argv[1]).get_many([b"key"]))
"""


def test_a_disk_that_is_full_from_the_start_is_not_waited_for(tmp_path: Path, start: Start) -> None:
    said, values = finished(start(FULL_FROM_THE_START, tmp_path / "c.db")).splitlines()
    assert "cannot be used" in said
    assert values == "[None]"


@pytest.mark.parametrize("path", ["a\0b.db", "a\ud800.db", "x" * 5000 + ".db", "~nobody-of-this-name/c.db"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the path of an embedding cache"):
        SqliteCache(path)


def test_a_folder_that_cannot_be_made_costs_the_cache_and_not_the_vectors(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = SqliteCache(tmp_path / "file" / "folder" / "c.db")
    cache.put_many(ITEM)
    assert cache.get_many([b"key"]) == [None]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("kind", [SqliteCache, SqliteStore])
def test_a_file_of_another_program_is_refused_and_stays_as_it_is(kind: type, tmp_path: Path) -> None:
    foreign = tmp_path / "photos.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(ConfigError, match=r"photos\.db is an SQLite file of something else"):
        kind(foreign)
    assert foreign.read_bytes() == before

    notes = tmp_path / "notes.txt"
    notes.write_text("Dear diary")
    with pytest.raises(ConfigError, match=r"notes\.txt is no SQLite file"):
        kind(notes)
    assert notes.read_text() == "Dear diary"


def test_a_cache_and_a_store_do_not_take_each_others_file(tmp_path: Path) -> None:
    SqliteCache(tmp_path / "a.db").close()
    SqliteStore(tmp_path / "b.db").close()
    with pytest.raises(ConfigError, match="not a store of named bytes"):
        SqliteStore(tmp_path / "a.db")
    with pytest.raises(ConfigError, match="not an embedding cache"):
        SqliteCache(tmp_path / "b.db")


def test_a_newer_layout_is_left_alone(tmp_path: Path) -> None:
    SqliteCache(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigError, match=r"written by a newer hfrouter \(layout 9"):
        SqliteCache(tmp_path / "a.db")


MANY_WRITERS = """
import sys
from shared_core.cache import SqliteCache
cache = SqliteCache(sys.argv[1], busy_seconds=30)
for turn in range(20):
    cache.put_many([(b"%s %d %d" % (sys.argv[2].encode(), turn, i), sys.argv[2].encode()) for i in range(50)])
    shared = [(b"shared %d" % i, b"the same") for i in range(50)]
    cache.put_many(shared)
    assert cache.get_many([key for key, _ in shared]) == [b"the same"] * 50
cache.close()
"""


def test_many_processes_make_and_fill_one_file_at_once(tmp_path: Path, start: Start) -> None:
    processes = [start(MANY_WRITERS, tmp_path / "new" / "c.db", name) for name in "abcd"]
    assert [finished(process) for process in processes] == [""] * 4
    cache = SqliteCache(tmp_path / "new" / "c.db")
    keys = [
        b"%s %d %d" % (name, turn, i)
        for name in (b"a", b"b", b"c", b"d")
        for turn in range(20)
        for i in range(50)
    ]
    assert cache.get_many(keys) == [key[:1] for key in keys]
    cache.close()


FORKED = """
import os, sys, threading
from shared_core.cache import SqliteCache
cache = SqliteCache(sys.argv[1])
cache.put_many([(b"parent", b"1")])
holding, release = threading.Event(), threading.Event()
def hold():  # another thread has the lock when the process forks
    with cache._database.reading():
        holding.set(); release.wait()
thread = threading.Thread(target=hold); thread.start(); holding.wait()
child = os.fork()
if not child:
    assert cache.get_many([b"parent"]) == [b"1"]
    cache.put_many([(b"child", b"2")])
    cache.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
release.set(); thread.join()
print(cache.get_many([b"parent", b"child"]))
cache.close()
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_a_forked_child_opens_a_connection_of_its_own(tmp_path: Path, start: Start) -> None:
    assert finished(start(FORKED, tmp_path / "c.db")) == "[b'1', b'2']\n"


def test_a_killed_writer_leaves_a_file_that_works(tmp_path: Path, start: Start) -> None:
    code = MANY_WRITERS.replace("range(20)", "range(10**9)") + ""
    process = start("print('go', flush=True)\n" + code, tmp_path / "c.db", "a")
    assert process.stdout is not None
    process.stdout.readline()
    cache = SqliteCache(tmp_path / "c.db", busy_seconds=30)
    while cache.get_many([b"a 2 49"]) == [None]:
        pass
    process.kill()
    process.communicate()
    cache.put_many(ITEM)
    assert cache.get_many([b"key", b"a 2 49", b"a 0 0"]) == [b"value", b"a", b"a"]
    cache.close()


def test_the_log_is_silent_when_all_is_well(cache: SqliteCache, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="hfrouter"):
        cache.put_many(ITEM)
        cache.get_many([b"key"])
    assert caplog.records == []
