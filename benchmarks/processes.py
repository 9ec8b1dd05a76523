"""The processes of a benchmark: a server, and one worker a contender that is asked for one round at a time.

Lives here: starting, asking and ending them, and what a run says of the machine and the versions it ran with.
Not here: what the processes do (`server`, `worker`), and who takes a turn when (`run`, `embeddings/run`).
"""

from __future__ import annotations

import json
import platform
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

QUIET = 0.7  # load average above which a run says that it is disturbed

_VERSIONS = (
    "import importlib.metadata as m, json, sys\n"
    "def v(p):\n try: return m.version(p)\n except m.PackageNotFoundError: return ''\n"
    "print(json.dumps({p: v(p) for p in sys.argv[1:]}))"
)


class Server:
    """A server's process; the first line that it prints is its port."""

    def __init__(self, script: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        self.host = f"127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"http://{self.host}"

    def close(self) -> None:
        stop(self.process)


class Worker:
    """One contender's process: a line in, a line of JSON out, and `failed` where it never became ready.

    Args:
        command: What starts it.
        environment: All of its environment.
        log: Takes what it prints to stderr; closed with it.
        patience: Seconds for one answer.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: TextIO, patience: float) -> None:
        self.log = log
        self.patience = patience
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
        self.failed = self._read().get("failed")

    def ask(self, line: str) -> dict[str, Any]:
        if self.failed:
            return {"failed": self.failed}
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], self.patience)
        line = self.process.stdout.readline() if ready else ""
        if line:
            said: dict[str, Any] = json.loads(line)
            return said
        self.failed = f"no answer in {self.patience} s" if not ready else "its process died"
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


def answer_of(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What a process says that answers once and ends: the last line it prints, as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return last(done.stderr)
    said: dict[str, Any] = json.loads(lines[-1])
    return said


def last(errors: str) -> dict[str, Any]:
    """The reason why a row is empty: the last line that a process complained with."""
    lines = errors.strip().splitlines()
    return {"failed": lines[-1][:200] if lines else "it failed without a word"}


def versions(python: Path, packages: Sequence[str], environment: dict[str, str]) -> dict[str, str]:
    """Those of the packages that this interpreter has, with their versions."""
    command = [str(python), "-c", _VERSIONS, *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return {name: version for name, version in json.loads(done.stdout).items() if version}


def busy(load: float) -> None:
    """Says so where the machine does something else at the same time."""
    if load > QUIET:
        print(f"The machine is busy (load {load:.1f}): times will say little.", file=sys.stderr)


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def note(text: str) -> None:
    """What is going on, on one line that rewrites itself; nothing when no one is watching."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
