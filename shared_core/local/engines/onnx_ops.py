"""`Ops` as an ONNX graph. Which operators stand for a word was decided by measuring them.

Lives here: what each word draws. Not here: attention (`onnx_attention`), int8 (`onnx_int8`), running (`onnx`).

Tokens lie packed, `(tokens, width)`, so that nothing is computed for padding; attention alone spreads them
out into a rectangle. Weights stay as they lie in the file: Gemm reads `(out, in)`, and packs it at load.
LayerNormalization after Add is seven times as fast as ONNX Runtime's fused SkipLayerNormalization
(2,048 x 384, one thread, ONNX Runtime 1.31, AVX-512), Gelu after Gemm faster than BiasGelu.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_core.local.engines.buckets import relative_buckets
from shared_core.local.engines.onnx_attention import Attention
from shared_core.local.engines.onnx_drawing import Drawing

if TYPE_CHECKING:
    from shared_core.local.recipe import Activation, Pooling
    from shared_core.local.weights import Weights

__all__ = ["OnnxOps", "Value"]

_SHORTEST = 1e-12  # length that a vector is at least taken to have, as torch.nn.functional.normalize does


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the graph.

    Args:
        name: Its name in the drawing.
        width: Numbers a row; of a bias of attention, its heads.
    """

    name: str
    width: int


