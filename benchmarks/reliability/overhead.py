# ruff: noqa: ARG002  (the signatures are the transports')
"""What all policies together cost a call: CPU time over the same calls without any, on replies from memory.

    python benchmarks/reliability/overhead.py             fifteen rounds, under a minute; prints the table
    python benchmarks/reliability/overhead.py --profile    where the time of a call goes, in memory

No socket is involved: the transport hands out prebuilt bytes, so that what is left is ours. CPU time is that of the
whole process, all threads, the ledger's writer too. The ways take turns; medians over the rounds.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared_core import AsyncHFRouter, HFRouter
from shared_core.catalog import Price
from shared_core.types import HttpRequest, Waits

ROUNDS, CALLS, CHUNKS = 15, 200, 2000
MODEL = "org/model:alpha"
MESSAGES = [{"role": "user", "content": "What is a router, and why would one be wanted?"}]
PRICE = Price(Decimal("0.15"), Decimal("0.60"), source="the benchmark", date="2026-11-01")
LIMITS = {  # microseconds, over none: what must hold
    ("in memory", "call"): 60.0,
    ("in memory", "async call"): 60.0,
    ("in memory", "chunk"): 2.0,
    ("in memory", "async chunk"): 2.0,
    ("in files", "call"): 300.0,
    ("in files", "async call"): 300.0,
    ("in files", "chunk"): 2.0,
    ("in files", "async chunk"): 2.0,
}

_USAGE = {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}
_HEADERS = {"x-request-id": "r", "x-inference-provider": "alpha"}


def _plain() -> tuple[dict[str, str], list[bytes]]:
    message = {"role": "assistant", "content": "It finds the way. " * 8}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "c", "model": "model", "choices": [choice], "usage": _USAGE}
    return {**_HEADERS, "content-type": "application/json"}, [json.dumps(body).encode()]


def _streamed() -> tuple[dict[str, str], list[bytes]]:
    def event(delta: dict[str, Any], **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, **more}
        return b"data: " + json.dumps({"id": "c", "model": "model", "choices": [choice]}).encode() + b"\n\n"

    last = json.dumps({"id": "c", "model": "model", "choices": [], "usage": _USAGE}).encode()
    pieces = [event({"content": "word "}) for _ in range(CHUNKS)]
    end = event({}, finish_reason="stop") + b"data: " + last + b"\n\ndata: [DONE]\n\n"
    return {**_HEADERS, "content-type": "text/event-stream"}, [*pieces, end]


PLAIN, STREAMED = _plain(), _streamed()


class Canned:
    """A reply from memory, for threads."""

    status = 200

    def __init__(self, request: HttpRequest) -> None:
        self.headers, pieces = STREAMED if b'"stream":true' in request.body.replace(b" ", b"") else PLAIN
        self._pieces = iter(pieces)

    def read(self) -> bytes:
        return next(self._pieces, b"")

    def drain(self, most_bytes: int, seconds: float) -> None:
        return None

    def close(self) -> None:
        return None


class Memory:
    """A transport without a wire."""

    def send(self, request: HttpRequest, waits: Waits) -> Canned:
        return Canned(request)

    def close(self) -> None:
        return None


class AsyncCanned(Canned):
    """The same for event loops."""

    async def read(self) -> bytes:  # type: ignore[override]
        return next(self._pieces, b"")

    async def drain(self, most_bytes: int, seconds: float) -> None:  # type: ignore[override]
        return None

    async def close(self) -> None:  # type: ignore[override]
        return None


class AsyncMemory:
    """The same for event loops."""

    async def send(self, request: HttpRequest, waits: Waits) -> AsyncCanned:
        return AsyncCanned(request)

    async def close(self) -> None:
        return None


def everything(folder: Path | None) -> dict[str, Any]:
    """All policies on, with room enough that none of them stops anything."""
    return {
        "fallback": ["org/model:beta"],
        "usage_tags": {"user": "ada", "project": "search"},
        "hooks": [lambda _event: None],
        "ledger": True if folder is None else folder / "ledger.sqlite",
        "state": None if folder is None else folder / "state.sqlite",
        "chat_cache": True,
        "limits": [
            {"requests": 10_000_000, "per": "minute", "of": "provider"},
            {"tokens": 10_000_000_000, "per": "minute"},
        ],
        "concurrency": 1000,
        "budgets": [
            {"usd": "1000000", "per": "day", "of": "tag:user"},
            {"requests": 1_000_000_000, "per": "month"},
        ],
    }


def timed(work: Callable[[], int]) -> float:
    """Microseconds of CPU for one unit of the work."""
    began = time.process_time()
    units = work()
    return (time.process_time() - began) / units * 1e6


class Way:
    """One set of policies, asked in each manner."""

    def __init__(self, **policies: Any) -> None:
        settings: dict[str, Any] = {
            "api_key": "k",
            "base_url": "http://127.0.0.1:9/v1",
            "prices": {"org/model": PRICE},
        }
        self.router = HFRouter(MODEL, **settings, **policies)
        self.router._transport = Memory()
        self.async_router = AsyncHFRouter(MODEL, **settings, **policies)
        self.async_router._transport = AsyncMemory()

    def calls(self) -> int:
        for _ in range(CALLS):
            self.router.chat(MESSAGES, max_tokens=100)
        return CALLS

    def chunks(self) -> int:
        with self.router.stream(MESSAGES, max_tokens=100) as stream:
            for _ in stream:
                pass
        return CHUNKS

    def async_calls(self) -> int:
        async def run() -> None:
            for _ in range(CALLS):
                await self.async_router.chat(MESSAGES, max_tokens=100)

        asyncio.run(run())
        return CALLS

    def async_chunks(self) -> int:
        async def run() -> None:
            async with self.async_router.stream(MESSAGES, max_tokens=100) as stream:
                async for _ in stream:
                    pass

        asyncio.run(run())
        return CHUNKS

    def measures(self) -> dict[str, Callable[[], int]]:
        return {
            "call": self.calls,
            "async call": self.async_calls,
            "chunk": self.chunks,
            "async chunk": self.async_chunks,
        }


def table(folder: Path) -> str:
    """Medians over the rounds, and what they are over none."""
    ways = {"none": Way(), "in memory": Way(**everything(None)), "in files": Way(**everything(folder))}
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(ROUNDS + 1):
        for name, way in ways.items():
            for measure, work in way.measures().items():
                cost = timed(work)
                if number:  # the first round warms up
                    found.setdefault((name, measure), []).append(cost)
    middle = {key: statistics.median(costs) for key, costs in found.items()}
    lines = [
        "| CPU, µs | none | all, in memory | over none | must | all, in files | over none | must |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for measure in ("call", "async call", "chunk", "async chunk"):
        none = middle["none", measure]
        cells = [f"{none:.1f}"]
        for name in ("in memory", "in files"):
            over, most = middle[name, measure] - none, LIMITS[name, measure]
            cells += [
                f"{middle[name, measure]:.1f}",
                f"{over:.1f}",
                f"{most:g}{'' if over <= most else ' MISSED'}",
            ]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def profile() -> None:
    """Prints where the time of a call goes."""
    way = Way(**everything(None))
    way.calls()
    profiler = cProfile.Profile()
    profiler.runcall(lambda: [way.calls() for _ in range(10)])
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


def main() -> None:
    if "--profile" in sys.argv:
        profile()
        return
    with tempfile.TemporaryDirectory() as folder:
        print(table(Path(folder)))


if __name__ == "__main__":
    main()
