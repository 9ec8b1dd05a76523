"""`Ops` as an OpenVINO graph. Which operators stand for a word was decided by measuring them.

Lives here: what each word draws. Not here: int8 (`openvino_int8`), compiling and running (`openvino`).

Texts lie in a rectangle, `(texts, longest, width)`, padded at their ends: batches are sorted by length, so that
little is computed for nothing, and the plugin fuses what it knows best (MVN, Gelu, ScaledDotProductAttention).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared_core.local.engines.buckets import relative_buckets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared_core.local.recipe import Activation, Pooling
    from shared_core.local.weights import Weights

__all__ = ["OpenVinoOps"]

_HIDDEN = -1e9
"""Added to the score of what must not be seen: nothing is left of it, in float32 and in bfloat16."""

_SHORTEST = 1e-24  # square of the length that a vector is at least taken to have


class OpenVinoOps:
    """Draws; nothing is computed before the model runs. A handle is an output of a node.

    Args:
        library: The module openvino.
        weights: Of the model. float32 ones are read from the mapped file by the graph itself.

    Attributes:
        inputs: The ids, int32 (texts, longest), and the lengths, int32 (texts,).
    """

    def __init__(self, library: Any, weights: Weights) -> None:
        self.op = library.opset13
        self._weights = weights
        self._lent: list[NDArray[np.float32]] = []
        self._ids = self.op.parameter([-1, -1], library.Type.i32)
        self._lengths = self.op.parameter([-1], library.Type.i32)
        self.inputs = [self._ids, self._lengths]
        longest = self.op.gather(self.op.shape_of(self._ids, "i32"), self._whole(1), self._whole(0))
        self._line = self.op.range(self._whole(0), longest, self._whole(1), "i32")
        column = self.op.unsqueeze(self._lengths, self._axes(1))
        self._inside = self.op.less(self.op.unsqueeze(self._line, self._axes(0)), column)
        self._padding = self._hiding(self.op.unsqueeze(self._inside, self._axes(1, 2)))
        self._masks: dict[tuple[bool, int | None], Any] = {}
        self._turned: dict[tuple[int, float], tuple[Any, Any]] = {}

    # -- rows ------------------------------------------------------------------------------------------------

    def token_rows(self, table: str) -> Any:
        return self.op.gather(self._stored(f"{table}.weight"), self._ids, self._whole(0))

    def position_rows(self, table: str, first: int = 0) -> Any:
        rows = self._lend(self._weights.numpy(f"{table}.weight")[first:])
        return self.op.gather(rows, self._line, self._whole(0))

    def row(self, table: str, index: int) -> Any:
        return self._lend(self._weights.numpy(f"{table}.weight")[index])

    # -- arithmetic ------------------------------------------------------------------------------------------

    def add(self, *terms: Any) -> Any:
        total, *others = terms
        for term in others:
            total = self.op.add(total, term)
        return total

    def multiply(self, left: Any, right: Any) -> Any:
        return self.op.multiply(left, right)

    def activate(self, x: Any, activation: Activation) -> Any:
        match activation:
            case "gelu":
                return self.op.gelu(x, "erf")
            case "gelu_tanh":
                return self.op.gelu(x, "tanh")
            case "silu":
                return self.op.swish(x)
            case "relu":
                return self.op.relu(x)
            case "tanh":
                return self.op.tanh(x)

    def linear(self, x: Any, *names: str, activation: Activation | None = None) -> Any:
        y = self._product(x, names)
        bias = self._stacked_bias(names)
        if bias is not None:
            y = self.op.add(y, self._lend(bias))
        return y if activation is None else self.activate(y, activation)

    def _product(self, x: Any, names: tuple[str, ...]) -> Any:
        """`x @ weight.T`, several weights stacked."""
        return self.op.matmul(x, self._lend(self._stacked_weight(names)), False, True)

    def _stacked_weight(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        import numpy as np

        parts = [self._weights.numpy(f"{name}.weight") for name in names]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _stacked_bias(self, names: tuple[str, ...]) -> NDArray[np.float32] | None:
        """None where no layer has one; zeros for those that have none among others that do."""
        import numpy as np

        stored = [f"{name}.bias" in self._weights for name in names]
        if not any(stored):
            return None
        return np.concatenate(
            [
                self._weights.numpy(f"{name}.bias")
                if there
                else np.zeros(len(self._weights.numpy(f"{name}.weight")), np.float32)
                for name, there in zip(names, stored, strict=True)
            ]
        )

    def split(self, x: Any, *widths: int) -> tuple[Any, ...]:
        return tuple(self.op.variadic_split(x, self._whole(-1), self._axes(*widths)).outputs())

    def layer_norm(self, x: Any, name: str, eps: float) -> Any:
        y = self.op.multiply(
            self.op.mvn(x, self._axes(-1), True, eps, "inside_sqrt"), self._stored(f"{name}.weight")
        )
        return self.op.add(y, self._stored(f"{name}.bias")) if f"{name}.bias" in self._weights else y

    def rms_norm(self, x: Any, name: str, eps: float) -> Any:
        scale = self._weights.numpy(f"{name}.weight")
        width = _width(x)
        groups = x if len(scale) == width else self._in_heads(x, width // len(scale))
        square = self.op.reduce_mean(self.op.power(groups, self._number(2)), self._axes(-1), True)
        length = self.op.sqrt(self.op.add(square, self._number(eps)))
        y = self.op.multiply(self.op.divide(groups, length), self._lend(scale))
        return y if len(scale) == width else self._side_by_side(y, width)

    def rotate(self, x: Any, heads: int, theta: float) -> Any:
        width = _width(x)
        half = width // heads // 2
        cos, sin = self._turns(half, theta)
        left, right = self.split(self._in_heads(x, heads), half, half)
        multiply = self.op.multiply
        turned = self.op.concat(
            [
                self.op.subtract(multiply(left, cos), multiply(right, sin)),
                self.op.add(multiply(right, cos), multiply(left, sin)),
            ],
            -1,
        )
        return self._side_by_side(turned, width)

    def _turns(self, half: int, theta: float) -> tuple[Any, Any]:
        """Cosines and sines of the angles at each place, (longest, 1, half): the same for all layers."""
        import numpy as np

        if (half, theta) not in self._turned:
            speeds = (1 / theta ** (np.arange(half) / half)).astype(np.float32)
            places = self.op.unsqueeze(self.op.convert(self._line, "f32"), self._axes(1, 2))
            angles = self.op.multiply(places, self._lend(speeds))
            self._turned[half, theta] = self.op.cos(angles), self.op.sin(angles)
        return self._turned[half, theta]

    # -- attention -------------------------------------------------------------------------------------------

    def relative_bias(self, table: str, buckets: int, furthest: int) -> Any:
        import numpy as np

        rows = self._weights.numpy(f"{table}.weight")[relative_buckets(buckets, furthest)]
        distances = self.op.add(
            self.op.clamp(self._distances("f32"), -furthest, furthest), self._number(furthest)
        )
        by_head = self._lend(np.ascontiguousarray(rows.T))
        bias = self.op.gather(by_head, self.op.convert(distances, "i32"), self._whole(1))
        return self.op.unsqueeze(bias, self._axes(0))

    def attention(
        self,
        q: Any,
        k: Any,
        v: Any,
        *,
        heads: int,
        kv_heads: int | None = None,
        bias: Any | None = None,
        causal: bool = False,
        window: int | None = None,
    ) -> Any:
        width, few = _width(q), kv_heads or heads
        mask = self._mask(causal, window)
        if bias is not None:
            mask = self.op.add(mask, bias)
        in_front = self._axes(0, 2, 1, 3)
        query = self.op.transpose(self._in_heads(q, heads), in_front)
        key, value = (
            self._repeated(self.op.transpose(self._in_heads(x, few), in_front), few, heads // few)
            for x in (k, v)
        )
        seen = self.op.scaled_dot_product_attention(query, key, value, mask)
        return self._side_by_side(self.op.transpose(seen, in_front), width)

    def _mask(self, causal: bool, window: int | None) -> Any:
        """What is added to the scores, broadcast to (texts, heads, longest, longest)."""
        if (causal, window) not in self._masks:
            mask = self._padding
            if causal:
                ahead = self.op.greater(self._distances("f32"), self._number(0))
                mask = self.op.add(mask, self._hiding(self.op.logical_not(ahead)))
            if window is not None:
                near = self.op.less_equal(self.op.absolute(self._distances("f32")), self._number(window))
                mask = self.op.add(mask, self._hiding(near))
            self._masks[causal, window] = mask
        return self._masks[causal, window]

    def _hiding(self, seen: Any) -> Any:
        return self.op.select(seen, self._number(0), self._number(_HIDDEN))

    def _distances(self, type_: str) -> Any:
        """Key minus query, (longest, longest)."""
        line = self.op.convert(self._line, type_)
        return self.op.subtract(
            self.op.unsqueeze(line, self._axes(0)), self.op.unsqueeze(line, self._axes(1))
        )

    def _repeated(self, x: Any, heads: int, times: int) -> Any:
        """Each head `times` in a row."""
        import numpy as np

        if times == 1:
            return x
        return self.op.gather(x, self.op.constant(np.repeat(np.arange(heads), times)), self._whole(1))

    def _in_heads(self, x: Any, heads: int) -> Any:
        return self.op.reshape(x, self._axes(0, 0, heads, _width(x) // heads), True)

    def _side_by_side(self, x: Any, width: int) -> Any:
        return self.op.reshape(x, self._axes(0, 0, width), True)

    # -- one vector a text -----------------------------------------------------------------------------------

    def pool(self, x: Any, pooling: Pooling) -> Any:
        match pooling:
            case "cls":
                return self.op.gather(x, self._whole(0), self._whole(1))
            case "last":
                last = self.op.subtract(self.op.unsqueeze(self._lengths, self._axes(1)), self._whole(1))
                return self.op.squeeze(self.op.gather(x, last, self._whole(1), 1), self._axes(1))
            case "max":
                inside = self.op.unsqueeze(self._inside, self._axes(2))
                return self.op.reduce_max(
                    self.op.select(inside, x, self._number(_HIDDEN)), self._axes(1), False
                )
            case "mean":
                lengths = self.op.unsqueeze(self.op.convert(self._lengths, "f32"), self._axes(1))
                shares = self.op.divide(self.op.convert(self._inside, "f32"), lengths)
                mean = self.op.matmul(self.op.unsqueeze(shares, self._axes(1)), x, False, False)
                return self.op.squeeze(mean, self._axes(1))

    def normalise(self, x: Any) -> Any:
        return self.op.normalize_l2(x, self._axes(-1), _SHORTEST, "max")

    # -- constants -------------------------------------------------------------------------------------------

    def _stored(self, name: str) -> Any:
        return self._lend(self._weights.numpy(name))

    def _lend(self, array: NDArray[np.float32]) -> Any:
        """A constant in the array's own memory, which must live as long as the graph is compiled."""
        import numpy as np

        array = np.ascontiguousarray(array)
        self._lent.append(array)
        return self.op.constant(array, shared_memory=True)

    def _number(self, number: float) -> Any:
        import numpy as np

        return self.op.constant(np.float32(number))

    def _whole(self, number: int) -> Any:
        import numpy as np

        return self.op.constant(np.int32(number))

    def _axes(self, *numbers: int) -> Any:
        import numpy as np

        return self.op.constant(np.array(numbers, np.int64))


def _width(x: Any) -> int:
    """Of the last axis, which is known when the graph is drawn."""
    output = x if hasattr(x, "get_partial_shape") else x.output(0)
    width: int = output.get_partial_shape()[-1].get_length()
    return width
