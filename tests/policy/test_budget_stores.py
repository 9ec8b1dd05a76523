"""Where budgets are kept: all or nothing, nothing lost, nothing left over, whatever happens to the place."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from shared_core.errors import ConfigError
from shared_core.policy.state.holds import BudgetStore, Charge, Hold, Posting
from shared_core.policy.stores import budgets_shared
from shared_core.policy.stores.budgets import open_budgets
from shared_core.policy.stores.budgets_memory import BudgetMemory
from shared_core.policy.stores.budgets_shared import SharedBudgets
from shared_core.policy.stores.budgets_sqlite import BudgetFile
from shared_core.policy.stores.opening import LAYOUT
from shared_core.policy.stores.windows import window_at
from shared_core.storage.database import Database
from tests.policy.budget_machine import FOR_EVER, BudgetMachine, hold_of

Maker = Callable[[], BudgetStore]


def in_file(path: Path) -> SharedBudgets:
    """As another process has it."""
    return SharedBudgets(BudgetFile(Database(path, LAYOUT, busy_seconds=2.0)))


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BudgetStore:
    return BudgetMemory() if request.param == "memory" else in_file(tmp_path / "state.sqlite")


def take(store: BudgetStore, hold: Hold) -> bool:
    return (store.reserve_now(hold) or store.reserve(hold)).short < 0


def sums(store: BudgetStore, account: str = "a/x/total", now: float = 1000.0) -> tuple[int, int]:
    found = store.accounts(account, "", now)
    return (found[0].spent, found[0].reserved) if found else (0, 0)


class MemoryMachine(BudgetMachine):
    lapses = False

    def stores(self) -> list[BudgetStore]:
        return [BudgetMemory()]


class FileMachine(BudgetMachine):
    def stores(self) -> list[BudgetStore]:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "state.sqlite"
        return [in_file(path), in_file(path), in_file(path)]

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.places.clear()
            self.folder.cleanup()


TestMemory = MemoryMachine.TestCase
TestMemory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestFile = FileMachine.TestCase
TestFile.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_threads_set_aside_no_more_than_there_is(store: BudgetStore) -> None:
    taken: list[Hold] = []

    def work() -> None:
        for _ in range(20):
            hold = hold_of(("a/x/total", 7), ("b/x/total", 3), limit=100)
            if take(store, hold):
                taken.append(hold)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 14
    assert (sums(store), sums(store, "b/x/total")) == ((0, 98), (0, 42))
    for hold in taken:
        store.settle(hold, [Charge(5), Charge(2)])
    assert (sums(store), sums(store, "b/x/total")) == ((70, 0), (28, 0))


def test_a_crossed_threshold_is_seen_by_one_charge_alone(store: BudgetStore) -> None:
    posted: list[Posting] = []
    holds = [hold_of(("a/x/total", 1), tell=posted.extend) for _ in range(40)]
    assert all(take(store, hold) for hold in holds)
    threads = [threading.Thread(target=store.settle, args=(hold, [Charge(2)])) for hold in holds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums(store) == (80, 0)
    assert sorted((posting.before, posting.after) for posting in posted) == [
        (n, n + 2) for n in range(0, 80, 2)
    ]


def test_old_windows_are_dropped_and_present_ones_kept() -> None:
    memory = BudgetMemory()
    for place in range(3000):
        memory.grant(f"a/{place}/old", 1, 10.0, 5.0)
    memory.grant("a/x/total", 1, FOR_EVER, 5.0)
    hold = hold_of(("a/x/total", 1), since=20.0)
    memory.grant("a/y/new", 1, 100.0, 20.0)
    assert take(memory, hold)
    for place in range(5000):
        memory.grant(f"b/{place}/new", 1, 100.0, 20.0)
    assert not memory.accounts("a/", "/old", 20.0)
    assert len(memory.accounts("a/", "", 20.0)) == 2


# -- windows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "now", "label", "until"),
    [
        ("hour", 1764287999.0, "2025-11-27T23", "2025-11-28T00:00Z"),
        ("hour", 1764288000.0, "2025-11-28T00", "2025-11-28T01:00Z"),
        ("day", 1764287999.0, "2025-11-27", "2025-11-28T00:00Z"),
        ("month", 1764287999.0, "2025-11", "2025-12-01T00:00Z"),
        ("month", 1767225599.0, "2025-12", "2026-01-01T00:00Z"),
        ("month", 1709251199.0, "2024-02", "2024-03-01T00:00Z"),
        ("total", 0.0, "total", ""),
    ],
)
def test_windows_are_those_of_the_calendar_in_utc(per: str, now: float, label: str, until: str) -> None:
    span = window_at(per, now)
    assert (span.label, span.until) == (label, until)
    assert span.ends is None or now < span.ends
    assert span.keep_until > now


# -- one file, many processes --------------------------------------------------------------------------


def test_what_a_crashed_process_has_set_aside_lapses(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    assert take(in_file(path), hold_of(("a/x/total", 80), since=1000.0, seconds=60.0))
    other = in_file(path)
    assert not take(other, hold_of(("a/x/total", 30), since=1059.0))
    assert take(other, hold_of(("a/x/total", 30), since=1060.0))
    assert sums(other, now=1060.0) == (0, 30)


def test_what_is_settled_after_it_has_lapsed_still_counts(tmp_path: Path) -> None:
    store = in_file(tmp_path / "state.sqlite")
    late = hold_of(("a/x/total", 80), since=1000.0, seconds=60.0)
    assert take(store, late)
    assert take(store, hold_of(("a/x/total", 80), since=2000.0))
    store.settle(late, [Charge(70)])
    assert sums(store, now=2000.0) == (70, 80)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[SharedBudgets, Callable[[], None]]]:
    """A store whose file another program is writing to, until that is told to end."""
    store = in_file(tmp_path / "state.sqlite")
    assert take(store, hold_of(("a/x/total", 1)))
    other = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def release() -> None:
        if other.in_transaction:
            other.execute("ROLLBACK")

    yield store, release
    release()
    other.close()


def test_while_another_process_writes_nobody_waits_who_must_not(
    locked: tuple[SharedBudgets, Callable[[], None]],
) -> None:
    store, release = locked
    assert store.reserve_now(hold_of(("a/x/total", 1))) is None
    hold = hold_of(("a/x/total", 1))
    threading.Timer(0.05, release).start()
    assert store.reserve(hold).short < 0
    assert sums(store) == (0, 2)


def test_a_settlement_that_finds_the_file_busy_is_made_up_for(
    locked: tuple[SharedBudgets, Callable[[], None]],
) -> None:
    store, release = locked
    release()
    hold = hold_of(("a/x/total", 50))
    assert take(store, hold)
    other = sqlite3.connect(store._place._patient.path, isolation_level=None)  # type: ignore[attr-defined]
    other.execute("BEGIN IMMEDIATE")
    store.settle(hold, [Charge(40)])  # returns at once
    other.execute("ROLLBACK")
    other.close()
    assert sums(store) == (40, 1)


def test_a_hold_that_was_given_up_while_a_thread_asked_for_it_is_given_back(
    locked: tuple[SharedBudgets, Callable[[], None]],
) -> None:
    store, release = locked
    hold = hold_of(("a/x/total", 50))
    asking = threading.Thread(target=store.reserve, args=(hold,))
    asking.start()
    store.settle(hold, [Charge(50)])  # the task was cancelled: nothing was sent
    release()
    asking.join()
    assert sums(store) == (0, 1)


def test_a_call_that_is_over_refuses_nobody_although_the_file_was_busy(
    locked: tuple[SharedBudgets, Callable[[], None]],
) -> None:
    store, release = locked
    release()
    hold = hold_of(("a/x/total", 90))
    assert take(store, hold)
    other = sqlite3.connect(store._place._patient.path, isolation_level=None)  # type: ignore[attr-defined]
    other.execute("BEGIN IMMEDIATE")
    store.settle(hold, [Charge(1)])
    other.execute("ROLLBACK")
    other.close()
    assert take(store, hold_of(("a/x/total", 90)))


# -- a file in trouble ---------------------------------------------------------------------------------


class Place:
    """A place in memory that can be away, forget everything, or lose its answers."""

    at_once = True

    def __init__(self, path: Path) -> None:
        self.file = BudgetFile(Database(path, LAYOUT, busy_seconds=2.0))
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        from shared_core.policy.stores.budgets_shared import Unreachable

        if self.is_away:
            raise Unreachable
        return getattr(self.file, name)


def test_while_the_place_is_away_a_process_goes_by_what_it_knows(tmp_path: Path) -> None:
    place = Place(tmp_path / "state.sqlite")
    store, other = SharedBudgets(place), in_file(tmp_path / "state.sqlite")
    foreign = hold_of(("a/x/total", 40))
    assert take(other, foreign)
    other.settle(foreign, [Charge(40)])
    assert sums(other) == (40, 0)
    own = hold_of(("a/x/total", 10))
    assert take(store, own)  # and learns of the 40
    place.is_away = True
    assert not take(store, hold_of(("a/x/total", 51)))
    away = hold_of(("a/x/total", 50))
    assert take(store, away)
    assert store.reserve_now(hold_of(("a/x/total", 1), strict=True)).unreachable  # type: ignore[union-attr]
    store.settle(own, [Charge(10)])
    store.settle(away, [Charge(30)])
    assert sums(store) == (80, 0)
    assert not take(store, hold_of(("a/x/total", 21)))
    place.is_away = False
    assert sums(store) == (80, 0)  # told before it looks
    assert sums(other) == (80, 0)


def test_what_is_waiting_for_a_place_that_is_away_for_long_does_not_pile_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets_shared, "_MOST_WAITING", 300)
    place, posted = Place(tmp_path / "state.sqlite"), list[Posting]()
    store = SharedBudgets(place)
    assert take(store, hold_of(("a/x/total", 1), limit=10**6))
    place.is_away = True
    for _ in range(400):
        hold = hold_of(("a/x/total", 1), ("b/x/total", 2), limit=10**6, tell=posted.extend)
        assert take(store, hold)
        store.settle(hold, [Charge(3), Charge(4, 4)])
    store._tidy_up()
    assert len(store._queue) == 257
    place.is_away = False
    assert sums(store) == (1200, 1)
    (other,) = store.accounts("b/x/total", "", 1000.0)
    assert (other.spent, other.unconfirmed) == (1600, 1600)
    assert sum(posting.after - posting.before for posting in posted) == 1200 + 1600


def test_a_place_that_was_lost_learns_again_what_was_spent(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    stores = [in_file(path), in_file(path)]
    for store in stores:
        hold = hold_of(("a/x/total", 40))
        assert take(store, hold)
        store.settle(hold, [Charge(30)])
        assert sums(store)[1] == 0
    store = stores[1]
    store.grant("a/x/total", 5, FOR_EVER, 1000.0)
    sqlite = sqlite3.connect(path, isolation_level=None)
    sqlite.execute("DELETE FROM budget_accounts")
    sqlite.close()
    assert not take(store, hold_of(("a/x/total", 46)))
    assert take(store, hold_of(("a/x/total", 45)))
    assert take(stores[0], hold_of(("b/x/total", 1)))
    assert sums(stores[0]) == (60, 45)  # many who tell it do no harm


@pytest.mark.parametrize("trouble", ["not a folder", "damaged"])
def test_a_file_in_trouble_is_passed_over_and_said_once(
    tmp_path: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "place" / "state.sqlite"
    if trouble == "damaged":
        path.parent.mkdir()
        path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    else:
        path.parent.write_text("a file where a folder should be")
    store = in_file(path)
    for _ in range(3):
        hold = hold_of(("a/x/total", 30))
        assert take(store, hold)
        store.settle(hold, [Charge(30)])
    assert not take(store, hold_of(("a/x/total", 30)))
    assert len([record for record in caplog.records if "goes by what it knows" in record.message]) <= 1
    if trouble == "damaged":
        assert path.with_name("state.sqlite.broken").exists()


def test_a_disk_that_is_full_costs_nothing_but_the_sharing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.sqlite"
    store, other = in_file(path), in_file(path)
    place: Any = store._place
    assert take(store, hold_of(("a/x/total", 10)))
    assert take(store, hold_of(("a/x/total", 10)))  # on the other connection
    for database in (place._patient, place._hasty):
        with database.reading() as connection:
            connection.execute("PRAGMA max_page_count = 1")
    holds = [hold_of((f"a/{place}/total", 10), limit=20) for place in range(2000)]
    assert all(take(store, hold) for hold in holds)
    for hold in holds:
        store.settle(hold, [Charge(10)])
    assert not take(store, hold_of(("a/7/total", 11), limit=20))
    assert "disk is full" in caplog.text
    for database in (place._patient, place._hasty):
        with database.reading() as connection:
            connection.execute("PRAGMA max_page_count = 1000000")
    assert sums(store, "a/1999/total") == (10, 0)
    assert sums(other, "a/1999/total") == (10, 0)


def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    with pytest.raises(ConfigError, match="something else"):
        take(in_file(path), hold_of(("a/x/total", 1)))


def test_what_is_out_of_date_goes_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = in_file(path)
    assert take(store, hold_of(("a/x/total", 1), since=time.time() - 200_000))
    store.grant("a/old/2020-01-01", 1, 1000.0, 500.0)
    place: Any = store._place
    place._settled = 10**6
    hold = hold_of(("a/y/total", 1))
    assert take(store, hold)
    store.settle(hold, [Charge(1)])
    give_up = time.monotonic() + 10
    while place._settled and time.monotonic() < give_up:
        time.sleep(0.005)
    assert [account.account for account in store.accounts("a/", "", 0.0)] == ["a/y/total"]


def test_a_place_is_opened_once_in_a_process(tmp_path: Path) -> None:
    assert open_budgets(tmp_path / "x.sqlite") is open_budgets(tmp_path / "x.sqlite")
    assert open_budgets(None) is open_budgets(None)
