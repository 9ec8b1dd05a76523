"""The OpenVINO engine: each word against plain numpy, and what a loaded engine promises."""

from __future__ import annotations

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
from shared_core.local import folder
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


@pytest.mark.parametrize(
    ("precision", "nearness"), [("float32", 0.999999), ("bfloat16", 0.9998), ("int8", 0.99)]
)
def test_batch_mates_do_not_matter(recipe: Recipe, precision: Precision, nearness: float) -> None:
    engine = openvino.load(recipe, precision=precision, threads=1)
    together = texts(40, 3, 17, 40, 1)
    vectors = engine.run(together)
    ends = np.cumsum(together.lengths)
    for position, end in enumerate(ends):
        length = together.lengths[position : position + 1]
        alone = engine.run(TokenBatch(together.ids[end - length[0] : end], length))
        assert float(alone[0] @ vectors[position]) > nearness


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


def test_torch_is_not_needed(minilm: Path) -> None:
    program = (
        "import sys\n"
        "from shared_core.local import LocalEmbedder\n"
        f"LocalEmbedder({str(minilm)!r}, backend='openvino').embed(['a'])\n"
        "print([name for name in ('torch', 'transformers', 'onnx', 'optimum') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
