"""The torch engine on a CPU.

Lives here: one batch at a time through an encoder, on the processor. Not here: choosing it (`torch`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from shared_core.local.encoders import vectors
from shared_core.local.engines import Backend, Precision, TokenBatch
from shared_core.local.engines.torch_attention import Attention, attend
from shared_core.local.engines.torch_layout import Layout, pieces, sorted_by_length
from shared_core.local.engines.torch_ops import TorchOps
from shared_core.local.engines.torch_stock import Stock
from shared_core.local.recipe import Recipe

__all__ = ["CpuEngine"]


class CpuEngine:
    """`Engine` on a CPU. Threads may share it: batches wait for each other, since each takes all cores.

    Args:
        recipe: Of the model.
        stock: Its weights.
        precision: Of the arithmetic.
        reasons: What was found on the way here.
    """

    backend: Backend = "torch"
    device = "cpu"
    # Activations of a batch stay in the processor's caches; much less costs more calls than it gains.
    budget = 2048

    def __init__(self, recipe: Recipe, stock: Stock, precision: Precision, reasons: tuple[str, ...]) -> None:
        self.precision: Precision = precision
        self.reasons = reasons
        self._recipe = recipe
        self._stock = stock
        # Two batches at once would each start a thread for every core, and spend their time waiting.
        self._turn = threading.Lock()

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        """Vectors of at least one text; of any number, in pieces of `budget` tokens.

        Returns:
            float32, shape (texts, dimensions).

        Raises:
            ConfigError: A text is longer than the model has places, or a token has no row.
        """
        order, batch = sorted_by_length(batch)
        parts = []
        for piece in pieces(batch, self.budget):
            with self._turn, torch.inference_mode():
                found = vectors(TorchOps(self._stock, Layout.of(piece), _attend), self._recipe)
                assert isinstance(found, torch.Tensor)
                parts.append(found.numpy())
        every: NDArray[np.float32] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if order is None:
            return every
        in_order = np.empty_like(every)
        in_order[order] = every
        return in_order

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[NDArray[np.float32]]:
        """See `Engine.run_each`."""
        return map(self.run, batches)


def _attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, attention: Attention
) -> torch.Tensor:
    return attend(q, k, v, layout.runs, attention)
