"""Tokens in batches: any budget gives the same vectors in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_core.local.batches import cuts, run, sorted_by_length
from shared_core.local.engines import TokenBatch


class Engine:
    """Its vector of a text is (tokens, first id, sum of ids); it remembers the shape of each batch."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.shapes: list[tuple[int, int]] = []

    def run(self, batch: TokenBatch) -> np.ndarray:
        self.shapes.append((len(batch.lengths), int(batch.lengths.max())))
        texts = np.split(batch.ids, np.cumsum(batch.lengths)[:-1])
        return np.array([[len(text), text[0], text.sum()] for text in texts], np.float32)

    def run_each(self, batches: Iterable[TokenBatch]) -> Iterator[np.ndarray]:
        return map(self.run, batches)


texts = st.lists(st.lists(st.integers(0, 30_000), min_size=1, max_size=40), min_size=1, max_size=60)


def packed(rows: list[list[int]]) -> TokenBatch:
    return TokenBatch(
        np.concatenate([np.array(row, np.int32) for row in rows]), np.array([len(r) for r in rows], np.int32)
    )


@given(texts, st.integers(1, 500))
def test_any_budget_gives_the_same_vectors_in_the_order_of_the_texts(
    rows: list[list[int]], budget: int
) -> None:
    engine = Engine(budget)
    vectors = run(engine, packed(rows), 3)
    assert vectors.tolist() == [[len(row), row[0], sum(row)] for row in rows]
    assert vectors.dtype == np.float32
    assert all(count == 1 or count * longest <= budget for count, longest in engine.shapes)
    assert sum(count for count, _ in engine.shapes) == len(rows)


@given(texts)
def test_sorting_keeps_every_text_whole(rows: list[list[int]]) -> None:
    order, tokens = sorted_by_length(packed(rows))
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert (np.diff(tokens.lengths) <= 0).all()
    pieces = np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])
    assert [piece.tolist() for piece in pieces] == [rows[place] for place in order]


@pytest.mark.parametrize(
    ("lengths", "budget", "expected"),
    [
        ([8, 4, 4, 2, 2, 2], 8, [(0, 1), (1, 3), (3, 6)]),
        ([9, 1], 8, [(0, 1), (1, 2)]),
        ([1], 1, [(0, 1)]),
        ([2, 2, 2], 100, [(0, 3)]),
    ],
    ids=["as many as fit", "a text over the budget is alone", "one text", "all together"],
)
def test_where_batches_are_cut(lengths: list[int], budget: int, expected: list[tuple[int, int]]) -> None:
    assert list(cuts(np.array(lengths, np.int32), budget)) == expected


def test_what_fits_into_one_batch_is_not_touched() -> None:
    engine, tokens = Engine(1000), packed([[1], [2, 3], [4, 5, 6]])
    run(engine, tokens, 3)
    assert engine.shapes == [(3, 3)]


def test_each_batch_waits_for_its_own_turn() -> None:
    class Turn:
        entered = left = 0

        def __enter__(self) -> None:
            self.entered += 1

        def __exit__(self, *_: object) -> None:
            self.left += 1

    turn, engine = Turn(), Engine(2)
    run(engine, packed([[1, 2]] * 5), 3, turn)
    assert (turn.entered, turn.left, len(engine.shapes)) == (5, 5, 5)
