"""Every word of `Ops` in use, for the engines that draw graphs, and what numpy makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from numpy_ops import NumpyOps

from shared_core.local.engines import TokenBatch

WIDTH, HEADS = 32, 4
RANDOM = np.random.default_rng(7)


class Held:
    """Weights that lie in memory, by name."""

    def __init__(self, **arrays: NDArray[np.float32]) -> None:
        self.arrays = {name.replace("__", "."): array for name, array in arrays.items()}

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def numpy(self, name: str) -> NDArray[np.float32]:
        return self.arrays[name]


def numbers(*shape: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal(shape, np.float32)


WEIGHTS = Held(
    tokens__weight=numbers(50, WIDTH),
    others__weight=numbers(50, WIDTH),
    thirds__weight=numbers(50, WIDTH),
    keys__weight=numbers(50, WIDTH // 2),
    places__weight=numbers(80, WIDTH),
    wide__weight=numbers(48, WIDTH),
    wide__bias=numbers(48),
    bare__weight=numbers(WIDTH, WIDTH),
    norm__weight=numbers(WIDTH),
    norm__bias=numbers(WIDTH),
    plain__weight=numbers(WIDTH),
    head__weight=numbers(WIDTH // HEADS),
    distances__weight=numbers(8, HEADS),
    nil__weight=np.zeros((1, WIDTH), np.float32),
)


def texts(*lengths: int) -> TokenBatch:
    return TokenBatch(RANDOM.integers(0, 50, sum(lengths), dtype=np.int32), np.array(lengths, np.int32))


UNEVEN, EVEN, ALONE = texts(9, 1, 30, 4), texts(6, 6, 6), texts(25)


def attention(**more: Any) -> Callable[[Any], Any]:
    def write(ops: Any) -> Any:
        q, k, v = (ops.token_rows(table) for table in ("tokens", "others", "thirds"))
        return ops.attention(q, k, v, heads=HEADS, **more)

    return write


def grouped(ops: Any) -> Any:
    q, k = ops.token_rows("tokens"), ops.token_rows("keys")
    return ops.attention(q, k, k, heads=HEADS, kv_heads=2, causal=True)


def with_bias(ops: Any, **more: Any) -> Any:
    return attention(bias=ops.relative_bias("distances", 8, 16), **more)(ops)


def x(ops: Any) -> Any:
    return ops.token_rows("tokens")


WORDS: dict[str, Callable[[Any], Any]] = {
    "token rows": x,
    "position rows": lambda ops: ops.position_rows("places"),
    "position rows from the third": lambda ops: ops.position_rows("places", 2),
    "add": lambda ops: ops.add(x(ops), ops.token_rows("others"), ops.row("places", 3)),
    "multiply": lambda ops: ops.multiply(x(ops), ops.token_rows("others")),
    "gelu": lambda ops: ops.activate(x(ops), "gelu"),
    "gelu by tanh": lambda ops: ops.activate(x(ops), "gelu_tanh"),
    "relu": lambda ops: ops.activate(x(ops), "relu"),
    "silu": lambda ops: ops.activate(x(ops), "silu"),
    "tanh": lambda ops: ops.activate(x(ops), "tanh"),
    "linear with a bias": lambda ops: ops.linear(x(ops), "wide"),
    "linear without": lambda ops: ops.linear(x(ops), "bare"),
    "linear and its activation": lambda ops: ops.linear(x(ops), "wide", activation="gelu"),
    "stacked linear": lambda ops: ops.linear(x(ops), "wide", "bare"),
    "split where it was stacked": lambda ops: ops.split(ops.linear(x(ops), "wide", "bare"), 48, WIDTH)[1],
    "split elsewhere": lambda ops: ops.split(ops.linear(x(ops), "wide", "bare"), 20, 60)[1],
    "split of one": lambda ops: ops.split(x(ops), 8, 24)[0],
    "layer norm": lambda ops: ops.layer_norm(x(ops), "norm", 1e-5),
    "layer norm without a bias": lambda ops: ops.layer_norm(x(ops), "plain", 1e-12),
    "rms norm": lambda ops: ops.rms_norm(x(ops), "plain", 1e-6),
    "rms norm head by head": lambda ops: ops.rms_norm(x(ops), "head", 1e-6),
    "rotate": lambda ops: ops.rotate(x(ops), HEADS, 10_000.0),
    "rotate fewer heads": lambda ops: ops.rotate(ops.token_rows("keys"), 2, 1e6),
    "attention": attention(),
    "causal attention": attention(causal=True),
    "attention in a window": attention(window=5),
    "causal attention in a window": attention(window=2, causal=True),
    "attention with a window of none": attention(window=0),
    "grouped queries": grouped,
    "relative bias": with_bias,
    "relative bias in a window": lambda ops: with_bias(ops, window=3),
    "pool mean": lambda ops: ops.pool(x(ops), "mean"),
    "pool first": lambda ops: ops.pool(x(ops), "cls"),
    "pool last": lambda ops: ops.pool(x(ops), "last"),
    "pool largest": lambda ops: ops.pool(x(ops), "max"),
    "length 1": lambda ops: ops.normalise(ops.pool(x(ops), "mean")),
}


def by_numpy(write: Callable[[Any], Any], batch: TokenBatch) -> NDArray[np.float32]:
    found: NDArray[np.float32] = write(NumpyOps(WEIGHTS, batch))  # type: ignore[arg-type]
    return found
