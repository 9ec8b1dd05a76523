"""Transformer encoders, each written once in the words of `Ops`, for every engine.

Lives here: the arithmetic of each architecture. Not here: how an engine does it, tokens, files.

An encoder reads its config.json before anything is loaded. `why_not(config)` says in words what it does not
carry (a scaled rotary embedding, places relative to each other, an unknown activation, ...), None when it
carries all; `folder.read` asks it, and such a model goes to sentence-transformers with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from shared_core.errors import ConfigError
from shared_core.local.encoders.bert import BERT, ROBERTA
from shared_core.local.encoders.decoder import LLAMA, MISTRAL, QWEN2, QWEN3
from shared_core.local.encoders.distilbert import DISTILBERT
from shared_core.local.encoders.encoder import Encoder
from shared_core.local.encoders.fields import only
from shared_core.local.encoders.modernbert import MODERNBERT
from shared_core.local.encoders.mpnet import MPNET
from shared_core.local.encoders.ops import Ops
from shared_core.local.recipe import Recipe

__all__ = ["ENCODERS", "Ops", "vectors", "why_not"]

T = TypeVar("T")

ENCODERS: dict[str, Encoder[Any]] = {
    "bert": BERT,
    "camembert": ROBERTA,
    "distilbert": DISTILBERT,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "modernbert": MODERNBERT,
    "mpnet": MPNET,
    "qwen2": QWEN2,
    "qwen3": QWEN3,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
}
"""By `model_type` of config.json. What is not here goes to sentence-transformers."""


def why_not(config: Mapping[str, Any]) -> str | None:
    """Why no encoder here computes this model; None when one does.

    Args:
        config: The model's config.json.

    Returns:
        A clause for `describe()`, such as "its rotary embedding is scaled ('yarn')".

    Example:
        >>> why_not({"model_type": "t5"})
        "its architecture 't5' has no encoder here"
    """
    architecture = config.get("model_type")
    if not isinstance(architecture, str) or architecture not in ENCODERS:
        return f"its architecture {architecture!r} has no encoder here"
    try:
        only(config, "quantization_config")
        ENCODERS[architecture].read(config)
    except ConfigError as refusal:
        return refusal.message
    return None


def vectors(ops: Ops[T], recipe: Recipe) -> T:
    """The whole way from tokens to vectors: encoder, pooling, dense layers, length 1.

    Args:
        ops: The engine.
        recipe: What the model's folder says.

    Raises:
        ConfigError: The encoder does not carry what config.json asks for; `why_not` says so beforehand.
    """
    x: T = ops.pool(ENCODERS[recipe.architecture](ops, recipe.config), recipe.pooling)
    for layer in recipe.dense:
        x = ops.linear(x, layer.weights, activation=layer.activation)
    return ops.normalise(x) if recipe.normalise else x
