"""The words of encoders in torch, computed at once on one packed batch.

Lives here: each word's meaning for tensors of shape (tokens, width). Not here: weights (`torch_stock`),
positions (`torch_layout`), attention and products themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from shared_core.errors import ConfigError
from shared_core.local.engines.torch_attention import Attention
from shared_core.local.engines.torch_layout import Layout
from shared_core.local.engines.torch_linear import ACTIVATIONS, Linear
from shared_core.local.engines.torch_stock import Stock
from shared_core.local.recipe import Activation, Pooling

__all__ = ["Attend", "Handle", "TorchOps", "Waiting"]

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Layout, Attention], torch.Tensor]
"""Takes q, k, v, the layout and what the attention is like."""


class Waiting:
    """A layer's output that is not computed yet: if a sum comes next, the layer does it in the same step."""

    __slots__ = ("_linear", "_value", "_x")

    def __init__(self, linear: Linear, x: torch.Tensor) -> None:
        self._linear = linear
        self._x = x
        self._value: torch.Tensor | None = None

    def value(self) -> torch.Tensor:
        """The output, computed once."""
        if self._value is None:
            self._value = self._linear(self._x)
        return self._value

    def plus(self, added: torch.Tensor) -> torch.Tensor:
        """The output and another tensor's sum."""
        return self._linear(self._x, added) if self._value is None else self._value + added


Handle = torch.Tensor | Waiting


