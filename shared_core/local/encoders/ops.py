"""The words that encoders are written in. An engine gives them their meaning.

An encoder is written once. With torch it runs anew for every batch, and a handle is a tensor; OpenVINO and
ONNX Runtime run it once, at load, and a handle is a node of the graph it draws.

Whether tokens lie packed one after another, or padded in a rectangle, is the engine's affair: encoders see
token vectors, `(tokens, width)` in thought, and attention that keeps each text to itself.

Weights are named as in the checkpoint, without the prefix of its model class ("bert.", "model.").
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from shared_core.local.recipe import Activation, Pooling

__all__ = ["Ops"]

T = TypeVar("T")


class Ops(Protocol[T]):
    """What an engine can compute."""

    def token_rows(self, table: str) -> T:
        """The row of `table` for each token's id."""

    def position_rows(self, table: str, first: int = 0) -> T:
        """The row of `table` for each token's place in its text; the first token has row `first`.

        Where `first` is not 0, fairseq's habit holds: its tokens of padding have the id `first - 1`, no place, and
        the row `first - 1`. Such a token may stand in a text (the very word "<pad>"); those after it count on.
        Source: `create_position_ids_from_input_ids` in transformers' modeling_roberta.py (5.23).
        """

    def row(self, table: str, index: int) -> T:
        """One row of a table, to be added to every token."""

    def add(self, *terms: T) -> T:
        """Their sum."""

    def multiply(self, left: T, right: T) -> T:
        """Their product, number by number."""

    def activate(self, x: T, activation: Activation) -> T:
        """An activation on its own."""

    def linear(self, x: T, *names: str, activation: Activation | None = None) -> T:
        """`x @ weight.T + bias` of the layer (`name.weight`, `name.bias` where it is stored).

        Several names are one product over their stacked weights, outputs side by side.
        """

    def split(self, x: T, *widths: int) -> tuple[T, ...]:
        """Pieces of the last axis."""

    def layer_norm(self, x: T, name: str, eps: float) -> T:
        """Layer normalisation; `name.bias` only where it is stored."""

    def rms_norm(self, x: T, name: str, eps: float) -> T:
        """Root-mean-square normalisation, in groups as long as `name.weight`: per head where that is a head."""

    def rotate(self, x: T, heads: int, theta: float) -> T:
        """Rotary position embedding, the halves of each head turned against each other (as in Llama)."""

    def relative_bias(self, table: str, buckets: int, furthest: int) -> T:
        """T5's bucketed bias of attention, both directions: table (buckets, heads), by key minus query place."""

    def attention(
        self,
        q: T,
        k: T,
        v: T,
        *,
        heads: int,
        kv_heads: int | None = None,
        bias: T | None = None,
        causal: bool = False,
        window: int | None = None,
    ) -> T:
        """Softmax attention inside each text, scaled by 1/sqrt(width of a head).

        Args:
            q, k, v: Heads side by side in the last axis.
            heads: Heads of `q`.
            kv_heads: Heads of `k` and `v` where they are fewer (grouped queries).
            bias: From `relative_bias`, added before the softmax.
            causal: A token sees itself and those before it.
            window: A token sees those at most this many places away.
        """

    def pool(self, x: T, pooling: Pooling) -> T:
        """One vector a text, `(texts, width)`."""

    def normalise(self, x: T) -> T:
        """Length 1, row by row; a row of zeros stays one."""
