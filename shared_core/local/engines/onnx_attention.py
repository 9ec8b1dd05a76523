"""Attention in an ONNX graph, and what it needs to know about places.

Lives here: masks, spreading packed tokens into a rectangle and back. Not here: biases by distance, and long texts
(`onnx_blocks`), other words (`onnx_ops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core.local.engines.onnx_blocks import HIDDEN, Blocks, integers, multi_head
from shared_core.local.engines.onnx_drawing import Drawing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Attention"]


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
        self._blocks = Blocks(drawing, grid)
        self._tables: dict[str, str] = {}  # what each bias was made of
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
        biases = [bias] if bias else []
        if window is not None:
            biases.append(self._window(window))
        spread = [self._drawing.op("Gather", packed, self._grid) for packed in (q, k, v)]
        if causal or biases:
            seen = self._masked(spread, heads, biases, causal)
        else:
            seen = self._flash_if_even(spread, heads)
        shape = self._drawing.constant(integers(-1, width))
        return self._drawing.op("Gather", self._drawing.op("Reshape", seen, shape), self._cells)

    def _masked(self, spread: list[str], heads: int, biases: list[str], causal: bool) -> str:
        import numpy as np

        short = self._drawing.branch()
        whole = [short.op("Add", *biases)] if len(biases) > 1 else biases
        # Padding lies after every token, and what lies after a token it does not see.
        lengths = "" if causal else self._lengths
        seen = multi_head(short, spread, heads, lengths, whole, causal=causal)
        tables = [self._tables[bias] for bias in biases]
        if causal:
            tables.append(self._blocks.table(np.array([[0], [0], [HIDDEN]], np.float32)))
        return self._blocks.attend(spread, tables, lengths, heads, short, seen)

    def _flash_if_even(self, spread: list[str], heads: int) -> str:
        """Without a mask MultiHeadAttention is faster and its memory grows with the length, not with its
        square; and texts of one length, or one text, need no mask."""
        shape = ("texts", "longest", "width")
        even, uneven = self._drawing.branch(), self._drawing.branch()
        then_branch, read = even.body((multi_head(even, spread, heads), "float32", shape))
        else_branch, also_read = uneven.body(
            (multi_head(uneven, spread, heads, self._lengths), "float32", shape)
        )
        return self._drawing.op(
            "If", self._even, captured=read | also_read, then_branch=then_branch, else_branch=else_branch
        )

    def _window(self, window: int) -> str:
        """The bias of a window: 0 inside and hidden outside."""
        import numpy as np

        if window not in self._windows:
            outside = np.where(np.arange(window + 2) > window, HIDDEN, 0).astype(np.float32)[:, None]
            self._windows[window] = self.by_distance(np.concatenate((outside[:0:-1], outside)))
        return self._windows[window]

    def by_distance(self, rows: NDArray[np.float32]) -> str:
        """A bias for each pair of places.

        Args:
            rows: Shape (2 n + 1, heads): for the distances -n to n, key minus query; beyond, the outermost.

        Returns:
            Shape (1, heads, longest, longest); for `draw` alone, since of long texts nothing is there yet.
        """
        table = self._blocks.table(rows)
        bias = self._blocks.bias(table)
        self._tables[bias] = table
        return bias

    def places(self, dtype: str) -> str:
        """0, 1, 2, ... up to the longest text's last place, shape (longest, 1)."""
        column = self._drawing.op("Unsqueeze", self._blocks.line, self._drawing.constant(integers(1)))
        return self._drawing.cast(column, dtype)

    def shares(self) -> str:
        """What each place adds to the mean of its text, shape (texts, 1, longest): 1/length, or 0 beyond it."""
        draw, cast = self._drawing.op, self._drawing.cast
        axes = self._drawing.constant(integers(1, 2))
        lengths = draw("Unsqueeze", cast(self._lengths, "int64"), axes)
        inside = cast(draw("Less", self._blocks.line, lengths), "float32")
        return draw("Div", inside, cast(lengths, "float32"))
