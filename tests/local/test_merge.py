"""Small calls that come together: one batch, nobody starves, nobody pays for another's trouble.

The model is a stand-in that does what the test tells it, so that "busy" is a state and not a matter of time.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local.merge import Merger
from shared_core.local.model import Embedded, Part

PATIENCE = 20  # seconds after which a test that waits has failed


class Model:
    """Its vector of a text is (length, first letter). It can be held, and it remembers each batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.at_work = 0
        self.most_at_work = 0

    def embed(self, parts: Sequence[Part], turn: object = None) -> Embedded:
        texts = [part.prompt + text for part in parts for text in part.texts]
        self.batches.append(texts)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        self.entered.release()
        assert self.gate.wait(PATIENCE)
        self.at_work -= 1
        if "poison" in texts:
            raise ConfigError("poison")
        vectors = np.array([vector(text) for text in texts], dtype=np.float32)
        cut = tuple(place for place, text in enumerate(texts) if len(text) > 100)
        return Embedded(vectors, np.array([len(text) for text in texts], np.int32), cut)


def vector(text: str) -> list[float]:
    return [float(len(text)), float(ord(text[0])) if text else 0.0]


def one(text: str) -> Part:
    return Part("", [text])


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def merger(model: Model) -> Merger:
    return Merger(model)  # type: ignore[arg-type]


def hold(model: Model, merger: Merger, pool: ThreadPoolExecutor):
    """One call that keeps the model busy until the gate opens."""
    model.gate.clear()
    first = pool.submit(merger.embed, one("first"))
    assert model.entered.acquire(timeout=PATIENCE)
    return first


def until_waiting(merger: Merger, count: int) -> None:
    """Returns when so many calls stand in the queue; the test's time limit is pytest's own patience."""
    queue = merger._waiting
    limit = threading.Event()
    for _ in range(PATIENCE * 1000):
        if len(queue) >= count:
            return
        limit.wait(0.001)
    raise AssertionError(f"only {len(queue)} calls came")


def test_a_call_that_finds_nobody_runs_in_its_own_thread(model: Model, merger: Merger) -> None:
    assert merger.embed(one("abc")).vectors.tolist() == [vector("abc")]
    assert merger._worker is None


def test_calls_of_threads_that_find_the_model_busy_become_one_batch(model: Model, merger: Merger) -> None:
    with ThreadPoolExecutor(20) as pool:
        first = hold(model, merger, pool)
        others = [pool.submit(merger.embed, Part("q: ", [str(i), str(i) * 2])) for i in range(12)]
        until_waiting(merger, 12)
        model.gate.set()
        for i, other in enumerate(others):
            embedded = other.result(PATIENCE)
            assert embedded.vectors.tolist() == [vector(f"q: {i}"), vector(f"q: {i}{i}")]
            assert embedded.lengths.tolist() == [3 + len(str(i)), 3 + 2 * len(str(i))]
        assert first.result(PATIENCE).vectors.tolist() == [vector("first")]
    assert [len(batch) for batch in model.batches] == [1, 24]
    assert model.most_at_work == 1


async def test_calls_that_start_together_in_a_loop_become_one_batch(model: Model, merger: Merger) -> None:
    replies = await asyncio.gather(*(merger.aembed(one(f"text {i}")) for i in range(64)))
    assert [reply.vectors.tolist() for reply in replies] == [[vector(f"text {i}")] for i in range(64)]
    assert [len(batch) for batch in model.batches] == [64]


