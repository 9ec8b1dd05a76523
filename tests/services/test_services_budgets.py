"""Budgets that processes and machines share: real servers that die and freeze, processes that fork and are killed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from shared_core import AsyncHFRouter, Budget, BudgetExceeded, HFRouter
from shared_core.policy.state.holds import BudgetStore, Charge, Hold, Posting
from shared_core.policy.stores.budgets import open_budgets
from shared_core.policy.stores.budgets_redis import BudgetServer
from shared_core.policy.stores.budgets_shared import SharedBudgets
from shared_core.policy.stores.budgets_sqlite import BudgetFile
from shared_core.policy.stores.opening import LAYOUT
from shared_core.storage.database import Database
from shared_core.storage.redis import RedisServer
from shared_core.testing import OfflineRouter, Stall
from tests.client.budget import test_budget_refusals as refusals
from tests.client.budget import test_budget_tasks as tasks
from tests.client.budget import test_budget_windows as windows
from tests.policy.budget_machine import BudgetMachine, hold_of
from tests.services.budget_worker import BUDGETS, PRICES

HELLO = [{"role": "user", "content": "hello"}]


def on_server(url: str, *, pause: float = 0.05) -> SharedBudgets:
    """As another process has it, and impatient."""
    server = RedisServer(url, whose="The shared state", instead="it goes on", timeout=0.2, pause=pause)
    return SharedBudgets(BudgetServer(server))


def take(store: BudgetStore, hold: Hold) -> bool:
    return (store.reserve_now(hold) or store.reserve(hold)).short < 0


def sums(store: BudgetStore, account: str = "a/x/total") -> tuple[int, int]:
    found = store.accounts(account, "", time.time())
    return (found[0].spent, found[0].reserved) if found else (0, 0)


def until(store: BudgetStore, wanted: tuple[int, int], account: str = "a/x/total") -> None:
    """Waits until the store says so."""
    give_up = time.monotonic() + 10
    while sums(store, account) != wanted and time.monotonic() < give_up:
        time.sleep(0.02)
    assert sums(store, account) == wanted


# -- a Redis server ------------------------------------------------------------------------------------


def test_a_server_follows_the_model_whatever_the_steps(redis_server: Any) -> None:
    class ServerMachine(BudgetMachine):
        lapses = False  # by the server's own clock

        def stores(self) -> list[BudgetStore]:
            stores = [on_server(redis_server.url), on_server(redis_server.url)]
            stores[0]._place._server.client.flushall()  # type: ignore[attr-defined]
            return list(stores)

    run_state_machine_as_test(
        ServerMachine, settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
    )


def test_what_a_crashed_process_has_set_aside_lapses_by_the_server_s_clock(redis_server: Any) -> None:
    store = on_server(redis_server.url)
    assert take(store, hold_of(("a/x/total", 90), seconds=0.05, since=10.0))
    assert not take(store, hold_of(("a/x/total", 90), since=10.0**9))
    until(store, (0, 0))
    assert take(store, hold_of(("a/x/total", 90), since=5.0))


def test_a_server_that_dies_and_comes_back_empty_learns_what_was_spent(redis_server: Any) -> None:
    stores = [on_server(redis_server.url) for _ in range(3)]
    for store in stores:
        hold = hold_of(("a/x/total", 20))
        assert take(store, hold)
        store.settle(hold, [Charge(20)])
        until(store, (sums(store)[0], 0))
    seen = sums(stores[2])
    assert seen == (60, 0)
    on_its_way = hold_of(("a/x/total", 30))
    assert take(stores[2], on_its_way)
    redis_server.kill()
    assert take(stores[2], hold_of(("a/x/total", 5)))
    assert not take(stores[2], hold_of(("a/x/total", 10)))
    stores[2].settle(on_its_way, [Charge(25)])
    redis_server.start()
    give_up = time.monotonic() + 10
    while stores[2]._queue and time.monotonic() < give_up:
        time.sleep(0.02)
    # The one that had seen 60 says so with its next call, and its own 25 are told on top, whichever comes first.
    assert take(stores[2], hold_of(("a/x/total", 1)))
    assert sums(stores[2])[0] >= 60
    assert not take(stores[2], hold_of(("a/x/total", 41)))


def test_while_a_server_is_frozen_nobody_hangs_and_afterwards_everything_counts_once(
    redis_server: Any,
) -> None:
    store, other = on_server(redis_server.url, pause=0.3), on_server(redis_server.url)
    holds = [hold_of(("a/x/total", 3), limit=10**6) for _ in range(20)]
    assert all(take(store, hold) for hold in holds)
    redis_server.freeze()
    try:
        started = time.monotonic()
        for hold in holds:
            store.settle(hold, [Charge(2)])
        late = [hold_of(("a/x/total", 3), limit=10**6) for _ in range(20)]
        assert all(take(store, hold) for hold in late)
        for hold in late:
            store.settle(hold, [Charge(2)])
        assert time.monotonic() - started < 5
    finally:
        redis_server.thaw()
    until(other, (80, 0))
    time.sleep(0.7)  # what was told again is not counted again
    assert sums(other) == (80, 0)


def test_a_call_whose_budget_must_be_asked_is_refused_while_the_server_is_away(
    redis_server: Any, offline_url: OfflineRouter
) -> None:
    strict = Budget(requests=5, per="day", unreachable="refuse", name="strict")
    router = HFRouter("offline/echo", base_url=offline_url, budgets=[strict], state=redis_server.url)
    router.chat(HELLO)
    redis_server.kill()
    for _ in range(2):
        with pytest.raises(BudgetExceeded, match="cannot be reached"):
            router.chat(HELLO)
    assert len(offline_url.requests) == 1


def test_clients_keep_to_budgets_on_a_server_as_they_do_elsewhere(
    redis_server: Any, offline_url: OfflineRouter
) -> None:
    url = redis_server.url
    windows.test_fifty_threads_do_not_overspend_one_hard_budget(offline_url, url)
    offline_url.forget()
    windows.test_two_event_loops_after_one_another_share_what_is_spent(offline_url, url)
    refusals.test_each_user_has_an_amount_and_a_grant_and_calls_without_a_user_share_one(offline_url, url)
    tasks.test_a_picture_is_charged_by_the_file_and_questions_about_its_job_are_free(
        offline_url, url.replace("/0", "/1"), "offline/painter:replicate"
    )


async def test_tasks_that_are_cancelled_while_a_server_is_asked_leave_nothing_behind(
    redis_server: Any, offline_url: OfflineRouter
) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        budgets=[Budget(requests=100, per="total", name="hasty")],
        state=redis_server.url,
    )
    await router.chat(HELLO)
    for turn in range(40):
        task = asyncio.create_task(router.chat(HELLO))
        for _ in range(turn % 8):
            await asyncio.sleep(0.0005 * (turn % 3))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    give_up = time.monotonic() + 10
    while (told := (await router.budgets())[0]).reserved and time.monotonic() < give_up:
        await asyncio.sleep(0.02)
    assert told.reserved == 0
    assert len(offline_url.requests) <= told.spent <= 41
    await router.close()


def test_alerts_come_once_for_all_who_share_a_server(redis_server: Any) -> None:
    posted: list[Posting] = []
    stores = [on_server(redis_server.url) for _ in range(4)]
    holds = [(store, hold_of(("a/x/total", 1), limit=1000, tell=posted.extend)) for store in stores * 10]

    def work(store: BudgetStore, hold: Hold) -> None:
        assert take(store, hold)
        store.settle(hold, [Charge(1)])

    threads = [threading.Thread(target=work, args=pair) for pair in holds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.accounts("", "", time.time())
    give_up = time.monotonic() + 10
    while len(posted) < 40 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert sorted((posting.before, posting.after) for posting in posted) == [(n, n + 1) for n in range(40)]


# -- many processes ------------------------------------------------------------------------------------


def workers(url: str, state: str, *, count: int, calls: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.services.budget_worker", url, state, str(calls)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]


@pytest.fixture(params=["file", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "state.sqlite")
    return str(request.getfixturevalue("redis_server").url)


def test_processes_together_spend_no_more_than_there_is(shared: str, offline_url: OfflineRouter) -> None:
    told = [process.communicate(timeout=60)[0] for process in workers(offline_url, shared, count=3, calls=8)]
    lines = "".join(told).split()
    assert (lines.count("answered"), lines.count("refused")) == (60, 36)
    assert len(offline_url.requests) == 60
    router = HFRouter("offline/echo", prices=PRICES, budgets=BUDGETS, state=shared)
    calls, money = router.budgets()
    assert (calls.spent, calls.reserved, money.reserved) == (60, 0, 0)


def test_a_process_that_is_killed_loses_its_last_moments_at_most_and_its_holds_lapse(
    tmp_path: Path, offline_url: OfflineRouter
) -> None:
    shared = str(tmp_path / "state.sqlite")
    (process,) = workers(offline_url, shared, count=1, calls=1000)
    assert process.stdout is not None
    for _ in range(30):
        process.stdout.readline()
    process.kill()
    rest = process.communicate(timeout=30)[0]
    answered = 30 + rest.count("answered\n")
    store = SharedBudgets(BudgetFile(Database(shared, LAYOUT)))
    (calls,) = store.accounts("calls/", "/total", time.time())
    assert min(answered, 60) <= calls.spent + calls.reserved <= 60
    assert answered - calls.spent < 30  # the last moments, of which the holds still stand
    (later,) = store.accounts("calls/", "/total", time.time() + 1000)
    assert later.reserved == 0


def test_a_call_is_sent_after_its_hold_is_written_down(tmp_path: Path, offline_url: OfflineRouter) -> None:
    shared = str(tmp_path / "state.sqlite")
    offline_url.queue(Stall(after=None), times=-1, path="*chat/completions")
    (process,) = workers(offline_url, shared, count=1, calls=1)
    give_up = time.monotonic() + 30
    while len(offline_url.requests) < 4 and time.monotonic() < give_up:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    (calls,) = SharedBudgets(BudgetFile(Database(shared, LAYOUT))).accounts("calls/", "/total", time.time())
    assert (calls.spent, calls.reserved) == (0, 4)


@pytest.mark.parametrize("where", ["memory", "file", "redis"])
def test_a_forked_child_neither_settles_nor_keeps_what_its_parent_has_set_aside(
    where: str, request: pytest.FixtureRequest, tmp_path: Path, offline_url: OfflineRouter
) -> None:
    state: Any = None
    if where == "file":
        state = str(tmp_path / "state.sqlite")
    elif where == "redis":
        state = request.getfixturevalue("redis_server").url
    router = HFRouter(
        "offline/echo",
        base_url=offline_url,
        budgets=[Budget(requests=4, per="total", name="forked")],
        state=state,
    )
    router.chat(HELLO)
    stream = router.stream(HELLO)
    next(iter(stream))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            (told,) = router.budgets()
            inherited = (told.spent, told.reserved) == (1, 0 if where == "memory" else 1)
            stream._run._flow.close()  # as the garbage collector would
            router.chat(HELLO)
            (told,) = router.budgets()
            code = 0 if inherited and (told.spent, told.reserved) == (2, 0 if where == "memory" else 1) else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (told,) = router.budgets()
    assert (told.spent, told.reserved) == ((1, 1) if where == "memory" else (2, 1))
    stream.close()
    gc.collect()
    (told,) = router.budgets()
    assert (told.spent, told.reserved) == ((2, 0) if where == "memory" else (3, 0))


def test_a_store_on_a_server_is_found_by_its_url(redis_server: Any) -> None:
    assert open_budgets(redis_server.url) is open_budgets(redis_server.url)
