"""Testing models by cases: the flow from arguments to `CaseResults`.

Not here: the asking (`running`), what checks say (`checks`), who is asked about answers (`grading`), how results are
told (`results`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared_core.errors import ConfigError
from shared_core.evaluate.cases.cases import Case, Cases
from shared_core.evaluate.cases.checks import Check, Verdict
from shared_core.evaluate.cases.grading import Graded, Grader, Question
from shared_core.evaluate.cases.results import CaseResults, CaseRun, results_of
from shared_core.evaluate.figures import Figures
from shared_core.evaluate.planning import Plan, RunOptions, beyond, check_names, planned
from shared_core.evaluate.running import Asked
from shared_core.flow import Flow, offload

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = ["CaseOptions", "prepared", "run_cases"]


class CaseOptions(RunOptions, total=False):
    """How cases are run: `RunOptions`, and more. What is given here goes before what the file says.

    Args:
        threshold: The share of repeats that must pass, for every case.
        judge: Who judges by `llm-rubric`: an id (asked at temperature 0), a function or a subject. It is asked only
            of answers that passed everything else, within the budget; its cost is counted apart.
        embedder: Whose vectors `similar` goes by: an id behind the router, "local:folder-or-id" on this machine, an
            embedder of ours, LangChain or LlamaIndex, or a function. None is none: nothing is downloaded unasked.
        allow_python: Whether checks of a file may run the code that they name. It runs with all your rights: look at
            a stranger's file first.
    """

    threshold: float | None
    judge: Any
    embedder: Any
    allow_python: bool


def run_cases(
    client: HFRouter | AsyncHFRouter, cases: Any, models: Sequence[Any] | None, how: CaseOptions
) -> Flow[CaseResults]:
    """See `Evaluator.run_cases`."""
    started, begun = time.time(), time.monotonic()
    check_names(how, CaseOptions)
    allow_python = how.get("allow_python", False)
    read = yield from offload(lambda: Cases.of(cases, allow_python=allow_python))
    tested = _with_threshold(read.cases, how.get("threshold"))
    plan, grader = prepared(client, read, tested, models, how)
    unpriced = yield from plan.with_prices(grader.judge)
    asked = yield from plan.run.answers()
    runs, graded = yield from _judged(grader, {case.name: case for case in tested}, asked)
    balance = yield from plan.balance()
    return CaseResults(
        results=results_of(tested, runs),
        name=read.name,
        repeats=plan.run.repeats,
        started=started,
        seconds=time.monotonic() - begun,
        judging=Figures.of(graded.judged),
        embedding=graded.embedding,
        budget=balance,
        notes=tuple(note for note in (*read.notes, unpriced, *beyond(plan)) if note),
    )


def prepared(
    client: HFRouter | AsyncHFRouter,
    read: Cases,
    tested: Sequence[Case],
    models: Sequence[Any] | None,
    how: CaseOptions,
) -> tuple[Plan, Grader]:
    """Who is asked, and who is asked about the answers: by the arguments, else by the file.

    Args:
        client: Asks for those that are ids.
        read: What the file says.
        tested: Its cases.
        models, how: The arguments.

    Raises:
        ConfigError: One of them cannot work, or somebody is missing.
    """
    if not models and not read.models:
        raise ConfigError(
            "There are no models to ask.",
            hint='Name them: models: [org/name] in the file, ["org/name"], or --model org/name.',
        )
    plan = planned(client, models or read.models, [case.prompt for case in tested], _run_options(how, read))
    judge, embedder = how.get("judge") or read.judge, how.get("embedder") or read.embedder
    return plan, Grader.of(plan.client, tested, judge, embedder, plan.run)


def _run_options(how: CaseOptions, read: Cases) -> RunOptions:
    given = {name: value for name, value in how.items() if name in RunOptions.__annotations__}
    return {"repeats": read.repeats or 1, **given}  # type: ignore[typeddict-item]


def _with_threshold(cases: Sequence[Case], threshold: float | None) -> Sequence[Case]:
    if threshold is None:
        return cases
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
        raise ConfigError(f"threshold={threshold!r} is no share above 0 and up to 1.")
    return [replace(case, threshold=float(threshold)) for case in cases]


def _judged(
    grader: Grader, cases: Mapping[str, Case], asked: Sequence[Asked]
) -> Flow[tuple[list[CaseRun], Graded]]:
    """What all checks say of all answers. Of one that passes the others alone, an embedder or a judge is asked."""
    pairs = [(cases[one.prompt], one) for one in asked]
    first = yield from offload(lambda: [_by_itself(case, one) for case, one in pairs])
    questions = {
        (number, place): Question(check, case.prompt, one.answer)
        for number, (case, one) in enumerate(pairs)
        if one.answer.ok and all(first[number].values())
        for place, check in enumerate(case.checks)
        if check.asks
    }
    graded = yield from grader.grades(list(questions.values()))
    grades = dict(zip(questions, graded.grades, strict=True))

    def verdict(number: int, place: int, check: Check, one: Asked) -> Verdict:
        if not check.asks:
            return first[number][place]
        grade = grades.get((number, place))
        return _NOT_NEEDED if grade is None else check.judge(one.answer, grade)

    runs = [
        CaseRun(one, tuple(verdict(number, *each, one) for each in enumerate(case.checks) if one.answer.ok))
        for number, (case, one) in enumerate(pairs)
    ]
    return runs, graded


_NOT_NEEDED = Verdict(None, "not asked: it did not pass the other checks")


def _by_itself(case: Case, asked: Asked) -> dict[int, Verdict]:
    """What the checks say that ask nobody, by their places in the case."""
    if not asked.answer.ok:
        return {}
    return {place: check.judge(asked.answer) for place, check in enumerate(case.checks) if not check.asks}
