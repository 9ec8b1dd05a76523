"""Limits that several processes share, in an SQLite file and on a real Redis server that dies, hangs and comes back."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from shared_core import Limit, RateLimiter
from shared_core.policy.stores import limits_redis, opening
from shared_core.policy.stores.limits_shared import Entry
from shared_core.policy.stores.opening import open_state
from shared_core.policy.stores.turnstiles import forget, turnstile_at
from shared_core.testing import OfflineRouter

WORKER = """
import json, sys, threading, time
from shared_core import Limit, RateLimiter

state, requests, burst, threads, seconds = sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5])
limiter = RateLimiter(Limit(requests=requests, per="second", burst=burst), name="shared", state=state)
buckets = limiter._turnstile.buckets
passed = []

def noting(take):
    def noted(charges, now):
        before = time.monotonic()
        waits = take(charges, now)
        if waits is not None and not waits:
            passed.append((before, time.monotonic()))
        return waits
    return noted

buckets.take, buckets.take_now = noting(buckets.take), noting(buckets.take_now)
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + seconds

def work():
    while time.monotonic() < until:
        limiter.acquire()

workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(json.dumps(passed))
"""


class Workers:
    """Processes that take as much as they can get, for some seconds."""

    def __init__(
        self, state: str, *, requests: int, burst: int, seconds: float, many: int = 3, threads: int = 3
    ):
        command = [sys.executable, "-c", WORKER, state, *map(str, (requests, burst, threads, seconds))]
        self.processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(many)
        ]

    def start(self) -> None:
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def passed(self) -> list[tuple[float, float]]:
        """When each one passed, between the two times; those of a killed process are not known."""
        times: list[tuple[float, float]] = []
        for process in self.processes:
            out, _ = process.communicate(timeout=60)
            times += map(tuple, json.loads(out)) if out else []  # type: ignore[arg-type]
        return sorted(times)


def most_in_a_second(passed: list[tuple[float, float]]) -> int:
    """How many passed for certain within some window of a second: begun after its begin, over before its end."""
    return max(sum(1 for begun, over in passed if start <= begun and over < start + 1) for start, _ in passed)


@pytest.fixture(params=["an SQLite file", "a Redis server"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "an SQLite file":
        return str(tmp_path / "state.sqlite")
    url: str = request.getfixturevalue("redis_server").url
    return url


def test_processes_together_stay_within_the_limit_and_use_it(state: str) -> None:
    workers = Workers(state, requests=60, burst=10, seconds=2.0)
    workers.start()
    passed = workers.passed()
    assert most_in_a_second(passed) <= 70
    assert len(passed) >= 0.7 * 2 * 60


def test_a_process_that_is_killed_holds_nobody_up(state: str) -> None:
    workers = Workers(state, requests=60, burst=10, seconds=2.0)
    workers.start()
    time.sleep(0.7)
    workers.processes[0].send_signal(signal.SIGKILL)
    passed = workers.passed()
    assert most_in_a_second(passed) <= 70
    assert max(over for _, over in passed) - min(begun for begun, _ in passed) >= 1.5


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_while_the_server_is_away_they_are_slower_and_never_too_fast(redis_server: Any, fault: str) -> None:
    workers = Workers(redis_server.url, requests=60, burst=0, seconds=3.0)
    workers.start()
    time.sleep(0.8)
    getattr(redis_server, fault)()
    away = time.monotonic()
    try:
        passed = workers.passed()
    finally:
        redis_server.thaw()
    assert most_in_a_second(passed) <= 60
    assert sum(1 for begun, _ in passed if begun > away + 1) >= 20, "each goes on with its share"


def test_a_server_that_comes_back_empty_is_told_what_was_used(redis_server: Any) -> None:
    hour = Limit(requests=1, per="hour")
    limiter = RateLimiter(hour, name="x", state=redis_server.url)
    assert limiter.acquire(blocking=False)
    redis_server.kill()
    assert not limiter.acquire(blocking=False)
    redis_server.start()
    server: Any = open_state(redis_server.url)
    server._trouble._until = 0.0  # as after the pause
    assert not limiter.acquire(blocking=False)
    forget()
    assert not RateLimiter(hour, name="x", state=redis_server.url).acquire(blocking=False)


def test_it_is_said_once_that_the_server_is_away(redis_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    limiter = RateLimiter(Limit(requests=1000, per="second"), name="x", state=redis_server.url)
    limiter.acquire()
    redis_server.kill()
    with caplog.at_level(logging.WARNING, "hfrouter"):
        for _ in range(20):
            assert limiter.acquire()
    assert len(caplog.records) == 1
    assert "each process goes by what it knows itself" in caplog.text


def test_a_server_whose_clock_goes_back_keeps_nobody_waiting_for_longer(redis_server: Any) -> None:
    server: Any = open_state(redis_server.url)
    kept = {"free_at": time.time() + 7260, "seen": time.time() + 7200}
    server.ask(lambda client: client.hset(f"{opening.PREFIX}limit:k", mapping=kept))
    told = limits_redis.RedisPlace(server).ask("take", [Entry("k", 60.0, 60.0, 0.0, False)])
    assert told is not None
    assert told.waits[0] == pytest.approx(60.0, abs=1)


def test_what_is_on_the_server_names_neither_token_nor_user_and_goes_away(redis_server: Any) -> None:
    from shared_core import HFRouter, errors

    client = HFRouter(
        "org/name",
        base_url="http://127.0.0.1:9/v1",
        api_key="hf_secret",
        max_retries=0,
        state=redis_server.url,
        limits=[Limit(requests=5, per="second", of=of) for of in ("key", "model", "tag:user")],
    )
    with pytest.raises(errors.ConnectionLost):
        client.chat([{"role": "user", "content": "x"}], usage_tags={"user": "ada"})
    server: Any = open_state(redis_server.url)
    keys = server.ask(lambda client: client.keys("*"))
    assert len(keys) == 4
    assert all(key.startswith(b"hfrouter:limit") for key in keys)
    assert not any(word in key for key in keys for word in (b"hf_", b"ada", b"org"))
    assert all(server.ask(lambda client, key=key: client.pttl(key)) > 0 for key in keys)


def test_clients_of_two_processes_share_a_limit(state: str, offline_url: OfflineRouter) -> None:
    program = f"""
