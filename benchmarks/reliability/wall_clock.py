"""Bad weather on the wall clock: us, LangChain's with_retry and with_fallbacks, and litellm's Router side by side.

    python benchmarks/reliability/wall_clock.py                   5,000 calls each, and the table into ../README.md
    python benchmarks/reliability/wall_clock.py --calls 1500      fewer, where the machine has other work
    python benchmarks/reliability/wall_clock.py --only hfrouter   ours alone, on the terminal

One contender after another, each in a process and an environment of its own, with new providers each time (`weather`).
What must hold of ours: at least 99.95 % answered, at most 1.1 requests an answer, and nothing but probes to a target
that is closed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

import envs  # noqa: E402
import readme  # noqa: E402

CONTENDERS = {
    "hfrouter": ("hfrouter, `fallback=[b, c]`", "hfrouter"),
    "langchain": ("ChatOpenAI, `with_retry().with_fallbacks([b, c])`", "openai2"),
    "litellm_in_order": ("litellm Router, `fallbacks=[{a: [b, c]}]`", "litellm"),
    "litellm_group": ("litellm Router, one group of three", "litellm"),
}
LEAST_ANSWERED, MOST_REQUESTS = 0.9995, 1.1


def one(name: str, calls: int) -> dict[str, Any]:
    """One contender's run."""
    _, environment = CONTENDERS[name]
    server = subprocess.Popen(
        [sys.executable, str(HERE / "weather.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        ports = server.stdout.readline().split()
        command = [
            str(envs.python_of(environment)),
            str(HERE / "wall_clock_worker.py"),
            name,
            str(calls),
            *ports,
        ]
        clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}  # no token, no proxy
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=clean, timeout=300)
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(10)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(results: dict[str, dict[str, Any]], load: float) -> str:
    """The results in Markdown, and the verdict on ours."""
    lines = [
        f"{datetime.date.today()}, {next(iter(results.values()))['calls']:,} calls each, "
        f"load {load:.1f} when the run began.",
        "",
        "| | answered | not answered | requests an answer | into an outage | before `Retry-After` "
        "| p50 | p95 | p99 | longest | begun late | CPU |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in results.items():
        lines.append(
            f"| {CONTENDERS[name][0]} | {found['answered'] / found['calls']:.2%} "
            f"| {found['calls'] - found['answered']} | {found['requests'] / found['answered']:.3f} "
            f"| {found['while_down']} | {found['too_early']} | {found['p50']:.2f} s | {found['p95']:.2f} s "
            f"| {found['p99']:.2f} s | {found['longest']:.1f} s | {found['late']:.2f} s "
            f"| {found['cpu']:.0f} s |"
        )
    ours = results["hfrouter"]
    holds = (
        ours["answered"] >= LEAST_ANSWERED * ours["calls"]
        and ours["requests"] <= MOST_REQUESTS * ours["answered"]
        and not ours.get("to closed", 0)
    )
    lines += [
        "",
        f"Of ours, {ours.get('to closed', 0)} requests went to a target that it held closed, besides "
        f"{ours.get('probes', 0)} probes. At least {LEAST_ANSWERED:.2%} answered, at most {MOST_REQUESTS} requests "
        f"an answer, none to a closed target: {'holds' if holds else 'MISSED'}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=5000, help="calls each, in the same 75 s")
    parser.add_argument(
        "--only", choices=CONTENDERS, action="append", help="these beside ours; README.md is left alone"
    )
    options = parser.parse_args()
    names = [name for name in CONTENDERS if not options.only or name in {"hfrouter", *options.only}]
    for name in names:
        envs.ensure(CONTENDERS[name][1])
    load = os.getloadavg()[0]
    results = {}
    for name in names:
        results[name] = one(name, options.calls)
        print(name, json.dumps(results[name]), flush=True)
    written = table(results, load)
    print(f"\n{written}")
    if not options.only:
        readme.write("wall clock", "reliability/wall_clock.py", written)


if __name__ == "__main__":
    main()
