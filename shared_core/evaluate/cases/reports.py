"""Results as plain values, as JSON and as Markdown.

What models wrote is a stranger's text: in Markdown it stands escaped, so that it can neither make a table nor a page.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from shared_core.evaluate.cases.results import CaseResult, CaseResults
from shared_core.evaluate.cases.words import costs_of, example_of, rate_of, summary_of
from shared_core.evaluate.shown import cost, seconds
from shared_core.evaluate.written import escaped_markdown, markdown_row

__all__ = ["as_dict", "as_json", "as_markdown"]


def as_dict(results: CaseResults) -> dict[str, Any]:
    """All of it, as plain JSON values."""
    return {
        "name": results.name,
        "ok": results.ok,
        "summary": summary_of(results),
        "started": datetime.fromtimestamp(results.started, UTC).isoformat(timespec="seconds"),
        "seconds": round(results.seconds, 3),
        "repeats": results.repeats,
        "notes": list(results.notes),
        "figures": results.figures.as_dict(),
        "judging": results.judging.as_dict(),
        "embedding": None if results.embedding is None else results.embedding.as_dict(),
        "results": [_result(result) for result in results.results],
    }


def _result(result: CaseResult) -> dict[str, Any]:
    return {
        "case": result.case.name,
        "model": result.model,
        "outcome": result.outcome,
        "passes": result.passes,
        "runs": result.made,
        "rate": result.rate,
        "interval": [round(bound, 4) for bound in result.interval],
        "threshold": result.case.threshold,
        "reasons": result.reasons,
        "figures": result.figures.as_dict(),
        "checks": [check.words for check in result.case.checks],
        "answers": [
            {
                "repeat": run.asked.repeat,
                "outcome": run.outcome,
                "verdicts": [{"passed": verdict.passed, "why": verdict.why} for verdict in run.verdicts],
                "kept": run.asked.kept,
                "answer": {**run.asked.answer.to_dict(), "cost": run.asked.answer.cost.as_dict()},
            }
            for run in result.runs
        ],
    }


def as_json(results: CaseResults) -> str:
    """The same as JSON."""
    return json.dumps(as_dict(results), indent=2, ensure_ascii=False, default=str) + "\n"


def as_markdown(results: CaseResults) -> str:
    """A table of all cases and models, and what failed."""
    lines = [
        f"### {escaped_markdown(results.name)}: {summary_of(results)}",
        "",
        "| case | model | outcome | passed | median time | cost |",
        "|---|---|---|---|---:|---:|",
    ]
    for result in results.results:
        figures = result.figures
        took = "" if figures.latency is None else seconds(figures.latency.p50)
        name, model = escaped_markdown(result.case.name), escaped_markdown(result.model)
        lines.append(
            markdown_row(
                [name, model, result.outcome, rate_of(result), took, escaped_markdown(cost(figures))]
            )
        )
    failed = [result for result in results.results if result.outcome != "passed"]
    for result in failed:
        lines += ["", f"**{escaped_markdown(result.case.name)}** with {escaped_markdown(result.model)}:", ""]
        lines += [f"- {escaped_markdown(reason)}" for reason in result.reasons]
        if text := example_of(result):
            lines += [f"- the answer begins: {escaped_markdown(text)}"]
    lines += ["", f"Cost: {costs_of(results)}.", *(f"\n{escaped_markdown(note)}" for note in results.notes)]
    return "\n".join(lines) + "\n"
