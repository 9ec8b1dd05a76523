"""A graph while it is drawn: operators, constants and inputs by name, until it is a model.

Lives here: names, what is reachable, which constants stay outside of the model. Not here: the file format
(`onnx_model`), what is drawn (`onnx_ops`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from shared_core.local.engines import onnx_model
from shared_core.local.engines.onnx_model import Attribute

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Drawing"]

_SMALL = 1024
"""Bytes. Larger constants are handed over beside the model, without a copy: protobuf ends at 2 GB."""


@dataclass(frozen=True, slots=True)
class _Node:
    reads: frozenset[str]
    gives: tuple[str, ...]
    written: bytes


class Drawing:
    """Grows by one operator at a time. Values go by their names."""

    def __init__(self) -> None:
        self.constants: dict[str, NDArray[Any]] = {}
        self._inputs: dict[str, bytes] = {}
        self._nodes: list[_Node] = []
        self._numbers = count(1)

    def input(self, name: str, dtype: str, *shape: str) -> str:
        """A value that each run is given.

        Args:
            name: Its name.
            dtype: As numpy calls it.
            shape: A name for each size.
        """
        self._inputs[name] = onnx_model.value(name, dtype, shape)
        return name

    def constant(self, array: NDArray[Any] | np.generic) -> str:
        """A value that never changes. Its memory is not copied and must stay as it is."""
        import numpy as np

        name = self.name("constant")
        self.constants[name] = np.asarray(array, order="C")
        return name

    def op(
        self,
        kind: str,
        *reads: str,
        fused: bool = False,
        captured: Iterable[str] = (),
        **attributes: Attribute,
    ) -> str:
        """An operator with one output.

        Args:
            kind: Its name, such as "Gemm".
            reads: Its inputs; "" leaves an optional one out.
            fused: Whether it is one of ONNX Runtime's own, which do the work of several.
            captured: Values that its branches read.
            attributes: Its settings.
        """
        return self.ops(1, kind, *reads, fused=fused, captured=captured, **attributes)[0]

    def ops(
        self,
        count: int,
        kind: str,
        *reads: str,
        fused: bool = False,
        captured: Iterable[str] = (),
        **attributes: Attribute,
    ) -> tuple[str, ...]:
        """An operator with `count` outputs; the rest as for `op`."""
        gives = tuple(self.name(kind) for _ in range(count))
        written = onnx_model.node(kind, reads, gives, attributes, domain="com.microsoft" if fused else "")
        self._nodes.append(_Node(frozenset((*reads, *captured)), gives, written))
        return gives

    def cast(self, value: str, dtype: str) -> str:
        """The value in another format, as numpy calls it."""
        return self.op("Cast", value, to=onnx_model.TYPES[dtype])

    def model(self, output: str, dtype: str, *shape: str | int) -> tuple[bytes, dict[str, NDArray[Any]]]:
        """What leads to one value, and nothing else.

        Args:
            output: The value.
            dtype: As numpy calls it.
            shape: Sizes, or names for those that are not known yet.

        Returns:
            The model, and the constants to be handed over beside it.
        """
        needed = {output}
        kept: list[_Node] = []
        for node in reversed(self._nodes):
            if not needed.isdisjoint(node.gives):
                needed |= node.reads
                kept.append(node)
        used = {name: array for name, array in self.constants.items() if name in needed}
        outside = {name: array for name, array in used.items() if array.nbytes > _SMALL}
        tensors = (
            (onnx_model.external_tensor if name in outside else onnx_model.tensor)(name, array)
            for name, array in used.items()
        )
        body = onnx_model.graph(
            (node.written for node in reversed(kept)),
            [onnx_model.value(output, dtype, shape)],
            inputs=self._inputs.values(),
            tensors=tensors,
        )
        return onnx_model.model(body), outside

    def branch(self) -> Drawing:
        """A drawing for what If or Loop do inside. It may read our values; names and constants are shared."""
        inside = Drawing()
        inside.constants, inside._numbers = self.constants, self._numbers
        return inside

    def body(self, *outputs: tuple[str, str, Sequence[str]]) -> tuple[bytes, frozenset[str]]:
        """A branch as an operator's attribute.

        Args:
            outputs: Name, dtype and shape of each.

        Returns:
            The graph, and what it reads of the drawing around it: the operator's `captured`.
        """
        own = {*self._inputs, *(name for node in self._nodes for name in node.gives), ""}
        read = {output for output, _, _ in outputs}.union(*(node.reads for node in self._nodes))
        body = onnx_model.graph(
            (node.written for node in self._nodes),
            (onnx_model.value(*output) for output in outputs),
            inputs=self._inputs.values(),
        )
        return body, frozenset(read - own)

    def name(self, kind: str) -> str:
        """One that no other value has."""
        return f"{kind} {next(self._numbers)}"
