"""The OpenVINO engine: each word against plain numpy, and what a loaded engine promises."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from words import ALONE, EVEN, UNEVEN, WEIGHTS, WORDS, by_numpy, texts, x

from shared_core.errors import ConfigError
from shared_core.local import folder, machine
from shared_core.local.engines import Precision, TokenBatch, openvino
from shared_core.local.engines.openvino_int8 import Int8Ops
from shared_core.local.engines.openvino_layout import arranged, rounded
from shared_core.local.engines.openvino_ops import OpenVinoOps
from shared_core.local.recipe import Recipe

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]


def by_openvino(
    kind: type[OpenVinoOps], write: Callable[[Any], Any], batch: TokenBatch
) -> NDArray[np.float32]:
    """What the graph computes, rows that fill up left out."""
    library = import_module("openvino")
    ops = kind(library, WEIGHTS)  # type: ignore[arg-type]
    model = library.Model([write(ops)], list(ops.drawing.inputs.values()))
    compiled = library.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found: NDArray[np.float32] = compiled(arranged(batch))[0]
    return found[: len(batch.ids)]


@pytest.mark.parametrize("batch", [UNEVEN, EVEN, ALONE], ids=["uneven texts", "even texts", "one text"])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_means_what_it_means_in_numpy(word: str, batch: TokenBatch) -> None:
    found, expected = by_openvino(OpenVinoOps, WORDS[word], batch), by_numpy(WORDS[word], batch)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("word", ["linear with a bias", "linear without", "stacked linear"])
def test_int8_products_stay_near(word: str) -> None:
    found, expected = by_openvino(Int8Ops, WORDS[word], UNEVEN), by_numpy(WORDS[word], UNEVEN)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / lengths).min() > 0.999
    assert not np.array_equal(found, expected)


def test_zeros_have_no_direction_and_stay_zeros() -> None:
    def write(ops: Any) -> Any:
        return ops.normalise(ops.pool(ops.multiply(x(ops), ops.row("nil", 0)), "mean"))

    assert not by_openvino(OpenVinoOps, write, UNEVEN).any()


@pytest.fixture(scope="module")
def recipe(minilm: Path) -> Recipe:
    found = folder.read(minilm, "")
    assert isinstance(found, Recipe)
    return found


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_batch_mates_do_not_matter(recipe: Recipe, precision: Precision) -> None:
    engine = openvino.load(recipe, precision=precision, threads=1)
    lengths = [40, 3, 20, 29, 1, 100, 8]
    together = texts(*lengths)
    ends = np.cumsum(lengths)
    cut = [together.ids[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    vectors = engine.run(together)
    for mates in ([0], [1, 5], [2, 3, 5, 6], [4, 0, 1], [6, 5, 4, 3, 2, 1, 0]):
        batch = TokenBatch(np.concatenate([cut[mate] for mate in mates]), together.lengths[mates])
        assert (engine.run(batch) * vectors[mates]).sum(axis=1).min() > 0.99999


def test_batches_of_all_sizes_have_few_shapes() -> None:
    assert len({rounded(tokens) for tokens in range(1, 8193)}) < 256
    assert all(0 <= rounded(tokens) - tokens < max(1, tokens / 15) for tokens in range(1, 8193))


def test_int8_products_really_run_in_int8(recipe: Recipe) -> None:
    reasons = " ".join(openvino.load(recipe, precision="int8", threads=1).reasons)
    assert "24 of 24 products with weights run in int8" in reasons


@pytest.fixture
def plain_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "look", lambda: machine.Machine(cores=1, architecture="x86_64"))


@pytest.mark.usefixtures("plain_processor")
def test_without_bfloat16_arithmetic_float32_is_computed(recipe: Recipe) -> None:
    half = openvino.load(recipe, precision="bfloat16", threads=1)
    assert "float32 is computed" in " ".join(half.reasons)
    whole = openvino.load(recipe, precision="float32", threads=1)
    np.testing.assert_array_equal(half.run(UNEVEN), whole.run(UNEVEN))


@pytest.mark.usefixtures("plain_processor")
def test_int8_without_vnni_is_said_to_be_slow(recipe: Recipe) -> None:
    assert "lacks VNNI" in " ".join(openvino.load(recipe, precision="int8", threads=1).reasons)


def test_a_run_takes_no_more_threads_than_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    shared = machine.Machine(cores=2, architecture="x86_64")
    assert openvino._settings("float32", None, shared)["INFERENCE_NUM_THREADS"] == 2
    assert openvino._settings("float32", 5, shared)["INFERENCE_NUM_THREADS"] == 5
    whole = machine.Machine(cores=64, architecture="x86_64")
    assert "INFERENCE_NUM_THREADS" not in openvino._settings("float32", None, whole)


def test_threads_may_share_an_engine(recipe: Recipe) -> None:
    engine = openvino.load(recipe, precision="float32", threads=1)
    batches = [texts(length, 5) for length in (4, 9, 30, 12)]
    expected = [engine.run(batch) for batch in batches]
    found: dict[int, list[NDArray[np.float32]]] = {}

    def work(number: int) -> None:
        found[number] = [engine.run(batches[number]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, vectors in found.items():
        for each in vectors:
            np.testing.assert_allclose(each, expected[number], atol=1e-6)


def test_float16_is_refused_with_a_way_out(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match="float16") as caught:
        openvino.load(recipe, precision="float16", threads=None)
    assert "bfloat16" in caught.value.hint


def test_without_openvino_the_extra_is_named(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r"hfrouter\[openvino\]"):
        openvino.load(recipe, precision="float32", threads=None)


def test_it_needs_no_torch_opens_no_connection_and_warns_of_nothing(minilm: Path) -> None:
    program = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
        "from shared_core.local import LocalEmbedder\n"
        f"LocalEmbedder({str(minilm)!r}, backend='openvino').embed(['a'])\n"
        "print([name for name in ('torch', 'transformers', 'onnx', 'optimum') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    assert not done.stderr
