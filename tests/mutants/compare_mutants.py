"""Sabotages of comparisons on a user's own prompts: sums, ranks, runs under a budget, and the page."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["COMPARISONS"]

_FIGURES = "shared_core/evaluate/figures.py"
_SUMS = ("tests/evaluate/test_compare_figures.py",)
_PAGE = ("tests/evaluate/test_compare_report.py",)

COMPARISONS = (
    Mutant(
        "Comparison: answers of unknown cost count as free",
        _FIGURES,
        "return None if self.unknown_costs else self.known_cost",
        "return self.known_cost",
        _SUMS,
    ),
    Mutant(
        "Comparison: p95 is one rank too low",
        _FIGURES,
        "math.ceil(round(share * len(ordered), 9)) - 1",
        "math.ceil(round(share * len(ordered), 9)) - 2",
        _SUMS,
    ),
    Mutant(
        "Comparison: of equal models one drives the other from the front",
        "shared_core/evaluate/comparing/standing.py",
        "other != point and other[0]",
        "other is not point and other[0]",
        ("tests/evaluate/test_compare_standing.py",),
    ),
    Mutant(
        "Comparison: what calls in flight held the money for is not asked again",
        "shared_core/evaluate/running.py",
        "if missed := self._missed() if self.at_once > 1 else []:",
        "if missed := []:",
        ("tests/evaluate/test_evaluate_run.py",),
    ),
    Mutant(
        "Comparison: a model's name is markup in a drawing",
        "shared_core/evaluate/comparing/report/scatter.py",
        "<title>{escaped(short(told, 300))}</title>",
        "<title>{short(told, 300)}</title>",
        _PAGE,
    ),
    Mutant(
        "Comparison: a cell of CSV may be a formula",
        "shared_core/_text.py",
        'return f"\'{text}" if text.startswith(_FORMULAS) else text',
        'return f"\'{text}" if text in _FORMULAS else text',
        ("tests/evaluate/test_compare_files.py",),
    ),
    Mutant(
        "Comparison: after an interrupt the file of answers is thrown away",
        "shared_core/cli/evaluating.py",
        "if ours and not _holds_answers(path):",
        "if ours:",
        ("tests/cli/test_cli_comparing.py::test_ctrl_c_keeps_what_was_answered_and_says_how_to_go_on",),
    ),
)
