"""Models written byte by byte: what a reader of protobuf finds in them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from shared_core.local.engines import onnx_model
from shared_core.local.engines.onnx_drawing import Drawing

pytestmark = pytest.mark.pinned_set


def session(model: bytes, beside: dict[str, np.ndarray[Any, Any]] | None = None) -> Any:
    library = import_module("onnxruntime")
    options = library.SessionOptions()
    lent = {name: library.OrtValue.ortvalue_from_numpy(array) for name, array in (beside or {}).items()}
    if lent:
        options.add_external_initializers(list(lent), list(lent.values()))
    return library.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def test_a_known_message_has_its_known_bytes() -> None:
    """By hand after https://protobuf.dev/programming-guides/encoding/: input 1, output 2, name 3, type 4."""
    node = onnx_model.node("Add", ["a", ""], ["c"], {})
    assert node == b"\x0a\x01a" + b"\x0a\x00" + b"\x12\x01c" + b"\x1a\x01c" + b"\x22\x03Add" + b"\x3a\x00"


@pytest.mark.parametrize(
    ("setting", "written"),
    [
        (300, b"\x18\xac\x02" + b"\xa0\x01\x02"),
        (-1, b"\x18" + b"\xff" * 9 + b"\x01" + b"\xa0\x01\x02"),
        (0.5, b"\x15\x00\x00\x00\x3f" + b"\xa0\x01\x01"),
        ("x", b"\x22\x01x" + b"\xa0\x01\x03"),
        ([1, 2], b"\x40\x01\x40\x02" + b"\xa0\x01\x07"),
        (b"g", b"\x32\x01g" + b"\xa0\x01\x05"),
    ],
    ids=["integer", "negative", "float", "text", "integers", "graph"],
)
def test_a_setting_is_written_with_its_type(setting: onnx_model.Attribute, written: bytes) -> None:
    content = b"\x0a\x01k" + written
    assert onnx_model.node("Op", [], ["y"], {"k": setting}).endswith(
        b"\x2a" + bytes([len(content)]) + content + b"\x3a\x00"
    )


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int32", "int64", "bool"])
@pytest.mark.parametrize("size", [4, 4096], ids=["inside", "beside"])
def test_a_constant_is_read_back_as_it_was(dtype: str, size: int) -> None:
    drawing = Drawing()
    array = (np.arange(size) % 2 * 3).astype(dtype).reshape(2, -1)
    model, beside = drawing.model(drawing.op("Identity", drawing.constant(array)), dtype, 2, "n")
    assert bool(beside) == (array.nbytes > 1024)
    (found,) = session(model, beside).run(None, {})
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_a_single_number_stays_one() -> None:
    drawing = Drawing()
    model, _ = drawing.model(drawing.op("Neg", drawing.constant(np.float32(2.5))), "float32")
    (found,) = session(model).run(None, {})
    assert (found.shape, float(found)) == ((), -2.5)


def test_what_nobody_reads_is_not_written() -> None:
    drawing = Drawing()
    x = drawing.input("x", "float32", "n")
    wanted = drawing.op("Relu", x)
    drawing.op("Add", wanted, drawing.constant(np.zeros(5000, np.float32)))
    model, beside = drawing.model(wanted, "float32", "n")
    assert not beside
    assert b"Add" not in model
    (found,) = session(model).run(None, {"x": np.array([-1, 2], np.float32)})
    assert found.tolist() == [0, 2]
