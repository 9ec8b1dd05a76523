"""Rows on their way to a file: none is lost while there is room, and what is lost is said."""

from __future__ import annotations

import gc
import logging
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ended_calls import ended

from shared_core import ConfigError, Ledger
from shared_core.cache import SqliteStore
from shared_core.observe.ledger.commit import Buffer, GroupCommit
from shared_core.observe.ledger.rows import Row, row_of

Start = Callable[..., "subprocess.Popen[str]"]
ROW = row_of(ended())


class Place:
    """Where rows go: may be told to fail, or to wait."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.sizes: list[int] = []
        self.failure: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def __call__(self, rows: Sequence[Row]) -> None:
        self.entered.set()
        assert self.open.wait(20)
        if self.failure is not None:
            raise self.failure
        self.rows += rows
        self.sizes.append(len(rows))


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def commit(place: Place) -> Iterator[GroupCommit]:
    commit = GroupCommit(place, "The ledger", most=20, pause=1000.0)
    yield commit
    place.failure = None
    place.open.set()
    commit.close()


def until(true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def test_rows_are_written_by_themselves_and_many_at_a_time(place: Place, commit: GroupCommit) -> None:
    for _ in range(10):
        commit.put(ROW)
    until(lambda: len(place.rows) == 10)
    assert len(place.sizes) < 10


def test_flush_writes_at_once_and_what_is_being_written_is_waited_for(
    place: Place, commit: GroupCommit
) -> None:
    place.open.clear()
    commit.put(ROW)
    assert place.entered.wait(20)  # the thread is inside
    commit.put(ROW)
    threading.Timer(0.01, place.open.set).start()
    assert commit.flush()
    assert len(place.rows) == 2


def test_whoever_brings_more_than_fits_waits_and_nothing_is_lost(place: Place, commit: GroupCommit) -> None:
    place.open.clear()

    def bring() -> None:
        for _ in range(50):
            commit.put(ROW)

    threads = [threading.Thread(target=bring) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(commit._rows) + commit._in_hand == 20)
    place.open.set()
    for thread in threads:
        thread.join(20)
    assert commit.flush()
    assert (len(place.rows), commit.lost) == (200, 0)


def test_while_nothing_can_be_written_rows_wait_and_the_rest_is_counted(
    place: Place, commit: GroupCommit, caplog: pytest.LogCaptureFixture
) -> None:
    place.failure = sqlite3.OperationalError("database or disk is full")
    for _ in range(5):
        commit.put(ROW)
    assert not commit.flush()
    for _ in range(20):
        commit.put(ROW)
    assert not commit.flush()  # left alone for a while
    assert commit.lost == 5
    place.failure = None
    assert commit.flush(at_any_rate=True)
    assert len(place.rows) == 20
    assert [record.getMessage() for record in caplog.records] == [
        "The ledger cannot be used (database or disk is full); up to 20 calls are remembered until it can be written, "
        "later ones are counted only.",
        "The ledger can be written again; 5 calls were lost meanwhile.",
    ]


def test_rows_that_are_never_written_are_told_at_the_end(
    place: Place, commit: GroupCommit, caplog: pytest.LogCaptureFixture
) -> None:
    place.failure = OSError("no room")
    commit.put(ROW)
    assert not commit.close()
    assert "was closed before 1 calls could be written to it" in caplog.text


def test_after_its_end_it_begins_again(place: Place, commit: GroupCommit) -> None:
    commit.put(ROW)
    assert commit.close()
    commit.put(ROW)
    until(lambda: len(place.rows) == 2)
    assert commit.close()
    assert commit.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "usage-ledger"]


@pytest.mark.parametrize("kind", ["Buffer", "GroupCommit"])
def test_a_stream_that_is_collected_while_rows_are_written_gets_its_row(kind: str) -> None:
    """The garbage collector ends streams in whichever thread it runs, also in one that is inside the ledger."""
    written: list[Row] = []

    def write(rows: Sequence[Row]) -> None:
        if not written:
            holder.put(ROW)  # as a stream's end would
        written.extend(rows)

    holder: Any = (
        Buffer(write, lambda: False)
        if kind == "Buffer"
        else GroupCommit(write, "The ledger", most=3, pause=1000.0)
    )
    for _ in range(3):
        holder.put(ROW)
    holder.flush()
    holder.close()
    assert len(written) == 4


# -- the file --------------------------------------------------------------------------------------------


def test_sixty_four_threads_lose_nothing_while_others_ask(tmp_path: Path) -> None:
    for path in (None, tmp_path / "u.sqlite"):
        with Ledger(path) as ledger:
            done = threading.Event()
            seen: list[int] = []

            def bring(name: int, ledger: Ledger = ledger) -> None:
                for number in range(100):
                    ledger(ended(id=f"{name}-{number}", usage_tags={"thread": str(name)}))

            def ask(ledger: Ledger = ledger, seen: list[int] = seen, done: threading.Event = done) -> None:
                while not done.is_set():
                    total = ledger.totals()
                    assert total.prompt_tokens == 10 * total.calls
                    seen.append(total.calls)

            asking = threading.Thread(target=ask)
            asking.start()
            threads = [threading.Thread(target=bring, args=(name,)) for name in range(64)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            done.set()
            asking.join()
            assert seen == sorted(seen)
            assert ledger.totals().calls == 6400
            assert {line.calls for line in ledger.by("tag:thread")} == {100}
            assert len({row.id for row in ledger.rows(None)}) == 6400


def test_a_ledger_that_nobody_has_any_more_is_written_and_leaves_no_thread(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "u.sqlite")
    ledger(ended())
    del ledger
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "usage-ledger"]
    with Ledger(tmp_path / "u.sqlite") as again:
        assert again.totals().calls == 1


def test_while_another_holds_the_file_rows_wait_and_the_log_says_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Ledger(tmp_path / "u.sqlite", busy_seconds=0.01) as ledger:
        ledger(ended())
        ledger.flush()
        holder = sqlite3.connect(tmp_path / "u.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        ledger(ended())
        assert not ledger.flush()
        ledger(ended())
        assert not ledger.flush()
        assert ledger.totals().calls == 1  # reading needs no lock
        holder.execute("ROLLBACK")
        holder.close()
        ledger.close()
        assert ledger.totals().calls == 3
        assert ledger.lost == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot be used (database is locked)" in caplog.text


def test_a_broken_file_is_set_aside_and_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "u.sqlite"
    path.write_bytes(b"this is no database " * 1000)
    with Ledger(path) as ledger:
        ledger(ended())
        assert ledger.flush()
        assert ledger.totals().calls == 1
    assert path.with_name("u.sqlite.broken").read_bytes().startswith(b"this is no")
    assert "was broken" in caplog.text


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "store.db").close()
    with pytest.raises(ConfigError, match="not a usage ledger"):
        Ledger(tmp_path / "store.db")
    Ledger(tmp_path / "u.sqlite").close()
    with sqlite3.connect(tmp_path / "u.sqlite") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigError, match="newer hfrouter"):
        Ledger(tmp_path / "u.sqlite")


def test_a_folder_that_cannot_be_made_costs_rows_and_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    ledger = Ledger(tmp_path / "file" / "folder" / "u.sqlite")
    ledger(ended())
    assert not ledger.flush()
    with pytest.raises(ConfigError, match="cannot be read"):
        ledger.totals()
    ledger.close()
    assert "was closed before 1 calls could be written" in caplog.text


def test_a_question_to_a_file_that_somebody_has_spoilt_says_so(tmp_path: Path) -> None:
    with Ledger(tmp_path / "u.sqlite") as ledger:
        ledger.close()
        with sqlite3.connect(tmp_path / "u.sqlite") as connection:
            connection.execute("DROP TABLE calls")
        connection.close()
        with pytest.raises(ConfigError, match="cannot be read: no such table"):
            ledger.by("tag:user")
        ledger(ended())
        with pytest.raises(ConfigError, match="cannot be written: no such table"):
            ledger.prune(date(3000, 1, 1))


FULL_DISK = """
import logging, resource, sys
logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(message)s")
sys.path.insert(0, sys.argv[2])
from ended_calls import ended
from shared_core import Ledger
ledger = Ledger(sys.argv[1])
ledger(ended(id="early"))
ledger.flush()
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limit[1]))
for number in range(3000):
    ledger(ended(id=str(number)))
print(ledger.flush(), ledger.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, limit)
ledger.close()
print(ledger.totals().calls, ledger.lost)
ledger.close()
"""


def test_rows_wait_for_room_on_a_full_disk(tmp_path: Path, start: Start) -> None:
    process = start(FULL_DISK, tmp_path / "u.sqlite", Path(__file__).parent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    said, full, after = out.splitlines()
    assert "cannot be used (" in said
    assert (full, after) == ("False 0", "3001 0")


def test_all_is_quiet_when_all_is_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "hfrouter"), Ledger(tmp_path / "u.sqlite") as ledger:
        ledger(ended())
    assert caplog.records == []
