"""What plain sentence-transformers makes of texts, computed once a run, and what an engine makes of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from shared_core.local.choose import Wish, load
from shared_core.local.engines import Backend, Precision, TokenBatch
from shared_core.local.folder import read
from shared_core.local.model import Model, Part
from shared_core.local.recipe import Recipe


@dataclass(frozen=True)
class Reference:
    """One model: how an engine is told of it, the tokens of some texts, and the vectors they should have."""

    recipe: Recipe
    batch: TokenBatch
    vectors: NDArray[np.float32]


@functools.cache
def reference(folder: Path, texts: tuple[str, ...]) -> Reference:
    """sentence-transformers' own tokens and vectors, in float32 on the CPU."""
    recipe = read(folder)
    assert isinstance(recipe, Recipe), recipe
    model = SentenceTransformer(str(folder), device="cpu")
    ids = [model.preprocess([text])["input_ids"][0].numpy() for text in texts]
    lengths = np.array([len(of_text) for of_text in ids], dtype=np.int32)
    batch = TokenBatch(np.concatenate(ids).astype(np.int32), lengths)
    return Reference(recipe, batch, model.encode(list(texts), batch_size=len(texts)))


def cosines(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row by row."""
    assert ours.dtype == theirs.dtype == np.float32
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    return (ours * theirs).sum(axis=-1) / lengths


@functools.cache
def _engine(folder: Path, backend: Backend, precision: Precision) -> Model:
    return load(Wish(folder, backend, precision, "cpu"), read(folder))


def on_engine(
    folder: Path, backend: Backend, precision: Precision, texts: Sequence[str]
) -> NDArray[np.float32]:
    """What one engine makes of texts, without prompts, over our own tokens."""
    model = _engine(folder, backend, precision)
    assert (model.backend, model.precision) == (backend, precision)
    return model.embed([Part("", texts)]).vectors
