"""`make bench`: measure us and the peers, interleaved, against one server, and say what holds.

Lives here: the order of the run (environments, server, one process a contender, rounds in which the
contenders take turns), and the options.
Not here: the measures themselves (`measures`), the verdicts (`report`).

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
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import contenders
import envs
import report
from contenders import Contender
from measures import BARE, MEASURES, Measure

HERE = Path(__file__).resolve().parent
KEEP = HERE / ".benchmarks"  # logs and the last run's numbers; git-ignored
ROUNDS, QUICK_ROUNDS = 7, 3
MEMORY_ROUNDS = 2
QUIET = 0.7  # load average above which the run says that it is disturbed
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


class Server:
    """The server process, and its control door."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, str(HERE / "server.py")]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.host = f"127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"http://{self.host}"

    def cpu(self) -> float:
        """CPU seconds the server has used so far."""
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request("GET", "/_stats")
            return float(json.loads(connection.getresponse().read())["cpu"])
        finally:
            connection.close()

    def close(self) -> None:
        stop(self.process)


class Worker:
    """One contender's process, asked for one round at a time."""

    def __init__(self, contender: Contender, server: Server, environment: dict[str, str]) -> None:
        self.contender = contender
        self.log = (KEEP / f"{contender.name.replace(' ', '-').replace(',', '')}.log").open("a")
        command = [str(envs.python_of(contender.env)), str(HERE / "worker.py"), contender.name, server.url]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        self.failed = self._read().get("failed")

    def ask(self, measure: str) -> dict[str, Any]:
        if self.failed:
            return {"failed": self.failed}
        assert self.process.stdin is not None
        self.process.stdin.write(measure + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if line:
            said: dict[str, Any] = json.loads(line)
            return said
        self.failed = f"no answer in {PATIENCE} s" if not ready else "its process died"
        self.process.kill()
        return {"failed": self.failed}

    def close(self) -> None:
        stop(self.process)
        self.log.close()


def stop(process: subprocess.Popen[str]) -> None:
    """Close the pipe that a process reads from; kill it only if that does not end it."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
        process.wait(timeout=10)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        process.kill()
        process.wait()
    process.stdout.close()


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
        if load > QUIET:
            print(f"The machine is busy (load {load:.1f}): waits and walls will say little.", file=sys.stderr)
        versions = {env: self.versions(env) for env in sorted({c.env for c in self.contenders})}
        server = Server(self.environment)
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
            "machine": f"{cpu_model()}, {os.cpu_count()} cores",
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
                command = [str(envs.python_of(c.env)), str(HERE / "worker.py"), c.name, server.url, "memory"]
                done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
                self.keep(
                    "memory", c.name, json.loads(done.stdout) if not done.returncode else last(done.stderr)
                )

    def versions(self, env: str) -> dict[str, str]:
        code = (
            "import importlib.metadata as m, json, sys\n"
            "def v(p):\n try: return m.version(p)\n except m.PackageNotFoundError: return ''\n"
            "print(json.dumps({p: v(p) for p in sys.argv[1:]}))"
        )
        command = [str(envs.python_of(env)), "-c", code, *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment)
        return {name: version for name, version in json.loads(done.stdout).items() if version}


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
            return last(errors.read())
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}


def last(errors: str) -> dict[str, Any]:
    lines = errors.strip().splitlines()
    return {"failed": lines[-1][:200] if lines else "it failed without a word"}


def selected(contender: Contender, only: str | None) -> bool:
    """`--only langchain,core`: by framework, group, family or a piece of the name."""
    if not only:
        return True
    keys = {contender.framework, contender.group, contender.family, contender.env}
    return any(word in keys or word.lower() in contender.name.lower() for word in only.split(","))


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def note(text: str) -> None:
    """What is going on, on one line that rewrites itself; nothing when no one is watching."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


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
        report.write_readme(HERE / "README.md", results, tables)


if __name__ == "__main__":
    main()
