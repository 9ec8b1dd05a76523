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
        rows: Their cells: numbers stand to the right, None is a gap, True a tick, False nothing.
        notes: What the reader has to know.

    Example:
        >>> print(html_table(["model"], [["<b>"]], ["One model."]).replace("><", ">\\n<"))
        <table>
        <thead>
        <tr>
        <th>model</th>
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
    names = "".join(f"<th>{escaped(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    below = "".join(f"<p>{escaped(note)}</p>" for note in notes)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>{below}"


def usd(sum_: Decimal | None) -> str | None:
    """A sum of money as a cell."""
    return None if sum_ is None else dollars(sum_)


def _cell(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    side = "right" if is_number or (isinstance(value, str) and value.startswith("$")) else "left"
    return f'<td style="text-align:{side}">{escaped(_said(value))}</td>'


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
