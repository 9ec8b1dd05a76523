"""A comparison of embedding models written down: as text, Markdown, HTML, CSV and JSON.

Names, errors and notes may say anything: in HTML they are text, in Markdown they stay in their cell.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.evaluate.embedding_comparison import EmbeddingComparison, EmbeddingScore

__all__ = [
    "as_csv",
    "as_html",
    "as_json",
    "as_markdown",
    "as_text",
    "form_of",
    "html_part",
    "remarks",
    "save",
    "table",
]

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Embedding models compared</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color-scheme: light dark; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .25rem .75rem; border-bottom: 1px solid #8886; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>Embedding models compared</h1>
{body}
</body>
</html>
"""


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
        "" if score.cost.usd is None else f"${score.cost.as_dict()['usd']}",
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
    return [*told, *result.notes]


def as_text(result: EmbeddingComparison) -> str:
    """For a terminal: columns, and the remarks. No wider than the names make it."""
    head, rows = table(result)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = (f"{cells[0]:<{widths[0]}}", *map(str.rjust, cells[1:], widths[1:]))
        return "  ".join([first, *others]).rstrip()

    return "\n".join([*map(line, [head, *rows] if rows else []), *remarks(result)])


def as_markdown(result: EmbeddingComparison) -> str:
    """A table of GitHub's kind, and the remarks as a list."""
    head, rows = table(result)
    lines = [f"| {' | '.join(map(_cell, cells))} |" for cells in (head, *rows)]
    lines.insert(1, f"|---|{'---:|' * (len(head) - 1)}")
    told = [f"- {_cell(remark)}" for remark in remarks(result)]
    return "\n".join([*(lines if rows else []), "", *told]).lstrip("\n") + "\n"


def _cell(text: str) -> str:
    shown = " ".join(text.split())
    for sign in "\\`*_[]<|":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def as_csv(result: EmbeddingComparison) -> str:
    """A line for each model, with all its figures."""
    rows, out = result.rows(), io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_json(result: EmbeddingComparison) -> str:
    """All of it."""
    return json.dumps(result.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_html(result: EmbeddingComparison) -> str:
    """A page that loads nothing and runs nothing."""
    return _PAGE.format(body=html_part(result))


def html_part(result: EmbeddingComparison) -> str:
    """The table and the remarks, for a notebook or within a page."""
    head, rows = table(result)
    lines = [_html_row("th", head), *(_html_row("td", cells) for cells in rows)] if rows else []
    told = "".join(f"<li>{escape(remark)}</li>\n" for remark in remarks(result))
    return f"<table>\n{''.join(lines)}</table>\n<ul>\n{told}</ul>"


def _html_row(kind: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>\n"


_FORMS: dict[str, Callable[[EmbeddingComparison], str]] = {
    ".csv": as_csv,
    ".json": as_json,
    ".md": as_markdown,
    ".html": as_html,
}


def form_of(path: str | os.PathLike[str]) -> Callable[[EmbeddingComparison], str]:
    """How a file is written, by the ending of its name.

    Raises:
        ConfigError: It ends otherwise.
    """
    form = _FORMS.get(Path(path).suffix.lower())
    if form is None:
        raise ConfigError(f"{path} ends in none of {', '.join(_FORMS)}.", hint="Name it report.html.")
    return form


def save(result: EmbeddingComparison, path: str | os.PathLike[str]) -> None:
    """Writes it down.

    Args:
        result: What.
        path: Where; its ending says in which form.

    Raises:
        ConfigError: It ends otherwise, or cannot be written.
    """
    written = form_of(path)(result)
    try:
        Path(path).expanduser().write_text(written, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None
