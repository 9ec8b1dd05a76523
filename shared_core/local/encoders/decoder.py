"""Decoders that are read for vectors: Qwen3-Embedding, and Qwen2, Llama and Mistral, which lack its norms of
queries and keys. Pre-norm, rotary places, grouped queries, a gated network; a token sees those before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from shared_core.local.encoders.encoder import Encoder
from shared_core.local.encoders.fields import activation, number, only, rope_theta, shared_evenly, whole
from shared_core.local.encoders.ops import Ops
from shared_core.local.recipe import Activation

__all__ = ["LLAMA", "MISTRAL", "QWEN2", "QWEN3"]

T = TypeVar("T")

Windows = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    windows: Windows
    heads: int
    kv_heads: int
    head_width: int
    inner: int
    activation: Activation
    eps: float
    theta: float
    norms_heads: bool


def _reader(
    windows: Callable[[Mapping[str, Any]], Windows],
    *,
    norms_heads: bool = False,
    head_width: int | None = None,
) -> Callable[[Mapping[str, Any]], _Shape]:
    """What reads the config.json of one member of the family.

    Args:
        windows: How far back each layer sees.
        norms_heads: Whether queries and keys are normalised, head by head.
        head_width: Where config.json does not say; None for an equal share of the width.
    """

    def read(config: Mapping[str, Any]) -> _Shape:
        only(config, "is_causal", True)
        only(config, "partial_rotary_factor", 1.0)
        width, heads = whole(config, "hidden_size"), whole(config, "num_attention_heads")
        kv_heads = (
            heads if config.get("num_key_value_heads", 0) is None else whole(config, "num_key_value_heads")
        )
        shared_evenly(heads, kv_heads)
        each = config.get("head_dim") or head_width
        if each is None:
            shared_evenly(width, heads)
        return _Shape(
            windows=windows(config),
            heads=heads,
            kv_heads=kv_heads,
            head_width=whole({"head_dim": each}, "head_dim") if each else width // heads,
            inner=whole(config, "intermediate_size"),
            activation=activation(config, "hidden_act", "silu"),
            eps=number(config, "rms_norm_eps", 1e-6),
            theta=rope_theta(
                config.get("rope_scaling") or config.get("rope_parameters"),
                config.get("rope_theta", 10_000.0),
            ),
            norms_heads=norms_heads,
        )

    return read


def _no_windows(config: Mapping[str, Any]) -> Windows:
    return (None,) * whole(config, "num_hidden_layers")


def _one_window(config: Mapping[str, Any]) -> Windows:
    """Mistral's: the same in all layers. A window of n is a token and n - 1 before it."""
    only(config, "layer_types")
    window = None if config.get("sliding_window", 4096) is None else whole(config, "sliding_window", 4096) - 1
    return (window,) * whole(config, "num_hidden_layers")


def _windows_when_asked(config: Mapping[str, Any]) -> Windows:
    """Qwen's: off unless `use_sliding_window`, and then not carried: no published embedding model has it on."""
    only(config, "use_sliding_window", False)
    only(config, "layer_types", ["full_attention"] * whole(config, "num_hidden_layers"))
    return _no_windows(config)


def _write(ops: Ops[T], shape: _Shape) -> T:
    x = ops.token_rows("embed_tokens")
    for depth, window in enumerate(shape.windows):
        layer = f"layers.{depth}"
        normed = ops.rms_norm(x, f"{layer}.input_layernorm", shape.eps)
        x = ops.add(x, _attention(ops, normed, f"{layer}.self_attn", shape, window))
        normed = ops.rms_norm(x, f"{layer}.post_attention_layernorm", shape.eps)
        x = ops.add(x, _gated(ops, normed, f"{layer}.mlp", shape))
    return ops.rms_norm(x, "norm", shape.eps)


def _attention(ops: Ops[T], x: T, name: str, shape: _Shape, window: int | None) -> T:
    queries, others = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    stacked = ops.linear(x, f"{name}.q_proj", f"{name}.k_proj", f"{name}.v_proj")
    q, k, v = ops.split(stacked, queries, others, others)
    if shape.norms_heads:
        q, k = ops.rms_norm(q, f"{name}.q_norm", shape.eps), ops.rms_norm(k, f"{name}.k_norm", shape.eps)
    q, k = ops.rotate(q, shape.heads, shape.theta), ops.rotate(k, shape.kv_heads, shape.theta)
    seen = ops.attention(q, k, v, heads=shape.heads, kv_heads=shape.kv_heads, causal=True, window=window)
    return ops.linear(seen, f"{name}.o_proj")


def _gated(ops: Ops[T], x: T, name: str, shape: _Shape) -> T:
    stacked = ops.linear(x, f"{name}.gate_proj", f"{name}.up_proj")
    gate, up = ops.split(stacked, shape.inner, shape.inner)
    return ops.linear(ops.multiply(ops.activate(gate, shape.activation), up), f"{name}.down_proj")


LLAMA = Encoder(_reader(_no_windows), _write)
MISTRAL = Encoder(_reader(_one_window), _write)
QWEN2 = Encoder(_reader(_windows_when_asked), _write)
QWEN3 = Encoder(_reader(_windows_when_asked, norms_heads=True, head_width=128), _write)
