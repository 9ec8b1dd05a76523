"""The layer that BERT brought, by whatever names a checkpoint has for it: attention and a small network, each
added to what went in and then normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from shared_core.local.encoders.ops import Ops
from shared_core.local.recipe import Activation

__all__ = ["LayerNames", "PostNorm", "post_norm_layers"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LayerNames:
    """What a checkpoint calls the parts of a layer.

    Args:
        layers: What all layers stand under, before their number.
        query, key, value: What attention looks with, looks at and takes.
        seen, seen_norm: After attention, and the norm of the sum.
        inner, outer, outer_norm: The small network, and the norm of the sum.
    """

    layers: str
    query: str
    key: str
    value: str
    seen: str
    seen_norm: str
    inner: str
    outer: str
    outer_norm: str


@dataclass(frozen=True, slots=True)
class PostNorm:
    """The measures of such an encoder.

    Args:
        layers: How many.
        heads: Of attention.
        width: Of a token's vector.
        activation: Inside the small network.
        eps: Of the norms.
        first_place: Row of the place table that the first token takes.
    """

    layers: int
    heads: int
    width: int
    activation: Activation
    eps: float
    first_place: int = 0


def post_norm_layers(ops: Ops[T], x: T, shape: PostNorm, names: LayerNames, bias: T | None = None) -> T:
    """All layers, one after another.

    Args:
        ops: The engine.
        x: Token vectors.
        shape: The measures.
        names: Of the parts.
        bias: Of attention, the same in every layer.
    """
    for number in range(shape.layers):
        x = _layer(ops, x, shape, names, f"{names.layers}.{number}.", bias)
    return x


def _layer(ops: Ops[T], x: T, shape: PostNorm, names: LayerNames, layer: str, bias: T | None) -> T:
    stacked = ops.linear(x, layer + names.query, layer + names.key, layer + names.value)
    q, k, v = ops.split(stacked, shape.width, shape.width, shape.width)
    seen = ops.linear(ops.attention(q, k, v, heads=shape.heads, bias=bias), layer + names.seen)
    x = ops.layer_norm(ops.add(x, seen), layer + names.seen_norm, shape.eps)
    inner = ops.linear(x, layer + names.inner, activation=shape.activation)
    return ops.layer_norm(
        ops.add(x, ops.linear(inner, layer + names.outer)), layer + names.outer_norm, shape.eps
    )
