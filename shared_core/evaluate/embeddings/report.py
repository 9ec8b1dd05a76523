"""A comparison of embedding models for people: as text, Markdown, and a page of HTML.

Not here: CSV and JSON, and how a file is written (`written`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_core._page import whole_page
from shared_core._text import clean, escaped, one_line
from shared_core._version import __version__
from shared_core.evaluate.page_style import STYLE
from shared_core.evaluate.written import escaped_markdown, markdown_row
from shared_core.types.cost import rough

if TYPE_CHECKING:
    from shared_core.evaluate.embeddings.comparison import EmbeddingComparison, EmbeddingScore

__all__ = ["as_html", "as_markdown", "as_text", "fragment", "remarks", "table"]


def table(result: EmbeddingComparison) -> tuple[list[str], list[list[str]]]:
    """The table that a person reads: its head, and a row for each model that has figures.

    Args:
        result: What is shown. Of several k the largest stands in the table.
    """
    k = result.main.partition("@")[2]
    head = [
        "model",
        f"nDCG@{k}",
        "95 %",
        f"recall@{k}",
        f"MRR@{k}",
        "docs/s",
        "query ms",
        "dims",
        "index MB",
        "cost",
    ]
    return head, [_row(score, k) for score in result.models if score.ok]


def _row(score: EmbeddingScore, k: str) -> list[str]:
    ndcg = score.figures[f"ndcg@{k}"]
    return [
        score.name,
        f"{ndcg.mean:.3f}",
        f"{ndcg.low:.2f}–{ndcg.high:.2f}",
        f"{score.figures[f'recall@{k}'].mean:.3f}",
        f"{score.figures[f'mrr@{k}'].mean:.3f}",
        "" if score.documents_per_s is None else f"{score.documents_per_s:,.0f}",
        "" if score.query_s is None else f"{score.query_s.p50 * 1000:.1f}",
        str(score.dimensions),
        f"{score.index_bytes / 1e6:,.2f}",
        "?" if score.cost.usd is None else rough(score.cost.usd),
    ]


def remarks(result: EmbeddingComparison) -> list[str]:
    """What is to be said below the table: how much was looked at, who differs from whom, who failed."""
    best = result.best
    told = [
        f"{result.queries:,} queries, {result.documents:,} documents, {result.judgements:,} judgements, "
        f"{result.similarity} similarity. {result.when}."
    ]
    if best:
        told += [str(each) + "." for each in result.differences if each.better == best[0].name]
    for score in result.models:
        if not score.ok:
            told.append(f"{score.name} failed: {score.error}: {score.why}")
        if score.truncated:
            told.append(f"{score.name} did not read {score.truncated:,} texts to the end.")
        if score.recalled:
            told.append(f"{score.name} had {score.recalled:,} vectors in its cache, which are not timed.")
        told += [f"{score.name}: {note}" for note in score.notes]
    if any(score.ok and score.cost.usd is None for score in result.models):
        told.append("?: what it cost is not known.")
    return [" ".join(clean(remark).split()) for remark in (*told, *result.notes)]


def as_text(result: EmbeddingComparison) -> str:
    """For a terminal: columns, and the remarks. No wider than the names make it."""
    head, rows = table(result)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = (f"{cells[0]:<{widths[0]}}", *map(str.rjust, cells[1:], widths[1:]))
        return "  ".join([first, *others]).rstrip()

    return "\n".join([*map(line, [head, *rows] if rows else []), *remarks(result)])


def as_markdown(result: EmbeddingComparison, title: str) -> str:
    """The table, and the remarks as a list."""
    head, rows = table(result)
    lines = [f"# {escaped_markdown(title)}", ""]
    if rows:
        lines += [
            markdown_row(map(escaped_markdown, head)),
            f"|---|{'---:|' * (len(head) - 1)}",
            *(markdown_row(map(escaped_markdown, cells)) for cells in rows),
            "",
        ]
    return "\n".join([*lines, *(f"- {escaped_markdown(remark)}" for remark in remarks(result))]) + "\n"


def as_html(result: EmbeddingComparison, title: str) -> str:
    """A page that fetches and runs nothing."""
    made = f'<p class="soft small">made with hfrouter {escaped(__version__)}</p>'
    return whole_page(title, STYLE, [f"<header><h1>{one_line(title)}</h1>{made}</header>", fragment(result)])


def fragment(result: EmbeddingComparison) -> str:
    """The table and the remarks, for a notebook or within a page."""
    head, rows = table(result)
    lines = [_html_row("th", head), *(_html_row("td", cells) for cells in rows)] if rows else []
    told = "".join(f"<li>{escaped(remark)}</li>\n" for remark in remarks(result))
    return f'<div class="wide"><table>\n{"".join(lines)}</table></div>\n<ul class="verdict">\n{told}</ul>'


def _html_row(kind: str, cells: Sequence[str]) -> str:
    first, *others = cells
    rest = "".join(f"<{kind}>{escaped(cell)}</{kind}>" for cell in others)
    return f'<tr><{kind} class="words">{one_line(first)}</{kind}>{rest}</tr>\n'
