"""What embedders and judges find out about answers, for the checks that ask one.

Lives here: whom a check asks, what of, and when: only of answers that passed all other checks, and of equal answers
once. Not here: what a judge is asked (`checks.rubric`), what makes vectors (`checks.similar`), what is made of it
(`checks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_core.errors import ConfigError, RouterError
from shared_core.evaluate.cases.checks.check import Check, Grade
from shared_core.evaluate.cases.checks.rubric import question_of, verdict_in
from shared_core.evaluate.cases.checks.similar import checked_embedder, cosine, embedded
from shared_core.evaluate.cases.checks.verdict import Verdict
from shared_core.evaluate.prompts import Prompt
from shared_core.evaluate.running import Asked, Run
from shared_core.evaluate.subjects import Subject, subjects_of
from shared_core.flow import Flow, offload
from shared_core.types import Cost

if TYPE_CHECKING:
    from shared_core.client import AsyncHFRouter, HFRouter
    from shared_core.evaluate.answers import Answer
    from shared_core.evaluate.cases.cases import Case

__all__ = ["Graded", "Grader", "Question"]


class Question(NamedTuple):
    """One check of one answer that somebody is asked about.

    Args:
        check: The check.
        prompt: What the answer was to.
        answer: It.
    """

    check: Check
    prompt: Prompt
    answer: Answer


@dataclass(frozen=True, slots=True)
class Graded:
    """What was found out.

    Args:
        grades: One a question, in order.
        judged: What the judge was asked, and what came of it.
        embedding: What the vectors cost.
    """

    grades: Sequence[Grade]
    judged: Sequence[Asked] = ()
    embedding: Cost | None = None


@dataclass(frozen=True, slots=True)
class Grader:
    """Asks embedders and judges.

    Args:
        client: For those that are ids; bound by the run's budget.
        judge: Who judges; None where no check needs it.
        embedder: What makes vectors; None where no check needs them.
        run: The run whose answers are graded: verdicts are kept in its file, and asked for as many at a time.
    """

    client: HFRouter | AsyncHFRouter
    judge: Subject | None
    embedder: Any
    run: Run

    @classmethod
    def of(
        cls, client: HFRouter | AsyncHFRouter, cases: Iterable[Case], judge: Any, embedder: Any, run: Run
    ) -> Grader:
        """The grader that these cases need.

        Raises:
            ConfigError: A check needs a judge or an embedder that nobody named.
        """
        kinds = {check.kind: case.name for case in cases for check in case.checks}
        for kind, given, word in (("llm-rubric", judge, "judge"), ("similar", embedder, "embedder")):
            if kind in kinds and given is None:
                raise ConfigError(
                    f"Case {kinds[kind]} has {kind}, and there is no {word}.", hint=_HINTS[word]
                )
        asked = subjects_of([judge], client, {"temperature": 0})[0] if "llm-rubric" in kinds else None
        return cls(client, asked, checked_embedder(embedder) if "similar" in kinds else None, run)

    def grades(self, questions: Sequence[Question]) -> Flow[Graded]:
        """What is found out about each."""
        similar = [one for one in questions if one.check.kind == "similar"]
        rubrics = [one for one in questions if one.check.kind == "llm-rubric"]
        cosines, embedding = yield from self._cosines(similar)
        verdicts, judged = yield from self._verdicts(rubrics)
        each = {"similar": iter(cosines), "llm-rubric": iter(verdicts)}
        return Graded([next(each[one.check.kind]) for one in questions], judged, embedding)

    def _cosines(self, questions: Sequence[Question]) -> Flow[tuple[list[Grade], Cost | None]]:
        texts = list(
            dict.fromkeys(
                text
                for one in questions
                if one.answer.text.strip()
                for text in (one.answer.text, _wanted(one))
            )
        )
        if not texts:
            return [_EMPTY for _ in questions], None
        try:
            vectors, cost = yield from embedded(self.client, self.embedder, texts)
        except RouterError as error:
            why = f"the embedder failed: {error.message}"
            return [Grade(verdict=Verdict(None, why)) for _ in questions], None
        place = dict(zip(texts, vectors, strict=True))

        def grades() -> list[Grade]:
            return [
                Grade(cosine(place[one.answer.text], place[_wanted(one)]))
                if one.answer.text in place
                else _EMPTY
                for one in questions
            ]

        return (yield from offload(grades)), cost

    def _verdicts(self, questions: Sequence[Question]) -> Flow[tuple[list[Grade], list[Asked]]]:
        if not questions or self.judge is None:
            return [], []
        asked = [question_of(_wanted(one), one.prompt, one.answer) for one in questions]
        names: dict[str, str] = {}  # of each different question its name
        prompts = []
        for messages in asked:
            document = messages[-1]["content"]
            if document not in names:
                names[document] = str(len(names) + 1)
                prompts.append(Prompt(names[document], messages))
        run = Run([self.judge], prompts, 1, self.run.at_once, self.run.path, self.run.progress)
        judged = yield from run.answers()
        said = {one.prompt: _said(one.answer) for one in judged}
        return [Grade(verdict=said[names[messages[-1]["content"]]]) for messages in asked], judged


_EMPTY = Grade(verdict=Verdict(False, "the answer is empty"))
_HINTS = {
    "judge": 'Name a model: judge: org/name in the file, judge="org/name", or --judge org/name.',
    "embedder": "Name one: embedder: org/name for one behind the router, local:folder-or-id for one on this machine; "
    "or embedder=, --embedder.",
}


def _wanted(question: Question) -> str:
    return str(question.check.value)


def _said(answer: Answer) -> Verdict:
    if answer.ok:
        return verdict_in(answer.text)
    return Verdict(None, f"the judge failed: {answer.error}: {answer.why}")
