"""MPNet: learned places, and a bias of attention by distance that all layers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from shared_core.local.encoders.encoder import Encoder
from shared_core.local.encoders.fields import activation, number, only, shared_evenly, whole
from shared_core.local.encoders.ops import Ops
from shared_core.local.encoders.post_norm import LayerNames, PostNorm, post_norm_layers

__all__ = ["MPNET"]

T = TypeVar("T")

_BUCKETS, _FURTHEST = 32, 128
"""Of the bias. transformers' MPNet takes these whatever config.json says (modeling_mpnet.py, 5.23)."""

_FIRST_PLACE = 2
"""Fixed there too: the padding token counts as 1, whatever its id."""

_NAMES = LayerNames(
    layers="encoder.layer",
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    seen="attention.attn.o",
    seen_norm="attention.LayerNorm",
    inner="intermediate.dense",
    outer="output.dense",
    outer_norm="output.LayerNorm",
)


def _read(config: Mapping[str, Any]) -> PostNorm:
    only(config, "relative_attention_num_buckets", _BUCKETS)
    width, heads = whole(config, "hidden_size"), whole(config, "num_attention_heads")
    shared_evenly(width, heads)
    return PostNorm(
        layers=whole(config, "num_hidden_layers"),
        heads=heads,
        width=width,
        activation=activation(config, "hidden_act", "gelu"),
        eps=number(config, "layer_norm_eps", 1e-12),
        first_place=_FIRST_PLACE,
    )


def _write(ops: Ops[T], shape: PostNorm) -> T:
    x = ops.add(
        ops.token_rows("embeddings.word_embeddings"),
        ops.position_rows("embeddings.position_embeddings", shape.first_place),
    )
    x = ops.layer_norm(x, "embeddings.LayerNorm", shape.eps)
    bias = ops.relative_bias("encoder.relative_attention_bias", _BUCKETS, _FURTHEST)
    return post_norm_layers(ops, x, shape, _NAMES, bias)


MPNET = Encoder(_read, _write)
"""Such as all-mpnet-base-v2."""
