"""ModernBERT: pre-norm, rotary places, most layers with a window, a gated network, no biases as a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from shared_core.errors import ConfigError
from shared_core.local.encoders.encoder import Encoder
from shared_core.local.encoders.fields import activation, number, only, rope_theta, shared_evenly, whole
from shared_core.local.encoders.ops import Ops
from shared_core.local.recipe import Activation

__all__ = ["MODERNBERT"]

T = TypeVar("T")

_FULL, _SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What tells the two kinds of layer apart."""

    theta: float
    window: int | None


@dataclass(frozen=True, slots=True)
class _Shape:
    layers: tuple[_Kind, ...]
    heads: int
    width: int
    inner: int
    activation: Activation
    eps: float


def _read(config: Mapping[str, Any]) -> _Shape:
    only(config, "rope_scaling")
    width, heads = whole(config, "hidden_size"), whole(config, "num_attention_heads")
    shared_evenly(width, heads)
    kinds = _kinds(config)
    return _Shape(
        layers=tuple(kinds[name] for name in _layer_types(config)),
        heads=heads,
        width=width,
        inner=whole(config, "intermediate_size"),
        activation=activation(config, "hidden_activation", "gelu"),
        eps=number(config, "norm_eps", 1e-5),
    )


def _layer_types(config: Mapping[str, Any]) -> list[str]:
    """The kind of each layer. Before transformers 5 config.json said how far apart those are that see all."""
    count = whole(config, "num_hidden_layers")
    types = config.get("layer_types")
    if types is None:
        apart = whole(config, "global_attn_every_n_layers", 3)
        return [_SLIDING if depth % apart else _FULL for depth in range(count)]
    if (
        not isinstance(types, list)
        or len(types) != count
        or any(one not in (_FULL, _SLIDING) for one in types)
    ):
        raise ConfigError(f"its config.json has layer_types={types!r} for {count} layers")
    return types


def _kinds(config: Mapping[str, Any]) -> dict[str, _Kind]:
    ropes = config.get("rope_parameters") or {}
    if not isinstance(ropes, Mapping) or not set(ropes) <= {_FULL, _SLIDING}:
        raise ConfigError("its rope_parameters are not told apart by kind of layer")
    # `local_attention` is the whole window, a token's own place in its middle.
    window = whole(config, "sliding_window", whole(config, "local_attention", 128) // 2)
    return {
        _FULL: _Kind(rope_theta(ropes.get(_FULL), config.get("global_rope_theta", 160_000.0)), None),
        _SLIDING: _Kind(rope_theta(ropes.get(_SLIDING), config.get("local_rope_theta", 10_000.0)), window),
    }


def _write(ops: Ops[T], shape: _Shape) -> T:
    x = ops.layer_norm(ops.token_rows("embeddings.tok_embeddings"), "embeddings.norm", shape.eps)
    for depth, kind in enumerate(shape.layers):
        layer = f"layers.{depth}"
        # The norm of the embeddings is the first layer's as well.
        normed = x if depth == 0 else ops.layer_norm(x, f"{layer}.attn_norm", shape.eps)
        x = ops.add(x, _attention(ops, normed, f"{layer}.attn", shape, kind))
        normed = ops.layer_norm(x, f"{layer}.mlp_norm", shape.eps)
        x = ops.add(x, _gated(ops, normed, f"{layer}.mlp", shape))
    return ops.layer_norm(x, "final_norm", shape.eps)


def _attention(ops: Ops[T], x: T, name: str, shape: _Shape, kind: _Kind) -> T:
    q, k, v = ops.split(ops.linear(x, f"{name}.Wqkv"), shape.width, shape.width, shape.width)
    q, k = ops.rotate(q, shape.heads, kind.theta), ops.rotate(k, shape.heads, kind.theta)
    return ops.linear(ops.attention(q, k, v, heads=shape.heads, window=kind.window), f"{name}.Wo")


def _gated(ops: Ops[T], x: T, name: str, shape: _Shape) -> T:
    value, gate = ops.split(ops.linear(x, f"{name}.Wi"), shape.inner, shape.inner)
    return ops.linear(ops.multiply(ops.activate(value, shape.activation), gate), f"{name}.Wo")


MODERNBERT = Encoder(_read, _write)
"""Such as gte-modernbert-base and the ModernBERT models of nomic."""