async def test_calls_that_come_a_few_steps_apart_still_share_a_batch(model: Model, merger: Merger) -> None:
    async def later(steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        await merger.aembed(one("x"))

    await asyncio.gather(*(later(steps) for steps in range(8)))
    assert len(model.batches) < 8


async def test_one_call_of_a_loop_is_alone_and_does_not_wait_for_others(model: Model, merger: Merger) -> None:
    assert (await merger.aembed(one("abc"))).vectors.tolist() == [vector("abc")]
    assert model.batches == [["abc"]]


async def test_the_loop_goes_on_while_the_model_computes(model: Model, merger: Merger) -> None:
    model.gate.clear()
    call = asyncio.create_task(merger.aembed(one("abc")))
    while not model.batches:
        await asyncio.sleep(0.001)
    assert not call.done()
    model.gate.set()
    assert (await call).vectors.shape == (1, 2)


async def test_cancelling_one_caller_harms_nobody_else(model: Model, merger: Merger) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = hold(model, merger, pool)
        calls = [asyncio.create_task(merger.aembed(one(f"text {i}"))) for i in range(5)]
        while len(merger._waiting) < 5:
            await asyncio.sleep(0.001)
        calls[2].cancel()
        await asyncio.sleep(0)
        model.gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        first.result(PATIENCE)
    assert isinstance(outcomes.pop(2), asyncio.CancelledError)
    assert [reply.vectors.tolist() for reply in outcomes] == [[vector(f"text {i}")] for i in (0, 1, 3, 4)]
    assert model.batches == [["first"], [f"text {i}" for i in (0, 1, 3, 4)]], (
        "its text was computed for nobody"
    )


async def test_cancelling_a_caller_whose_text_is_being_computed_harms_nobody(
    model: Model, merger: Merger
) -> None:
    model.gate.clear()
    calls = [asyncio.create_task(merger.aembed(one(f"text {i}"))) for i in range(3)]
    while not model.batches:
        await asyncio.sleep(0.001)
    calls[0].cancel()
    model.gate.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert [reply.vectors.shape for reply in outcomes[1:]] == [(1, 2), (1, 2)]
    assert (await merger.aembed(one("after"))).vectors.tolist() == [vector("after")]


async def test_an_error_reaches_the_caller_whose_text_it_was_and_no_other(
    model: Model, merger: Merger
) -> None:
    texts = ["good", "poison", "better"]
    outcomes = await asyncio.gather(*(merger.aembed(one(text)) for text in texts), return_exceptions=True)
    assert isinstance(outcomes[1], ConfigError)
    assert [outcomes[0].vectors.tolist(), outcomes[2].vectors.tolist()] == [
        [vector("good")],
        [vector("better")],
    ]


def test_after_an_error_in_the_callers_own_thread_the_model_is_free_again(merger: Merger) -> None:
    with pytest.raises(ConfigError):
        merger.embed(one("poison"))
    assert merger.embed(one("abc")).vectors.tolist() == [vector("abc")]


def test_a_merged_batch_is_bounded_and_first_come_is_first_served(model: Model, merger: Merger) -> None:
    with ThreadPoolExecutor(40) as pool:
        first = hold(model, merger, pool)
        calls = []
        for i in range(20):
            calls.append(pool.submit(merger.embed, Part("", [f"{i}"] * 30)))
            until_waiting(merger, i + 1)
        model.gate.set()
        for call in calls:
            assert call.result(PATIENCE).vectors.shape == (30, 2)
        first.result(PATIENCE)
    assert [len(batch) for batch in model.batches] == [1, 240, 240, 120]
    order = [int(text) for batch in model.batches[1:] for text in batch]
    assert order == sorted(order)


def test_texts_too_large_to_share_a_batch_still_come_through(model: Model, merger: Merger) -> None:
    with ThreadPoolExecutor(4) as pool:
        first = hold(model, merger, pool)
        calls = [pool.submit(merger.embed, one("x" * 200_000)) for _ in range(3)]
        until_waiting(merger, 3)
        model.gate.set()
        assert [call.result(PATIENCE).cut for call in calls] == [(0,)] * 3
        first.result(PATIENCE)
    assert [len(batch) for batch in model.batches] == [1, 1, 1, 1]


def test_event_loops_in_several_threads_share_the_model(model: Model, merger: Merger) -> None:
    async def some(name: str) -> list[list[float]]:
        replies = await asyncio.gather(*(merger.aembed(one(f"{name} {i}")) for i in range(20)))
        return [reply.vectors[0].tolist() for reply in replies]

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(asyncio.run, some(name)) for name in ("a", "bb", "ccc", "dddd")]
        for run, name in zip(runs, ("a", "bb", "ccc", "dddd"), strict=True):
            assert run.result(PATIENCE) == [vector(f"{name} {i}") for i in range(20)]
    assert model.most_at_work == 1


def test_two_loops_one_after_the_other_work_and_leave_nothing_behind(merger: Merger) -> None:
    loops = []

    async def once() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await merger.aembed(one("abc"))

    asyncio.run(once())
    asyncio.run(once())
    gc.collect()
    assert [loop() for loop in loops] == [None, None]


def test_a_loop_that_closes_before_its_answer_harms_nobody(model: Model, merger: Merger) -> None:
    model.gate.clear()

    async def leave() -> None:
        call = asyncio.ensure_future(merger.aembed(one("left")))
        while not model.batches:
            await asyncio.sleep(0.001)
        call.cancel()

    asyncio.run(leave())
    model.gate.set()
    assert asyncio.run(merger.aembed(one("abc"))).vectors.tolist() == [vector("abc")]


def test_a_small_answer_does_not_keep_the_whole_batch_in_memory(model: Model, merger: Merger) -> None:
    async def some() -> list[Embedded]:
        return await asyncio.gather(*(merger.aembed(one(f"{i}")) for i in range(10)))

    assert {reply.vectors.base is None for reply in asyncio.run(some())} == {True}


EXIT = """
import asyncio, os, sys, threading
sys.path.insert(0, {folder!r})
from test_merge import Merger, Model, one
model = Model()
merger = Merger(model)
model.gate.clear()
async def leave():
    call = asyncio.ensure_future(merger.aembed(one("x")))
    while not model.batches:
        await asyncio.sleep(0.001)
    call.cancel()
asyncio.run(leave())
opening = threading.Timer(0.05, model.gate.set)
opening.daemon = True  # the end of the process waits for the batch, not for this
opening.start()
print("end", flush=True)
"""


def test_the_process_ends_while_a_batch_that_nobody_wants_is_computed() -> None:
    code = EXIT.format(folder=str(Path(__file__).parent))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("end\n", "", 0)
