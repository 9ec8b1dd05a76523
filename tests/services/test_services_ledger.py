"""One ledger's file in several processes: forked, killed, pooled; every row is there, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared_core import Ledger

HERE = Path(__file__).parent
HEAD = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
from ended_calls import ended
from shared_core import Ledger
"""


def run(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore:This process:DeprecationWarning",  # Python's own word on forks beside threads
        "-c",
        HEAD + code,
        *map(str, arguments),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a process on some code beside the file `u.sqlite`."""
    return lambda code, *more: run(code, tmp_path / "u.sqlite", HERE.parent / "observe", *more)


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return out


Start = Callable[..., "subprocess.Popen[str]"]

WRITER = """
ledger = Ledger(sys.argv[1], busy_seconds=30)
for number in range(2000):
    ledger(ended(id=f"{sys.argv[3]}-{number}", usage_tags={"process": sys.argv[3]}))
"""


def test_four_processes_make_and_fill_one_file(tmp_path: Path, start: Start) -> None:
    processes = [start(WRITER, name) for name in "abcd"]  # none closes it: that is done at exit
    assert [finished(process) for process in processes] == [""] * 4
    with Ledger(tmp_path / "u.sqlite") as ledger:
        assert {line.name: line.calls for line in ledger.by("tag:process")} == dict.fromkeys("abcd", 2000)
        assert len({row.id for row in ledger.rows(None)}) == 8000


FORKED = """
import threading
ledger = Ledger(sys.argv[1]); memory = Ledger()
for number in range(500):
    ledger(ended(id=f"before-{number}")); memory(ended())
stop = threading.Event()
def bring():  # other threads are inside the ledger whenever the process forks
    number = 0
    while not stop.is_set():
        ledger(ended(id=f"beside-{threading.get_ident()}-{number}")); memory(ended()); memory.totals(); number += 1
threads = [threading.Thread(target=bring) for _ in range(3)]
for thread in threads: thread.start()
children = []
for child in range(8):
    pid = os.fork()
    if not pid:
        assert memory.totals().calls == 0
        for number in range(100):
            ledger(ended(id=f"child-{child}-{number}")); memory(ended())
        assert memory.totals().calls == 100
        ledger.close()
        os._exit(0)
    children.append(pid)
for pid in children: assert os.waitpid(pid, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
assert memory.totals().calls >= 500
ids = [row.id for row in ledger.rows(None)]
assert len(ids) == len(set(ids)), "a row was written twice"
print(sum(name.startswith("before") for name in ids), sum(name.startswith("child") for name in ids))
ledger.close()
"""


def test_forked_children_write_their_own_rows_and_none_of_their_parent_s(start: Start) -> None:
    assert finished(start(FORKED)) == "500 800\n"


POOLED = """
import multiprocessing
ledger = Ledger(sys.argv[1])
def work(number):
    ledger(ended(id=f"pool-{number}"))
if __name__ == "__main__":
    ledger(ended(id="parent"))
    with multiprocessing.get_context("fork").Pool(3) as pool:
        pool.map(work, range(60), chunksize=1)
        pool.close(); pool.join()
    print(ledger.totals().calls)
    ledger.close()
"""


def test_processes_of_a_pool_write_their_last_rows_before_they_end(start: Start) -> None:
    assert finished(start(POOLED)) == "61\n"


KILLED = """
ledger = Ledger(sys.argv[1])
number = 0
while True:
    ledger(ended(id=str(number)))
    sys.stdout.write(f"{number} {time.monotonic()!r}\\n"); sys.stdout.flush()
    number += 1
    time.sleep(0.0005)
"""


@pytest.mark.parametrize("attempt", range(3))
def test_a_killed_process_loses_the_rows_of_its_last_50_ms_at_most(
    tmp_path: Path, start: Start, attempt: int
) -> None:
    process = start(KILLED)
    assert process.stdout is not None
    for _ in range(300 + 97 * attempt):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    rest, _ = process.communicate(timeout=60)
    told = [line.split() for line in rest.splitlines()[:-1]]  # the last one may be cut
    with Ledger(tmp_path / "u.sqlite") as ledger:
        kept = sorted(int(row.id) for row in ledger.rows(None))
        assert kept == list(range(len(kept))), "one is missing among them, or there twice"
        assert len(kept) >= 100
        assert not {int(number) for number, when in told if float(when) < killed - 0.05} - set(kept)
        ledger(ended_once_more())
        assert ledger.totals().calls == len(kept) + 1


def ended_once_more() -> object:
    sys.path.insert(0, str(HERE.parent / "observe"))
    from ended_calls import ended

    return ended(id="afterwards")