class TorchOps:
    """`Ops` for one batch.

    Args:
        stock: The model's weights.
        layout: How the batch lies in memory.
        attend: The device's attention.
    """

    def __init__(self, stock: Stock, layout: Layout, attend: Attend) -> None:
        self._stock = stock
        self._layout = layout
        self._attend = attend
        self._turns: dict[tuple[int, float], tuple[torch.Tensor, torch.Tensor]] = {}

    def token_rows(self, table: str) -> torch.Tensor:
        rows = self._stock.table(table)
        if self._layout.largest_id >= len(rows):
            raise ConfigError(
                f"The tokenizer gives id {self._layout.largest_id}, but the model knows only {len(rows)} tokens.",
                hint="The folder's tokenizer.json belongs to another model.",
            )
        return F.embedding(self._layout.ids, rows)

    def position_rows(self, table: str, first: int = 0) -> torch.Tensor:
        rows = self._stock.table(table)
        if first + self._layout.longest > len(rows):
            raise ConfigError(
                f"A text has {self._layout.longest} tokens; the model has places for {len(rows) - first}.",
                hint=f"Set max_tokens to {len(rows) - first} or less.",
            )
        return F.embedding(self._places_without(first - 1) + first if first else self._layout.places, rows)

    def _places_without(self, padding: int) -> torch.Tensor:
        """Places as if tokens of that id were not there; -1 for themselves."""
        ids, places = self._layout.ids, self._layout.places
        counts = ids != padding
        reached = counts.cumsum(0)  # never looked at on the processor: a GPU need not be waited for
        before = reached - counts.long()
        starts = torch.arange(len(ids), device=ids.device) - places
        return torch.where(counts, before - before[starts], -1)

    def row(self, table: str, index: int) -> torch.Tensor:
        return self._stock.table(table)[index]

    def add(self, *terms: Handle) -> torch.Tensor:
        waiting = next((term for term in terms if isinstance(term, Waiting)), None)
        others = [_tensor(term) for term in terms if term is not waiting]
        if waiting is not None and others:
            total = others[0] if len(others) == 1 else _sum(others)
            # A single row cannot be added inside the product.
            return waiting.plus(total) if total.dim() == 2 else waiting.value() + total
        return _sum([_tensor(term) for term in terms])

    def multiply(self, left: Handle, right: Handle) -> torch.Tensor:
        return _tensor(left) * _tensor(right)

    def activate(self, x: Handle, activation: Activation) -> torch.Tensor:
        return ACTIVATIONS[activation](_tensor(x))

    def linear(self, x: Handle, *names: str, activation: Activation | None = None) -> Handle:
        inputs = _tensor(x)
        linear = self._stock.linear(names, activation, inputs.dtype)
        return linear(inputs) if activation else Waiting(linear, inputs)

    def split(self, x: Handle, *widths: int) -> tuple[torch.Tensor, ...]:
        return torch.split(_tensor(x), list(widths), dim=-1)

    def layer_norm(self, x: Handle, name: str, eps: float) -> torch.Tensor:
        tensor = _tensor(x)
        weight, bias = self._stock.norm(name, tensor.dtype)
        return F.layer_norm(tensor, weight.shape, weight, bias, eps)

    def rms_norm(self, x: Handle, name: str, eps: float) -> torch.Tensor:
        tensor = _tensor(x)
        weight, _ = self._stock.norm(name, torch.float32)
        groups = torch.unflatten(tensor.float(), -1, (-1, len(weight)))
        return F.rms_norm(groups, weight.shape, weight, eps).to(tensor.dtype).flatten(-2)

    def rotate(self, x: Handle, heads: int, theta: float) -> torch.Tensor:
        tensor = _tensor(x)
        split = torch.unflatten(tensor.float(), -1, (heads, 2, -1))
        first, second = split.unbind(-2)
        cos, sin = self._turn(first.shape[-1], theta)
        turned = torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-2)
        return turned.to(tensor.dtype).view(tensor.shape)

    def _turn(self, half: int, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
        turn = self._turns.get((half, theta))
        if turn is None:
            places = self._layout.places
            steps = torch.arange(half, dtype=torch.float32, device=places.device)
            angles = places.float().unsqueeze(1) / theta ** (steps / half)
            turn = self._turns[half, theta] = (angles.cos().unsqueeze(1), angles.sin().unsqueeze(1))
        return turn

    def relative_bias(self, table: str, buckets: int, furthest: int) -> torch.Tensor:
        places = torch.arange(self._layout.longest, device=self._stock.device)
        after = places - places.unsqueeze(1)
        side, exact = buckets // 2, buckets // 4
        distance = after.abs()
        # Near keys have a bucket each, far ones share, by the logarithm of their distance.
        far = torch.log(distance.clamp(min=1).float() / exact) / math.log(furthest / exact) * (side - exact)
        coarse = (exact + far.long()).clamp(max=side - 1)
        bucket = torch.where(distance < exact, distance, coarse) + side * (after > 0)
        return self._stock.table(table)[bucket].permute(2, 0, 1).contiguous()

    def attention(
        self,
        q: Handle,
        k: Handle,
        v: Handle,
        *,
        heads: int,
        kv_heads: int | None = None,
        bias: Any = None,
        causal: bool = False,
        window: int | None = None,
    ) -> torch.Tensor:
        kind = Attention(heads, kv_heads or heads, None if bias is None else _tensor(bias), causal, window)
        return self._attend(_tensor(q), _tensor(k), _tensor(v), self._layout, kind)

    def pool(self, x: Handle, pooling: Pooling) -> torch.Tensor:
        tensor, starts = _tensor(x), self._layout.starts
        if pooling == "cls":
            return tensor[starts[:-1]].float()
        if pooling == "last":
            return tensor[starts[1:] - 1].float()
        # A bag is a text, its words are its rows: torch's only reduction of neighbours that is fast on CPUs.
        rows = torch.arange(len(tensor), dtype=starts.dtype, device=starts.device)
        return F.embedding_bag(rows, tensor.float(), starts, mode=pooling, include_last_offset=True)

    def normalise(self, x: Handle) -> torch.Tensor:
        return F.normalize(_tensor(x), dim=-1)


def _tensor(handle: Handle) -> torch.Tensor:
    return handle.value() if isinstance(handle, Waiting) else handle


def _sum(terms: list[torch.Tensor]) -> torch.Tensor:
    if len(terms) == 1:
        return terms[0]
    total = terms[0] + terms[1]
    for term in terms[2:]:
        total = total.add_(term) if total.dim() >= term.dim() else total + term
    return total
