"""The contenders' environments: made from committed locks, never resolved afresh while measuring.

Lives here: `ensure(name)` builds `.envs/<name>` from `locks/<name>.txt` when it is missing or the lock
changed; `python benchmarks/envs.py relock [name ...]` resolves locks again from `contenders.ENVIRONMENTS`.
Not here: anything about measuring.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import contenders

HERE = Path(__file__).resolve().parent
OURS = "hfrouter"


def python_of(name: str) -> Path:
    """The interpreter of an environment, whether it exists or not."""
    return HERE / ".envs" / name / "bin" / "python"


def lock_of(name: str) -> Path:
    return HERE / "locks" / f"{name}.txt"


def ensure(name: str) -> None:
    """Build the environment unless it stands as its lock says."""
    stamp = python_of(name).parent.parent / ".lock-sha256"
    lock = lock_of(name)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"building benchmarks/.envs/{name} from locks/{name}.txt", flush=True)
    _fresh(name)
    _pip(name, "install", "--no-deps", "-r", str(lock))
    if name == OURS:
        _pip(name, "install", "--no-deps", "-e", str(HERE.parent))
    stamp.write_text(digest)


def relock(name: str) -> None:
    """Resolve the requirements in a fresh environment and write down the versions that came out."""
    _fresh(name)
    _pip(name, "install", *contenders.ENVIRONMENTS[name])
    frozen = _pip(name, "freeze", "--exclude", OURS)
    pins = [line for line in frozen.splitlines() if "==" in line and "@" not in line]
    lock_of(name).write_text("\n".join(pins) + "\n")
    shutil.rmtree(python_of(name).parent.parent)
    ensure(name)


def _fresh(name: str) -> None:
    folder = python_of(name).parent.parent
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)


def _pip(name: str, *arguments: str) -> str:
    command = [str(python_of(name)), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PIP_NO_INPUT": "1"})
    if done.returncode:
        raise SystemExit(f"pip could not prepare the environment {name}:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    if sys.argv[1:2] != ["relock"]:
        raise SystemExit("usage: envs.py relock [name ...]")
    for wanted in sys.argv[2:] or contenders.ENVIRONMENTS:
        relock(wanted)
        print(f"locked {wanted}: {len(lock_of(wanted).read_text().splitlines())} packages")
