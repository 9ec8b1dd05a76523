"""Canonical vectors: the first numbers that plain sentence-transformers gave for MiniLM, kept in a file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_canonical import NUMBERS, TEXTS
from numpy_ops import numpy_vectors
from references import on_engine, reference
from sentence_transformers import SentenceTransformer

from shared_core.local.engines import Backend, Precision

pytestmark = pytest.mark.pinned_set

CANONICAL: dict[str, Any] = json.loads(Path(__file__).with_name("canonical.json").read_text(encoding="utf-8"))
FIRST = np.array([row["first"] for row in CANONICAL["vectors"].values()], dtype=np.float32)

OFF_BY: dict[Precision, float] = {"float32": 2e-6, "bfloat16": 2e-3, "float16": 3e-4, "int8": 3.5e-2}
"""The most that one number may be off; they are 0.05 on average."""

ENGINES: list[tuple[Backend, Precision]] = [
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
    ("onnx", "float32"),
    ("onnx", "int8"),
]


def test_the_file_belongs_to_these_texts_and_these_weights(minilm: Path) -> None:
    assert {name: row["text"] for name, row in CANONICAL["vectors"].items()} == TEXTS
    weights = (minilm / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == CANONICAL["weights_sha256"]
    assert FIRST.shape == (len(TEXTS), NUMBERS)


def test_sentence_transformers_still_gives_them(minilm: Path) -> None:
    vectors = SentenceTransformer(str(minilm), device="cpu").encode(list(TEXTS.values()))
    assert vectors.shape[1] == CANONICAL["dimensions"]
    np.testing.assert_allclose(vectors[:, :NUMBERS], FIRST, atol=2e-6)


def test_the_encoder_in_plain_numpy_gives_them(minilm: Path) -> None:
    expected = reference(minilm, tuple(TEXTS.values()))
    vectors = numpy_vectors(expected.recipe, expected.batch)
    np.testing.assert_allclose(vectors[:, :NUMBERS], FIRST, atol=2e-6)


@pytest.mark.parametrize(("backend", "precision"), ENGINES, ids=[" ".join(pair) for pair in ENGINES])
def test_every_engine_gives_them(minilm: Path, backend: Backend, precision: Precision) -> None:
    vectors = on_engine(minilm, backend, precision, list(TEXTS.values()))
    assert vectors.shape == (len(TEXTS), CANONICAL["dimensions"])
    np.testing.assert_allclose(vectors[:, :NUMBERS], FIRST, atol=OFF_BY[precision])


def test_the_texts_over_the_limit_are_said_to_be_cut(minilm: Path) -> None:
    expected = reference(minilm, tuple(TEXTS.values()))
    assert expected.batch.lengths[-1] == expected.recipe.max_tokens == 256
