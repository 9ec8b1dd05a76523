"""A comparison as one page of HTML, which a person reads at a glance.

One file that fetches nothing and runs nothing: style and drawings stand in it, and its own policy forbids the rest.
Whatever models, providers and users wrote stands there as text. Not here: drawings (`scatter`, `spreads`), answers
(`answers`), tables (`tables`), looks (`page_style`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shared_core._page import whole_page
from shared_core._text import escaped, one_line
from shared_core._version import __version__
from shared_core.evaluate.comparing.measured import measured
from shared_core.evaluate.comparing.report.answers import answers_of
from shared_core.evaluate.comparing.report.scatter import scatter
from shared_core.evaluate.comparing.report.spreads import spreads
from shared_core.evaluate.comparing.report.tables import matrix, summary
from shared_core.evaluate.comparing.report.text import marked
from shared_core.evaluate.comparing.standing import Standing
from shared_core.evaluate.comparing.verdict import verdict
from shared_core.evaluate.page_style import STYLE
from shared_core.types.cost import rough

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["fragment", "page"]


def page(found: PromptComparison, title: str) -> str:
    """The whole page.

    Args:
        found: What is shown.
        title: Its heading.
    """
    parts = [
        _head(found, title),
        _sentences(found),
        _section("The models", summary(found.models)),
        *_cost_figure(found.models),
        *_spread_figures(found),
        _section("Who answered what", matrix(found)),
        _section("Answers side by side", *answers_of(found)),
        _section("How it was measured", _how(found)),
    ]
    return whole_page(title, STYLE, parts)


def fragment(found: PromptComparison) -> str:
    """What a notebook shows: the verdict and the table, in its own style."""
    return f"<div>{_sentences(found)}{summary(found.models)}</div>"


def _section(title: str, *parts: str) -> str:
    """A part of the page; nothing where it would be empty."""
    inside = "".join(parts)
    return f"<section><h2>{title}</h2>{inside}</section>" if inside else ""


def _head(found: PromptComparison, title: str) -> str:
    whole = found.total
    came = f"{whole.answered:,} answer{'' if whole.answered == 1 else 's'}, {whole.failed:,} failed"
    if whole.not_asked:
        came += f", {whole.not_asked:,} not asked"
    if whole.kept:
        came += f"; {whole.kept:,} of the answers are of an earlier run"
    spent = f"; {rough(whole.spent)} spent" if whole.known_cost is not None else ""
    return (
        f"<header><h1>{one_line(title)}</h1><p>{found.asking}: {came}{spent}</p>"
        f'<p class="soft small">{found.when}, made with hfrouter {escaped(__version__)}</p></header>'
    )


def _sentences(found: PromptComparison) -> str:
    return f'<ul class="verdict">{"".join(f"<li>{marked(each)}</li>" for each in verdict(found))}</ul>'


def _how(found: PromptComparison) -> str:
    facts = "".join(f"<dt>{name}</dt><dd>{one_line(text)}</dd>" for name, text in measured(found))
    return f"<dl>{facts}</dl>"


def _cost_figure(models: Sequence[Standing]) -> Iterator[str]:
    drawn = scatter(models)
    unknown = [str(number) for number, one in enumerate(models, 1) if one.figures.unknown_costs]
    gap = f" Not drawn, since the cost is not known: {', '.join(unknown)}." if unknown else ""
    if not drawn:
        if unknown and len(models) > 1:
            yield _section("Cost against latency", f'<p class="soft">{gap.strip()}</p>')
        return
    yield _section(
        "Cost against latency",
        "<figure><figcaption><span>Each point is one model: its cost by the mean, its time by the median. The lower "
        "left is better. ◆ no other is both cheaper and faster; the dashed line joins these. ○ another is."
        f'{gap}</span></figcaption><div class="wide">{drawn}</div></figure>',
    )


def _spread_figures(found: PromptComparison) -> Iterator[str]:
    failed = {one.model: one.figures.failed for one in found.models}
    whole: dict[str, list[float]] = {one.model: [] for one in found.models}
    first: dict[str, list[float]] = {one.model: [] for one in found.models}
    for one in found.asked:
        if one.answer.ok:
            whole[one.subject].append(one.answer.seconds)
            if one.answer.first_token_s is not None:
                first[one.subject].append(one.answer.first_token_s)
    drawings = [
        f"<figure><figcaption>{title}</figcaption>{drawn}</figure>"
        for title, values in (("Time to the first token", first), ("Time to the whole answer", whole))
        if (drawn := spreads(title, values, failed))
    ]
    if drawings:
        yield _section(
            "How answers are spread",
            f'<div class="pair">{"".join(drawings)}</div>',
            '<p class="key">● one answer, ┃ the median, ▲ p95 (of fewer than 20 answers the slowest), '
            "─ from the fastest to the slowest.</p>",
        )
