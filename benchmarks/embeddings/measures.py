"""What is measured of one contender, inside its own process.

Lives here: one function a measure. Each gets a `Subject` and answers with numbers. Not here: who takes part and
in which order (`run`). Nothing but the standard library is imported: what is in memory is the contender's.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

QUERIES = 60  # single queries in one round
CROWD = 64  # queries at once
HITS = 1_000  # cached texts in one call
REMOTE = 10_000  # texts of one remote call


@dataclass
class Subject:
    """A built contender.

    Args:
        documents: Texts to vectors, in whatever the contender returns.
        query: One text to its vector; None when it has no such method.
        aquery: The same, awaitable.
        texts: By name: "mixed", "even", "short".
    """

    documents: Callable[[list[str]], Any]
    query: Callable[[str], Any] | None
    aquery: Callable[[str], Any] | None
    texts: dict[str, list[str]]


def mixed(it: Subject) -> dict[str, float]:
    return _throughput(it, it.texts["mixed"])


def even(it: Subject) -> dict[str, float]:
    return _throughput(it, it.texts["even"])


def short(it: Subject) -> dict[str, float]:
    return _throughput(it, it.texts["short"])


def _throughput(it: Subject, texts: list[str]) -> dict[str, float]:
    started = time.perf_counter()
    vectors = it.documents(texts)
    seconds = time.perf_counter() - started
    assert len(vectors) == len(texts)
    return {"per_second": len(texts) / seconds}


def query(it: Subject) -> dict[str, float]:
    """Median time of one short query after another."""
    assert it.query is not None
    times = []
    for text in it.texts["short"][:QUERIES]:
        started = time.perf_counter()
        it.query(text)
        times.append(time.perf_counter() - started)
    return {"p50": statistics.median(times)}


def crowd(it: Subject) -> dict[str, float]:
    """Queries a second when 64 come at once, three times over."""
    aquery = it.aquery
    assert aquery is not None

    async def at_once() -> float:
        started = time.perf_counter()
        for part in range(3):
            texts = it.texts["short"][part * CROWD : (part + 1) * CROWD]
            await asyncio.gather(*(aquery(text) for text in texts))
        return time.perf_counter() - started

    return {"per_second": 3 * CROWD / asyncio.run(at_once())}


def hits(it: Subject) -> dict[str, float]:
    """Seconds for 1,000 texts that are all in the cache; the first call of a process fills it."""
    texts = [f"{number}: {text}" for number, text in enumerate((it.texts["short"] * 4)[:HITS])]
    it.documents(texts)
    started = time.perf_counter()
    vectors = it.documents(texts)
    seconds = time.perf_counter() - started
    assert len(vectors) == HITS
    assert isinstance(vectors[0][0], float)
    return {"seconds": seconds}


def remote(it: Subject) -> dict[str, float]:
    """Seconds for 10,000 different texts."""
    texts = [f"{number}: a passage of the corpus that is embedded remotely" for number in range(REMOTE)]
    started = time.perf_counter()
    vectors = it.documents(texts)
    seconds = time.perf_counter() - started
    assert len(vectors) == REMOTE
    assert len(vectors[-1]) == 384
    return {"seconds": seconds}


MEASURES: dict[str, Callable[[Subject], dict[str, float]]] = {
    "mixed": mixed,
    "even": even,
    "short": short,
    "query": query,
    "crowd": crowd,
    "hits": hits,
    "remote": remote,
}
