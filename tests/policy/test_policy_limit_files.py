"""Limits in an SQLite file: what stands in it, and a file that cannot be used."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError, HFRouter, Limit, LimitReached, RateLimiter
from shared_core.policy.stores import limits_sqlite
from shared_core.policy.stores.budgets_sqlite import BudgetFile
from shared_core.policy.stores.limits_shared import Busy, Entry, Told
from shared_core.policy.stores.limits_sqlite import SqlitePlace
from shared_core.policy.stores.opening import LAYOUT
from shared_core.storage.database import Database

ONE_AN_HOUR = Limit(requests=1, per="hour")


@pytest.fixture
def now() -> list[float]:
    return [5000.0]


@pytest.fixture
def place(tmp_path: Path, now: list[float]) -> Iterator[SqlitePlace]:
    database = Database(tmp_path / "state.sqlite", LAYOUT)
    yield SqlitePlace(database, lambda: now[0])
    database.close()


def asked(
    place: SqlitePlace, mode: Any = "take", cost: float = 60.0, known: float = 0.0, news: bool = False
) -> Told:
    told = place.ask(mode, [Entry("k", cost, 60.0, known, news)])
    assert told is not None
    return told


def test_what_was_taken_frees_itself_with_time(place: SqlitePlace, now: list[float]) -> None:
    assert asked(place) == Told([], [60.0], 1)
    now[0] += 20
    assert asked(place) == Told([40.0], [40.0], 1)
    now[0] += 40
    assert asked(place).waits == []


def test_what_was_used_otherwise_is_corrected_and_what_is_closed_stays_so(
    place: SqlitePlace, now: list[float]
) -> None:
    asked(place)
    assert asked(place, "correct", -50.0).used == [10.0]
    assert asked(place, "correct", 5.0).used == [15.0]
    assert asked(place, "close", 9.0).used == [15.0]
    assert asked(place, "close", 90.0).used == [90.0]
    now[0] += 89
    assert asked(place).waits == [1.0]


def test_news_are_believed_and_so_is_what_a_new_file_cannot_know(place: SqlitePlace) -> None:
    assert asked(place, known=30.0).waits == [30.0]
    assert asked(place, known=90.0).waits == [30.0]
    assert asked(place, known=90.0, news=True).waits == [90.0]
    assert asked(place).waits == [90.0]


def test_a_restart_of_the_machine_keeps_nobody_waiting_for_longer(
    place: SqlitePlace, now: list[float]
) -> None:
    asked(place)
    now[0] = 10.0
    assert asked(place).waits == [60.0]
    now[0] += 25.0
    assert asked(place).waits == [35.0]


def test_who_shares_is_counted_for_a_while(tmp_path: Path, now: list[float]) -> None:
    database = Database(tmp_path / "state.sqlite", LAYOUT)
    first, second = (SqlitePlace(database, lambda: now[0]) for _ in range(2))
    asked(first)
    assert asked(second).sharers == 2
    now[0] += 61
    assert asked(first).sharers == 2
    now[0] += 700
    assert asked(first).sharers == 1
    database.close()


def test_what_is_used_no_more_leaves_the_file(place: SqlitePlace, now: list[float], tmp_path: Path) -> None:
    for number in range(50):
        place.ask("take", [Entry(f"user {number}", 1.0, 1.0, 0.0, False)])
    now[0] += 61
    asked(place)
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        assert connection.execute("SELECT key FROM limits").fetchall() == [("k",)]
    connection.close()


def test_who_may_not_wait_is_told_where_it_would_take_a_wait(place: SqlitePlace, tmp_path: Path) -> None:
    hour = [Entry("hour", 3600.0, 3600.0, 0.0, False)]
    with pytest.raises(Busy):  # the file is not open yet
        place.ask("take", hour, wait=False)
    assert not asked(place).waits
    told = place.ask("take", [Entry("other", 60.0, 60.0, 0.0, False)], wait=False)
    assert told == ([], [60.0], 1)
    other = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        place.ask("take", hour, wait=False)
    other.execute("ROLLBACK")
    other.close()
    told = place.ask("take", hour, wait=False)
    assert told == ([], [3600.0], 1)  # it was not taken before
    assert not place._trouble.pausing()  # a file that is busy is not in trouble


def test_stores_of_one_file_share_the_connection_that_does_not_wait(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.sqlite", LAYOUT)
    assert SqlitePlace(database)._hasty is BudgetFile(database)._hasty is database.hasty
    assert database.hasty is not database


async def test_a_call_waits_in_a_thread_while_another_process_writes(tmp_path: Path) -> None:
    limiter = RateLimiter(Limit(requests=3, per="hour", burst=3), name="x", state=tmp_path)
    assert await limiter.aacquire(blocking=False)
    other = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(limiter.aacquire(blocking=False))
    while not waiting.done() and not any(
        thread.name.startswith("asyncio_") for thread in threading.enumerate()
    ):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)  # the loop goes on meanwhile
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    assert await waiting


def test_threads_of_one_file_pass_one_after_another(tmp_path: Path) -> None:
    limiter = RateLimiter(Limit(requests=5, per="hour", burst=4), name="x", state=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: limiter.acquire(blocking=False), range(40)))
    assert sum(passed) == 5


def test_the_file_is_the_users_alone_and_names_nobody(tmp_path: Path) -> None:
    client = HFRouter(
        "org/name",
        base_url="http://127.0.0.1:9/v1",
        api_key="hf_secret",
        max_retries=0,
        state=tmp_path,
        limits=[Limit(requests=1, per="hour", of=of) for of in ("key", "model", "tag:user")],
    )
    for expected in (Exception, LimitReached):
        with pytest.raises(expected):
            client.chat([{"role": "user", "content": "x"}], usage_tags={"user": "ada"})
    file = tmp_path / "state.sqlite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes() + (tmp_path / "state.sqlite-wal").read_bytes()
    assert not any(word in content for word in (b"hf_", b"ada", b"org/name"))


@pytest.mark.parametrize("damage", ["full", "garbage", "something in the way"])
def test_a_file_that_cannot_be_used_stops_nobody_and_is_said_once(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "state.sqlite"
    if damage == "something in the way":
        (tmp_path / "folder").write_text("in the way")
    else:
        (tmp_path / "folder").mkdir()
    if damage == "garbage":
        path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 4000)
    if damage == "full":
        real = limits_sqlite._answer

        def full(*arguments: Any) -> Any:
            real(*arguments)
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(limits_sqlite, "_answer", full)
    limiter = RateLimiter(ONE_AN_HOUR, name="x", state=str(path))
    with caplog.at_level(logging.WARNING, "hfrouter"):
        assert [limiter.acquire(blocking=False) for _ in range(3)] == [True, False, False]
    assert len(caplog.records) == 1


def test_a_file_of_another_program_is_no_place(tmp_path: Path) -> None:
    file = tmp_path / "notes.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(ConfigError, match="something else"):
        RateLimiter(ONE_AN_HOUR, name="x", state=file).acquire()