from shared_core import HFRouter, Limit, LimitReached
client = HFRouter("offline/echo", base_url={str(offline_url)!r}, api_key="k", state={state!r},
                  limits=[Limit(requests=2, per="day", burst=1)])
sent = 0
try:
    for _ in range(3):
        client.chat([{{"role": "user", "content": "x"}}])
        sent += 1
except LimitReached:
    print(sent)
"""
    command = [sys.executable, "-c", program]
    counts = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert counts == ["2\n", "0\n"]
    assert len(offline_url.requests) == 2


async def test_tasks_wait_for_a_shared_limit_without_holding_up_their_loop(state: str) -> None:
    import asyncio

    limiter = RateLimiter(Limit(requests=100, per="second", burst=0), name="x", state=state)
    started = time.monotonic()
    assert all(await asyncio.gather(*(limiter.aacquire() for _ in range(21))))
    assert time.monotonic() - started >= 0.2
    assert not turnstile_at(state).line._queues


# --- fork ---


def in_a_child(work: Any) -> Any:
    """What the work gives in a forked process."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            writing.send(work())
        except BaseException as error:
            writing.send(repr(error))
        finally:
            os._exit(0)
    writing.close()
    try:
        assert reading.poll(20), "the child hangs"
        return reading.recv()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("where", ["memory", "a Redis server"])
def test_a_fork_while_threads_wait_leaves_a_child_that_can_go_on(where: str, redis_server: Any) -> None:
    state = None if where == "memory" else redis_server.url
    limiter = RateLimiter(Limit(requests=100, per="second", burst=0), name="x", state=state)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            limiter.acquire()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            assert in_a_child(lambda: [limiter.acquire() for _ in range(2)]) == [True] * 2
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_the_child_of_a_fork_goes_on_with_the_parents_file(tmp_path: Path) -> None:
    # Not while threads write: a fork in the midst of SQLite's own work is nothing that SQLite can stand.
    limiter = RateLimiter(Limit(requests=3, per="day", burst=2), name="x", state=str(tmp_path))
    limiter.acquire()
    assert in_a_child(lambda: [limiter.acquire(blocking=False) for _ in range(3)]) == [True, True, False]
    assert not limiter.acquire(blocking=False)


def test_the_child_of_a_call_that_holds_a_slot_begins_with_all_slots_free() -> None:
    from shared_core.policy.stores.turnstiles import GATES
    from shared_core.types import Concurrency

    gate = GATES.of(Concurrency(1), "x")
    slot = gate.enter()
    assert in_a_child(lambda: GATES.of(Concurrency(1), "x").enter().is_held)
    gate.leave(slot)