class OnnxOps:
    """Draws; nothing is computed before the model runs.

    Args:
        weights: Of the model.

    Attributes:
        drawing: With these inputs. "ids" and "places": of each token, (tokens,). "lengths": of each text,
            (texts,). "grid": (texts, longest), where each place of a text lies among the packed tokens; places
            beyond its end hold its last token. "cells": (tokens,), the way back. "even": (), whether all
            texts are equally long.
    """

    def __init__(self, weights: Weights) -> None:
        self.drawing = Drawing()
        self._weights = weights
        self._parts: dict[str, tuple[Value, ...]] = {}
        self._turned: dict[tuple[int, float], tuple[str, str]] = {}
        draw = self.drawing.input
        self._ids = draw("ids", "int32", "tokens")
        self._places = draw("places", "int64", "tokens")
        self._lengths = draw("lengths", "int32", "texts")
        self._grid = draw("grid", "int32", "texts", "longest")
        self._attention = Attention(
            self.drawing, self._grid, draw("cells", "int32", "tokens"), self._lengths, draw("even", "bool")
        )

    def token_rows(self, table: str) -> Value:
        rows = self._weights.numpy(f"{table}.weight")
        return Value(self.drawing.op("Gather", self.drawing.constant(rows), self._ids), rows.shape[1])

    def position_rows(self, table: str, first: int = 0) -> Value:
        rows = self._weights.numpy(f"{table}.weight")[max(0, first - 1) :]
        places = self._rows_without(first - 1) if first else self._places
        return Value(self.drawing.op("Gather", self.drawing.constant(rows), places), rows.shape[1])

    def _rows_without(self, padding: int) -> str:
        """1 for the first place, counted as if tokens of that id were not there; 0 for themselves."""
        import numpy as np

        draw, cast, constant = self.drawing.op, self.drawing.cast, self.drawing.constant
        none, one = constant(np.int64(0)), constant(np.int64(1))
        counts = cast(draw("Not", draw("Equal", self._ids, constant(np.int32(padding)))), "int64")
        reached = draw("CumSum", counts, none)
        tokens = draw("Squeeze", draw("Shape", self._ids))
        starts = draw("Sub", draw("Range", none, tokens, one), self._places)
        before = draw("Gather", draw("Sub", reached, counts), starts)
        return draw("Mul", draw("Sub", reached, before), counts)

    def row(self, table: str, index: int) -> Value:
        row = self._weights.numpy(f"{table}.weight")[index]
        return Value(self.drawing.constant(row), len(row))

    def add(self, *terms: Value) -> Value:
        total, *others = terms
        for term in others:
            total = Value(self.drawing.op("Add", total.name, term.name), total.width)
        return total

    def multiply(self, left: Value, right: Value) -> Value:
        return Value(self.drawing.op("Mul", left.name, right.name), left.width)

    def activate(self, x: Value, activation: Activation) -> Value:
        draw = self.drawing.op
        match activation:
            case "gelu":
                name = draw("Gelu", x.name, fused=True)
            case "gelu_tanh":
                name = draw("FastGelu", x.name, fused=True)
            case "silu":
                name = draw("QuickGelu", x.name, fused=True, alpha=1.0)  # x * sigmoid(alpha * x)
            case "relu":
                name = draw("Relu", x.name)
            case "tanh":
                name = draw("Tanh", x.name)
        return Value(name, x.width)

    def linear(self, x: Value, *names: str, activation: Activation | None = None) -> Value:
        parts = [self._product(x, name) for name in names]
        if activation is not None:
            parts = [self.activate(part, activation) for part in parts]
        return self._side_by_side(parts)

    def _product(self, x: Value, name: str) -> Value:
        """`x @ weight.T + bias` of one layer."""
        weight = self._weights.numpy(f"{name}.weight")
        reads = [x.name, self.drawing.constant(weight), *self._bias(name)]
        return Value(self.drawing.op("Gemm", *reads, transB=1), len(weight))

    def _bias(self, name: str) -> list[str]:
        """The constant, or nothing where none is stored."""
        bias = f"{name}.bias"
        return [self.drawing.constant(self._weights.numpy(bias))] if bias in self._weights else []

    def _side_by_side(self, parts: list[Value]) -> Value:
        if len(parts) == 1:
            return parts[0]
        name = self.drawing.op("Concat", *(part.name for part in parts), axis=1)
        self._parts[name] = tuple(parts)
        return Value(name, sum(part.width for part in parts))

    def split(self, x: Value, *widths: int) -> tuple[Value, ...]:
        import numpy as np

        parts = self._parts.get(x.name, ())
        if tuple(part.width for part in parts) == widths:
            return parts  # nobody reads the Concat then, and it is not written
        sizes = self.drawing.constant(np.array(widths, np.int64))
        names = self.drawing.ops(len(widths), "Split", x.name, sizes, axis=1)
        return tuple(Value(name, width) for name, width in zip(names, widths, strict=True))

    def layer_norm(self, x: Value, name: str, eps: float) -> Value:
        scale = self.drawing.constant(self._weights.numpy(f"{name}.weight"))
        normed = self.drawing.op("LayerNormalization", x.name, scale, *self._bias(name), epsilon=eps)
        return Value(normed, x.width)

    def rms_norm(self, x: Value, name: str, eps: float) -> Value:
        weight = self._weights.numpy(f"{name}.weight")
        groups = self._reshape(x.name, -1, len(weight)) if len(weight) != x.width else x.name
        scale = self.drawing.constant(weight)
        normed = self.drawing.op("SimplifiedLayerNormalization", groups, scale, axis=-1, epsilon=eps)
        return Value(self._reshape(normed, -1, x.width) if groups != x.name else normed, x.width)

    def rotate(self, x: Value, heads: int, theta: float) -> Value:
        """Each token is a text of one token at its place: RotaryEmbedding knows no packed texts."""
        import numpy as np

        cos, sin = self._turns(x.width // heads // 2, theta)
        places = self.drawing.op("Unsqueeze", self._places, self.drawing.constant(np.array([1], np.int64)))
        texts = self._reshape(x.name, -1, 1, x.width)
        turned = self.drawing.op("RotaryEmbedding", texts, places, cos, sin, fused=True, num_heads=heads)
        return Value(self._reshape(turned, -1, x.width), x.width)

    def _turns(self, half: int, theta: float) -> tuple[str, str]:
        """Cosines and sines of the angles at each place, (longest, half): the same for all layers."""
        import numpy as np

        if (half, theta) not in self._turned:
            speeds = (1 / theta ** (np.arange(half) / half)).astype(np.float32)
            angles = self.drawing.op("Mul", self._attention.places("float32"), self.drawing.constant(speeds))
            self._turned[half, theta] = self.drawing.op("Cos", angles), self.drawing.op("Sin", angles)
        return self._turned[half, theta]

    def relative_bias(self, table: str, buckets: int, furthest: int) -> Value:
        rows = self._weights.numpy(f"{table}.weight")
        return Value(self._attention.by_distance(rows[relative_buckets(buckets, furthest)]), rows.shape[1])

    def attention(
        self,
        q: Value,
        k: Value,
        v: Value,
        *,
        heads: int,
        kv_heads: int | None = None,
        bias: Value | None = None,
        causal: bool = False,
        window: int | None = None,
    ) -> Value:
        shared = heads // (kv_heads or heads)
        keys, values = (self._repeat(x, kv_heads or heads, shared) for x in (k, v))
        return Value(
            self._attention.draw(
                q.name,
                keys,
                values,
                heads=heads,
                width=q.width,
                bias=bias.name if bias else None,
                causal=causal,
                window=window,
            ),
            q.width,
        )

    def _repeat(self, x: Value, heads: int, times: int) -> str:
        """Each head `times` in a row."""
        import numpy as np

        if times == 1:
            return x.name
        apart = self._reshape(x.name, -1, heads, x.width // heads)
        order = self.drawing.constant(np.repeat(np.arange(heads), times))
        return self._reshape(self.drawing.op("Gather", apart, order, axis=1), -1, x.width * times)

    def pool(self, x: Value, pooling: Pooling) -> Value:
        draw = self.drawing.op
        match pooling:
            case "cls":
                name = draw("Gather", x.name, self._column(0))
            case "last":
                name = draw("Gather", x.name, self._column(-1))  # beyond the end lies the last token
            case "max":
                name = draw("ReduceMax", draw("Gather", x.name, self._grid), axes=[1], keepdims=0)
            case "mean":
                shares, spread = self._attention.shares(), draw("Gather", x.name, self._grid)
                name = self._reshape(draw("MatMul", shares, spread), -1, x.width)
        return Value(name, x.width)

    def _column(self, index: int) -> str:
        import numpy as np

        return self.drawing.op("Gather", self._grid, self.drawing.constant(np.array(index, np.int64)), axis=1)

    def normalise(self, x: Value) -> Value:
        import numpy as np

        length = self.drawing.op("ReduceL2", x.name, axes=[1], keepdims=1)
        length = self.drawing.op("Max", length, self.drawing.constant(np.array(_SHORTEST, np.float32)))
        return Value(self.drawing.op("Div", x.name, length), x.width)

    def _reshape(self, name: str, *shape: int) -> str:
        import numpy as np

        return self.drawing.op("Reshape", name, self.drawing.constant(np.array(shape, np.int64)))
