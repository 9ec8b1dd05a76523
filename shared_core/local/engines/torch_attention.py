"""Attention on packed tokens, run by run: texts of one length are a rectangle, so nothing is padded or masked.

Lives here: which of torch's ways serves which length, windows, orders, grouped heads, on any device. Not
here: the one call that modern GPUs have for all lengths at once (`torch_varlen`).

For short texts a product, a softmax and a product are fastest, for long ones torch's fused attention, which
never writes the scores down. Where they meet was measured on a 2-core AMD EPYC with AVX512 (torch 2.13):
near 64 tokens in float32, beyond 512 in bfloat16, whose products are twice as fast and the softmax is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from shared_core.local.engines.torch_layout import Run

__all__ = ["Attention", "attend"]

_FUSED_FROM = {torch.float32: 64, torch.bfloat16: 640}
# Below this, three calls cost more than they gain over one: a single query.
_FEW_TOKENS = 64
# Scores written down at a time: 1 or 2 MB, which a core's cache holds.
_SCORES = 1 << 19
# Queries at a time where a window is much shorter than the text.
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Attention:
    """What a layer's attention is like.

    Args:
        heads: Of the queries.
        kv_heads: Of keys and values.
        bias: Shape (heads, longest, longest), added to the scores; its upper left corner serves shorter texts.
        causal: A token sees none after it.
        window: A token sees none further away than this; None for no window.
    """

    heads: int
    kv_heads: int
    bias: torch.Tensor | None = None
    causal: bool = False
    window: int | None = None

    def hidden(self, queries: range, keys: range, like: torch.Tensor) -> torch.Tensor | None:
        """What is added to scores: the bias, and minus infinity where a query must not see a key.

        Returns:
            Shape (1 or heads, queries, keys); None where nothing is to be added.
        """
        bias = self.bias
        if bias is not None:
            bias = bias[:, queries.start : queries.stop, keys.start : keys.stop]
        windowed = self.window is not None and len(keys) > self.window + 1
        if not self.causal and not windowed:
            return bias
        after = torch.arange(keys.start, keys.stop, device=like.device) - torch.arange(
            queries.start, queries.stop, device=like.device
        ).unsqueeze(1)
        unseen = after > 0 if self.causal else torch.zeros_like(after, dtype=torch.bool)
        if self.window is not None:
            unseen = unseen | (after.abs() > self.window)
        added = like.new_zeros(unseen.shape).masked_fill_(unseen, -math.inf).unsqueeze(0)
        return added if bias is None else added + bias


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, runs: Sequence[Run], attention: Attention
) -> torch.Tensor:
    """Softmax attention inside each text, scaled by one over the root of a head's width.

    Args:
        q, k, v: Shape (tokens, heads x width); they may be slices of one tensor.
        runs: The texts.
        attention: What it is like.

    Returns:
        Shape (tokens, heads x width), in memory of its own.
    """
    out = q.new_empty(q.shape)
    for run in runs:
        way = _multiply if _by_product(q, run, attention) else _fused
        way(
            _heads(q, run, attention.heads),
            _heads(k, run, attention.kv_heads),
            _heads(v, run, attention.kv_heads),
            attention,
            _heads(out, run, attention.heads),
        )
    return out


def _heads(x: torch.Tensor, run: Run, heads: int) -> torch.Tensor:
    """A view of shape (texts, heads, length, width)."""
    return x[run.rows].view(run.texts, run.length, heads, -1).transpose(1, 2)


def _by_product(q: torch.Tensor, run: Run, attention: Attention) -> bool:
    return (
        q.device.type == "cpu"
        and attention.heads == attention.kv_heads
        and run.length < _FUSED_FROM.get(q.dtype, 0)
        and run.texts * run.length >= _FEW_TOKENS
    )


def _multiply(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, attention: Attention, into: torch.Tensor
) -> None:
    """All tensors of shape (texts, heads, length, width)."""
    texts, heads, length, width = q.shape
    hidden = attention.hidden(range(length), range(length), q)
    step = max(1, _SCORES // (heads * length * length))
    for first in range(0, texts, step):
        some = slice(first, first + step)
        queries, keys, values = (x[some].reshape(-1, length, width) for x in (q, k, v))
        # Of one text they are still slices of wider rows, which costs the product more than two copies.
        queries, keys = queries.contiguous(), keys.contiguous()
        scores = q.new_empty(len(queries), length, length)
        torch.baddbmm(scores, queries, keys.transpose(1, 2), beta=0, alpha=1 / math.sqrt(width), out=scores)
        if hidden is not None:
            scores.view(-1, heads, length, length).add_(hidden)
        if scores.dtype == torch.float32:
            torch.softmax(scores, -1, out=scores)
        else:  # torch's softmax to float32 and the way back are faster than its softmax in bfloat16
            scores.copy_(torch.softmax(scores, -1, dtype=torch.float32))
        into[some] = torch.bmm(scores, values).view(-1, heads, length, width)


def _fused(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, attention: Attention, into: torch.Tensor
) -> None:
    length = q.shape[2]
    grouped = attention.heads != attention.kv_heads
    for queries, keys in _blocks(length, attention):
        only_causal = attention.causal and attention.bias is None and len(keys) == length == len(queries)
        only_causal = only_causal and (attention.window is None or attention.window + 1 >= length)
        hidden = None if only_causal else attention.hidden(queries, keys, q)
        into[:, :, queries.start : queries.stop] = F.scaled_dot_product_attention(
            q[:, :, queries.start : queries.stop],
            k[:, :, keys.start : keys.stop],
            v[:, :, keys.start : keys.stop],
            attn_mask=None if hidden is None else hidden.unsqueeze(0),
            is_causal=only_causal,
            enable_gqa=grouped,
        )


def _blocks(length: int, attention: Attention) -> Iterator[tuple[range, range]]:
    """Queries and the keys that they can see: all at once, or in blocks where a window is short."""
    window = attention.window
    if window is None or length <= 2 * (window + _BLOCK):
        yield range(length), range(length)
        return
    for first in range(0, length, _BLOCK):
        last = min(first + _BLOCK, length)
        ahead = 0 if attention.causal else window
        yield range(first, last), range(max(0, first - window), min(length, last + ahead))
