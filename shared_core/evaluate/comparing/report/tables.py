"""The tables of the report: a row for each model, and who answered what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from shared_core._text import one_line
from shared_core.evaluate.comparing.report.text import model_name, short
from shared_core.evaluate.comparing.standing import CRITERIA, Standing
from shared_core.evaluate.figures import Failure, Figures
from shared_core.evaluate.shown import answered, cost, pair, per_thousand, rate, speed

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["matrix", "summary"]

_LONGEST = 200  # characters of a model's name


def summary(models: Sequence[Standing]) -> str:
    """A row for each model."""
    head = (
        ("words", "model"),
        ("", "answered"),
        ("", "first token<br>p50 / p95"),
        ("", "whole answer<br>p50 / p95"),
        ("", "tokens<br>a second"),
        ("", "tokens<br>in / out"),
        ("", "cost of 1,000<br>answers"),
        ("", "cost<br>in all"),
    )
    titles = "".join(
        f'<th scope="col" class="{kind}">{title}</th>' if kind else f'<th scope="col">{title}</th>'
        for kind, title in head
    )
    telling = {name for name in CRITERIA if any((one.ranks[name] or 1) > 1 for one in models)}
    rows = "".join(_row(number, one, telling) for number, one in enumerate(models, 1))
    return (
        f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="key">★ the best of its column. ? what nobody says.</p>'
    )


def _row(number: int, one: Standing, telling: Collection[str]) -> str:
    """A row; what is best is marked in columns where not all are."""
    figures = one.figures
    served = f"answered by {_counted(figures.providers)}" if any(figures.providers) else ""
    # One model behind one name is as it should be, however its providers spell it.
    others = f"as {_counted(figures.served_as)}" if len(figures.served_as) > 1 else ""
    by = "".join(f"<small>{told}</small>" for told in (served, others) if told)
    tokens = f"{figures.prompt_tokens:,} / {figures.completion_tokens:,}" if figures.answered else ""
    if figures.unknown_tokens:
        tokens = "?" if figures.unknown_tokens == figures.answered else f"{tokens} + ?"
    cells = [
        ("reliability", answered(figures), rate(figures)),
        ("first_token", pair(figures.first_token), ""),
        ("latency", pair(figures.latency), ""),
        ("throughput", speed(figures.throughput), ""),
        ("", tokens, ""),
        ("cost", per_thousand(figures), ""),
        ("", cost(figures), ""),
    ]
    shown = "".join(
        f'<td class="top"><span class="star">★</span> {cell}{_small(more)}</td>'
        if rank in telling and one.ranks[rank] == 1
        else f"<td>{cell}{_small(more)}</td>"
        for rank, cell, more in cells
    )
    name = model_name(one.model, _LONGEST)
    return f'<tr><td class="words"><span class="number">{number}</span>{name}{by}</td>{shown}</tr>'


def _counted(names: Mapping[str, int]) -> str:
    """Names, each with how many answers are its, where there are several."""
    return ", ".join(
        one_line(short(name or "nobody says", 60)) + (f" ({times:,})" if len(names) > 1 else "")
        for name, times in names.items()
    )


def _small(text: str) -> str:
    return f"<small>{text}</small>" if text else ""


def matrix(found: PromptComparison) -> str:
    """Who answered what; nothing where everybody answered everything."""
    if not (found.total.failed or found.total.not_asked):
        return ""
    titles = "".join(
        f'<th scope="col"><span class="number">{number}</span></th>'
        for number in range(1, len(found.models) + 1)
    )
    rows = "".join(
        f'<tr><td class="words"><a href="#prompt-{number}">{one_line(short(prompt.name, 60))}</a></td>'
        + "".join(f"<td>{_mark(found.cells[one.model, prompt.name])}</td>" for one in found.models)
        + "</tr>"
        for number, prompt in enumerate(found.prompts, 1)
    )
    reasons = "".join(
        _reason(number, mark, failure)
        for number, one in enumerate(found.models, 1)
        for mark, failures in (("✗", one.figures.failures), ("–", one.figures.refusals))
        for failure in failures
    )
    return (
        '<div class="wide"><table class="grid-table"><thead><tr><th scope="col" class="words">prompt</th>'
        f"{titles}</tr></thead><tbody>{rows}</tbody></table></div>"
        '<p class="key">✓ answered, ✗ failed, – not asked; numbers where repeats differ.</p>'
        f'<ul class="plain">{reasons}</ul>'
    )


def _reason(number: int, mark: str, failure: Failure) -> str:
    hint = f' <span class="soft">{one_line(short(failure.hint, 300))}</span>' if failure.hint else ""
    return (
        f'<li><span class="number">{number}</span>{mark} {failure.times:,} × '
        f"<strong>{one_line(short(failure.kind, 80))}</strong>: {one_line(short(failure.example, 300))}{hint}</li>"
    )


def _mark(figures: Figures) -> str:
    marks = ((figures.answered, "✓"), (figures.failed, "✗"), (figures.not_asked, "–"))
    some = [(count, mark) for count, mark in marks if count]
    text = " ".join(mark if len(some) == 1 else f"{count} {mark}" for count, mark in some)
    return f'<span class="warn">{text}</span>' if figures.failed else text
