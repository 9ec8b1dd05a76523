"""Each word of `Ops` as ONNX Runtime computes it, against plain numpy."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from words import ALONE, EVEN, UNEVEN, WEIGHTS, WORDS, Held, by_numpy, x

from shared_core.local.engines import TokenBatch
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
