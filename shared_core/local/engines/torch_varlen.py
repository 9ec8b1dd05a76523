"""Attention on CUDA: one call for texts of all lengths, packed as they are.

Lives here: which of torch's packed kernels a GPU has, tried at load. Not here: the way without them, run by
run (`torch_attention`), which also serves biases and heads of odd widths.

torch has the kernels for its own nested tensors, under names it may change: FlashAttention for float16 and
bfloat16 from compute capability 8.0 on, and a memory-efficient one for every format.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from shared_core.local.engines import TokenBatch
from shared_core.local.engines.torch_attention import Attention, attend
from shared_core.local.engines.torch_layout import Layout

__all__ = ["CudaAttention", "cuda_attention"]

Packed = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Layout, Attention], torch.Tensor]
"""Takes q, k, v of shape (tokens, heads, width)."""

# FlashAttention's kernels go no further, and want whole vectors of 16 bytes.
_WIDEST_HEAD, _STEP = 256, 8


class CudaAttention:
    """A device's attention: the packed kernel where it can do what is asked for, else run by run.

    Args:
        packed: The kernel; None where there is none.
        groups: Whether it takes fewer heads of keys than of queries.
        windows: Whether it takes a window.
    """

    __slots__ = ("_groups", "_packed", "_windows")

    def __init__(self, packed: Packed | None, *, groups: bool = False, windows: bool = False) -> None:
        self._packed = packed
        self._groups = groups
        self._windows = windows

    def __call__(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, attention: Attention
    ) -> torch.Tensor:
        """As `torch_attention.attend`."""
        packed = self._packed
        width = q.shape[-1] // attention.heads
        if (
            packed is None
            or attention.bias is not None
            or (attention.window is not None and not self._windows and layout.longest > attention.window + 1)
            or (attention.heads != attention.kv_heads and not self._groups)
            or width % _STEP
            or width > _WIDEST_HEAD
        ):
            return attend(q, k, v, layout.runs, attention)
        tokens = len(q)
        queries = q.view(tokens, attention.heads, width)
        keys, values = (x.view(tokens, attention.kv_heads, width) for x in (k, v))
        return packed(queries, keys, values, layout, attention).reshape(tokens, -1)


def cuda_attention(dtype: torch.dtype, device: torch.device) -> tuple[CudaAttention, str]:
    """What this GPU and this torch have, and a sentence about it.

    Args:
        dtype: Of the token vectors.
        device: The GPU.
    """
    if dtype != torch.float32 and torch.cuda.get_device_capability(device) >= (8, 0):
        flash = CudaAttention(_flash, groups=True, windows=True)
        if _agrees(flash, dtype, device):
            return flash, "Attention runs in FlashAttention, on packed texts."
    efficient = CudaAttention(_efficient)
    if _agrees(efficient, dtype, device):
        return efficient, "Attention runs in torch's memory-efficient kernel, on packed texts."
    return CudaAttention(None), "Attention runs length by length: this torch's packed kernels do not work."


def _flash(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, attention: Attention
) -> torch.Tensor:
    reach = {}
    if attention.window is not None:
        ahead = 0 if attention.causal else attention.window
        reach = {"window_size_left": attention.window, "window_size_right": ahead}
    starts, longest = layout.starts, layout.longest
    found: torch.Tensor = torch.ops.aten._flash_attention_forward.default(
        q, k, v, starts, starts, longest, longest, 0.0, attention.causal, False, **reach
    )[0]
    return found


def _efficient(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, attention: Attention
) -> torch.Tensor:
    starts, longest = layout.starts, layout.longest
    order = 1 if attention.causal else 0
    found: torch.Tensor = torch.ops.aten._efficient_attention_forward.default(
        q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), None, starts, starts, longest, longest, 0.0, order
    )[0]
    return found


def _agrees(attention: CudaAttention, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a kernel gives what the way without it gives, on texts of three lengths."""
    lengths = np.array([70, 9, 1], np.int32)
    layout = Layout.of(TokenBatch(np.zeros(80, np.int32), lengths), device)
    generator = torch.Generator().manual_seed(0)
    stacked = torch.randn((80, 3 * 64), generator=generator).to(device=device, dtype=dtype)
    q, k, v = torch.split(stacked, 64, dim=-1)
    for causal in (False, True):
        kind = Attention(heads=2, kv_heads=2, causal=causal)
        try:
            found = attention(q, k, v, layout, kind)
        except (AttributeError, RuntimeError, TypeError):  # another torch's name, or a build without it
            return False
        if not torch.allclose(
            found.float(), attend(q, k, v, layout.runs, kind).float(), rtol=0.02, atol=0.02
        ):
            return False
    return True
