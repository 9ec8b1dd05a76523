"""Every encoder on every engine, against sentence-transformers: tiny models of all shapes, whole and split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import models
import numpy as np
import pytest
from references import cosines, on_engine, reference
from sentence_transformers import SentenceTransformer

from shared_core.local import LocalEmbedder
from shared_core.local.engines import Backend, Precision

pytestmark = pytest.mark.pinned_set

TinyModel = Callable[[str], Path]
BACKENDS: tuple[Backend, ...] = ("torch", "openvino", "onnx")

LOWEST: dict[Precision, float] = {"float32": 0.99999, "bfloat16": 0.998, "int8": 0.99}
"""Cosines to float32. The random weights of the tiny models exaggerate: they have no directions of their own
that rounding would leave alone, as trained ones do (`test_canonical` holds MiniLM to less)."""

LESS: list[tuple[Backend, Precision]] = [
    ("torch", "bfloat16"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
    ("onnx", "int8"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", models.SHAPES)
def test_an_engine_gives_the_vectors_of_sentence_transformers(
    name: str, backend: Backend, tiny_model: TinyModel
) -> None:
    folder = tiny_model(name)
    expected = reference(folder, models.TEXTS).vectors
    ours = on_engine(folder, backend, "float32", models.TEXTS)
    assert cosines(ours, expected).min() > LOWEST["float32"]
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["bge", "mpnet", "modernbert", "qwen3"])
def test_vectors_do_not_depend_on_batch_mates(name: str, backend: Backend, tiny_model: TinyModel) -> None:
    folder = tiny_model(name)
    together = on_engine(folder, backend, "float32", models.TEXTS)
    alone = [on_engine(folder, backend, "float32", [text])[0] for text in models.TEXTS]
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4 * np.abs(together).max())
    backwards = on_engine(folder, backend, "float32", models.TEXTS[::-1])
    np.testing.assert_allclose(together, backwards[::-1], rtol=1e-3, atol=1e-4 * np.abs(together).max())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["roberta", "xlm-roberta", "camembert", "mpnet"])
def test_a_text_with_the_very_word_for_padding_has_the_vector_of_sentence_transformers(
    name: str, backend: Backend, tiny_model: TinyModel
) -> None:
    folder = tiny_model(name)
    texts = ("<pad>", "a cat <pad> sat", "<pad><pad> the kitten", "nothing of the kind")
    expected = reference(folder, texts).vectors
    assert cosines(on_engine(folder, backend, "float32", texts), expected).min() > LOWEST["float32"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["e5", "qwen3"])
def test_queries_and_documents_take_the_prompts_that_sentence_transformers_gives_them(
    name: str, backend: Backend, tiny_model: TinyModel
) -> None:
    folder = str(tiny_model(name))
    plain, ours = SentenceTransformer(folder, device="cpu"), LocalEmbedder(folder, "cpu", backend=backend)
    texts = list(models.TEXTS)
    queries, documents = plain.encode_query(texts), plain.encode_document(texts)
    assert cosines(queries, documents).min() < 0.99, "the prompts do not matter"
    assert cosines(ours.embed(texts, "query").vectors, queries).min() > LOWEST["float32"]
    assert cosines(ours.embed(texts, "document").vectors, documents).min() > LOWEST["float32"]


@pytest.mark.parametrize(("backend", "precision"), LESS, ids=[" ".join(pair) for pair in LESS])
@pytest.mark.parametrize("name", ["mpnet", "modernbert", "qwen3"])
def test_less_precision_stays_near(
    name: str, backend: Backend, precision: Precision, tiny_model: TinyModel
) -> None:
    folder = tiny_model(name)
    expected = reference(folder, models.TEXTS).vectors
    ours = on_engine(folder, backend, precision, models.TEXTS)
    assert cosines(ours, expected).min() > LOWEST[precision]
