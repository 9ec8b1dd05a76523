"""The machine's own limit: what one big matrix product reaches, by precision, in GFLOP/s.

Run in the environment `hfrouter_openvino`, with as many threads as the machine has. Every encoder is measured
against the same peak of its precision, whichever library reached it.
"""

from __future__ import annotations

import json
import time

import numpy as np
import openvino as ov
from openvino import opset13 as op

ROWS, WIDTH = 2048, 1536
FLOP = 2 * ROWS * WIDTH * WIDTH


def product(precision: str) -> ov.CompiledModel:
    """A matrix product with constant weights, as encoders have them."""
    x = op.parameter([ROWS, WIDTH], np.float32)
    weights = np.random.default_rng(1).standard_normal((WIDTH, WIDTH), dtype=np.float32) * 0.02
    left, right = x, op.constant(weights)
    if precision == "int8":
        left = _eight_bits(left, 3.0)
        right = _eight_bits(right, 0.1)
    hint = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}[precision]
    model = ov.Model([op.matmul(left, right, False, True)], [x])
    return ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})


def _eight_bits(x: ov.Node, bound: float) -> ov.Node:
    low, high = op.constant(np.float32(-bound)), op.constant(np.float32(bound * 127 / 128))
    return op.fake_quantize(x, low, high, low, high, 256)


def reached(precision: str) -> float:
    """GFLOP/s of the best of many products."""
    request = product(precision).create_infer_request()
    x = np.random.default_rng(2).standard_normal((ROWS, WIDTH), dtype=np.float32)
    best = float("inf")
    for _ in range(25):
        started = time.perf_counter()
        request.infer([x], share_inputs=True, share_outputs=True)
        best = min(best, time.perf_counter() - started)
    return FLOP / best / 1e9


if __name__ == "__main__":
    print(json.dumps({precision: reached(precision) for precision in ("float32", "bfloat16", "int8")}))
