"""What a model's folder says about turning texts into vectors: a frozen description, and no code.

Lives here: the description. Not here: reading it from a folder (`folder`), computing it (`encoders`, `engines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["Activation", "Dense", "Pooling", "Recipe"]

Pooling = Literal["mean", "cls", "last", "max"]
Activation = Literal["gelu", "gelu_tanh", "relu", "silu", "tanh"]


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer after pooling.

    Args:
        weights: Name of its weights, such as "2_Dense.linear".
        activation: What follows it; None for nothing.
    """

    weights: str
    activation: Activation | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model makes vectors.

    Args:
        folder: Where its files are.
        revision: Commit on the Hub; "" for a folder of the user's own.
        architecture: `model_type` of its config.json, such as "bert".
        config: Its config.json.
        weights: Its safetensors files, by the prefix that their tensors get: "" for the encoder itself.
        max_tokens: Texts are cut there; special tokens count.
        pooling: How token vectors become one vector.
        dense: Layers after pooling, in order.
        normalise: Whether vectors get length 1.
        dimensions: Length of a vector.
        prompts: Texts put before the user's, by name ("query", "document", ...).
        default_prompt: Name of the prompt for texts whose kind has none; None for none.
        encoder_folder: Where config.json and tokenizer.json are, inside `folder`; "" for the folder itself.
        lower_case: Texts are lower-cased before the tokenizer's own rules.
    """

    folder: Path
    architecture: str
    config: Mapping[str, Any] = field(repr=False)
    weights: Mapping[str, tuple[Path, ...]] = field(repr=False)
    max_tokens: int
    pooling: Pooling
    dimensions: int
    revision: str = ""
    dense: tuple[Dense, ...] = ()
    normalise: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    encoder_folder: str = ""
    lower_case: bool = False
