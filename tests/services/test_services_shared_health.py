"""Workers in processes of their own that share what they know of targets: on a real Redis server, and in a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared_core.testing import OfflineRouter, Status

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("health_worker.py")
REFUSED = Status(429, headers={"retry-after": "600"})
FIRST, SECOND = "offline/echo", "offline/tools"


class WorkerProcess:
    """One worker. A call that hangs ends the test, and not the run."""

    def __init__(self, url: str, state: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), url, state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},  # this checkout, whichever is installed
        )
        self._patience = threading.Timer(60, self._process.kill)
        self._patience.start()
        assert self._next_line() == "ready"

    def asks(self, how: str = "sync") -> str:
        """The model that answered; "" where the worker was killed because it hung."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()
        return self._next_line()

    def _next_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._patience.cancel()
        self._process.kill()
        self._process.communicate()


@pytest.fixture(params=["Redis", "SQLite"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "Redis":
        return str(request.getfixturevalue("redis_server").url)
    return str(tmp_path / "shared" / "state.sqlite")


@pytest.fixture
def start(offline_url: OfflineRouter) -> Iterator[Callable[[str], WorkerProcess]]:
    """Starts a worker; all of them are ended with the test."""
    workers: list[WorkerProcess] = []

    def start_one(state: str) -> WorkerProcess:
        workers.append(WorkerProcess(str(offline_url), state))
        return workers[-1]

    yield start_one
    for worker in workers:
        worker.close()


def asked(url: OfflineRouter) -> list[str]:
    return [request.json["model"] for request in url.requests]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_one_process_is_refused_the_others_do_not_ask_for(
    how: str, state: str, offline_url: OfflineRouter, start: Any
) -> None:
    one = start(state)
    offline_url.queue(REFUSED, match=FIRST)
    assert one.asks(how) == SECOND
    assert start(state).asks(how) == SECOND
    assert asked(offline_url) == [FIRST, SECOND, SECOND]


def test_a_forked_child_tells_and_listens_too(state: str, offline_url: OfflineRouter, start: Any) -> None:
    one = start(state)
    offline_url.queue((), REFUSED, match=FIRST)  # answered in the parent, refused in the child
    assert one.asks("fork") == SECOND
    assert start(state).asks() == SECOND


def test_without_the_server_each_goes_by_what_it_sees_itself(
    redis_server: Any, offline_url: OfflineRouter, start: Any
) -> None:
    one, other = start(redis_server.url), start(redis_server.url)
    assert (one.asks(), other.asks()) == (FIRST, FIRST)
    redis_server.kill()
    offline_url.queue(REFUSED, match=FIRST)
    assert one.asks() == SECOND
    assert one.asks() == SECOND
    assert other.asks() == FIRST


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_server_that_hangs_keeps_nobody(
    how: str, redis_server: Any, offline_url: OfflineRouter, start: Any
) -> None:
    one = start(redis_server.url)
    assert one.asks(how) == FIRST
    redis_server.freeze()
    try:
        offline_url.queue(REFUSED, match=FIRST)
        assert one.asks(how) == SECOND
        assert one.asks(how) == SECOND
        assert start(redis_server.url).asks(how) == FIRST
    finally:
        redis_server.thaw()
