"""DistilBERT: BERT without segments, under names of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from shared_core.local.encoders.encoder import Encoder
from shared_core.local.encoders.fields import activation, shared_evenly, whole
from shared_core.local.encoders.ops import Ops
from shared_core.local.encoders.post_norm import LayerNames, PostNorm, post_norm_layers

__all__ = ["DISTILBERT"]

T = TypeVar("T")

_NAMES = LayerNames(
    layers="transformer.layer",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    seen="attention.out_lin",
    seen_norm="sa_layer_norm",
    inner="ffn.lin1",
    outer="ffn.lin2",
    outer_norm="output_layer_norm",
)


def _read(config: Mapping[str, Any]) -> PostNorm:
    width, heads = whole(config, "dim"), whole(config, "n_heads")
    shared_evenly(width, heads)
    return PostNorm(
        layers=whole(config, "n_layers"),
        heads=heads,
        width=width,
        activation=activation(config, "activation", "gelu"),
        eps=1e-12,  # not in config.json: transformers' DistilBERT has it in its code
    )


def _write(ops: Ops[T], shape: PostNorm) -> T:
    # Sinusoidal places, too, are stored as a table.
    x = ops.add(
        ops.token_rows("embeddings.word_embeddings"), ops.position_rows("embeddings.position_embeddings")
    )
    return post_norm_layers(ops, ops.layer_norm(x, "embeddings.LayerNorm", shape.eps), shape, _NAMES)


DISTILBERT = Encoder(_read, _write)
"""Such as multi-qa-distilbert-cos-v1."""
