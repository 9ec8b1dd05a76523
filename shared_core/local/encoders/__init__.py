"""Transformer encoders, each written once in the words of `Ops`, for every engine.

Lives here: the arithmetic of each architecture. Not here: how an engine does it, tokens, files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from shared_core.local.encoders.bert import bert
from shared_core.local.encoders.ops import Ops
from shared_core.local.recipe import Recipe

__all__ = ["ENCODERS", "Ops", "vectors"]

T = TypeVar("T")

ENCODERS: dict[str, Callable[[Ops[Any], Mapping[str, Any]], Any]] = {
    "bert": bert,
}
"""By `model_type` of config.json. What is not here goes to sentence-transformers."""


def vectors(ops: Ops[T], recipe: Recipe) -> T:
    """The whole way from tokens to vectors: encoder, pooling, dense layers, length 1.

    Args:
        ops: The engine.
        recipe: What the model's folder says.
    """
    x: T = ops.pool(ENCODERS[recipe.architecture](ops, recipe.config), recipe.pooling)
    for layer in recipe.dense:
        x = ops.linear(x, layer.weights, activation=layer.activation)
    return ops.normalise(x) if recipe.normalise else x
