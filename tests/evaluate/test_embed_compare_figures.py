"""Recall, nDCG, reciprocal rank, exact search and intervals: by hand, by others' numbers, and as properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core.errors import ConfigError, MalformedResponse
from shared_core.evaluate.embeddings.resampling import difference, estimate, holm
from shared_core.evaluate.embeddings.retrieval import FIGURES, ndcg, nearest, recall, reciprocal_rank

JUDGED = {
    "graded": ({"d1": 3, "d2": 2, "d3": 3, "d5": 1, "d6": 2}, ["d1", "d2", "d3", "d4", "d5", "d6"]),
    "one": ({"a": 1}, ["b", "a", "c"]),
    "half of it never found": ({"x": 1, "y": 2, "z": 1}, ["w", "y", "v", "u"]),
}
# What pytrec_eval-terrier 0.5.11 says of these (`ndcg_cut`, `recall`, `recip_rank`).
TREC = [
    ("graded", "ndcg", 3, 0.9777813616305049),
    ("graded", "ndcg", 6, 0.9608081943360617),
    ("graded", "recall", 3, 0.6),
    ("graded", "recall", 5, 0.8),
    ("graded", "mrr", 10, 1.0),
    ("one", "ndcg", 3, 0.6309297535714575),
    ("one", "recall", 3, 1.0),
    ("one", "mrr", 10, 0.5),
    ("half of it never found", "ndcg", 10, 0.4030302838010049),
    ("half of it never found", "recall", 10, 0.3333333333333333),
    ("half of it never found", "mrr", 10, 0.5),
]


@pytest.mark.parametrize(("case", "figure", "k", "said"), TREC, ids=lambda value: str(value))
def test_figures_are_those_of_trec_eval(case, figure, k, said):
    relevant, found = JUDGED[case]
    assert FIGURES[figure](found, relevant, k) == pytest.approx(said, abs=1e-12)


def test_ndcg_is_that_of_scikit_learn_where_everything_was_judged():
    relevant, found = JUDGED["graded"]  # ndcg_score([[3, 2, 3, 0, 1, 2]], [[6, 5, 4, 3, 2, 1]]), 1.9.1
    assert ndcg(found, relevant, 6) == pytest.approx(0.9608081943360616, abs=1e-12)


def test_ndcg_by_hand():
    # Gains 2 at rank 2 and 1 at rank 3; the best order would have them at 1 and 2.
    worked = (2 / math.log2(3) + 1 / 2) / (2 + 1 / math.log2(3))
    assert ndcg(["n", "good", "fair"], {"good": 2, "fair": 1}, 10) == pytest.approx(worked)


def test_recall_of_more_relevant_documents_than_k_stays_below_one():
    assert recall(["a", "b"], {"a": 1, "b": 1, "c": 1, "d": 1}, 2) == 0.5


def test_a_relevant_document_beyond_k_does_not_count():
    assert reciprocal_rank(["x", "y", "a"], {"a": 1}, 2) == 0


names = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=10)
grades = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 3), min_size=1)


@settings(deadline=None)
@given(found=names, relevant=grades, k=st.integers(1, 12))
def test_every_figure_is_from_0_to_1_and_recall_never_falls_with_k(found, relevant, k):
    for figure in FIGURES.values():
        assert 0 <= figure(found, relevant, k) <= 1 + 1e-12
    assert recall(found, relevant, k) <= recall(found, relevant, k + 1)
    assert reciprocal_rank(found, relevant, k) <= reciprocal_rank(found, relevant, k + 1)


@settings(deadline=None)
@given(relevant=grades, k=st.integers(1, 12))
def test_the_best_order_has_an_ndcg_of_1(relevant, k):
    best = sorted(relevant, key=lambda name: -relevant[name])
    assert ndcg(best, relevant, k) == pytest.approx(1)


def vectors(rows: int, width: int, seed: int) -> np.ndarray:
    """Few different numbers, so that there are many ties."""
    return np.random.default_rng(seed).integers(-1, 2, (rows, width)).astype(np.float32)


def slowly(documents, queries, names, k, similarity):
    """The same search, written down as it is defined."""
    found = []
    for query in queries.astype(float):
        scored = []
        for vector, those in zip(documents.astype(float), names, strict=True):
            score = float(vector @ query)
            if similarity == "cosine":
                score /= max(np.linalg.norm(vector) * np.linalg.norm(query), 1e-30)
            scored += [(-round(score, 5), name) for name in those]
        found.append([name for _, name in sorted(scored)[:k]])
    return found


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 30),
    k=st.integers(1, 12),
    seed=st.integers(0, 1000),
    similarity=st.sampled_from(["cosine", "dot"]),
)
def test_search_is_exact_and_equally_near_documents_come_by_name(rows, k, seed, similarity):
    documents, queries = vectors(rows, 4, seed), vectors(3, 4, seed + 1)
    # Some texts have two documents; names ascend by the first of each text.
    those = [[f"{row:03}", f"{row + 50 * (row % 3):03}"][: 1 + row % 2] for row in range(rows)]
    if similarity == "cosine":  # of directions that are exact in float32 alone, so that ties are ties
        documents, queries = np.sign(documents) * (np.arange(4) == seed % 4), np.abs(queries)
        documents, queries = documents.astype(np.float32), queries.astype(np.float32)
    assert list(nearest(documents, queries, those, k, similarity)) == slowly(
        documents, queries, those, k, similarity
    )


def test_search_in_blocks_finds_what_search_at_once_finds(monkeypatch):
    documents, queries = vectors(500, 8, 1), vectors(40, 8, 2)
    those = [[f"{row:03}"] for row in range(500)]
    at_once = list(nearest(documents, queries, those, 10, "dot"))
    monkeypatch.setattr("shared_core.evaluate.embeddings.retrieval._DOCUMENTS", 7)
    monkeypatch.setattr("shared_core.evaluate.embeddings.retrieval._QUERIES", 3)
    assert list(nearest(documents, queries, those, 10, "dot")) == at_once


def test_a_model_that_says_the_same_of_everything_is_no_better_for_the_order_of_the_documents():
    same = np.ones((5, 3), np.float32)
    assert next(nearest(same, same[:1], [["a"], ["b"], ["c"], ["d"], ["e"]], 2)) == ["a", "b"]


def test_a_vector_of_zeros_is_far_from_all():
    documents = np.array([[0, 0], [1, 1]], np.float32)
    assert next(nearest(documents, np.array([[1, 0]], np.float32), [["a"], ["b"]], 2)) == ["b", "a"]


@pytest.mark.parametrize("wrong", [math.nan, math.inf], ids=["not a number", "infinite"])
def test_vectors_that_are_not_finite_are_refused(wrong):
    documents = np.array([[1, wrong]], np.float32)
    with pytest.raises(MalformedResponse, match="no finite number"):
        list(nearest(documents, documents, [["a"]], 1))


def test_vectors_of_two_lengths_are_refused():
    with pytest.raises(MalformedResponse, match="Documents have 2 dimensions, queries 3"):
        list(nearest(np.ones((1, 2), np.float32), np.ones((1, 3), np.float32), [["a"]], 1))


def test_a_similarity_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="no similarity 'near'"):
        list(nearest(np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), [["a"]], 1, "near"))


# -- intervals ---------------------------------------------------------------------------------------------


def test_an_interval_holds_the_mean_and_is_the_same_for_the_same_seed():
    values = (np.random.default_rng(3).random(200) ** 2).tolist()
    one = estimate(values, seed=7)
    assert one == estimate(values, seed=7)
    assert one.low < one.mean < one.high
    # The normal approximation, which a bootstrap of 200 values is close to.
    half = 1.96 * np.std(values) / math.sqrt(200)
    assert (one.high - one.low) / 2 == pytest.approx(half, rel=0.05)


def test_queries_that_all_came_out_well_are_no_proof_of_a_perfect_model():
    told = estimate([1.0] * 40, seed=0)
    assert (told.mean, told.high) == (1.0, 1.0)
    assert told.low == pytest.approx(
        0.9124, abs=1e-4
    )  # statsmodels: proportion_confint(40, 40, method="wilson")


def test_of_few_queries_little_is_claimed():
    told = estimate([1.0, 0.0, 1.0], seed=0)
    assert told.high - told.low > 0.6


def test_a_difference_of_nothing_is_chance_for_certain():
    told = difference([0.5, 1.0] * 10, [0.5, 1.0] * 10, seed=0)
    assert (told.mean, told.low, told.high, told.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_of_fewer_than_six_queries_no_difference_is_known(n):
    told = difference([1.0] * n, [0.0] * n, seed=0)
    assert (told.mean, told.low, told.high, told.p) == (1, -1, 1, 2 / 2**n)


def test_an_interval_holds_what_the_test_does_not_reject():
    apart = [0.1, 0.3, 0.2, 0.5, 0.4, 0.25, 0.35, -0.05]
    told = difference(apart, [0.0] * 8, seed=0)
    inside, outside = 1e-6, -1e-6
    for bound, away in ((told.low, 1), (told.high, -1)):
        assert difference(apart, [bound + away * inside] * 8, seed=0).p > 0.05
        assert difference(apart, [bound + away * outside] * 8, seed=0).p <= 0.05


@pytest.mark.parametrize("n", [8, 13, 20])
def test_an_interval_holds_the_difference_that_there_is_as_often_as_promised(n):
    random = np.random.default_rng(n)
    held = 0
    for _ in range(200):
        told = difference(random.normal(0.1, 0.2, n).tolist(), [0.0] * n, seed=0)
        held += told.low <= 0.1 <= told.high
    assert held / 200 > 0.91


def test_the_chance_of_a_difference_is_that_of_all_swaps():
    ours, theirs = [0.9, 0.8, 0.7, 0.9, 0.6], [0.5, 0.7, 0.6, 0.4, 0.6]
    apart = [one - other for one, other in zip(ours, theirs, strict=True)]
    swaps = [sum(d * (1 if bits >> n & 1 else -1) for n, d in enumerate(apart)) for bits in range(32)]
    exact = sum(abs(total) >= abs(sum(apart)) - 1e-12 for total in swaps) / 32
    assert difference(ours, theirs, seed=0).p == exact


def test_models_that_are_alike_are_told_apart_as_rarely_as_promised():
    random = np.random.default_rng(0)
    chances = [
        difference(random.random(30).tolist(), random.random(30).tolist(), seed).p for seed in range(200)
    ]
    assert sum(p < 0.05 for p in chances) / 200 < 0.09


def test_a_clear_difference_is_beyond_chance_whichever_comes_first():
    random = np.random.default_rng(1)
    base = random.random(100) * 0.5
    better = (base + 0.1 + random.normal(0, 0.05, 100)).clip(0, 1)
    one, other = difference(better.tolist(), base.tolist(), 0), difference(base.tolist(), better.tolist(), 0)
    assert one.p == other.p < 0.001
    assert one.low > 0 > other.high


@settings(deadline=None)
@given(chances=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_looking_at_many_pairs_makes_no_chance_smaller_and_keeps_their_order(chances):
    adjusted = holm(chances)
    assert all(more >= p for more, p in zip(adjusted, chances, strict=True))
    assert max(adjusted) <= 1
    order = sorted(range(len(chances)), key=chances.__getitem__)
    assert [adjusted[place] for place in order] == sorted(adjusted)
