"""Caches in folders of their own, a clock that is moved by hand, and a way to run code in another process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared_core.cache import SqliteCache


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> Iterator[SqliteCache]:
    cache = SqliteCache(tmp_path / "cache" / "vectors.sqlite", busy_seconds=0.05, clock=clock)
    yield cache
    cache.close()


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Starts another interpreter on some code; its arguments are `sys.argv[1:]`."""

    def run(code: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run
