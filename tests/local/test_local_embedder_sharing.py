"""The local embedder as a part of a program: loaded late, shared by threads and loops, copied, forked."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError, InputTooLong
from shared_core.local import LocalEmbedder, running
from shared_core.local.shared import Shelf

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
CLOSE = 2e-5  # what float32 may differ by between batches, for vectors of length 1


@pytest.fixture(scope="module")
def embedder(minilm: Path) -> LocalEmbedder:
    return LocalEmbedder(str(minilm), device="cpu")


@pytest.fixture
def own_shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Nothing is loaded yet, and what is loaded is forgotten."""
    shelf = Shelf()
    monkeypatch.setattr("shared_core.local.running.SHELF", shelf)
    monkeypatch.setattr("shared_core.local.embedder.SHELF", shelf)
    monkeypatch.setattr("shared_core.local.choose.SHELF", shelf)
    return shelf


def python(code: str, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_it_loads_neither_numpy_nor_torch() -> None:
    code = "import sys; from shared_core.local import LocalEmbedder; LocalEmbedder('x/y'); "
    assert (
        python(code + "print([m for m in ('numpy', 'torch', 'huggingface_hub') if m in sys.modules])")
        == "[]\n"
    )


def test_two_embedders_of_one_model_share_it_whatever_their_prompts_and_cuts(minilm: Path) -> None:
    one = LocalEmbedder(str(minilm), "cpu", query_prompt="x", dimensions=8, normalize=True)
    assert one._ready(False) is LocalEmbedder(str(minilm), "cpu")._ready(False)


def test_threads_that_start_together_load_once(
    tiny_model: TinyModel, own_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = running.load
    monkeypatch.setattr(running, "load", lambda *given: loads.append(given) or load(*given))
    together = threading.Barrier(6)

    def embed(_: int) -> np.ndarray:
        embedder = LocalEmbedder(str(tiny_model("e5")), device="cpu")
        together.wait(20)
        return embedder.embed(["a"]).vectors

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(embed, range(6)))
    assert len(loads) == 1
    for vectors in found:
        np.testing.assert_allclose(vectors, found[0], atol=CLOSE)


def test_a_load_that_failed_is_tried_again(
    tiny_model: TinyModel, own_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = running.load
    failures = [ConfigError("the disk hiccuped")]

    def once_broken(*given: Any) -> Any:
        if failures:
            raise failures.pop()
        return load(*given)

    monkeypatch.setattr(running, "load", once_broken)
    embedder = LocalEmbedder(str(tiny_model("e5")), device="cpu")
    with pytest.raises(ConfigError, match="hiccuped"):
        embedder.embed(["a"])
    assert embedder.embed(["a"]).vectors.shape == (1, 64)


def test_a_model_that_is_not_there_yet_is_found_later(tiny_model: TinyModel, tmp_path: Path) -> None:
    embedder = LocalEmbedder(str(tmp_path / "model" / "x"), device="cpu")
    with pytest.raises(ConfigError, match="no folder"):
        embedder.embed(["a"])
    shutil.copytree(tiny_model("e5"), tmp_path / "model" / "x")
    assert embedder.embed(["a"]).vectors.shape == (1, 64)


async def test_asynchronous_calls_give_the_same_vectors(embedder: LocalEmbedder) -> None:
    texts = [f"text number {i}" for i in range(40)]
    expected = embedder.embed(texts, "query").vectors
    replies = await asyncio.gather(*(embedder.aembed([text], "query") for text in texts))
    np.testing.assert_allclose(np.concatenate([reply.vectors for reply in replies]), expected, atol=CLOSE)
    np.testing.assert_allclose((await embedder.aembed(texts, "query")).vectors, expected, atol=CLOSE)
    assert {reply.usage.prompt_tokens for reply in replies if reply.usage} == {5}


async def test_one_bad_caller_of_many_gets_his_error_alone(embedder: LocalEmbedder) -> None:
    calls = [embedder.aembed([text]) for text in ("a", "\ud800", "b")]
    calls.append(embedder.aembed(["c", "bread " * 300], truncate=False))
    good, surrogate, also_good, long = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(surrogate, ConfigError)
    assert isinstance(long, InputTooLong)
    assert "Text 1" in str(long)
    assert good.vectors.shape == also_good.vectors.shape == (1, 384)


def test_event_loops_one_after_the_other_and_side_by_side(embedder: LocalEmbedder) -> None:
    async def some() -> list[tuple[int, ...]]:
        return [
            reply.vectors.shape for reply in await asyncio.gather(*(embedder.aembed(["a"]) for _ in range(8)))
        ]

    assert asyncio.run(some()) == asyncio.run(some()) == [(1, 384)] * 8
    with ThreadPoolExecutor(3) as pool:
        assert [run.result(60) for run in [pool.submit(asyncio.run, some()) for _ in range(3)]] == [
            [(1, 384)] * 8
        ] * 3


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_embeds_like_the_original_and_carries_arguments_only(minilm: Path, travel: Any) -> None:
    original = LocalEmbedder(str(minilm), "cpu", query_prompt="q: ", dimensions=16)
    before = original.embed(["x"], "query").vectors
    arrived = travel(original)
    assert repr(arrived) == repr(original)
    np.testing.assert_allclose(arrived.embed(["x"], "query").vectors, before, atol=1e-6)
    assert len(pickle.dumps(original)) < 1000


FORK = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore")  # Python's own, about forking with threads
from shared_core.local import LocalEmbedder

embedder = LocalEmbedder(sys.argv[1], device="cpu", backend=sys.argv[2])
before = embedder.embed(["a cat"] * 40).vectors

def child():
    assert abs(embedder.embed(["a cat"] * 40).vectors - before).max() < 1e-4

process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(60)
print(process.exitcode, abs(embedder.embed(["a cat"]).vectors - before[0]).max() < 1e-4)
process.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_forked_child_loads_anew_and_does_not_hang(minilm: Path, backend: str) -> None:
    assert python(FORK, str(minilm), backend) == "0 True\n"
