"""Results in words: what reports and the command say alike."""

from __future__ import annotations

from decimal import Decimal

from shared_core.evaluate.cases.results import CaseResult, CaseResults, CaseRun
from shared_core.evaluate.figures import Figures
from shared_core.types import Cost
from shared_core.types.cost import dollars

__all__ = ["costs_of", "example_of", "rate_of", "runs_of", "summary_of"]

_BEGINNING = 500  # characters of an answer
_LINE = 160


def rate_of(result: CaseResult) -> str:
    """Such as "4 of 5 passed, 95 % interval 38 to 96 %"."""
    if not result.made:
        return "not asked"
    low, high = (round(100 * bound) for bound in result.interval)
    unasked = len(result.runs) - result.made
    rest = f", {unasked} not asked" if unasked else ""
    return f"{result.passes} of {result.made} passed, 95 % interval {low} to {high} %{rest}"


def runs_of(result: CaseResult) -> list[str]:
    """A paragraph for each run: what came of it, and the beginning of the answer."""
    return [_run(run) for run in result.runs]


def _run(run: CaseRun) -> str:
    answer = run.asked.answer
    head = f"[{run.asked.repeat + 1}] {run.outcome}, {answer.seconds:.3g} s"
    return f"{head}\n{_beginning(answer.text)}".rstrip()


def example_of(result: CaseResult) -> str:
    """The beginning of the first answer that did not pass, on one line; "" where there is none."""
    text = " ".join(result.example.split())
    return text if len(text) <= _LINE else f"{text[:_LINE]}…"


def _beginning(text: str) -> str:
    return text if len(text) <= _BEGINNING else f"{text[:_BEGINNING]}…"


def summary_of(results: CaseResults) -> str:
    """Such as "3 of 4 passed, 1 failed"."""
    told = [f"{results.count('passed')} of {len(results.results)} passed"]
    words = {"failed": "failed", "error": "ended in errors", "not asked": "not asked"}
    told += [f"{count} {word}" for outcome, word in words.items() if (count := results.count(outcome))]  # type: ignore[arg-type]
    return ", ".join(told)


def costs_of(results: CaseResults) -> str:
    """What the answers, the judge and the vectors cost, such as "answers $0.0012, judge $0.003"."""
    told = [f"answers {_sum(results.figures)}"]
    if results.judging.answered or results.judging.failed:
        told.append(f"judge {_sum(results.judging)}")
    if results.embedding is not None:
        told.append(f"vectors {_dollars(results.embedding)}")
    return ", ".join(told)


def _sum(figures: Figures) -> str:
    known = dollars(figures.known_cost or Decimal(0))
    if not figures.unknown_costs:
        return known
    return f"{known} and {figures.unknown_costs} unknown" if figures.known_cost is not None else "unknown"


def _dollars(cost: Cost) -> str:
    return "unknown" if cost.usd is None else dollars(cost.usd)
