"""Caches in folders of their own, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
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
