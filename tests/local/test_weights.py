"""Weights by name: every float format, shards, prefixes, and files that are no good."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.errors import ConfigError
from shared_core.local.recipe import Recipe
from shared_core.local.weights import BadWeights, Weights

pytestmark = pytest.mark.pinned_set

VALUES = np.array([[1.0, -2.5, 0.15625], [3e-5, 1e4, -0.0]], np.float32)


def safetensors(file: Path, tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> Path:
    """Writes the format by hand, so that the library that reads it has not also written it."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return file


def float32(values: np.ndarray = VALUES) -> tuple[str, tuple[int, ...], bytes]:
    return "F32", values.shape, values.astype("<f4").tobytes()


def bfloat16(values: np.ndarray) -> bytes:
    return (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()


def weights(*files: Path, **more: tuple[Path, ...]) -> Weights:
    return Weights(Recipe(files[0].parent, "bert", {}, {"": files, **more}, 8, "mean", 3))


@pytest.mark.parametrize(
    ("kind", "raw", "tolerance"),
    [
        ("F32", VALUES.astype("<f4").tobytes(), 0.0),
        ("F64", VALUES.astype("<f8").tobytes(), 0.0),
        ("F16", VALUES.astype("<f2").tobytes(), 1e-3),
        ("BF16", bfloat16(VALUES), 1e-2),
    ],
)
def test_every_float_format_reads_as_float32(tmp_path: Path, kind: str, raw: bytes, tolerance: float) -> None:
    found = weights(safetensors(tmp_path / "m.safetensors", {"a": (kind, (2, 3), raw)}))
    assert found.numpy("a").dtype == np.float32
    np.testing.assert_allclose(found.numpy("a"), VALUES, rtol=tolerance)
    assert found.torch("a").shape == (2, 3)
    np.testing.assert_allclose(found.torch("a").float().numpy(), VALUES, rtol=tolerance)


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    exact = np.array([1.0, -2.5, 0.15625, np.inf], np.float32)
    found = weights(safetensors(tmp_path / "m.safetensors", {"a": ("BF16", (4,), bfloat16(exact))}))
    assert found.numpy("a").tolist() == exact.tolist()


def test_a_scalar_and_an_empty_tensor_keep_their_shape(tmp_path: Path) -> None:
    stored = {"scalar": ("F32", (), b"\0\0\x20\x40"), "empty": ("F32", (0, 3), b"")}
    found = weights(safetensors(tmp_path / "m.safetensors", stored))
    assert found.numpy("scalar").shape == ()
    assert found.numpy("scalar") == 2.5
    assert found.numpy("empty").shape == (0, 3)


def test_float32_is_a_view_of_the_file_and_not_a_copy(minilm: Path) -> None:
    table = weights(minilm / "model.safetensors").numpy("embeddings.word_embeddings.weight")
    assert table.shape == (30522, 384)
    assert not table.flags.owndata


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("embeddings.x.weight", "embeddings.x.weight"),
        ("bert.embeddings.x.weight", "embeddings.x.weight"),
        ("roberta.encoder.layer.0.x", "encoder.layer.0.x"),
        ("model.layers.0.x", "layers.0.x"),
        ("0.auto_model.encoder.x", "encoder.x"),
        ("encoder.layer.0.x", "encoder.layer.0.x"),
        ("transformer.layer.0.x", "transformer.layer.0.x"),
        ("bert.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
        ("bert.embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias"),
    ],
)
def test_the_prefix_of_the_class_that_saved_them_is_taken_away(
    tmp_path: Path, stored: str, asked: str
) -> None:
    found = weights(safetensors(tmp_path / "m.safetensors", {stored: float32()}))
    assert found.names() == {asked}
    assert asked in found
    assert found.numpy(asked).tolist() == VALUES.tolist()


def test_shards_and_modules_are_one_set_of_names(tmp_path: Path) -> None:
    one = safetensors(tmp_path / "1.safetensors", {"model.a": float32()})
    two = safetensors(tmp_path / "2.safetensors", {"model.b": float32()})
    dense = safetensors(tmp_path / "3.safetensors", {"linear.weight": float32(), "model.x": float32()})
    found = weights(one, two, **{"2_Dense.": (dense,)})
    assert found.names() == {"a", "b", "2_Dense.linear.weight", "2_Dense.model.x"}


def test_a_missing_tensor_is_named_with_its_file(tmp_path: Path) -> None:
    found = weights(safetensors(tmp_path / "m.safetensors", {"a": float32()}))
    for read in (found.numpy, found.torch):
        with pytest.raises(BadWeights, match=r"'encoder\.b' is missing in .*m\.safetensors"):
            read("encoder.b")


def test_a_tensor_of_integers_is_refused_by_name(tmp_path: Path) -> None:
    found = weights(safetensors(tmp_path / "m.safetensors", {"a": ("I64", (1,), b"\0" * 8)}))
    with pytest.raises(BadWeights, match=r"'a' in .*m\.safetensors is stored as I64"):
        found.numpy("a")


def whole() -> bytes:
    text = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * 8


BAD_FILES = {
    "cut short": (whole()[:-3], "cannot be read"),
    "too long": (whole() + b"more", "cannot be read"),
    "empty": (b"", "cannot be read"),
    "a header that is no JSON": (struct.pack("<Q", 5) + b"{abc}", "cannot be read"),
    "a header larger than the file": (b"\xff" * 100, "cannot be read"),
    "a pickle": (b"\x80\x04\x95" + b"\0" * 50, "cannot be read"),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "offsets past the end": (whole().replace(b"[0, 8]", b"[0, 9]"), "cannot be read"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_good_gives_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "m.safetensors"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"(?s){file}.*{words}|{words}"):
        weights(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.safetensors is missing"):
        weights(tmp_path / "none.safetensors")


def test_without_safetensors_the_error_names_the_extras(
    monkeypatch: pytest.MonkeyPatch, minilm: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "hfrouter\[openvino\]"'):
        weights(minilm / "model.safetensors")
