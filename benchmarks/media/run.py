"""The media part of `make bench`: fifty films in queues at once, by us and by huggingface_hub, in turns.

    python benchmarks/media/run.py             three rounds, and the table into ../README.md
    python benchmarks/media/run.py --quick     one round, on the terminal only

Lives here: the order of the run and the table. Not here: the server, what a contender does (`worker`).
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

import envs  # noqa: E402
import readme  # noqa: E402

CONTENDERS = ("hfrouter", "huggingface_hub")
ROUNDS = 3
MOST_LATE = 0.020  # seconds, 99th percentile: what must hold


def one_round(name: str, port: int) -> dict[str, float]:
    """One contender's turn, and how often it asked after its jobs."""
    command = [str(envs.python_of(envs.OURS)), str(HERE / "worker.py"), name, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/asked") as reply:
        asked = json.load(reply)["asked"]
    found: dict[str, float] = {**json.loads(done.stdout), "asked": asked}
    return found


def table(rounds: dict[str, list[dict[str, float]]]) -> str:
    """Medians, and the verdict."""
    middle = {
        name: {key: statistics.median(each[key] for each in found) for key in found[0]}
        for name, found in rounds.items()
    }
    rows = [
        f"| {name} | {it['wall']:.1f} s | {it['cpu']:.2f} s | {it['late_p99'] * 1000:.1f} ms | "
        f"{it['late_max'] * 1000:.0f} ms | {it['threads']:.0f} | {it['asked']:.0f} |"
        for name, it in middle.items()
    ]
    late = middle["hfrouter"]["late_p99"]
    verdict = "holds" if late <= MOST_LATE else f"MISSED: {late * 1000:.1f} ms"
    return "\n".join(
        [
            f"{datetime.date.today()}, {len(next(iter(rounds.values())))} rounds in turns.",
            "",
            "| 50 films at once | wall | CPU | loop late, 99th percentile | at most | threads | asked after |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"The loop may be 20 ms late in the 99th percentile: {verdict}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, README.md left alone")
    options = parser.parse_args()
    envs.ensure(envs.OURS)
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    port = int(server.stdout.readline())
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    try:
        for number in range(1 if options.quick else ROUNDS):
            for name in CONTENDERS[number % 2 :] + CONTENDERS[: number % 2]:
                rounds[name].append(one_round(name, port))
    finally:
        server.kill()
    print(written := table(rounds))
    if not options.quick:
        readme.write("media", "media/run.py", written)


if __name__ == "__main__":
    main()
