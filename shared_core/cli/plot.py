"""Bars of text: as fine as the terminal can draw them, and plain where it cannot."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

__all__ = ["bars", "can_draw"]

_WIDEST = 80
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def can_draw() -> bool:
    """Whether what is printed may hold blocks: the encoding of standard output has them."""
    try:
        _EIGHTHS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def bars(rows: Sequence[tuple[str, Decimal | int, str]], *, fine: bool, width: int = _WIDEST) -> list[str]:
    """Lines of a label, a bar and what it means, all within the width.

    Args:
        rows: Label, value (from 0 on), the value in words.
        fine: Whether a bar may be of blocks, to an eighth of a column; else of "#", to a column.
        width: In columns.

    Example:
        >>> for line in bars([("a", 4, "4 calls"), ("b", 1, "1 call"), ("c", 0, "")], fine=False, width=20):
        ...     print(line)
        a  ########  4 calls
        b  ##        1 call
        c
    """
    if not rows:
        return []
    labels, words = max(len(label) for label, _, _ in rows), max(len(told) for _, _, told in rows)
    room = max(1, width - labels - words - 4)
    most = max(value for _, value, _ in rows) or 1
    return [
        f"{label:<{labels}}  {_bar(Decimal(value) / Decimal(most), room, fine):<{room}}  {told}".rstrip()
        for label, value, told in rows
    ]


def _bar(share: Decimal, room: int, fine: bool) -> str:
    if not fine:
        return "#" * (max(1, round(share * room)) if share else 0)
    eighths = max(1, round(share * room * 8)) if share else 0
    return _EIGHTHS[8] * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
