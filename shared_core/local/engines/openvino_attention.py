"""Attention in an OpenVINO graph, and what depends on places: masks, rotation, T5's bias.

Lives here: spreading packed tokens into a rectangle and back. Not here: other words (`openvino_ops`).

ScaledDotProductAttention, and the same written out with MatMul and Softmax, become one kernel of the plugin's,
as fast one way as the other; in bfloat16 the former keeps more of the sums in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared_core.local.engines.buckets import relative_buckets
from shared_core.local.engines.openvino_drawing import Drawing, width_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Attention"]

_HIDDEN = -1e9
"""Added to the score of what must not be seen: nothing is left of it, and a row of them alone is no NaN."""


class Attention:
    """Draws attention over packed tokens.

    Args:
        drawing: To draw on.
    """

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        op = self._op = drawing.op
        longest = op.gather(op.shape_of(drawing.inputs["grid"], "i32"), drawing.whole(1), drawing.whole(0))
        self._line = op.range(drawing.whole(0), longest, drawing.whole(1), "i32")
        lengths = op.unsqueeze(drawing.inputs["lengths"], drawing.axes(1))
        self.inside = op.less(op.unsqueeze(self._line, drawing.axes(0)), lengths)
        """Which places of the grid are inside of their text, (texts, longest)."""
        self._masks: dict[tuple[bool, int | None], Any] = {}
        self._turned: dict[tuple[int, float], tuple[Any, Any]] = {}

    def draw(
        self,
        q: Any,
        k: Any,
        v: Any,
        *,
        heads: int,
        kv_heads: int,
        bias: Any | None,
        causal: bool,
        window: int | None,
    ) -> Any:
        """As `Ops.attention`."""
        mask = self._mask(causal, window)
        if bias is not None:
            mask = self._op.add(mask, bias)
        query = self._spread(q, heads)
        key, value = (self._repeated(self._spread(x, kv_heads), kv_heads, heads // kv_heads) for x in (k, v))
        seen = self._op.scaled_dot_product_attention(query, key, value, mask)
        width = heads * (width_of(v) // kv_heads)
        seen = self._op.transpose(seen, self._drawing.axes(0, 2, 1, 3))
        flat = self._op.reshape(seen, self._drawing.axes(-1, width), False)
        return self._drawing.rows(flat, self._drawing.inputs["cells"])

    def rotate(self, x: Any, heads: int, theta: float) -> Any:
        """As `Ops.rotate`."""
        op, axes, width = self._op, self._drawing.axes, width_of(x)
        half = width // heads // 2
        cos, sin = self._turns(half, theta)
        in_heads = op.reshape(x, axes(0, heads, 2 * half), True)
        left, right = op.variadic_split(in_heads, self._drawing.whole(-1), axes(half, half)).outputs()
        turned = op.concat(
            [
                op.subtract(op.multiply(left, cos), op.multiply(right, sin)),
                op.add(op.multiply(right, cos), op.multiply(left, sin)),
            ],
            -1,
        )
        return op.reshape(turned, axes(0, width), True)

    def relative_bias(self, rows: NDArray[np.float32], buckets: int, furthest: int) -> Any:
        """As `Ops.relative_bias`; `rows` is the table."""
        import numpy as np

        op, number = self._op, self._drawing.number
        by_distance = rows[relative_buckets(buckets, furthest)]
        by_head = self._drawing.lend(np.ascontiguousarray(by_distance.T))
        distances = op.add(op.clamp(self._distances(), -furthest, furthest), number(furthest))
        bias = op.gather(by_head, op.convert(distances, "i32"), self._drawing.whole(1))
        return op.unsqueeze(bias, self._drawing.axes(0))

    def _spread(self, x: Any, heads: int) -> Any:
        """(texts, heads, longest, width of a head)."""
        axes = self._drawing.axes
        grid = self._drawing.rows(x, self._drawing.inputs["grid"])
        in_heads = self._op.reshape(grid, axes(0, 0, heads, width_of(x) // heads), True)
        return self._op.transpose(in_heads, axes(0, 2, 1, 3))

    def _repeated(self, x: Any, heads: int, times: int) -> Any:
        """Each head `times` in a row."""
        import numpy as np

        if times == 1:
            return x
        return self._op.gather(
            x, self._op.constant(np.repeat(np.arange(heads), times)), self._drawing.whole(1)
        )

    def _mask(self, causal: bool, window: int | None) -> Any:
        """What is added to the scores, broadcast to (texts, heads, longest, longest)."""
        if (causal, window) not in self._masks:
            op, number = self._op, self._drawing.number
            mask = self._hiding(op.unsqueeze(self.inside, self._drawing.axes(1, 2)))
            if causal:
                mask = op.add(mask, self._hiding(op.less_equal(self._distances(), number(0))))
            if window is not None:
                near = op.less_equal(op.absolute(self._distances()), number(window))
                mask = op.add(mask, self._hiding(near))
            self._masks[causal, window] = mask
        return self._masks[causal, window]

    def _hiding(self, seen: Any) -> Any:
        return self._op.select(seen, self._drawing.number(0), self._drawing.number(_HIDDEN))

    def _distances(self) -> Any:
        """Key minus query, (longest, longest)."""
        line, axes = self._op.convert(self._line, "f32"), self._drawing.axes
        return self._op.subtract(self._op.unsqueeze(line, axes(0)), self._op.unsqueeze(line, axes(1)))

    def _turns(self, half: int, theta: float) -> tuple[Any, Any]:
        """Cosines and sines of each token's angles, (tokens, 1, half): the same for all layers."""
        import numpy as np

        if (half, theta) not in self._turned:
            op = self._op
            speeds = (1 / theta ** (np.arange(half) / half)).astype(np.float32)
            places = op.convert(self._drawing.inputs["places"], "f32")
            places = op.unsqueeze(places, self._drawing.axes(1, 2))
            angles = op.multiply(places, self._drawing.lend(speeds))
            self._turned[half, theta] = op.cos(angles), op.sin(angles)
        return self._turned[half, theta]
