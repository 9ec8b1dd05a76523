"""How results look in a notebook: plain tables.

Lives here: their HTML. Not here: what stands in them (`search`, `compare`, `recommend`, `cost_report`), tables of the
terminal (`cli`).

Names, licences and words are strangers': every cell is escaped, and nothing in a table is a link, a style or a script
of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from shared_core._text import escaped
from shared_core.types.cost import dollars

__all__ = ["html_table", "usd"]

_GAP = "-"
_LONGEST = 500  # characters of one cell


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]], notes: Iterable[str] = ()) -> str:
    """A table with a line for each note below it.

    Args:
        head: The names of the columns.
        rows: Their cells: None is a gap, True a tick, False nothing. Columns of numbers stand to the right.
        notes: What the reader has to know.

    Example:
        >>> print(html_table(["model"], [["<b>"]], ["One model."]).replace("><", ">\\n<"))
        <table>
        <thead>
        <tr>
        <th style="text-align:left">model</th>
        </tr>
        </thead>
        <tbody>
        <tr>
        <td style="text-align:left">&lt;b&gt;</td>
        </tr>
        </tbody>
        </table>
        <p>One model.</p>
    """
    table = list(rows)
    sides = ["right" if any(map(_is_number, column)) else "left" for column in zip(*table, strict=True)]
    sides = sides or ["left"] * len(head)
    names = "".join(map(_cell, ["th"] * len(head), head, sides))
    lines = "".join(f"<tr>{''.join(map(_cell, ['td'] * len(head), row, sides))}</tr>" for row in table)
    below = "".join(f"<p>{escaped(note)}</p>" for note in notes)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>{below}"


def usd(sum_: Decimal | None) -> str | None:
    """A sum of money as a cell."""
    return None if sum_ is None else dollars(sum_)


def _cell(tag: str, value: object, side: str) -> str:
    return f'<{tag} style="text-align:{side}">{escaped(_said(value))}</{tag}>'


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return value.startswith("$")
    return isinstance(value, int | float) and not isinstance(value, bool)


def _said(value: object) -> str:
    if value is None:
        return _GAP
    if isinstance(value, bool):
        return "✓" if value else ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
