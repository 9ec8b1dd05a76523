"""Matrix products with weights that stay: what each layer of a model spends its time on.

Lives here: a layer's product with its bias, the activation after it and a sum with what came before, as one
step where the machine has one. Not here: which layers there are.

On CPUs torch gives float32 products to MKL, which does not use all of an AMD processor. The same product
through oneDNN, with weights laid out for it once, is up to twice as fast, and oneDNN applies activation and
sum while the numbers are still in the cache. torch has these products for its own compiler, under names it
may change: they are tried at load, and without them torch's plain products do the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F

from shared_core.local.recipe import Activation

__all__ = ["ACTIVATIONS", "Linear", "MakeLinear", "OneDnnLinear", "PlainLinear", "cpu_linear"]

ACTIVATIONS: dict[Activation, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": torch.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}

# oneDNN's names of them: attribute and algorithm.
_FUSED: dict[Activation | None, tuple[str, str]] = {
    None: ("none", ""),
    "gelu": ("gelu", "none"),
    "gelu_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
    "silu": ("swish", ""),
    "tanh": ("tanh", ""),
}


class Linear(Protocol):
    """A layer: `activation(x @ weight.T + bias)`, and optionally a sum."""

    def __call__(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """The layer's output.

        Args:
            x: Shape (rows, inputs).
            added: Shape (rows, outputs), to be added to the output of a layer without activation.
        """


MakeLinear = Callable[[torch.Tensor, "torch.Tensor | None", "Activation | None"], Linear]
"""Takes weight (outputs, inputs), bias and activation."""


class PlainLinear:
    """With torch's public functions, on any device."""

    __slots__ = ("_activate", "_bias", "_weight")

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, activation: Activation | None
    ) -> None:
        self._weight = weight
        self._bias = bias
        self._activate = ACTIVATIONS[activation] if activation else None

    def __call__(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        y = F.linear(x, self._weight, self._bias)
        if self._activate is not None:
            y = self._activate(y)
        return y if added is None else y.add_(added)


class OneDnnLinear:
    """With oneDNN, activation or sum included."""

    __slots__ = ("_algorithm", "_attribute", "_bias", "_product", "_sum", "_weight")

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, activation: Activation | None
    ) -> None:
        # `.default` and `.binary` are single overloads: without them each call would look for its own.
        self._product = torch.ops.mkldnn._linear_pointwise.default
        self._sum = torch.ops.mkldnn._linear_pointwise.binary
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight)
        self._bias = bias
        self._attribute, self._algorithm = _FUSED[activation]

    def __call__(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        y: torch.Tensor
        if added is None:
            y = self._product(x.contiguous(), self._weight, self._bias, self._attribute, [], self._algorithm)
        else:
            y = self._sum(x.contiguous(), added.contiguous(), self._weight, self._bias, "add")
        return y


def cpu_linear(dtype: torch.dtype) -> tuple[MakeLinear, str]:
    """The fastest way of this machine's torch, and a sentence about it.

    Args:
        dtype: Of weights and token vectors.
    """
    complaint = _complaint_about_onednn(dtype)
    if complaint is None:
        return OneDnnLinear, "Products run in oneDNN, on weights laid out for it once."
    return PlainLinear, f"Products run as torch runs them by default, because {complaint}."


def _complaint_about_onednn(dtype: torch.dtype) -> str | None:
    if not torch._C._has_mkldnn:
        return "this torch was built without oneDNN"
    generator = torch.Generator().manual_seed(0)
    x, weight, bias, added = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((5, 32), (48, 32), (48,), (5, 48))
    )
    # Sizes that no tile of oneDNN's divides; the tolerance is a few roundings of numbers near 10.
    tolerance = 1e-4 if dtype == torch.float32 else 0.15
    try:
        for activation in _FUSED:
            plain, fused = (make(weight, bias, activation)(x) for make in (PlainLinear, OneDnnLinear))
            if not torch.allclose(fused, plain, rtol=tolerance, atol=tolerance):
                return f"its oneDNN products gave other numbers (with activation {activation})"
        plain, fused = (make(weight, bias, None)(x, added) for make in (PlainLinear, OneDnnLinear))
    except (AttributeError, RuntimeError, TypeError) as error:
        return f"its oneDNN products cannot be called ({str(error).splitlines()[0][:120]})"
    if not torch.allclose(fused, plain, rtol=tolerance, atol=tolerance):
        return "its oneDNN products gave other sums"
    return None
