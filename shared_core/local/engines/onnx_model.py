"""ONNX models written down byte by byte: the few protobuf messages that a drawn graph needs.

Lives here: the file format. Not here: drawing (`onnx_drawing`), what is drawn (`onnx_ops`), running it (`onnx`).
ONNX Runtime reads models and cannot write them, and the `onnx` package would be one more dependency for the
sake of these lines. Field numbers: https://github.com/onnx/onnx/blob/v1.17.0/onnx/onnx.proto (they never
change).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TYPES", "Attribute", "external_tensor", "graph", "model", "node", "tensor", "value"]

Attribute = int | float | str | bytes | Sequence[int]
"""A node's setting; bytes are a `GraphProto`, such as a branch of If."""

IR_VERSION = 8  # of ONNX 1.13; newer brings nothing that is used here
OPSETS = {"": 17, "com.microsoft": 1}
"""Operator sets: 17 is the first with LayerNormalization; the second is ONNX Runtime's own."""

TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}
"""`TensorProto.DataType`, by numpy's name."""


def model(body: bytes) -> bytes:
    """A `ModelProto`.

    Args:
        body: From `graph`.
    """
    opsets = (_message(8, _text(1, domain) + _number(2, version)) for domain, version in OPSETS.items())
    return b"".join((_number(1, IR_VERSION), _text(2, "hfrouter"), *opsets, _message(7, body)))


def graph(
    nodes: Iterable[bytes],
    outputs: Iterable[bytes],
    *,
    inputs: Iterable[bytes] = (),
    tensors: Iterable[bytes] = (),
) -> bytes:
    """A `GraphProto`.

    Args:
        nodes: From `node`, each after those whose outputs it reads.
        outputs: From `value`.
        inputs: From `value`; a branch has none, it reads the names of the graph around it.
        tensors: The weights, from `tensor` and `external_tensor`.
    """
    return b"".join(
        (
            *(_message(1, each) for each in nodes),
            _text(2, "encoder"),
            *(_message(5, each) for each in tensors),
            *(_message(11, each) for each in inputs),
            *(_message(12, each) for each in outputs),
        )
    )


def node(
    kind: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    attributes: Mapping[str, Attribute],
    *,
    domain: str = "",
) -> bytes:
    """A `NodeProto`: one operator.

    Args:
        kind: Its name, such as "MatMul".
        inputs: Names of values; "" leaves an optional one out.
        outputs: Names that it gives.
        attributes: Its settings.
        domain: "" for ONNX's operators, "com.microsoft" for ONNX Runtime's.
    """
    return b"".join(
        (
            *(_text(1, name) for name in inputs),
            *(_text(2, name) for name in outputs),
            _text(3, outputs[0]),
            _text(4, kind),
            *(_message(5, _attribute(name, setting)) for name, setting in attributes.items()),
            _text(7, domain),
        )
    )


def tensor(name: str, array: NDArray[np.generic]) -> bytes:
    """A `TensorProto` with its numbers inside."""
    return _head(name, array) + _message(9, array.tobytes())


def external_tensor(name: str, array: NDArray[np.generic]) -> bytes:
    """A `TensorProto` whose numbers are handed to the session beside the model."""
    place = _text(1, "location") + _text(2, "memory")
    return _head(name, array) + _message(13, place) + _number(14, 1)


def value(name: str, dtype: str, shape: Sequence[str | int]) -> bytes:
    """A `ValueInfoProto`: an input or output of the graph.

    Args:
        name: Its name.
        dtype: As numpy calls it.
        shape: A size, or a name for a size that is not known yet.
    """
    sizes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape)
    dimensions = b"".join(_message(1, size) for size in sizes)
    return _text(1, name) + _message(2, _message(1, _number(1, TYPES[dtype]) + _message(2, dimensions)))


def _head(name: str, array: NDArray[np.generic]) -> bytes:
    sizes = b"".join(_number(1, size) for size in array.shape)
    return sizes + _number(2, TYPES[array.dtype.name]) + _text(8, name)


def _attribute(name: str, setting: Attribute) -> bytes:
    if isinstance(setting, float):
        return _text(1, name) + _tag(2, 5) + struct.pack("<f", setting) + _number(20, 1)
    if isinstance(setting, int):
        return _text(1, name) + _number(3, setting) + _number(20, 2)
    if isinstance(setting, str):
        return _text(1, name) + _text(4, setting) + _number(20, 3)
    if isinstance(setting, bytes):
        return _text(1, name) + _message(6, setting) + _number(20, 5)
    return _text(1, name) + b"".join(_number(8, each) for each in setting) + _number(20, 7)


# Protobuf's wire: https://protobuf.dev/programming-guides/encoding/


def _varint(number: int) -> bytes:
    rest = number & 0xFFFF_FFFF_FFFF_FFFF  # negative ones as two's complement of 64 bits
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _number(field: int, number: int) -> bytes:
    return _tag(field, 0) + _varint(number)


def _message(field: int, content: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())
