"""Reading a model's config.json, field by field: what an encoder does not carry must never pass in silence.

Each reader raises `ConfigError` with the reason; `encoders.why_not` turns that into words, and the model goes
to sentence-transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_core.errors import ConfigError
from shared_core.local.recipe import Activation

__all__ = ["activation", "number", "only", "rope_theta", "shared_evenly", "whole"]

Config = Mapping[str, Any]

_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_fast": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu_python": "gelu",
    "gelu_python_tanh": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}
"""transformers' names for them (its activations.py, 5.23); the approximations of tanh differ by rounding."""


def whole(config: Config, key: str, default: int | None = None) -> int:
    """A count of at least 1.

    Example:
        >>> whole({"num_hidden_layers": 6}, "num_hidden_layers")
        6
    """
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"its config.json has {key}={value!r}, where a whole number above 0 is needed")
    return value


def number(config: Config, key: str, default: float) -> float:
    """A number above 0."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigError(f"its config.json has {key}={value!r}, where a number above 0 is needed")
    return float(value)


def activation(config: Config, key: str, default: str) -> Activation:
    """An activation by transformers' name for it."""
    name = config.get(key, default)
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise ConfigError(f"its activation {name!r} is not one of {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def only(config: Config, key: str, *carried: Any) -> None:
    """Refuses a config whose `key` is set, and not to one of these values."""
    value = config.get(key)
    if value is not None and value not in carried:
        raise ConfigError(f"its config.json has {key}={value!r}, which no encoder here carries")


def shared_evenly(width: int, heads: int) -> None:
    """Refuses a width that its heads do not share evenly, or heads that groups of them do not."""
    if width % heads:
        raise ConfigError(f"its attention shares {width} unevenly among {heads}")


def rope_theta(rope: Config | None, fallback: Any) -> float:
    """The base of a rotary embedding's wavelengths, from `rope_parameters` or, before transformers 5, beside it.

    Args:
        rope: `rope_parameters` or `rope_scaling` (of one kind of layer, where kinds differ).
        fallback: What an older config.json says, or the model class's own.
    """
    rope = {} if rope is None else rope
    if not isinstance(rope, Mapping):
        raise ConfigError(f"its rotary embedding is described by {rope!r}")
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ConfigError(f"its rotary embedding is scaled ({kind!r})")
    only(rope, "partial_rotary_factor", 1.0)
    return number({"rope_theta": fallback, **rope}, "rope_theta", 0.0)
