"""Models side by side on a user's own prompts: the flow from arguments to `PromptComparison`.

Not here: what the figures mean (`figures`, `comparison`), how they are shown (`report`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared_core.evaluate.comparing.comparison import PromptComparison
from shared_core.evaluate.estimating import RunEstimate, of_prompts, of_subject
from shared_core.evaluate.planning import RunOptions, beyond, planned
from shared_core.evaluate.prompts import prompts_of
from shared_core.flow import Flow, offload

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter

__all__ = ["compare", "estimate"]


def compare(
    client: HFRouter | AsyncHFRouter,
    models: Sequence[Any],
    prompts: str | os.PathLike[str] | Sequence[Any],
    how: RunOptions,
) -> Flow[PromptComparison]:
    """See `Evaluator.compare`."""
    started, begun = time.time(), time.monotonic()
    questions = yield from offload(lambda: prompts_of(prompts))
    plan = planned(client, models, questions, how)
    unpriced = yield from plan.with_prices()
    asked = yield from plan.run.answers()
    balance = yield from plan.balance()
    return PromptComparison.of(
        asked,
        subjects=[subject.name for subject in plan.run.subjects],
        prompts=questions,
        repeats=plan.run.repeats,
        options=plan.options,
        max_concurrency=plan.run.at_once,
        started=started,
        seconds=time.monotonic() - begun,
        budget=balance,
        notes=[note for note in (unpriced, *beyond(plan)) if note],
    )


def estimate(
    client: HFRouter | AsyncHFRouter,
    models: Sequence[Any],
    prompts: str | os.PathLike[str] | Sequence[Any],
    how: RunOptions,
) -> Flow[RunEstimate]:
    """See `Evaluator.estimate`."""
    questions = yield from offload(lambda: prompts_of(prompts))
    plan = planned(client, models, questions, how)
    unpriced = yield from plan.with_prices()
    subjects = []
    for subject in plan.run.subjects:
        each = yield from of_prompts(subject, questions)
        subjects.append(of_subject(subject, "model", each, plan.run.repeats))
    return RunEstimate(
        subjects=tuple(subjects),
        prompts=len(questions),
        repeats=plan.run.repeats,
        options=tuple(sorted({name for question in questions for name in question.options})),
        budget=plan.budget,
        notes=tuple(note for note in (unpriced, *beyond(plan)) if note),
    )
