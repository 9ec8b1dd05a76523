"""Sabotage the product, one line at a time, and demand that a test turns red each time.

    python tests/mutants/run.py                   every sabotage, two at a time
    python tests/mutants/run.py --only retry      those whose name contains "retry"
    python tests/mutants/run.py --list            their names, and nothing is run

Lives here: copying the tree, sabotaging the copies, running the tests that should notice. Not here: the sabotages
(`mutants`). The checkout itself is never changed.

A sabotage is killed when a test fails. Tests that cannot be collected, a name that no longer exists, or a run
without end are no kills but mistakes in the table, and fail the run like a survivor does.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutant import Mutant
from mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared_core", "langchain_hfrouter", "llama_index_hfrouter")
AT_ONCE = 2
WITHOUT = ("cacheprovider", "langsmith_plugin", "hypothesispytest")
"""Plugins of pytest that these tests do without; loading the last two takes longer than most of the tests."""
LONGEST = 120.0  # seconds; the slowest of the chosen tests take a tenth of it
LONGEST_BASELINE = 600.0


@dataclass(frozen=True)
class Verdict:
    """How one run of tests ended: red, green, or not at all as it should."""

    status: str  # "red", "green" or "broken"
    about: str  # the first failing test, or what is wrong
    seconds: float


def copy_tree(target: Path) -> None:
    """The files of the project as they are in the checkout now, with what is not yet committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        source = ROOT / name
        if source.is_file():  # a file that is tracked may have been deleted since
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)


def environment(copy: Path) -> dict[str, str]:
    """The copy goes before the editable install, and nothing of the caller's pytest options comes along."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    # Byte code is looked up by time and size of its source, which two sabotages can share.
    return {**kept, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}


def check_origin(copy: Path) -> None:
    """Raises unless the tests would import the copy."""
    code = f"import sys, {', '.join(PACKAGES)}\nfor name in {PACKAGES!r}: print(sys.modules[name].__file__)"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=copy, env=environment(copy), check=True, capture_output=True, text=True)
    strays = [path for path in run.stdout.split() if not Path(path).resolve().is_relative_to(copy)]
    if strays:
        raise SystemExit(f"the tests would not see the sabotaged copy, but {', '.join(strays)}")


def run_tests(copy: Path, tests: Sequence[str], longest: float = LONGEST) -> Verdict:
    """Runs these tests in the copy up to the first failure."""
    plugins = [option for name in WITHOUT for option in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", *plugins, *tests]
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=copy,
        env=environment(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that what the tests started can be ended with them
    )
    output = None
    try:
        output, _ = process.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    except BaseException:  # an interrupt from the keyboard must not leave it running
        os.killpg(process.pid, signal.SIGKILL)
        raise
    seconds = time.monotonic() - started
    if output is None:
        return Verdict("broken", f"no end within {longest:g} s", seconds)
    if process.returncode == 0:
        return Verdict("green", "", seconds)
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        if kind in ("FAILED", "ERROR") and "::" in rest and process.returncode == 1:
            return Verdict("red", rest.partition(" - ")[0], seconds)
    return Verdict("broken", f"pytest ended with {process.returncode}:\n{output[-1500:]}", seconds)


@contextlib.contextmanager
def sabotaged(copy: Path, mutant: Mutant) -> Iterator[None]:
    """The copy with one line changed, restored afterwards."""
    path = copy / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(original, encoding="utf-8")


def attempt(mutant: Mutant, free: queue.Queue[Path]) -> bool:
    """Runs one sabotage and prints its line; whether it was killed."""
    copy = free.get()
    try:
        with sabotaged(copy, mutant):
            verdict = run_tests(copy, mutant.tests)
    finally:
        free.put(copy)
    if verdict.status == "red":
        said = f"killed by {verdict.about}"
    elif verdict.status == "green":
        said = f"SURVIVED {', '.join(mutant.tests)}"
    else:
        said = f"BROKEN: {verdict.about}"
    print(f"{mutant.name}: {said} in {verdict.seconds:.1f} s", flush=True)
    return verdict.status == "red"


def check_anchors(chosen: Sequence[Mutant]) -> bool:
    """Whether each sabotage still finds its place, once; prints those that do not."""
    sound = True
    for mutant in chosen:
        path = ROOT / mutant.file
        found = path.read_text(encoding="utf-8").count(mutant.old) if path.is_file() else 0
        if found != 1:
            print(f"{mutant.name}: its place occurs {found} times in {mutant.file}")
            sound = False
    return sound


def check_baseline(chosen: Sequence[Mutant], copies: Sequence[Path]) -> bool:
    """Whether the tests are green without sabotage; red ones would prove nothing."""
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    shares = [share for number in range(len(copies)) if (share := tests[number :: len(copies)])]
    started = time.monotonic()
    with ThreadPoolExecutor(len(shares)) as pool:
        verdicts = list(pool.map(run_tests, copies, shares, [LONGEST_BASELINE] * len(shares)))
    for verdict in verdicts:
        if verdict.status != "green":
            print(f"without sabotage the tests are not green: {verdict.about}")
            return False
    print(f"without sabotage: green in {time.monotonic() - started:.1f} s", flush=True)
    return True


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Sabotage the product; each sabotage must turn a test red.")
    parser.add_argument("--only", default="", metavar="WORDS", help="only sabotages whose name contains this")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.only.lower() in mutant.name.lower()]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name} ({mutant.file})")
        return 0
    if not chosen:
        print(f"no sabotage is named like {options.only!r}")
        return 2
    if not check_anchors(chosen):
        return 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hfrouter-mutants-") as folder:
        copies = [Path(folder).resolve() / str(number) for number in range(min(AT_ONCE, len(chosen)))]
        for copy in copies:
            copy_tree(copy)
            check_origin(copy)
        if not check_baseline(chosen, copies):
            return 1
        free: queue.Queue[Path] = queue.Queue()
        for copy in copies:
            free.put(copy)
        pool = ThreadPoolExecutor(len(copies))
        try:
            killed = list(pool.map(lambda mutant: attempt(mutant, free), chosen))
        finally:
            pool.shutdown(cancel_futures=True)  # after an interrupt, none of the rest is begun
    print(f"{sum(killed)} of {len(chosen)} sabotages killed in {time.monotonic() - started:.0f} s")
    return 0 if all(killed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
