"""BERT, and what shares its shape: MiniLM, bge, e5, gte; XLM-RoBERTa counts its places from another row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from shared_core.local.encoders.ops import Ops

__all__ = ["bert"]

T = TypeVar("T")


def bert(ops: Ops[T], config: Mapping[str, Any], *, first_place: int = 0) -> T:
    """Post-norm encoder with learned places.

    Args:
        ops: The engine.
        config: The model's config.json.
        first_place: Row of the place table that the first token takes.
    """
    eps = config["layer_norm_eps"]
    activation = {"gelu": "gelu", "gelu_new": "gelu_tanh", "relu": "relu"}[config["hidden_act"]]
    x = ops.add(
        ops.token_rows("embeddings.word_embeddings"),
        ops.position_rows("embeddings.position_embeddings", first_place),
        ops.row("embeddings.token_type_embeddings", 0),
    )
    x = ops.layer_norm(x, "embeddings.LayerNorm", eps)
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        x = _layer(ops, x, layer, config["num_attention_heads"], config["hidden_size"], activation, eps)
    return x


def _layer(ops: Ops[T], x: T, layer: str, heads: int, width: int, activation: Any, eps: float) -> T:
    own = f"{layer}.attention.self"
    stacked = ops.linear(x, f"{own}.query", f"{own}.key", f"{own}.value")
    q, k, v = ops.split(stacked, width, width, width)
    seen = ops.linear(ops.attention(q, k, v, heads=heads), f"{layer}.attention.output.dense")
    x = ops.layer_norm(ops.add(x, seen), f"{layer}.attention.output.LayerNorm", eps)
    inner = ops.linear(x, f"{layer}.intermediate.dense", activation=activation)
    return ops.layer_norm(
        ops.add(x, ops.linear(inner, f"{layer}.output.dense")), f"{layer}.output.LayerNorm", eps
    )
