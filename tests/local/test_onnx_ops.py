"""Each word of `Ops` as ONNX Runtime computes it, against plain numpy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from words import ALONE, EVEN, UNEVEN, WEIGHTS, WORDS, Held, by_numpy, x

from shared_core.local.engines import TokenBatch, onnx_blocks
from shared_core.local.engines.buckets import relative_buckets
from shared_core.local.engines.onnx_int8 import Int8Ops
from shared_core.local.engines.onnx_ops import OnnxOps
from shared_core.local.engines.onnx_session import Session
from shared_core.local.engines.rows import quantise_rows

pytestmark = pytest.mark.pinned_set


def by_onnx(kind: type[OnnxOps], write: Callable[[Any], Any], batch: TokenBatch) -> NDArray[np.float32]:
    ops = kind(WEIGHTS)  # type: ignore[arg-type]
    value = write(ops)
    return Session(import_module("onnxruntime"), ops.drawing, value.name, value.width, 1).run(batch)


@pytest.mark.parametrize("batch", [UNEVEN, EVEN, ALONE], ids=["uneven texts", "even texts", "one text"])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_means_what_it_means_in_numpy(word: str, batch: TokenBatch) -> None:
    found, expected = by_onnx(OnnxOps, WORDS[word], batch), by_numpy(WORDS[word], batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("batch", [UNEVEN, EVEN, ALONE], ids=["uneven texts", "even texts", "one text"])
@pytest.mark.parametrize("block", [1, 3, 50])
@pytest.mark.parametrize("word", [word for word in WORDS if "attention" in word])
def test_attention_to_some_queries_at_a_time_is_the_same(
    word: str, block: int, batch: TokenBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_blocks, "LONG", 0)
    monkeypatch.setattr(onnx_blocks, "BLOCK", block)
    found, expected = by_onnx(OnnxOps, WORDS[word], batch), by_numpy(WORDS[word], batch)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


MASKED = [
    "causal attention",
    "attention in a window",
    "causal attention in a window",
    "relative bias in a window",
]


@pytest.mark.parametrize("tokens", [1024, 1025, 1400])
@pytest.mark.parametrize("word", MASKED)
def test_a_long_text_is_attended_to_like_a_short_one(word: str, tokens: int) -> None:
    ids = np.random.default_rng(tokens).integers(0, 50, tokens, dtype=np.int32)
    batch = TokenBatch(ids, np.array([tokens], np.int32))
    found, expected = by_onnx(OnnxOps, WORDS[word], batch), by_numpy(WORDS[word], batch)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5)


MEMORY = """
import resource, sys
import numpy as np, onnxruntime
sys.path.insert(0, sys.argv[1])
from words import WEIGHTS, WORDS
from shared_core.local.engines import TokenBatch
from shared_core.local.engines.onnx_ops import OnnxOps
from shared_core.local.engines.onnx_session import Session

ops = OnnxOps(WEIGHTS)
value = WORDS[sys.argv[2]](ops)
session = Session(onnxruntime, ops.drawing, value.name, value.width, 1)
peaks = []
for tokens in (1025, 6000):
    session.run(TokenBatch(np.zeros(tokens, np.int32), np.array([tokens], np.int32)))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
print((peaks[1] - peaks[0]) >> 20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module on this system")
@pytest.mark.parametrize("word", MASKED)
def test_memory_grows_with_the_length_of_a_text_and_not_with_its_square(word: str) -> None:
    command = [sys.executable, "-c", MEMORY, str(Path(__file__).parent), word]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 120, "MiB; the scores of all pairs of 4 heads would be 549"


def test_zeros_have_no_direction_and_stay_zeros() -> None:
    def write(ops: Any) -> Any:
        return ops.normalise(ops.pool(ops.multiply(x(ops), ops.row("nil", 0)), "mean"))

    assert not by_onnx(OnnxOps, write, UNEVEN).any()


def test_buckets_of_relative_places_are_those_of_transformers() -> None:
    torch = import_module("torch")
    modeling = import_module("transformers.models.mpnet.modeling_mpnet")
    keys = torch.arange(-128, 129)
    theirs = modeling.MPNetEncoder.relative_position_bucket(keys, num_buckets=32, max_distance=128)
    assert relative_buckets(32, 128).tolist() == theirs.tolist()


@pytest.mark.parametrize("word", ["linear with a bias", "linear without", "stacked linear"])
def test_int8_products_stay_near(word: str) -> None:
    found, expected = by_onnx(Int8Ops, WORDS[word], UNEVEN), by_numpy(WORDS[word], UNEVEN)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / lengths).min() > 0.999
    assert not np.array_equal(found, expected)


def test_an_int8_token_of_huge_numbers_leaves_the_others_their_precision() -> None:
    def write(ops: Any) -> Any:
        return ops.linear(x(ops), "bare")

    quiet = by_onnx(Int8Ops, write, ALONE)
    loud = WEIGHTS.arrays["tokens.weight"].copy()
    loudest = int(ALONE.ids[0])
    loud[loudest] *= 1e6
    held = Held()
    held.arrays = {**WEIGHTS.arrays, "tokens.weight": loud}
    ops = Int8Ops(held)  # type: ignore[arg-type]
    value = write(ops)
    beside = Session(import_module("onnxruntime"), ops.drawing, value.name, value.width, 1).run(ALONE)
    others = ALONE.ids != loudest
    np.testing.assert_array_equal(beside[others], quiet[others])


def test_rows_of_weights_are_scaled_each_on_its_own() -> None:
    weight = np.array([[1, -2], [0, 0], [1e-3, 1e-3]], np.float32)
    rows, scales = quantise_rows(weight)
    assert rows.dtype == np.int8
    np.testing.assert_allclose(rows * scales[:, None], weight, atol=scales.max() / 2)
    assert abs(rows[[0, 2]]).max(axis=1).tolist() == [127, 127]
    assert not rows[1].any()
