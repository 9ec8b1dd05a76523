"""`make bench`: measure us and the peers, interleaved, against one server, and say what holds.

Lives here: the order of the run (environments, server, one process a contender, rounds in which the
contenders take turns), and the options.
Not here: the measures themselves (`measures`), the verdicts (`report`), the processes (`processes`).

    python benchmarks/run.py                        everything, and write the tables into README.md
    python benchmarks/run.py --quick                3 rounds, a look
    python benchmarks/run.py --only langchain --measures call,stream --quick
"""

from __future__ import annotations

import argparse
import datetime
import http.client
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import contenders
import envs
import processes
import readme
import report
from contenders import Contender
from measures import BARE, MEASURES, Measure
from processes import note

HERE = Path(__file__).resolve().parent
KEEP = HERE / ".benchmarks"  # logs and the last run's numbers; git-ignored
ROUNDS, QUICK_ROUNDS = 7, 3
MEMORY_ROUNDS = 2
PATIENCE = 90  # seconds for one round of one contender

# Versions worth printing; an environment shows those it has.
PACKAGES = (
    "langchain-core",
    "llama-index-core",
    "openai",
    "langchain-openai",
    "langchain-huggingface",
    "langchain-litellm",
    "litellm",
    "llama-index-llms-openai-like",
    "llama-index-llms-huggingface-api",
    "huggingface_hub",
    "httpx",
    "httpx2",
    "aiohttp",
    "pydantic",
)


def clean_environment(home: str) -> dict[str, str]:
    """Nothing of the caller's: no token, no proxy, no tracing, nothing that only one contender reads."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "LANG": "C.UTF-8",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else litellm fetches its price list at import
    }


class Server(processes.Server):
    """The server process, and its control door."""

    def cpu(self) -> float:
        """CPU seconds the server has used so far."""
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request("GET", "/_stats")
            return float(json.loads(connection.getresponse().read())["cpu"])
        finally:
            connection.close()


class Worker(processes.Worker):
    """One contender's process."""

    def __init__(self, contender: Contender, server: Server, environment: dict[str, str]) -> None:
        self.contender = contender
        log = (KEEP / f"{contender.name.replace(' ', '-').replace(',', '')}.log").open("a")
        super().__init__(command_of(contender, server), environment, log, PATIENCE)


def command_of(contender: Contender, server: Server) -> list[str]:
    return [str(envs.python_of(contender.env)), str(HERE / "worker.py"), contender.name, server.url]


