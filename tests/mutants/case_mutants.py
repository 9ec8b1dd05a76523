"""Sabotages of models tested by cases: what must not pass, whom nobody may ask, what a stranger's text may not do."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["CASES"]

_CHECKS = ("tests/evaluate/test_cases_checks.py",)
_RUN = ("tests/evaluate/test_cases_run.py",)
_RESULTS = ("tests/evaluate/test_cases_results.py",)

CASES = (
    Mutant(
        "What could not be told becomes a pass when it is turned round",
        "shared_core/evaluate/cases/checks/verdict.py",
        "        if self.passed is None:",
        "        if self.passed is self:",
        _CHECKS,
    ),
    Mutant(
        "A schema is checked with a registry that asks the network",
        "shared_core/evaluate/cases/checks/structure.py",
        "kind(schema, registry=REGISTRY)",
        "kind(schema)",
        _CHECKS,
    ),
    Mutant(
        "Code that a stranger's case names runs unasked",
        "shared_core/evaluate/cases/cases.py",
        "        allow_python: bool = False,",
        "        allow_python: bool = True,",
        ("tests/evaluate/test_cases_reading.py",),
    ),
    Mutant(
        "A verdict that a judge quotes counts as the judge's",
        "shared_core/evaluate/cases/checks/rubric.py",
        "fenced = _FENCED.fullmatch(text)",
        "fenced = _FENCED.search(text)",
        _CHECKS,
    ),
    Mutant(
        "A judge is paid for answers that have failed already",
        "shared_core/evaluate/cases/run.py",
        "if one.answer.ok and all(first[number].values())",
        "if one.answer.ok",
        _RUN,
    ),
    Mutant(
        "What the budget did not cover counts neither for nor against",
        "shared_core/evaluate/cases/results.py",
        "* len(self.runs):",
        "* self.made:",
        _RESULTS,
    ),
    Mutant(
        "Characters that XML cannot hold go into the report",
        "shared_core/evaluate/cases/junit.py",
        'return _NOT_XML.sub("\\ufffd", text)',
        "return text",
        _RESULTS,
    ),
    Mutant(
        "A chain's options are left out in silence",
        "langchain_hfrouter/subject.py",
        "        if options:",
        "        if not options and self is None:",
        ("tests/langchain/test_lc_subject.py",),
    ),
)
