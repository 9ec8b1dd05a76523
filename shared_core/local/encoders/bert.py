"""BERT, and what shares its shape: MiniLM, bge, e5, gte; RoBERTa, CamemBERT and XLM-RoBERTa, which count
their places from another row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from shared_core.local.encoders.encoder import Encoder
from shared_core.local.encoders.fields import activation, number, only, shared_evenly, whole
from shared_core.local.encoders.ops import Ops
from shared_core.local.encoders.post_norm import LayerNames, PostNorm, post_norm_layers

__all__ = ["BERT", "ROBERTA"]

T = TypeVar("T")

_NAMES = LayerNames(
    layers="encoder.layer",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    seen="attention.output.dense",
    seen_norm="attention.output.LayerNorm",
    inner="intermediate.dense",
    outer="output.dense",
    outer_norm="output.LayerNorm",
)


def _read(config: Mapping[str, Any]) -> PostNorm:
    only(config, "position_embedding_type", "absolute")
    only(config, "is_decoder", False)
    only(config, "add_cross_attention", False)
    width, heads = whole(config, "hidden_size"), whole(config, "num_attention_heads")
    shared_evenly(width, heads)
    return PostNorm(
        layers=whole(config, "num_hidden_layers"),
        heads=heads,
        width=width,
        activation=activation(config, "hidden_act", "gelu"),
        eps=number(config, "layer_norm_eps", 1e-12),
    )


def _read_roberta(config: Mapping[str, Any]) -> PostNorm:
    # fairseq's habit: the rows up to and with the padding token's id belong to no place.
    return replace(_read(config), first_place=whole(config, "pad_token_id", 1) + 1)


def _write(ops: Ops[T], shape: PostNorm) -> T:
    x = ops.add(
        ops.token_rows("embeddings.word_embeddings"),
        ops.position_rows("embeddings.position_embeddings", shape.first_place),
        ops.row("embeddings.token_type_embeddings", 0),
    )
    return post_norm_layers(ops, ops.layer_norm(x, "embeddings.LayerNorm", shape.eps), shape, _NAMES)


BERT = Encoder(_read, _write)
"""Post-norm encoder with learned places; a text is one segment."""

ROBERTA = Encoder(_read_roberta, _write)
"""The same, its places counted from the row after the padding token's id."""
