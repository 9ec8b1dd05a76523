"""Attention of long texts in an ONNX graph: some queries at a time, so that memory grows with the length.

Lives here: the loop over queries, and biases by distance, for all queries or for some. Not here: which masks there
are, and short texts (`onnx_attention`).

With a mask MultiHeadAttention holds the scores of all pairs of places at once: 4 GiB for a text of 8,192 tokens and
16 heads, and a bias by distance comes on top. A tiny model of 4 heads took 1.4 GB more for that text when causal,
2.2 GB with windows; in blocks both take 0.1 GB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_core.local.engines.onnx_drawing import Drawing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["HIDDEN", "Blocks", "integers", "multi_head"]

HIDDEN = -1e30
"""Added to the score of what must not be seen: nothing is left of it, and a row of them alone is no NaN."""

LONG = 1024
"""Tokens; texts up to here are attended to in one go. A batch holds no more, so longer texts are alone in theirs."""

BLOCK = 256
"""Queries at a time in longer ones: enough for fast products, and 128 MiB of scores for 8,192 tokens and 16 heads."""


class Blocks:
    """Draws what depends on whether the longest text is long.

    Args:
        drawing: To draw on.
        grid: The input of that name, as `OnnxOps` describes it.
    """

    def __init__(self, drawing: Drawing, grid: str) -> None:
        import numpy as np

        self._drawing = drawing
        draw, constant = drawing.op, drawing.constant
        self.longest = draw("Gather", draw("Shape", grid), constant(np.array(1, np.int64)))
        self._long = draw("Greater", self.longest, constant(np.array(LONG, np.int64)))
        self.line = draw(
            "Range", constant(np.array(0, np.int64)), self.longest, constant(np.array(1, np.int64))
        )
        """0, 1, 2, ... up to the longest text's last place, shape (longest,)."""

    def table(self, rows: NDArray[np.float32]) -> str:
        """A bias for each distance, as `bias` reads it.

        Args:
            rows: Shape (2 n + 1, heads): for the distances -n to n, key minus query; beyond, the outermost.
        """
        import numpy as np

        return self._drawing.constant(np.ascontiguousarray(rows.T)[None])

    def bias(self, table: str) -> str:
        """The bias of all pairs of places, (1, heads, longest, longest); of long texts nothing, (1, 1, 1, 1)."""
        import numpy as np

        nothing, whole = self._drawing.branch(), self._drawing.branch()
        none = nothing.op("Identity", nothing.constant(np.zeros((1, 1, 1, 1), np.float32)))
        return self._if_long(nothing, none, whole, self._of_pairs(whole, table), "one heads queries keys")

    def attend(
        self,
        spread: Sequence[str],
        tables: Sequence[str],
        lengths: str,
        heads: int,
        short: Drawing,
        seen: str,
    ) -> str:
        """Attention over a rectangle, (texts, longest, width).

        Args:
            spread: Queries, keys and values, of that shape.
            tables: From `table`; they add up.
            lengths: How many keys of each text count; "" where the tables hide the others.
            heads: Of each.
            short: A branch that does the same in one go.
            seen: Its value.
        """
        import numpy as np

        q, *others = spread
        long = self._drawing.branch()
        block = long.branch()
        turn, go = block.input(block.name("turn"), "int64"), block.input(block.name("go"), "bool")
        first = block.op("Mul", turn, block.constant(np.int64(BLOCK)))
        last = block.op("Sub", self.longest, block.constant(np.int64(1)))
        rows = block.op("Min", block.op("Add", first, block.constant(np.arange(BLOCK))), last)
        biases = [self._of_block(block, tables, first)] if tables else []
        some = multi_head(block, [block.op("Gather", q, rows, axis=1), *others], heads, lengths, biases)
        goes_on = block.op("Identity", go)
        body, captured = block.body((goes_on, "bool", ()), (some, "float32", ("texts", "block", "width")))
        rounded = long.op("Add", self.longest, long.constant(np.int64(BLOCK - 1)))
        turns = long.op("Div", rounded, long.constant(np.int64(BLOCK)))
        found = long.op("Loop", turns, "", captured=captured, body=body)  # (turns, texts, BLOCK, width)
        in_rows = long.op("Reshape", long.op("Transpose", found, perm=(1, 0, 2, 3)), self._rows_of(long, q))
        end = long.op("Unsqueeze", self.longest, long.constant(integers(0)))
        whole = long.op("Slice", in_rows, long.constant(integers(0)), end, long.constant(integers(1)))
        return self._if_long(long, whole, short, seen, "texts longest width")

    @staticmethod
    def _rows_of(drawing: Drawing, value: str) -> str:
        """The shape (texts, -1, width) of a value that is (texts, longest, width)."""
        texts, width = (
            drawing.op("Slice", drawing.op("Shape", value), *ends)
            for ends in (
                (drawing.constant(integers(0)), drawing.constant(integers(1))),
                (drawing.constant(integers(2)), drawing.constant(integers(3))),
            )
        )
        return drawing.op("Concat", texts, drawing.constant(integers(-1)), width, axis=0)

    def _of_pairs(self, drawing: Drawing, table: str) -> str:
        """The bias of all pairs of places, shape (1, heads, longest, longest)."""
        draw, constant = drawing.op, drawing.constant
        queries, keys = (draw("Unsqueeze", self.line, constant(integers(axis))) for axis in (1, 0))
        return self._looked_up(drawing, table, draw("Sub", keys, queries))

    def _of_block(self, drawing: Drawing, tables: Sequence[str], first: str) -> str:
        """The bias of BLOCK queries from `first` on and all keys, shape (1, heads, BLOCK, longest).

        Each row is the one before, moved by one place. So one row is looked up, written once for each query and
        read in rows that are shorter by one: that copies, where looking up every pair would take longer than
        attention itself.
        """
        import numpy as np

        draw, constant = drawing.op, drawing.constant
        zero, one = constant(np.int64(0)), constant(np.int64(1))
        places = draw("Add", self.longest, constant(np.int64(BLOCK)))
        furthest = draw("Add", first, constant(np.int64(BLOCK - 1)))
        distances = draw("Sub", draw("Range", zero, places, one), furthest)
        row, *others = (self._looked_up(drawing, table, distances) for table in tables)
        for other in others:
            row = draw("Add", row, other)
        rows = draw(
            "Expand", draw("Unsqueeze", row, constant(integers(2))), constant(integers(1, 1, BLOCK, 1))
        )
        flat = draw("Reshape", rows, constant(integers(0, 0, -1)))
        cut = draw("Slice", flat, constant(integers(0)), constant(integers(-BLOCK)), constant(integers(2)))
        moved = draw("Reshape", cut, constant(integers(0, 0, BLOCK, -1)))
        # Of `longest + BLOCK - 1` columns, the last `longest`.
        start, end = constant(integers(BLOCK - 1)), constant(integers(np.iinfo(np.int64).max))
        return draw("Slice", moved, start, end, constant(integers(3)))

    @staticmethod
    def _looked_up(drawing: Drawing, table: str, distances: str) -> str:
        draw, constant = drawing.op, drawing.constant
        reach = drawing.constants[table].shape[2] // 2
        inside = draw("Max", draw("Min", distances, constant(integers(reach))), constant(integers(-reach)))
        return draw("Gather", table, draw("Add", inside, constant(integers(reach))), axis=2)

    def _if_long(self, then: Drawing, long: str, otherwise: Drawing, short: str, shape: str) -> str:
        then_branch, read = then.body((long, "float32", shape.split()))
        else_branch, also_read = otherwise.body((short, "float32", shape.split()))
        return self._drawing.op(
            "If", self._long, captured=(*read, *also_read), then_branch=then_branch, else_branch=else_branch
        )


def multi_head(
    drawing: Drawing,
    spread: Sequence[str],
    heads: int,
    lengths: str = "",
    biases: Sequence[str] = (),
    *,
    causal: bool = False,
) -> str:
    """ONNX Runtime's own operator: the scores of all queries and keys in one go."""
    return drawing.op(
        "MultiHeadAttention",
        *spread,
        *(["", lengths, *biases] if lengths or biases else []),
        fused=True,
        num_heads=heads,
        mask_filter_value=HIDDEN,
        unidirectional=int(causal),
    )


def integers(*numbers: int) -> NDArray[np.int64]:
    """A constant's numbers: what operators take for axes and shapes."""
    import numpy as np

    return np.array(numbers, np.int64)