class Run:
    """One whole run: what was asked for, and the numbers as they come."""

    def __init__(self, options: argparse.Namespace, home: str) -> None:
        self.rounds: int = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        self.wanted: set[str] | None = set(options.measures.split(",")) if options.measures else None
        self.contenders = [c for c in contenders.CONTENDERS if selected(c, options.only)]
        self.environment = clean_environment(home)
        self.numbers: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.failures: dict[str, dict[str, str]] = {}
        self.server_share: dict[str, dict[str, float]] = {}

    def wants(self, measure: str) -> bool:
        return self.wanted is None or measure in self.wanted

    def takes_part(self, contender: Contender, measure: Measure) -> bool:
        in_family = contender.family in measure.families
        if measure is BARE:
            return contender.group == "ours" and in_family and contender.only is None
        if measure.name.startswith("construct") and contender.group == "floor":
            return False
        if contender.crowds and measure.forked and not measure.judged_crowd:
            return False
        return in_family and (contender.only is None or measure.name in contender.only)

    def keep(self, measure: str, name: str, result: dict[str, Any]) -> None:
        if "failed" in result:
            self.failures.setdefault(measure, {})[name] = result["failed"]
        else:
            self.numbers.setdefault(measure, {}).setdefault(name, []).append(result)

    def everything(self) -> dict[str, Any]:
        started = time.monotonic()
        load = os.getloadavg()[0]
        processes.busy(load)
        versions = {
            env: processes.versions(envs.python_of(env), PACKAGES, self.environment)
            for env in sorted({c.env for c in self.contenders})
        }
        server = Server(HERE / "server.py", self.environment)
        try:
            self.turns([m for m in MEASURES.values() if not m.forked] + [BARE], server)
            self.turns([m for m in MEASURES.values() if m.forked], server)
            if self.wants("import"):
                self.imports()
            if self.wants("memory"):
                self.memory(server)
        finally:
            server.close()
        return {
            "date": datetime.date.today().isoformat(),
            "machine": f"{processes.cpu_model()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "rounds": self.rounds,
            "load": load,
            "seconds": round(time.monotonic() - started),
            "versions": versions,
            "envs": {c.name: c.env for c in self.contenders},
            "numbers": self.numbers,
            "failures": self.failures,
            "server_share": self.server_share,
        }

    def turns(self, measures: list[Measure], server: Server) -> None:
        """All rounds of the measures. In each round the contenders take turns, another one first."""
        measures = [m for m in measures if self.wants(m.name)]
        workers = {}
        try:
            for contender in self.contenders:
                if any(self.takes_part(contender, measure) for measure in measures):
                    note(f"starting {contender.name}")
                    workers[contender.name] = Worker(contender, server, self.environment)
            for measure in measures:
                playing = [w for w in workers.values() if self.takes_part(w.contender, measure)]
                for number in range(min(self.rounds, measure.rounds or self.rounds)):
                    turn = number % max(1, len(playing))
                    for worker in playing[turn:] + playing[:turn]:
                        self.one(worker, measure, number, server)
        finally:
            for worker in workers.values():
                worker.close()

    def one(self, worker: Worker, measure: Measure, number: int, server: Server) -> None:
        name = worker.contender.name
        most = worker.contender.crowds if measure.forked else worker.contender.rounds
        if name in self.failures.get(measure.name, ()) or number >= (most or self.rounds):
            return
        note(f"{measure.name}, round {number + 1}: {name}")
        wall, cpu = time.perf_counter(), server.cpu()
        self.keep(measure.name, name, worker.ask(measure.name))
        share = (server.cpu() - cpu) / (time.perf_counter() - wall)
        shares = self.server_share.setdefault(measure.name, {})
        shares[name] = max(share, shares.get(name, 0.0))

    def imports(self) -> None:
        """Fresh processes, one statement each; round 0 compiles and warms the page cache, uncounted."""
        home = str(envs.python_of(envs.OURS))
        jobs: dict[str, tuple[str, str, int | None]] = {
            name: (home, statement, None) for name, statement in contenders.IMPORT_BASES.items()
        }
        for c in self.contenders:
            if c.only is None:
                jobs[c.name] = (str(envs.python_of(c.env)), c.imports, 3 if c.group == "peer" else None)
        for number in range(-1, self.rounds):
            for name, (python, statement, most) in jobs.items():
                if name in self.failures.get("import", ()) or number >= (most or self.rounds):
                    continue
                note(f"import, round {number + 1}: {name}")
                result = fresh_process([python, "-c", statement], self.environment)
                if number >= 0 or "failed" in result:
                    self.keep("import", name, result)

    def memory(self, server: Server) -> None:
        for _ in range(MEMORY_ROUNDS):
            for c in self.contenders:
                if (c.only is not None and "memory" not in c.only) or c.name in self.failures.get(
                    "memory", ()
                ):
                    continue
                note(f"memory: {c.name}")
                command = [*command_of(c, server), "memory"]
                self.keep("memory", c.name, processes.answer_of(command, self.environment))


def fresh_process(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Wall and CPU seconds of a whole process."""
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            return processes.last(errors.read())
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}


def selected(contender: Contender, only: str | None) -> bool:
    """`--only langchain,core`: by framework, group, family or a piece of the name."""
    if not only:
        return True
    keys = {contender.framework, contender.group, contender.family, contender.env}
    return any(word in keys or word.lower() in contender.name.lower() for word in only.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, README.md left alone")
    parser.add_argument("--rounds", type=int, help=f"rounds of every measure (default {ROUNDS})")
    parser.add_argument(
        "--only", help="contenders: langchain, llamaindex, ours, peer, floor, or part of a name"
    )
    parser.add_argument("--measures", help=f"among {','.join([*MEASURES, BARE.name, 'import', 'memory'])}")
    options = parser.parse_args()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))  # 1,000 sockets a side
    KEEP.mkdir(exist_ok=True)
    for old in KEEP.glob("*.log"):
        old.unlink()
    with tempfile.TemporaryDirectory() as home:
        run = Run(options, home)
        for env in sorted({c.env for c in run.contenders} | {envs.OURS}):
            envs.ensure(env)
        results = run.everything()
    note("")
    (KEEP / "last.json").write_text(json.dumps(results))
    tables = report.tables(results)
    print(report.as_text(results, tables))
    if not (options.quick or options.only or options.measures):
        readme.write("results", "run.py", report.as_markdown(results, tables))


if __name__ == "__main__":
    main()
