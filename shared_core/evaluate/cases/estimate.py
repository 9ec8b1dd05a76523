"""What a run of cases would ask, and may cost, before anybody is asked: models, a judge, an embedder.

What judges read and embedders take are answers that are not there yet: at most as long as the models may write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_core.evaluate.answers import Answer
from shared_core.evaluate.cases.cases import Case, Cases
from shared_core.evaluate.cases.checks import Check
from shared_core.evaluate.cases.checks.rubric import question_of
from shared_core.evaluate.cases.run import CaseOptions, prepared
from shared_core.evaluate.embeddings.embedders import LOCAL
from shared_core.evaluate.estimating import (
    RunEstimate,
    SubjectEstimate,
    at_home,
    in_own_code,
    of_prompts,
    of_question,
    of_subject,
    of_vectors,
)
from shared_core.evaluate.planning import beyond, check_names, load_prices
from shared_core.evaluate.subjects import Subject
from shared_core.flow import Flow, offload
from shared_core.types import Cost, CostEstimate

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = ["estimate_cases"]

_BYTES = 10  # of a token at most, as `catalog.estimates` measured
_ENDLESS = Cost(note="the answers have no known limit: give max_tokens")


class _Written(NamedTuple):
    """The answer of one model to one case.

    Args:
        case: It.
        most: Tokens at most; None where nothing limits them.
    """

    case: Case
    most: int | None

    @property
    def longest(self) -> str:
        """A text that is as long as the answer may be."""
        return "x" * (_BYTES * (self.most or 0))

    def asks(self, kind: str) -> Iterator[Check]:
        return (check for check in self.case.checks if check.kind == kind)


def estimate_cases(
    client: HFRouter | AsyncHFRouter, cases: Any, models: Sequence[Any] | None, how: CaseOptions
) -> Flow[RunEstimate]:
    """See `Evaluator.estimate_cases`."""
    check_names(how, CaseOptions)
    read = yield from offload(lambda: Cases.of(cases, load=False))
    plan, grader = prepared(client, read, read.cases, models, how)
    unpriced = yield from plan.with_prices(grader.judge)
    repeats, subjects = plan.run.repeats, []
    answers: list[_Written] = []
    for subject in plan.run.subjects:
        each = yield from of_prompts(subject, [case.prompt for case in read.cases])
        subjects.append(of_subject(subject, "model", each, repeats))
        answers += [
            _Written(case, one.completion_tokens[1]) for case, one in zip(read.cases, each, strict=True)
        ]
    if grader.judge is not None:
        subjects.append((yield from _judge(grader.judge, answers, repeats)))
    if grader.embedder is not None:
        if isinstance(grader.embedder, str) and not unpriced:
            unpriced = yield from load_prices(plan.client, "costs go by what is known here")
        subjects.append((yield from _embedder(plan.client, grader.embedder, answers, repeats)))
    return RunEstimate(
        subjects=tuple(subjects),
        prompts=len(read.cases),
        repeats=repeats,
        options=tuple(sorted({name for case in read.cases for name in case.prompt.options})),
        code=tuple(dict.fromkeys(_code(read))),
        budget=plan.budget,
        notes=tuple(note for note in (*read.notes, unpriced, *beyond(plan)) if note),
    )


def _code(read: Cases) -> Iterator[str]:
    for case in read.cases:
        for check in case.checks:
            if check.kind == "python" and isinstance(check.value, str):
                yield check.value


def _judge(judge: Subject, answers: Sequence[_Written], repeats: int) -> Flow[SubjectEstimate]:
    """At most it is asked of each answer, by each rubric."""
    each = []
    for answer in answers:
        for check in answer.asks("llm-rubric"):
            asked = question_of(str(check.value), answer.case.prompt, Answer())
            low = yield from of_question(judge, asked, {})
            high = yield from of_question(judge, [*asked, {"role": "user", "content": answer.longest}], {})
            each.append(_between(low, high, answer.most))
    return of_subject(judge, "judge", each, repeats)


def _embedder(
    client: HFRouter | AsyncHFRouter, embedder: Any, answers: Sequence[_Written], repeats: int
) -> Flow[SubjectEstimate]:
    """At most it is given each answer, and each text that one should be similar to once."""
    compared = [answer for answer in answers if any(answer.asks("similar"))]
    wanted = list(dict.fromkeys(str(check.value) for one in compared for check in one.asks("similar")))
    calls = len(wanted) + len(compared) * repeats
    if not isinstance(embedder, str):
        return in_own_code(str(getattr(embedder, "model", type(embedder).__name__)), calls)
    if embedder.startswith(LOCAL):
        return (yield from at_home(embedder.removeprefix(LOCAL), embedder, calls))
    found = yield from of_vectors(client, embedder, embedder, wanted, calls)
    cost = found.cost
    for most, times in Counter(answer.most for answer in compared).items():
        longest = next(answer.longest for answer in compared if answer.most == most)
        one = yield from of_vectors(client, embedder, embedder, [longest], 1)
        cost = cost.plus(_between(one.cost.times(0), one.cost, most).times(times * repeats))
    return replace(found, cost=cost)


def _between(low: CostEstimate, high: CostEstimate, most: int | None) -> CostEstimate:
    """From the one's low end to the other's high end, which is open where the answer is."""
    return replace(
        high,
        low=low.low,
        high=high.high if most is not None or high.high.usd is None else _ENDLESS,
        prompt_tokens=(low.prompt_tokens[0], high.prompt_tokens[1]),
    )
