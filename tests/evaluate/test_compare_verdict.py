"""What a comparison says in sentences."""

from __future__ import annotations

import pytest

from tests.evaluate.made_up import answer, comparison, failure

REFUSED = failure("BudgetExceeded", "Too dear.")


def said(models, make, prompts=5, repeats=1):
    return comparison(models, [f"p{n}" for n in range(prompts)], repeats, make).verdict()


def test_the_best_are_named_with_how_far_behind_the_next_is():
    def make(m, p, r):
        return answer(seconds=(1.0, 1.5, 9.0)[m], usd=("0.01", "0.004", "0.02")[m])

    assert said(["a", "b", "c"], make) == [
        "Cheapest: b, $4.00 for 1,000 answers; a costs 2.5 times as much.",
        "Fastest to the first token: a, 0.25 s (median of 5); b takes 1.5 times as long.",
        "Fastest to the whole answer: a, 1.0 s (median of 5); b takes 1.5 times as long.",
        "No other is both cheaper and faster than a or b.",
        "Nothing failed: all 15 questions were answered.",
    ]


def test_equals_share_a_place():
    lines = said(["a", "b", "c"], lambda m, p, r: answer(seconds=1.0, usd=("1", "1", "2")[m]))
    assert lines[0] == "Cheapest: a and b, $1,000 for 1,000 answers; c costs 2.0 times as much."
    assert lines[1] == "Fastest to the first token: a, b and c, 0.25 s (median of 5)."


def test_of_what_is_free_nothing_can_be_a_multiple():
    lines = said(["a", "b"], lambda m, p, r: answer(usd=("0", "0.001")[m]))
    assert lines[0] == "Cheapest: a, $0 for 1,000 answers; b costs $1.00 for 1,000 answers."


def test_almost_equal_is_called_so():
    lines = said(["a", "b"], lambda m, p, r: answer(usd=("0.00100", "0.00101")[m]))
    assert lines[0].endswith("; b costs almost as much.")


def test_whose_cost_is_unknown_is_said_and_does_not_count():
    lines = said(["a", "b"], lambda m, p, r: answer(usd=("0.001", None)[m]))
    assert lines[0] == "Cheapest known: a, $1.00 for 1,000 answers."
    assert "Not known, and so not ranked, is the cost of b." in lines


def test_who_failed_most_is_named_with_the_kinds():
    def make(m, p, r):
        return failure("TimedOut" if p else "RateLimited") if m == 1 and p < 3 else answer()

    lines = said(["a", "b"], make)
    assert "Failed most: b, 3 of 5 (TimedOut 2, RateLimited 1)." in lines
    assert "Fewer answers than of others stand behind the figures of b." in lines


def test_several_that_failed_most_and_one_that_failed_less():
    lines = said(["a", "b", "c"], lambda m, p, r: failure() if p < (2, 2, 1)[m] else answer())
    assert "Failed most: a and b, 40% of questions each; also c." in lines


NOBODY = {
    "all failed": (lambda m, p, r: failure(), ["Nobody answered: 4 questions failed (RateLimited 4)."]),
    "none was asked": (
        lambda m, p, r: REFUSED,
        ["4 questions not asked, since no budget covered the call."],
    ),
    "some of both": (
        lambda m, p, r: REFUSED if m else failure(),
        [
            "Nobody answered: 2 questions failed (RateLimited 2).",
            "2 questions not asked, since no budget covered the call.",
        ],
    ),
}


@pytest.mark.parametrize(("make", "lines"), NOBODY.values(), ids=NOBODY.keys())
def test_where_nobody_answered_that_is_all_that_is_said(make, lines):
    assert said(["a", "b"], make, prompts=2) == lines


def test_one_model_alone_is_the_best_of_nothing():
    assert said(["a"], lambda m, p, r: answer(), prompts=1) == [
        "Cost: $1.00 for 1,000 answers.",
        "First token: 0.25 s (one answer).",
        "Whole answer: 1.0 s (one answer).",
        "Nothing failed.",
    ]


def test_what_was_not_asked_is_said_with_whom():
    lines = said(["a", "b"], lambda m, p, r: REFUSED if m and p == 4 else answer())
    assert "1 question was not asked, since no budget covered the call: b." in lines
    assert "Nothing failed." in lines


def test_few_answers_are_called_few():
    assert said(["a", "b"], lambda m, p, r: answer(), prompts=3)[-1].startswith("With as few as 3 answers")


def test_of_many_names_the_first_are_enough():
    lines = said([f"m{n}" for n in range(20)], lambda m, p, r: answer())
    assert lines[0] == "Cheapest: m0, m1, m2, m3 and 16 others, $1.00 for 1,000 answers."
