"""The words of `Ops` in plain numpy, text by text and as slow as it is clear: what each of them means.

Tests check encoders with it apart from any engine. float32 throughout.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shared_core.local.encoders import vectors
from shared_core.local.engines import TokenBatch
from shared_core.local.recipe import Activation, Pooling, Recipe
from shared_core.local.weights import Weights

Array = NDArray[np.float32]

_error_function = np.vectorize(math.erf, otypes=[np.float32])

ACTIVATIONS = {
    "gelu": lambda x: x * (1 + _error_function(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
}


class NumpyOps:
    """Computes one batch; tokens lie packed, one text after another."""

    def __init__(self, weights: Weights, batch: TokenBatch) -> None:
        self.weights = weights
        self.ids = batch.ids
        ends = np.cumsum(batch.lengths)
        self.texts = [slice(end - length, end) for end, length in zip(ends, batch.lengths, strict=True)]
        self.places = np.concatenate([np.arange(length) for length in batch.lengths])

    def _weight(self, name: str) -> Array:
        return self.weights.numpy(f"{name}.weight")

    def _with_bias(self, x: Array, name: str) -> Array:
        return x + self.weights.numpy(f"{name}.bias") if f"{name}.bias" in self.weights else x

    def token_rows(self, table: str) -> Array:
        return self._weight(table)[self.ids]

    def position_rows(self, table: str, first: int = 0) -> Array:
        places = self.places
        if first:
            places = []
            for text in self.texts:
                count = 0
                for token in self.ids[text]:
                    places.append(-1 if token == first - 1 else count)
                    count += token != first - 1
        return self._weight(table)[np.array(places) + first]

    def row(self, table: str, index: int) -> Array:
        return self._weight(table)[index]

    def add(self, *terms: Array) -> Array:
        return sum(terms[1:], start=terms[0])

    def multiply(self, left: Array, right: Array) -> Array:
        return left * right

    def activate(self, x: Array, activation: Activation) -> Array:
        return ACTIVATIONS[activation](x)

    def linear(self, x: Array, *names: str, activation: Activation | None = None) -> Array:
        y = np.concatenate([self._with_bias(x @ self._weight(name).T, name) for name in names], axis=1)
        return self.activate(y, activation) if activation else y

    def split(self, x: Array, *widths: int) -> tuple[Array, ...]:
        assert sum(widths) == x.shape[1]
        return tuple(np.split(x, np.cumsum(widths)[:-1], axis=1))

    def layer_norm(self, x: Array, name: str, eps: float) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
        return self._with_bias(centred / spread * self._weight(name), name)

    def rms_norm(self, x: Array, name: str, eps: float) -> Array:
        weight = self._weight(name)
        groups = x.reshape(len(x), -1, len(weight))
        size = np.sqrt((groups**2).mean(axis=-1, keepdims=True) + eps)
        return (groups / size * weight).reshape(x.shape)

    def rotate(self, x: Array, heads: int, theta: float) -> Array:
        half = x.shape[1] // heads // 2
        angles = self.places[:, None] / theta ** (np.arange(half) / half)
        cos, sin = (f(angles).astype(np.float32)[:, None] for f in (np.cos, np.sin))
        split = x.reshape(len(x), heads, 2, half)
        first, second = split[:, :, 0], split[:, :, 1]
        turned = np.stack([first * cos - second * sin, second * cos + first * sin], axis=2)
        return turned.reshape(x.shape)

    def relative_bias(self, table: str, buckets: int, furthest: int) -> Array:
        """For the longest text: shape (heads, query, key)."""
        longest = int(self.places.max()) + 1
        behind = np.arange(longest)[:, None] - np.arange(longest)  # query minus key
        side, exact = buckets // 2, buckets // 4
        far = np.log(np.maximum(abs(behind), 1).astype(np.float32) / exact) / math.log(furthest / exact)
        coarse = np.minimum(exact + (far * (side - exact)).astype(int), side - 1)
        bucket = np.where(abs(behind) < exact, abs(behind), coarse) + side * (behind < 0)
        return self._weight(table)[bucket].transpose(2, 0, 1)

    def attention(
        self,
        q: Array,
        k: Array,
        v: Array,
        *,
        heads: int,
        kv_heads: int | None = None,
        bias: Array | None = None,
        causal: bool = False,
        window: int | None = None,
    ) -> Array:
        each, shared = q.shape[1] // heads, heads // (kv_heads or heads)
        out = np.empty_like(q)
        for text in self.texts:
            count = text.stop - text.start
            behind = np.arange(count)[:, None] - np.arange(count)
            hidden = (behind < 0) & causal | (abs(behind) > (window if window is not None else count))
            for head in range(heads):
                mine = slice(head * each, (head + 1) * each)
                theirs = slice(head // shared * each, (head // shared + 1) * each)
                scores = q[text, mine] @ k[text, theirs].T / math.sqrt(each)
                if bias is not None:
                    scores = scores + bias[head, :count, :count]
                scores = np.where(hidden, -np.inf, scores)
                seen = np.exp(scores - scores.max(axis=1, keepdims=True))
                out[text, mine] = seen / seen.sum(axis=1, keepdims=True) @ v[text, theirs]
        return out

    def pool(self, x: Array, pooling: Pooling) -> Array:
        of_text = {
            "mean": lambda rows: rows.mean(axis=0),
            "max": lambda rows: rows.max(axis=0),
            "cls": lambda rows: rows[0],
            "last": lambda rows: rows[-1],
        }[pooling]
        return np.stack([of_text(x[text]) for text in self.texts])

    def normalise(self, x: Array) -> Array:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def numpy_vectors(recipe: Recipe, batch: TokenBatch) -> Array:
    """What an engine's `run` gives."""
    return vectors(NumpyOps(Weights(recipe), batch), recipe)
