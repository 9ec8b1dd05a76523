"""Attention in an ONNX graph, and what it needs to know about places.

Lives here: masks, biases, spreading packed tokens into a rectangle and back. Not here: other words (`onnx_ops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core.local.engines import onnx_model
from shared_core.local.engines.onnx_drawing import Drawing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Attention"]

_HIDDEN = -1e30
"""Added to the score of what must not be seen: nothing is left of it, and a row of them alone is no NaN."""


class Attention:
    """Draws attention over packed tokens.

    Args:
        drawing: To draw on.
        grid, cells, lengths, even: Inputs, as `OnnxOps` describes them.
    """

    def __init__(self, drawing: Drawing, grid: str, cells: str, lengths: str, even: str) -> None:
        self._drawing = drawing
        self._grid = grid
        self._cells = cells
        self._lengths = lengths
        self._even = even
        self._windows: dict[int, str] = {}

    def draw(
        self,
        q: str,
        k: str,
        v: str,
        *,
        heads: int,
        width: int,
        bias: str | None,
        causal: bool,
        window: int | None,
    ) -> str:
        """Softmax attention inside each text.

        Args:
            q, k, v: Packed, (tokens, width), each with all heads.
            heads: Of each.
            width: Of each.
            bias: Shape (1, heads, longest, longest), or None.
            causal: A token sees itself and those before it.
            window: A token sees those at most this many places away.

        Returns:
            Packed, (tokens, width).
        """
        if window is not None:
            bias = self._windowed(window, bias)
        spread = [self._drawing.op("Gather", packed, self._grid) for packed in (q, k, v)]
        if causal:
            # Padding lies after every token, and what lies after a token it does not see.
            seen = self._multi_head(spread, heads, "", bias, causal=True)
        elif bias is not None:
            seen = self._multi_head(spread, heads, self._lengths, bias)
        else:
            seen = self._flash_if_even(spread, heads)
        shape = self._drawing.constant(_integers(-1, width))
        return self._drawing.op("Gather", self._drawing.op("Reshape", seen, shape), self._cells)

    def _multi_head(
        self, spread: list[str], heads: int, lengths: str, bias: str | None, *, causal: bool = False
    ) -> str:
        return self._drawing.op(
            "MultiHeadAttention",
            *spread,
            "",
            lengths,
            *([bias] if bias else []),
            fused=True,
            num_heads=heads,
            mask_filter_value=_HIDDEN,
            unidirectional=int(causal),
        )

    def _flash_if_even(self, spread: list[str], heads: int) -> str:
        """Without a mask MultiHeadAttention is faster and its memory grows with the length, not with its
        square; and texts of one length, or one text, need no mask."""

        def branch(*lengths: str) -> bytes:
            reads = [*spread, *(["", *lengths] if lengths else [])]
            settings = {"num_heads": heads, "mask_filter_value": _HIDDEN}
            node = onnx_model.node("MultiHeadAttention", reads, ["seen"], settings, domain="com.microsoft")
            return onnx_model.graph(
                [node], [onnx_model.value("seen", "float32", ("texts", "longest", "width"))]
            )

        return self._drawing.op(
            "If",
            self._even,
            captured=(*spread, self._lengths),
            then_branch=branch(),
            else_branch=branch(self._lengths),
        )

    def _windowed(self, window: int, bias: str | None) -> str:
        """The bias, and the window's: 0 inside and hidden outside."""
        import numpy as np

        if window not in self._windows:
            outside = np.where(np.arange(window + 2) > window, _HIDDEN, 0).astype(np.float32)[:, None]
            self._windows[window] = self.by_distance(np.concatenate((outside[:0:-1], outside)))
        mask = self._windows[window]
        return self._drawing.op("Add", bias, mask) if bias else mask

    def by_distance(self, rows: NDArray[np.float32]) -> str:
        """A bias for each pair of places.

        Args:
            rows: Shape (2 n + 1, heads): for the distances -n to n, key minus query; beyond, the outermost.

        Returns:
            Shape (1, heads, longest, longest).
        """
        import numpy as np

        draw, constant = self._drawing.op, self._drawing.constant
        reach = len(rows) // 2
        queries = self.places("int64")
        keys = draw("Unsqueeze", self._line(), constant(_integers(0)))
        distances = draw("Sub", keys, queries)
        inside = draw("Max", draw("Min", distances, constant(_integers(reach))), constant(_integers(-reach)))
        of_heads = constant(np.ascontiguousarray(rows.T)[None])
        return draw("Gather", of_heads, draw("Add", inside, constant(_integers(reach))), axis=2)

    def places(self, dtype: str) -> str:
        """0, 1, 2, ... up to the longest text's last place, shape (longest, 1)."""
        column = self._drawing.op("Unsqueeze", self._line(), self._drawing.constant(_integers(1)))
        return self._drawing.cast(column, dtype)

    def shares(self) -> str:
        """What each place adds to the mean of its text, shape (texts, 1, longest): 1/length, or 0 beyond it."""
        draw, cast = self._drawing.op, self._drawing.cast
        axes = self._drawing.constant(_integers(1, 2))
        lengths = draw("Unsqueeze", cast(self._lengths, "int64"), axes)
        inside = cast(draw("Less", self._line(), lengths), "float32")
        return draw("Div", inside, cast(lengths, "float32"))

    def _line(self) -> str:
        import numpy as np

        draw, constant = self._drawing.op, self._drawing.constant
        longest = draw("Gather", draw("Shape", self._grid), constant(np.array(1, np.int64)))
        return draw("Range", constant(np.array(0, np.int64)), longest, constant(np.array(1, np.int64)))


def _integers(*numbers: int) -> NDArray[np.int64]:
    import numpy as np

    return np.array(numbers, np.int64)
