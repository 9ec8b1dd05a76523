"""The torch engine on a real GPU: every shape in every precision, memory that runs out, threads, pinned copies.

Skipped where torch sees no GPU. On a machine that has one and no other of this suite's tools:

    PYTHONPATH=. pytest -c /dev/null --rootdir . --confcutdir tests/local tests/local/test_cuda.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import models
import numpy as np
import pytest
import torch
from references import cosines, reference

from shared_core.errors import ConfigError
from shared_core.local import LocalEmbedder, LocalReranker
from shared_core.local.choose import Wish, load
from shared_core.local.engines import Engine, Precision, TokenBatch
from shared_core.local.engines import torch as torch_engine
from shared_core.local.folder import read
from shared_core.local.model import Part
from shared_core.local.recipe import Recipe

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU on this machine"),
    pytest.mark.filterwarnings("default"),
]

TinyModel = Callable[[str], Path]

LOWEST: dict[Precision, float] = {"float32": 0.99999, "float16": 0.9999, "bfloat16": 0.998}
"""Cosines to float32 on the CPU; see `test_encoders_on_engines` on why tiny models are allowed more."""

PASSAGES = [f"{number}: " + "words of a passage " * (number % 40) for number in range(5000)]


def engine_of(folder: Path, precision: Precision) -> Engine:
    recipe = read(folder)
    assert isinstance(recipe, Recipe), recipe
    return torch_engine.load(recipe, precision=precision, device="cuda", threads=None)


def texts_of_length(length: int, count: int) -> TokenBatch:
    ids = np.random.default_rng(length).integers(1000, 20_000, length * count).astype(np.int32)
    return TokenBatch(ids, np.full(count, length, np.int32))


@contextmanager
def memory_left(megabytes: int) -> Iterator[None]:
    """Takes all of the GPU's memory but so much; with 0, what the allocator keeps for small tensors too."""
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    held = []
    for size in (2**power for power in range(36, 8, -1)):
        while free > megabytes * 2**20 + size or not megabytes:
            try:
                held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            except torch.OutOfMemoryError:
                break
            free -= size
    try:
        yield
    finally:
        held.clear()
        torch.cuda.empty_cache()


@pytest.mark.parametrize("precision", LOWEST)
@pytest.mark.parametrize("name", models.SHAPES)
def test_every_shape_has_the_vectors_of_sentence_transformers(
    name: str, precision: Precision, tiny_model: TinyModel
) -> None:
    folder = tiny_model(name)
    expected = reference(folder, models.TEXTS)
    found = engine_of(folder, precision).run(expected.batch)
    assert cosines(found, expected.vectors).min() > LOWEST[precision]


@pytest.mark.parametrize("precision", LOWEST)
@pytest.mark.parametrize("name", ["e5", "mpnet", "modernbert", "qwen3"])
def test_vectors_do_not_depend_on_batch_mates(name: str, precision: Precision, tiny_model: TinyModel) -> None:
    model = load(Wish(tiny_model(name), "torch", precision, "cuda"), read(tiny_model(name)))
    together = model.embed([Part("", models.TEXTS)]).vectors
    alone = np.concatenate([model.embed([Part("", [text])]).vectors for text in models.TEXTS])
    assert (
        cosines(together, alone).min()
        > {"float32": 0.999999, "float16": 0.99998, "bfloat16": 0.999}[precision]
    )


def test_auto_takes_the_gpu_and_moves_no_vector_beyond_the_promise(minilm: Path) -> None:
    embedder = LocalEmbedder(str(minilm))
    said = embedder.describe()
    assert said.device.startswith("cuda")
    assert torch.cuda.get_device_name() in str(said)
    texts = (*models.TEXTS, *PASSAGES[:200])
    assert cosines(embedder.embed(texts).vectors, reference(minilm, texts).vectors).min() >= 0.9999


def test_thousands_of_texts_come_back_in_their_order(minilm: Path) -> None:
    """Several slices: the next one becomes tokens while the GPU computes."""
    embedder = LocalEmbedder(str(minilm), "cuda", "float32")
    vectors = embedder.embed(PASSAGES).vectors
    some = list(range(0, len(PASSAGES), 97))
    assert (
        cosines(vectors[some], embedder.embed([PASSAGES[place] for place in some]).vectors).min() > 0.999999
    )


def test_threads_and_event_loops_share_one_model(minilm: Path) -> None:
    embedder = LocalEmbedder(str(minilm), "cuda", "float16")
    expected = embedder.embed(PASSAGES[:400]).vectors

    def part(number: int) -> np.ndarray:
        return embedder.embed(PASSAGES[number * 50 : number * 50 + 50]).vectors

    with ThreadPoolExecutor(8) as pool:
        assert cosines(np.concatenate(list(pool.map(part, range(8)))), expected).min() > 0.9999

    async def at_once() -> np.ndarray:
        replies = await asyncio.gather(*(embedder.aembed([text]) for text in PASSAGES[:400]))
        return np.concatenate([reply.vectors for reply in replies])

    assert cosines(asyncio.run(at_once()), expected).min() > 0.9999


def test_what_does_not_fit_into_memory_goes_in_halves(minilm: Path) -> None:
    engine = engine_of(minilm, "float32")
    batch = texts_of_length(256, 128)  # the whole budget
    expected, budget = engine.run(batch), engine.budget
    with memory_left(100):
        found = engine.run(batch)
    assert cosines(found, expected).min() > 0.999999
    assert engine.budget < budget


def test_a_text_that_no_halving_makes_fit_is_named_and_memory_is_not_lost(minilm: Path) -> None:
    engine = engine_of(minilm, "float32")
    batch = texts_of_length(512, 1)
    expected = engine.run(batch)
    with memory_left(0), pytest.raises(ConfigError, match="512 tokens does not fit into the device's memory"):
        engine.run(batch)
    assert cosines(engine.run(batch), expected).min() > 0.999999


def test_batches_are_sized_to_the_memory_that_is_free(minilm: Path) -> None:
    whole = engine_of(minilm, "float32").budget
    with memory_left(600):
        assert engine_of(minilm, "float32").budget < whole


def test_only_pinned_memory_is_copied(minilm: Path) -> None:
    engine = engine_of(minilm, "float16")
    batch = texts_of_length(64, 64)
    engine.run(batch)
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        engine.run(batch)
        torch.cuda.synchronize()
    copies = [event.key for event in profile.key_averages() if event.key.startswith("Memcpy")]
    assert any("Pinned" in key for key in copies), copies
    assert not any("Pageable" in key for key in copies), copies


def test_memory_does_not_grow_from_call_to_call(minilm: Path) -> None:
    engine = engine_of(minilm, "bfloat16")
    batch = texts_of_length(128, 64)
    for _ in range(3):
        engine.run(batch)
    before = torch.cuda.memory_allocated()
    for _ in range(20):
        engine.run(batch)
    assert torch.cuda.memory_allocated() == before


def test_a_reranker_runs_there(tmp_path: Path) -> None:
    folder = models.write_cross_encoder(tmp_path / "model")
    there, here = (LocalReranker(str(folder), device=device) for device in ("cuda", "cpu"))
    texts = [text for text in models.TEXTS if text]
    assert there.rerank("a cat", texts).scores == pytest.approx(here.rerank("a cat", texts).scores, abs=1e-3)
