"""How long finding a model takes against a slow Hub: cold, warm, and with old answers where the Hub hangs.

    python benchmarks/hub/run.py             five rounds, and the table into ../README.md
    python benchmarks/hub/run.py --quick     one round, on the terminal only

Lives here: the questions, the rounds, the table. The Hub and the router are the offline ones, in this process: each
page and the catalogue come after 300 ms, a page has 100 models, the list more than 600, of which the catalogue knows
few, so that what is filtered here has to be looked for.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared_core import HFRouter
from shared_core.catalog import SHARED
from shared_core.hub import Hub
from shared_core.hub.memory import ANSWERS
from shared_core.testing import HubQuirks, OfflineRouter, SlowHead, offline_router

sys.path.append(str(Path(__file__).resolve().parents[1]))

import readme

ROUNDS = 5
PAGE, CROWD, DELAY, HANGS = 100, 600, 0.3, 30.0
MUST = 2.0  # seconds
TEN = [
    "offline/echo",
    "offline/tools:groq",
    "offline/json",
    "offline/reasoner",
    "offline/extractive",
    "offline/painter",
    "offline/minilm",
    "offline/filmer",
    "offline/speaker",
    "offline/writer",
]
CHAT = {"task": "text-generation"}
QUESTIONS: dict[str, Callable[[Hub], Any]] = {
    "search, 20 models": lambda hub: hub.search_models(limit=20),
    "search, 100 models": lambda hub: hub.search_models(limit=100),
    "a word, a licence, a language": lambda hub: hub.search_models("offline", license="mit", language="en"),
    "also unserved ones": lambda hub: hub.search_models(served=False, **CHAT),
    "allowed licences, 20": lambda hub: hub.search_models(allow_licenses="permissive", **CHAT),
    "allowed licences, 100": lambda hub: hub.search_models(allow_licenses="permissive", limit=100, **CHAT),
    "a rare licence, all 500 models": lambda hub: hub.search_models(allow_licenses=["apache-2.0"], **CHAT),
    "tools, price and context, 20": lambda hub: hub.search_models(
        capability=["tools"], max_price="1", min_context=8_000, **CHAT
    ),
    "tools, price and context, 100": lambda hub: hub.search_models(
        capability=["tools"], max_price="1", min_context=8_000, limit=100, **CHAT
    ),
    "what nobody offers": lambda hub: hub.search_models(min_context=10**9, **CHAT),
    "the cheapest 20": lambda hub: hub.search_models(sort="price", **CHAT),
    "the cheapest 100": lambda hub: hub.search_models(sort="price", limit=100, **CHAT),
    "one model": lambda hub: hub.model_info("offline/tools"),
    "ten models compared": lambda hub: hub.compare_models(TEN, {"input": 1e6, "output": 2e5}),
    "recommendation, by cost": lambda hub: hub.recommend(prefer="cost"),
    "recommendation, quality, tools": lambda hub: hub.recommend(
        prefer="quality", capability=["tools"], allow_licenses=["permissive"]
    ),
    "costs of ten models": lambda hub: hub.cost_report(TEN, {"input": 10**9}, "400"),
}


def slow(host: OfflineRouter, seconds: float) -> None:
    """Each page and the catalogue after so many seconds."""
    host.forget()
    host.queue((HubQuirks(page=PAGE, crowd=CROWD), SlowHead(seconds)), path="*", times=-1)


def hub_at(host: OfflineRouter) -> Hub:
    return Hub(HFRouter(base_url=host, hub_url=host.root, api_key="k"))


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_round(host: OfflineRouter, ask: Callable[[Hub], Any]) -> dict[str, float]:
    """One question: with nothing known and nothing connected; again; and when all that is known is old."""
    ANSWERS.clear()
    SHARED.clear()
    slow(host, DELAY)
    hub = hub_at(host)
    cold = timed(lambda: ask(hub))
    requests = len(host.requests)
    warm = timed(lambda: ask(hub))
    fresh, ANSWERS._fresh = ANSWERS._fresh, 0.0
    try:
        slow(host, HANGS)
        hangs = timed(lambda: ask(hub))
    finally:
        ANSWERS._fresh = fresh
        hub.router.close()
    return {"requests": requests, "cold": cold, "warm": warm, "hangs": hangs}


def table(found: dict[str, list[dict[str, float]]], load: float) -> str:
    """The slowest of each question's rounds, and the verdict."""
    rows, missed = [], []
    for name, rounds in found.items():
        most = {key: max(each[key] for each in rounds) for key in rounds[0]}
        middle = statistics.median(each["cold"] for each in rounds)
        late = [key for key in ("cold", "warm", "hangs") if most[key] >= MUST]
        missed += [f"{name}, {key}" for key in late]
        rows.append(
            f"| {name} | {most['requests']:.0f} | {middle:.2f} s | {most['cold']:.2f} s | "
            f"{most['warm'] * 1000:.1f} ms | {most['hangs']:.2f} s |"
        )
    verdict = f"MISSED: {'; '.join(missed)}" if missed else "holds"
    return "\n".join(
        [
            f"{datetime.date.today()}, {len(next(iter(found.values())))} rounds, load {load:.1f} at the start.",
            "",
            "| question | requests | cold, median | cold, slowest | warm, slowest | old answers, Hub hangs |",
            "|---|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"Each must be answered in under {MUST:g} s: {verdict}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, README.md left alone")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in QUESTIONS}
    with offline_router(embedder="words") as host:
        for _ in range(1 if options.quick else ROUNDS):
            for name, ask in QUESTIONS.items():
                found[name].append(one_round(host, ask))
    print(written := table(found, load))
    if not options.quick:
        readme.write("hub", "hub/run.py", written)


if __name__ == "__main__":
    main()
