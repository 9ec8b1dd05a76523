"""The torch engine on a GPU.

Lives here: batches that go out before the last one's answer is there, memory that is sized and may run out.
Not here: choosing it (`torch`), the arithmetic (`torch_ops`), attention (`torch_varlen`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from shared_core.errors import ConfigError
from shared_core.local.encoders import vectors
from shared_core.local.engines import Backend, Precision, TokenBatch
from shared_core.local.engines.torch_halving import Halving
from shared_core.local.engines.torch_layout import Layout, sorted_by_length
from shared_core.local.engines.torch_linear import PlainLinear
from shared_core.local.engines.torch_ops import TorchOps
from shared_core.local.engines.torch_stock import Stock
from shared_core.local.engines.torch_varlen import CudaAttention, cuda_attention
from shared_core.local.recipe import Recipe
from shared_core.local.weights import Weights

__all__ = ["CudaEngine"]

_DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
# Enough work to hide what starting the kernels costs; more only makes the first answer late.
_LARGEST_BATCH = 32_768
_SMALLEST_BATCH = 1_024
# Of the free memory, what one batch may take: two are under way, and others may use the GPU as well.
_SHARE = 0.3
# Tensors as wide as a layer's widest output that live at the same time, generously counted.
_WIDE_TENSORS = 6


class _Started(NamedTuple):
    """Vectors on their way into pinned memory, and what tells that they arrived."""

    vectors: torch.Tensor
    arrived: torch.cuda.Event


class _Batch(NamedTuple):
    """A batch under way: its texts' old positions (None: nothing moved), and its pieces."""

    order: NDArray[np.intp] | None
    pieces: list[_Started]


class CudaEngine:
    """`Engine` on one GPU. Threads may share it.

    Args:
        recipe: Of the model.
        stock: Its weights, on the device.
        precision: Of the arithmetic.
        attention: The device's.
        budget: Tokens of a batch.
        reasons: What was found on the way here.
    """

    backend: Backend = "torch"

    def __init__(
        self,
        recipe: Recipe,
        stock: Stock,
        precision: Precision,
        attention: CudaAttention,
        budget: int,
        reasons: tuple[str, ...],
    ) -> None:
        self.precision: Precision = precision
        self.device = str(stock.device)
        self.budget = budget
        self.reasons = reasons
        self._recipe = recipe
        self._stock = stock
        self._attention = attention
        self._halving = Halving(self._start, torch.OutOfMemoryError, torch.cuda.empty_cache, budget)

    @classmethod
    def load(cls, recipe: Recipe, precision: Precision, device: torch.device) -> CudaEngine:
        """The engine, with all weights on the device.

        Args:
            recipe: Of the model.
            precision: "float32", "float16" or "bfloat16".
            device: With its number.
        """
        attention, reason = cuda_attention(_DTYPES[precision], device)
        stock = Stock(Weights(recipe), _DTYPES[precision], device, PlainLinear)
        first = cls(recipe, stock, precision, attention, _SMALLEST_BATCH, ())
        first.run(TokenBatch(np.zeros(1, np.int32), np.ones(1, np.int32)))  # brings the weights
        free, _ = torch.cuda.mem_get_info(device)
        a_token = _WIDE_TENSORS * stock.widest * stock.dtype.itemsize
        budget = max(_SMALLEST_BATCH, min(_LARGEST_BATCH, int(free * _SHARE) // a_token))
        sized = f"Batches have up to {budget:,} tokens, with {free / 2**30:.1f} GiB of the GPU's memory free."
        return cls(recipe, stock, precision, attention, budget, (reason, sized))

    def run(self, batch: TokenBatch) -> NDArray[np.float32]:
        """Vectors of at least one text; of any number, in pieces.

        Returns:
            float32, shape (texts, dimensions).

        Raises:
            ConfigError: A text is longer than the model has places or the GPU has memory, a token has no
                row, or the model's numbers do not fit into float16.
        """
        return next(self.run_each((batch,)))

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[NDArray[np.float32]]:
        """As `run`, batch by batch, in order; the next is computed while the last one's vectors are fetched.

        Args:
            batches: Asked for one ahead, so that texts become tokens while the GPU is at work.

        Raises:
            ConfigError: As `run`.
        """
        under_way: deque[_Batch] = deque()
        for batch in batches:
            order, batch = sorted_by_length(batch)
            under_way.append(_Batch(order, list(self._halving.pieces(batch))))
            self.budget = self._halving.limit
            if len(under_way) > 1:
                yield self._fetched(under_way.popleft())
        while under_way:
            yield self._fetched(under_way.popleft())

    def _start(self, batch: TokenBatch) -> _Started:
        with torch.cuda.device(self._stock.device), torch.inference_mode():
            layout = Layout.of(batch, self._stock.device)
            found = vectors(TorchOps(self._stock, layout, self._attention), self._recipe)
            assert isinstance(found, torch.Tensor)
            pinned = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
            pinned.copy_(found, non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        return _Started(pinned, arrived)

    def _fetched(self, batch: _Batch) -> NDArray[np.float32]:
        for piece in batch.pieces:
            piece.arrived.synchronize()
        parts = [piece.vectors.numpy() for piece in batch.pieces]
        # Copied, so that the pinned memory serves the next batch.
        found: NDArray[np.float32] = np.concatenate(parts)
        if self.precision == "float16" and not np.isfinite(found).all():
            raise ConfigError(
                "The model's numbers grow beyond float16 in between, and its vectors are lost.",
                hint='Use precision="bfloat16", or "float32".',
            )
        if batch.order is None:
            return found
        in_order = np.empty_like(found)
        in_order[batch.order] = found
        return in_order
