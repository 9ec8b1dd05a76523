"""A model's weights on one device and in one number format, made ready when they are first asked for.

Lives here: reading, converting, stacking, keeping. Not here: what is computed with them.
"""

from __future__ import annotations

import torch

from shared_core.local.engines.torch_linear import Linear, MakeLinear
from shared_core.local.recipe import Activation
from shared_core.local.weights import Weights

__all__ = ["Stock"]


class Stock:
    """What a model is made of. Threads may share it once a first batch has asked for everything.

    Args:
        weights: Where the tensors are read.
        dtype: Of the encoder; what comes after pooling is float32.
        device: Where they are kept. On the CPU, tables of float32 stay in the mapped file: only the rows
            that texts need come into memory.
        make_linear: The kind of product.

    Attributes:
        widest: Outputs of the widest layer that was asked for.
    """

    def __init__(
        self, weights: Weights, dtype: torch.dtype, device: torch.device, make_linear: MakeLinear
    ) -> None:
        self.dtype = dtype
        self.device = device
        self.widest = 0
        self._weights = weights
        self._make_linear = make_linear
        self._tensors: dict[tuple[str, torch.dtype], torch.Tensor] = {}
        self._linears: dict[tuple[tuple[str, ...], Activation | None, torch.dtype], Linear] = {}

    def table(self, name: str) -> torch.Tensor:
        """Rows by index, in the encoder's format."""
        return self._tensor(f"{name}.weight", self.dtype)

    def norm(self, name: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias of a normalisation; None where no bias is stored.

        Args:
            name: Of the layer.
            dtype: Of what is normalised. CPUs take float32 weights for any, which loses nothing.
        """
        dtype = torch.float32 if self.device.type == "cpu" else dtype
        return self._tensor(f"{name}.weight", dtype), self._stored_bias(name, dtype)

    def linear(self, names: tuple[str, ...], activation: Activation | None, dtype: torch.dtype) -> Linear:
        """One layer, or several that read the same input, stacked.

        Args:
            names: Of the layers.
            activation: After them; None for nothing.
            dtype: Of the input.
        """
        key = (names, activation, dtype)
        linear = self._linears.get(key)
        if linear is None:
            weight, bias = self._stacked(names, dtype)
            self.widest = max(self.widest, len(weight))
            linear = self._linears[key] = self._make_linear(weight, bias, activation)
        return linear

    def _stacked(
        self, names: tuple[str, ...], dtype: torch.dtype
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        parts = [self._read(f"{name}.weight", dtype) for name in names]
        weight = parts[0] if len(parts) == 1 else torch.cat(parts)
        if not any(f"{name}.bias" in self._weights for name in names):
            return weight, None
        biases = [
            self._read(f"{name}.bias", dtype)
            if f"{name}.bias" in self._weights
            else part.new_zeros(len(part))
            for name, part in zip(names, parts, strict=True)
        ]
        return weight, torch.cat(biases)

    def _stored_bias(self, name: str, dtype: torch.dtype) -> torch.Tensor | None:
        return self._tensor(f"{name}.bias", dtype) if f"{name}.bias" in self._weights else None

    def _tensor(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        tensor = self._tensors.get((name, dtype))
        if tensor is None:
            tensor = self._tensors[name, dtype] = self._read(name, dtype)
        return tensor

    def _read(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        return self._weights.torch(name).to(device=self.device, dtype=dtype)
