"""A comparison as Markdown: the verdict, the table of models, what failed, how it was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared_core.evaluate.comparing.measured import measured
from shared_core.evaluate.comparing.verdict import Named, verdict
from shared_core.evaluate.shown import answered, cost, pair, per_thousand, speed
from shared_core.evaluate.written import MARKUP, escaped_markdown, markdown_row

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["as_markdown"]

_HEAD = (
    "model",
    "answered",
    "first token p50 / p95",
    "whole answer p50 / p95",
    "tok/s",
    "cost of 1,000",
    "cost",
)
_SHORT = 200  # characters of an example in Markdown


def as_markdown(found: PromptComparison, title: str) -> str:
    """The whole of it."""
    return "\n".join(_markdown(found, title)) + "\n"


def _markdown(found: PromptComparison, title: str) -> Iterator[str]:
    yield f"# {escaped_markdown(title)}"
    yield f"\n{found.asking}, {found.when}.\n"
    for sentence in verdict(found):
        yield "- " + "".join(
            f"**{escaped_markdown(part)}**" if isinstance(part, Named) else part.translate(MARKUP)
            for part in sentence
        )
    yield "\n" + markdown_row(_HEAD)
    yield markdown_row(["---", *["--:"] * (len(_HEAD) - 1)])
    for one in found.models:
        figures = one.figures
        cells = [
            answered(figures),
            pair(figures.first_token),
            pair(figures.latency),
            speed(figures.throughput),
        ]
        yield markdown_row([escaped_markdown(one.model), *cells, per_thousand(figures), cost(figures)])
    reasons = [
        f"- {escaped_markdown(one.model)}: {reason.times:,} × {escaped_markdown(reason.kind)}: "
        f"{escaped_markdown(reason.example[:_SHORT])} {escaped_markdown(reason.hint)}".rstrip()
        for one in found.models
        for reason in (*one.figures.failures, *one.figures.refusals)
    ]
    if reasons:
        yield "\n## What failed or was not asked\n"
        yield from reasons
    yield "\n## How it was measured\n"
    for name, text in measured(found):
        yield f"- {name}: {escaped_markdown(text)}"
