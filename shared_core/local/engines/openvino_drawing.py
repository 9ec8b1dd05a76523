"""What an OpenVINO graph is drawn with: operators, inputs, constants and the memory they lie in.

Lives here: the small words that every part of the drawing needs. Not here: what is drawn (`openvino_ops`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared_core.local.engines.openvino_layout import INPUTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drawing", "width_of"]


class Drawing:
    """Values are outputs of nodes.

    Args:
        library: The module openvino.

    Attributes:
        op: The operators.
        inputs: Parameters by name, as `openvino_layout` fills them.
    """

    def __init__(self, library: Any) -> None:
        self.op = library.opset13
        self.inputs = {
            name: self.op.parameter([-1] * axes, library.Type.i32, name) for name, axes in INPUTS.items()
        }
        self._lent: list[NDArray[Any]] = []

    def lend(self, array: NDArray[Any]) -> Any:
        """A constant in the array's own memory, such as a mapped file: the drawing must outlive the graph."""
        import numpy as np

        array = np.ascontiguousarray(array)
        self._lent.append(array)
        return self.op.constant(array, shared_memory=True)

    def number(self, number: float) -> Any:
        """A constant float32."""
        import numpy as np

        return self.op.constant(np.float32(number))

    def whole(self, number: int) -> Any:
        """A constant int32."""
        import numpy as np

        return self.op.constant(np.int32(number))

    def axes(self, *numbers: int) -> Any:
        """A constant list of axes or extents."""
        import numpy as np

        return self.op.constant(np.array(numbers, np.int64))

    def rows(self, table: Any, places: Any) -> Any:
        """Rows of a table."""
        return self.op.gather(table, places, self.whole(0))


def width_of(x: Any) -> int:
    """Extent of the last axis, which is known when the graph is drawn."""
    output = x if hasattr(x, "get_partial_shape") else x.output(0)
    width: int = output.get_partial_shape()[-1].get_length()
    return width
