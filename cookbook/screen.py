"""How the demo looks in a terminal: 80 columns, no colour, nothing that moves.

Lives here: rules, paragraphs that wrap, answers that wrap while they stream. Not here: what is said.
"""

from __future__ import annotations

import re
import sys
import textwrap

WIDTH = 80
_MARGIN = 4


def heading(text: str, aside: str = "") -> None:
    """A headline, with something small at its right end."""
    headline = f"{text}{aside:>{WIDTH - len(text)}}".rstrip()
    print(f"\n{headline}\n{'─' * WIDTH}", flush=True)


def say(text: str, margin: int = 0) -> None:
    """A paragraph."""
    indent = " " * margin
    print(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent), flush=True)


def ask(number: str, question: str) -> None:
    """A question, with its number in the margin."""
    print(f"\n{number:<{_MARGIN}}{question}", flush=True)


def note(text: str) -> None:
    """A line below an answer."""
    say(text, _MARGIN)


class Writer:
    """An answer that wraps at the right edge although nobody knows its next word."""

    def __init__(self) -> None:
        self._column = 0
        self._word = ""
        self._space = ""  # owed, and paid only when a word follows on the line

    def write(self, piece: str) -> None:
        """The next piece of the answer, cut anywhere."""
        *complete, self._word = re.split(r"(\s+)", self._word + piece)
        for part in complete:
            if "\n" in part:
                self._break()
            elif part.isspace():
                self._space = " "
            else:
                self._put(part)
        sys.stdout.flush()

    def end(self) -> None:
        """The answer is complete."""
        self._put(self._word)
        self._word = ""
        if self._column:
            self._break()
        sys.stdout.flush()

    def _put(self, word: str) -> None:
        if not word:
            return
        if self._column and self._column + len(self._space) + len(word) > WIDTH:
            self._break()
        before = self._space if self._column else " " * _MARGIN
        sys.stdout.write(before + word)
        self._column += len(before) + len(word)
        self._space = ""

    def _break(self) -> None:
        sys.stdout.write("\n")
        self._column = 0
        self._space = ""


def table(rows: list[tuple[str, ...]], widths: tuple[int, ...]) -> None:
    """Rows with columns of the given widths, too long cells cut; the last column stands as it is."""
    for row in rows:
        cells = [
            f"{cell if len(cell) < width else cell[: width - 2] + '…':<{width}}"
            for cell, width in zip(row, widths, strict=False)
        ]
        print("".join([*cells, *row[len(widths) :]]).rstrip())
