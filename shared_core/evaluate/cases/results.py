"""What came of testing models by cases: every run of every case, what passed, how sure that is.

A run passes when there is an answer and all checks pass. A case passes with a model when the share of its repeats
that passed reaches the case's threshold: a run that failed, or that no budget covered, has not passed. Rates and
intervals are of the runs that were made.

Lives here: the results, and what follows from them. Not here: the run (`run`), files and tables (`reports`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from shared_core.evaluate.cases.cases import Case
from shared_core.evaluate.cases.checks import Verdict
from shared_core.evaluate.figures import Figures
from shared_core.evaluate.intervals import wilson
from shared_core.evaluate.running import Asked
from shared_core.types import BudgetState, Cost

__all__ = ["CaseResult", "CaseResults", "CaseRun", "Outcome", "results_of"]

_LONGEST = 500  # characters of a reason
Outcome = Literal["passed", "failed", "error", "not asked"]
"""All checks passed; one did not; there is no answer, or a check could not be told; the budget did not cover it."""


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One answer, and what its checks say.

    Args:
        asked: The question and what came of it.
        verdicts: One a check of the case; none where there is no answer.
    """

    asked: Asked
    verdicts: tuple[Verdict, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What came of it."""
        answer = self.asked.answer
        if not answer.ok:
            return "error" if answer.asked else "not asked"
        said = [verdict.passed for verdict in self.verdicts]
        return "failed" if False in said else "error" if None in said else "passed"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case with one model.

    Args:
        case: The case.
        model: Who was asked.
        runs: One a repeat.
    """

    case: Case
    model: str
    runs: tuple[CaseRun, ...]

    def count(self, outcome: Outcome) -> int:
        """How many runs came to that."""
        return sum(run.outcome == outcome for run in self.runs)

    @property
    def passes(self) -> int:
        """How many runs passed."""
        return self.count("passed")

    @property
    def made(self) -> int:
        """How many runs were made: all but those that no budget covered."""
        return len(self.runs) - self.count("not asked")

    @property
    def rate(self) -> float | None:
        """The share of the runs made that passed; None where none was made."""
        return self.passes / self.made if self.made else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true rate lies, with 95 % confidence (`intervals`)."""
        return wilson(self.passes, self.made)

    @property
    def outcome(self) -> Outcome:
        """ "passed" where enough runs did; else the gravest of what befell the others."""
        if self.passes >= Decimal(str(self.case.threshold)) * len(self.runs):
            return "passed"
        return next(outcome for outcome in ("failed", "error", "not asked") if self.count(outcome))

    @property
    def reasons(self) -> list[str]:
        """Why runs did not pass: a line for each check and each kind of failure, with the first of its reasons, or the
        beginning of it."""
        found: dict[str, list[str]] = {}
        for run in self.runs:
            for what, why in _reasons(self.case, run):
                found.setdefault(what, []).append(why)
        return [
            f"{what}: {_short(whys[0])}" + (f" ({len(whys)} times)" if len(whys) > 1 else "")
            for what, whys in found.items()
        ]

    @property
    def example(self) -> str:
        """The first answer that did not pass; "" where there is none."""
        return next((run.asked.answer.text for run in self.runs if run.outcome in ("failed", "error")), "")

    @property
    def figures(self) -> Figures:
        """Times, tokens and costs of its answers."""
        return Figures.of(run.asked for run in self.runs)


def _short(why: str) -> str:
    """A judge, a check or a model may give a reason of any length, which the JSON holds."""
    return why if len(why) <= _LONGEST else f"{why[: _LONGEST - 1]}…"


def _reasons(case: Case, run: CaseRun) -> list[tuple[str, str]]:
    """What did not pass, and why."""
    answer = run.asked.answer
    if not answer.ok:
        return [(answer.error, answer.why)]
    gravest = False if run.outcome == "failed" else None
    return [
        (check.words, verdict.why or "no")
        for check, verdict in zip(case.checks, run.verdicts, strict=True)
        if verdict.passed is gravest
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResults:
    """What came of all cases with all models.

    Args:
        results: By case, then model.
        name: What the cases are called together.
        repeats: How often each was asked each.
        started: When the run began, in Unix seconds.
        seconds: How long it took.
        judging: What the judge was asked: counts, tokens and costs, apart from those of the models.
        embedding: What vectors cost; None where there were none.
        budget: How the budget stands; None without one.
        notes: What else is to be said.

    Example:
        >>> results = evaluator.run_cases("cases.yaml", ["org/name"], repeats=5)  # doctest: +SKIP
        >>> results.ok, results.save("junit.xml")  # doctest: +SKIP
        (True, PosixPath('junit.xml'))
    """

    results: tuple[CaseResult, ...]
    name: str
    repeats: int
    started: float
    seconds: float
    judging: Figures = field(repr=False)
    embedding: Cost | None = None
    budget: BudgetState | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every case passed with every model."""
        return all(result.outcome == "passed" for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """How many of the results came to that."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def models(self) -> list[str]:
        """Who was asked."""
        return list(dict.fromkeys(result.model for result in self.results))

    @property
    def figures(self) -> Figures:
        """Times, tokens and costs of all answers, without the judge's."""
        return Figures.of(run.asked for result in self.results for run in result.runs)

    def as_dict(self) -> dict[str, Any]:
        """All of it, as plain JSON values: money as a text."""
        from shared_core.evaluate.cases.reports import as_dict

        return as_dict(self)

    def to_json(self) -> str:
        """`as_dict` as JSON."""
        from shared_core.evaluate.cases.reports import as_json

        return as_json(self)

    def to_markdown(self) -> str:
        """A table and the failures in Markdown, such as for a job's summary."""
        from shared_core.evaluate.cases.reports import as_markdown

        return as_markdown(self)

    def to_junit(self) -> str:
        """A JUnit report, which GitHub's actions, GitLab and Jenkins read: a suite a model, a test a case."""
        from shared_core.evaluate.cases.junit import as_junit

        return as_junit(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a file, by its name's ending: .xml (JUnit), .md or .json. JSON and JUnit hold answers: keep them as
        you would those.

        Args:
            path: Where. What stood there is replaced once all of the new is written.

        Raises:
            ConfigError: Its name ends otherwise, or it cannot be written.
        """
        from shared_core.evaluate.written import save

        return save(path, {".json": self.to_json, ".md": self.to_markdown, ".xml": self.to_junit})


def results_of(cases: Sequence[Case], runs: Sequence[CaseRun]) -> tuple[CaseResult, ...]:
    """Runs, sorted by case and model."""
    by_name = {case.name: case for case in cases}
    sorted_in: dict[tuple[str, str], list[CaseRun]] = {}
    for run in runs:
        sorted_in.setdefault((run.asked.prompt, run.asked.subject), []).append(run)
    return tuple(CaseResult(by_name[name], model, tuple(found)) for (name, model), found in sorted_in.items())
