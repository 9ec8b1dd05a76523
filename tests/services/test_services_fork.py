"""Row F38 of the fault table: a process that has used its clients forks, as gunicorn and Celery do.

The parents are programs of their own, so that what they fork is small. What a plain fork does is in tests/faults.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from shared_core.testing import OfflineRouter

START = """
import asyncio, os, random, signal, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)   # Python 3.12 warns of forking with threads
from shared_core import AsyncHFRouter, HFRouter
url, folder = sys.argv[1:]
ids = []
settings = dict(
    model="offline/echo", base_url=url, api_key="k", timeout=20.0,
    fallback=["offline/tools"], hooks=[lambda event: ids.append(event.id)],
)
router = HFRouter(**settings)
arouter = AsyncHFRouter(**settings)
def ask(who, router=router):
    say = [{"role": "user", "content": who}]
    assert router.chat(say).text == who
    with router.stream(say) as stream:
        assert "".join(delta.text for delta in stream) == who
    assert router.embed([who], model="offline/embed-8").vectors.shape == (1, 8)
def forked(work):
    child = os.fork()
    if child == 0:
        signal.alarm(40)   # who waits for ever ends too
        code = 1
        try:
            work()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    return child
def ended(*children):
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
"""


def program(code: str, url: str, folder: Path) -> list[str]:
    """Runs a program to its end, which must be a good one; a deadlock ends it too."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START + code, url, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


HELD = """
from shared_core import _locks
ask("before")
held, over = threading.Event(), threading.Event()
def hold():
    taken = [*_locks._locks, *_locks._rlocks]
    for lock in taken:
        lock.acquire()
    held.set()
    over.wait()
    for lock in taken:
        lock.release()
    print(len(taken))
holder = threading.Thread(target=hold)
holder.start()
held.wait()
child = forked(lambda: ask("child"))
assert ended(child) == [0]
over.set()
holder.join()
ask("after")
"""


def test_a_child_does_not_wait_for_locks_that_other_threads_held(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    (count,) = program(HELD, str(offline_url), tmp_path)
    assert int(count) >= 6, "health, retries, catalogue, mappings, lessons, the client's token"


WORKERS = """
ask("parent")
workers = [forked(lambda: [ask(f"worker-{n}") for _ in range(3)]) for n in range(4)]
for _ in range(3):
    ask("parent")
assert ended(*workers) == [0] * 4
ask("parent")
"""


def test_workers_of_one_parent_use_connections_of_their_own(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    program(WORKERS, str(offline_url), tmp_path)
    used: dict[str, set[int]] = {}
    for request in offline_url.requests:
        texts = [message["content"] for message in request.json.get("messages", [])] or request.json["input"]
        used.setdefault(texts[0], set()).add(request.connection)
    assert sorted(used) == ["parent", *(f"worker-{n}" for n in range(4))]
    assert Counter(len(numbers) for numbers in used.values()) == {1: 5}, (
        "each one connection, for all its calls"
    )
    assert len(set.union(*used.values())) == 5, "and none of it shared"


BUSY = """
over = threading.Event()
failures = []
def call_on():
    try:
        while not over.is_set():
            ask("thread")
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=call_on) for _ in range(4)]
ask("before")
for thread in threads:
    thread.start()
for _ in range(5):
    children = [forked(lambda: ask("child")) for _ in range(4)]
    assert ended(*children) == [0] * 4
over.set()
for thread in threads:
    thread.join()
assert not failures, failures
"""


def test_a_process_whose_threads_are_calling_forks_children_that_call(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    program(BUSY, str(offline_url), tmp_path)


STREAMING = """
say = [{"role": "user", "content": "one two three four five six"}]
stream = router.stream(say)
text = next(stream).text
child = forked(lambda: ask("child"))
assert ended(child) == [0]
text += "".join(delta.text for delta in stream)
stream.close()
assert text == say[0]["content"], text
"""


def test_a_stream_of_the_parent_goes_on_after_a_child_has_come_and_gone(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    program(STREAMING, str(offline_url), tmp_path)


LOOPS = """
async def aask(who):
    say = [{"role": "user", "content": who}]
    assert (await arouter.chat(say)).text == who
    async with arouter.stream(say) as stream:
        assert "".join([delta.text async for delta in stream]) == who
    assert (await arouter.embed([who], model="offline/embed-8")).vectors.shape == (1, 8)
asyncio.run(aask("before"))
children = [forked(lambda: asyncio.run(aask("child"))) for _ in range(2)]
assert ended(*children) == [0, 0]
asyncio.run(aask("after"))
"""


def test_an_asynchronous_client_works_in_loops_of_the_children(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    program(LOOPS, str(offline_url), tmp_path)


SEEDS = """
ask("before")
def tell():
    ids.clear()
    ask("child")
    print(*dict.fromkeys(ids), random.random())
children = []
for _ in range(3):
    children.append(forked(tell))
    assert ended(children.pop()) == [0]
"""


def test_ids_and_waits_of_the_children_are_drawn_by_chance(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    drawn = program(SEEDS, str(offline_url), tmp_path)
    assert len(drawn) == 3 * 4, "of each child three calls and one throw"
    assert len(set(drawn)) == len(drawn)
