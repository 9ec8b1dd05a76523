"""The words of encoders in torch, each against its meaning in plain numpy, over texts of many lengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy_ops import NumpyOps

from shared_core.errors import ConfigError
from shared_core.local.engines import (
    TokenBatch,
    torch_attention,
)
from shared_core.local.engines.torch_attention import Attention, attend
from shared_core.local.engines.torch_layout import Layout, pieces, sorted_by_length
from shared_core.local.engines.torch_linear import PlainLinear, cpu_linear
from shared_core.local.engines.torch_ops import TorchOps
from shared_core.local.engines.torch_stock import Stock
from shared_core.local.engines.torch_varlen import CudaAttention

pytestmark = pytest.mark.pinned_set

LENGTHS = (600, 300, 70, 70, 63, 9, 9, 9, 2, 1)
"""Longer than a block of a window, on both sides of the fused attention's threshold, alone and in runs."""

WIDTH, HEADS = 32, 4


class Drawn:
    """Random weights with the look of `Weights`."""

    def __init__(self) -> None:
        draw = np.random.default_rng(7).standard_normal
        self._arrays = {
            "table.weight": draw((700, WIDTH)),
            "a.weight": draw((24, WIDTH)) / 4,
            "a.bias": draw(24),
            "b.weight": draw((8, WIDTH)) / 4,
            "square.weight": draw((WIDTH, WIDTH)) / 6,
            "square.bias": draw(WIDTH),
            "norm.weight": draw(WIDTH),
            "norm.bias": draw(WIDTH),
            "bare.weight": draw(WIDTH),
            "head.weight": draw(WIDTH // HEADS),
            "buckets.weight": draw((32, HEADS)),
        }

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def numpy(self, name: str) -> np.ndarray:
        return self._arrays[name].astype(np.float32)

    def torch(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.numpy(name))


def batch_of(*lengths: int) -> TokenBatch:
    ids = np.random.default_rng(3).integers(0, 700, sum(lengths)).astype(np.int32)
    return TokenBatch(ids, np.array(lengths, np.int32))


def in_torch(batch: TokenBatch) -> TorchOps:
    stock = Stock(Drawn(), torch.float32, torch.device("cpu"), cpu_linear(torch.float32)[0])
    return TorchOps(stock, Layout.of(batch), lambda q, k, v, layout, kind: attend(q, k, v, layout.runs, kind))


def drawn(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


BATCH = batch_of(*LENGTHS)
TOKENS = len(BATCH.ids)
X, Y = drawn(TOKENS, WIDTH, 1), drawn(TOKENS, WIDTH, 2)
GLU = drawn(TOKENS, 3 * WIDTH, 4)

WORDS = {
    "rows of tokens": lambda ops, of: ops.token_rows("table"),
    "rows of places": lambda ops, of: ops.position_rows("table"),
    "rows of places, counted from two": lambda ops, of: ops.position_rows("table", 2),
    "one row added to all": lambda ops, of: ops.add(of(X), of(Y), ops.row("table", 5)),
    "one row before all others": lambda ops, of: ops.add(ops.row("table", 5), ops.row("table", 6), of(X)),
    "a product number by number": lambda ops, of: ops.multiply(of(X), of(Y)),
    "a layer": lambda ops, of: ops.linear(of(X), "a"),
    "a layer without bias": lambda ops, of: ops.linear(of(X), "b"),
    "layers stacked, one without bias": lambda ops, of: ops.linear(of(X), "a", "b"),
    "a layer and a sum": lambda ops, of: ops.add(of(Y), ops.linear(of(X), "square")),
    "a sum of two layers": lambda ops, of: ops.add(ops.linear(of(Y), "square"), ops.linear(of(X), "square")),
    "a layer and one row": lambda ops, of: ops.add(ops.linear(of(X), "square"), ops.row("table", 1)),
    "a layer after a layer": lambda ops, of: ops.linear(ops.linear(of(X), "square"), "a"),
    "a layer over a slice": lambda ops, of: ops.linear(ops.split(of(GLU), WIDTH, WIDTH, WIDTH)[1], "a"),
    "a slice added to a layer": lambda ops, of: ops.add(
        ops.split(of(GLU), WIDTH, 2 * WIDTH)[0], ops.linear(of(X), "square")
    ),
    "layer normalisation": lambda ops, of: ops.layer_norm(of(X), "norm", 1e-12),
    "layer normalisation without bias": lambda ops, of: ops.layer_norm(of(X), "bare", 1e-5),
    "root-mean-square normalisation": lambda ops, of: ops.rms_norm(of(X), "norm", 1e-6),
    "the same for each head": lambda ops, of: ops.rms_norm(of(X), "head", 1e-6),
    "rotation": lambda ops, of: ops.rotate(of(X), HEADS, 10_000.0),
    "rotation of a slice": lambda ops, of: ops.rotate(ops.split(of(GLU), WIDTH, 2 * WIDTH)[0], HEADS, 1e6),
    "relative bias": lambda ops, of: ops.relative_bias("buckets", 32, 128),
    "length 1": lambda ops, of: ops.normalise(of(X * (np.arange(TOKENS) % 3 > 0)[:, None])),
    **{
        f"{name} alone": lambda ops, of, name=name: ops.activate(of(X), name)
        for name in ("gelu", "gelu_tanh", "relu", "silu", "tanh")
    },
    **{
        f"a layer and {name}": lambda ops, of, name=name: ops.linear(of(X), "a", activation=name)
        for name in ("gelu", "gelu_tanh", "relu", "silu", "tanh")
    },
    **{
        f"the {name} of each text": lambda ops, of, name=name: ops.pool(of(X), name)
        for name in ("mean", "max", "cls", "last")
    },
}


def value(handle: object) -> np.ndarray:
    return (handle if isinstance(handle, torch.Tensor) else handle.value()).numpy()


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_a_word_means_in_torch_what_it_means_in_numpy(word: Callable[..., object]) -> None:
    with torch.inference_mode():
        ours = value(word(in_torch(BATCH), torch.from_numpy))
    expected = word(NumpyOps(Drawn(), BATCH), lambda x: x)
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=2e-4)


KINDS = {
    "plain": {},
    "causal": {"causal": True},
    "a window": {"window": 5},
    "a window wider than most texts": {"window": 100},
    "a window that looks back only": {"window": 5, "causal": True},
    "grouped queries": {"kv_heads": 2},
    "grouped queries, causal, a window": {"kv_heads": 1, "causal": True, "window": 33},
    "a bias": {"bias": True},
    "a bias and a window": {"bias": True, "window": 4},
}


def attention_of(kind: dict[str, object], ops: object, of: Callable[[np.ndarray], object]) -> object:
    kind = dict(kind)
    if kind.pop("bias", False):
        kind["bias"] = ops.relative_bias("buckets", 32, 128)
    theirs = WIDTH // HEADS * kind.get("kv_heads", HEADS)
    q, k, v = ops.split(of(drawn(TOKENS, WIDTH + 2 * theirs)), WIDTH, theirs, theirs)
    return ops.attention(q, k, v, heads=HEADS, **kind)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("fused_from", [0, 64, 10_000], ids=["always fused", "mixed", "never fused"])
def test_attention_keeps_each_text_to_itself(
    kind: dict[str, object], fused_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(torch_attention._FUSED_FROM, torch.float32, fused_from)
    monkeypatch.setattr(torch_attention, "_FEW_TOKENS", 5)
    with torch.inference_mode():
        ours = value(attention_of(kind, in_torch(BATCH), torch.from_numpy))
    expected = attention_of(kind, NumpyOps(Drawn(), BATCH), lambda x: x)
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=2e-4)


def test_many_short_texts_are_multiplied_in_portions_that_fit_a_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = batch_of(*[7] * 50)
    q, k, v = (torch.from_numpy(drawn(350, WIDTH, seed)) for seed in range(3))
    runs, kind = Layout.of(batch).runs, Attention(HEADS, HEADS)
    whole = attend(q, k, v, runs, kind)
    monkeypatch.setattr(torch_attention, "_SCORES", 3 * HEADS * 7 * 7)
    torch.testing.assert_close(attend(q, k, v, runs, kind), whole)


def test_a_window_over_a_long_text_never_looks_at_all_keys_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = torch.nn.functional.scaled_dot_product_attention

    def watched(q: torch.Tensor, k: torch.Tensor, *rest: object, **more: object) -> torch.Tensor:
        seen.append(k.shape[2])
        return real(q, k, *rest, **more)

    monkeypatch.setattr(torch_attention.F, "scaled_dot_product_attention", watched)
    x = torch.from_numpy(drawn(2000, WIDTH))
    attend(x, x, x, Layout.of(batch_of(2000)).runs, Attention(HEADS, HEADS, window=10))
    assert len(seen) == 8
    assert max(seen) == 256 + 2 * 10


def test_sorted_texts_keep_their_tokens() -> None:
    batch = batch_of(3, 1, 5, 1, 5)
    order, moved = sorted_by_length(batch)
    assert order.tolist() == [2, 4, 0, 1, 3]
    assert moved.lengths.tolist() == [5, 5, 3, 1, 1]
    texts = np.split(batch.ids, np.cumsum(batch.lengths)[:-1])
    for text, place in zip(np.split(moved.ids, np.cumsum(moved.lengths)[:-1]), order, strict=True):
        np.testing.assert_array_equal(text, texts[place])
    assert sorted_by_length(moved)[0] is None


def test_pieces_hold_no_more_than_the_limit_unless_one_text_does() -> None:
    batch = batch_of(4, 4, 9, 1, 1, 1, 3)
    found = list(pieces(batch, 5))
    assert [piece.lengths.tolist() for piece in found] == [[4], [4], [9], [1, 1, 1], [3]]
    np.testing.assert_array_equal(np.concatenate([piece.ids for piece in found]), batch.ids)
    assert list(pieces(batch, 23)) == [batch]


def test_a_token_that_the_table_lacks_is_an_error_with_both_numbers() -> None:
    batch = replace(batch_of(2), ids=np.array([1, 700], np.int32))
    with pytest.raises(ConfigError, match=r"gives id 700.*only 700 tokens"):
        in_torch(batch).token_rows("table")


def test_a_text_longer_than_the_places_is_an_error_with_both_numbers() -> None:
    with pytest.raises(ConfigError, match=r"701 tokens.*places for 698"):
        in_torch(batch_of(3, 701)).position_rows("table", 2)


class Packed:
    """Stands for a GPU's kernel: computes run by run, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, kind: Attention
    ) -> torch.Tensor:
        self.calls += 1
        found = attend(q.flatten(1), k.flatten(1), v.flatten(1), layout.runs, kind)
        return found.view(q.shape)


@pytest.mark.parametrize(
    ("kind", "abilities", "calls"),
    [
        ({}, {}, 1),
        ({"causal": True}, {}, 1),
        ({"window": 5}, {}, 0),
        ({"window": 600}, {}, 1),
        ({"window": 5}, {"windows": True}, 1),
        ({"kv_heads": 2}, {}, 0),
        ({"kv_heads": 2}, {"groups": True}, 1),
        ({"bias": True}, {"groups": True, "windows": True}, 0),
    ],
)
def test_a_packed_kernel_is_used_for_what_it_can_do(
    kind: dict[str, object], abilities: dict[str, bool], calls: int
) -> None:
    packed = Packed()
    stock = Stock(Drawn(), torch.float32, torch.device("cpu"), PlainLinear)
    ops = TorchOps(stock, Layout.of(BATCH), CudaAttention(packed, **abilities))
    with torch.inference_mode():
        ours = value(attention_of(kind, ops, torch.from_numpy))
    assert packed.calls == calls
    expected = attention_of(kind, NumpyOps(Drawn(), BATCH), lambda x: x)
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=2e-4)
