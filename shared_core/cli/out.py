"""What a person or a program sees: tables of at most 80 columns, JSON, and one clear line for an error.

Exit codes: 0 done; 1 failed; 2 wrong arguments or settings; 3 token, permission or credits; 4 no such model, or nobody
serves it; 5 too busy, too slow or unreachable, worth another try later; 130 interrupted.
"""

from __future__ import annotations

import io
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared_core._text import clean
from shared_core.cli.hints import in_a_shell
from shared_core.errors import (
    AllRoutesFailed,
    ConfigError,
    ModelNotServed,
    NoRoute,
    PaymentRequired,
    PermissionDenied,
    RouterError,
    Unauthorized,
)

__all__ = [
    "complain",
    "complaining",
    "confirm",
    "console",
    "count",
    "going_on",
    "money",
    "ready",
    "say",
    "show_json",
    "show_table",
    "size",
    "somebody_is_here",
    "tell",
]

_WIDEST = 80
_NAME = 20  # columns that are left to the first column, whose cells are folded


def ready() -> None:
    """What a terminal cannot spell becomes a question mark, rather than an error in the middle of an answer."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def console(*, stderr: bool = False) -> Console:
    """A console that is no wider than 80 columns, and colours only what a terminal shows."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    made.width = min(made.width, _WIDEST) if made.is_terminal else _WIDEST
    return made


def say(text: str = "") -> None:
    """Prints a line: into a pipe as it is, on a terminal without what that would obey."""
    sys.stdout.write(f"{clean(text) if sys.stdout.isatty() else text}\n")


def tell(text: str, indent: int = 0, hang: int = 0, *, stderr: bool = False) -> None:
    """Prints a sentence, broken so that it fits; `hang` indents all lines but the first further."""
    space = " " * indent
    lines = textwrap.fill(
        clean(text),
        console(stderr=stderr).width,
        initial_indent=space,
        subsequent_indent=space + " " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    (sys.stderr if stderr else sys.stdout).write(f"{lines}\n")


def show_json(value: Any) -> None:
    """Prints one JSON value."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], *, gap: int = 3, stderr: bool = False
) -> None:
    """Prints a table that reads well without colour; on a narrow terminal its columns stand closer.

    Args:
        columns: (title, "left" or "right").
        rows: Cells; "" for what is not known.
        gap: Columns between two columns at most, from 1 on.
        stderr: Whether it goes there.
    """
    cells = zip(*([title for title, _ in columns], *rows), strict=True)
    names, *others = (max(cell_len(clean(cell)) for cell in column) for column in cells)
    while gap > 1 and min(names, _NAME) + sum(others) + gap * len(others) > console(stderr=stderr).width:
        gap -= 1
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, gap // 2, 0, (gap - 1) // 2),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for number, (title, side) in enumerate(columns):
        table.add_column(
            Text(clean(title)),
            justify="right" if side == "right" else "left",
            overflow="ellipsis" if number else "fold",
            no_wrap=number > 0,
        )
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    console(stderr=stderr).print(table)


def money(usd: Decimal | None) -> str:
    """A price, such as "0.15"; "" when unknown."""
    return "" if usd is None else f"{usd:f}".rstrip("0").rstrip(".") if "." in f"{usd:f}" else f"{usd:f}"


def size(parameters: int | None) -> str:
    """A number of weights, such as "8B"; "" when unknown."""
    if parameters is None:
        return ""
    for least, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if parameters >= least:
            return f"{parameters / least:.3g}{letter}"
    return str(parameters)


def count(number: float | None) -> str:
    """A number for a narrow column, such as "131k"; "" when unknown."""
    if number is None:
        return ""
    for least, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= least:
            return f"{number / least:.3g}{letter}"
    return f"{number:g}"


def complain(error: RouterError) -> None:
    """Says what failed, and what to do next."""
    what, _, following = str(error).partition("\nNext: ")
    tell(f"hfrouter: {what}", stderr=True)
    if following:
        tell(f"Next: {in_a_shell(following)}", stderr=True)


@contextmanager
def complaining() -> Iterator[None]:
    """Turns an error into one clear line, the next step and an exit code."""
    try:
        yield
    except RouterError as error:
        complain(error)
        raise typer.Exit(_code(error)) from None
    except (KeyboardInterrupt, typer.Abort):  # the latter is Ctrl-C at a question
        sys.stderr.write("\n")
        raise typer.Exit(130) from None


@contextmanager
def going_on(how: str, when: bool = True) -> Iterator[None]:
    """Says after Ctrl-C what goes on, or how to go on.

    Args:
        how: A sentence.
        when: Whether it holds.
    """
    try:
        yield
    except KeyboardInterrupt:
        if when:
            sys.stderr.write("\n")
            tell(how, stderr=True)
        raise


def somebody_is_here() -> bool:
    """Whether a person can be asked: questions go to standard error, so that output stays for programs."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str) -> None:
    """Goes on if a person says yes.

    Raises:
        typer.Exit: The answer is no.
    """
    if not typer.confirm(clean(question), err=True):
        raise typer.Exit(1)


def _code(error: RouterError) -> int:
    if isinstance(error, AllRoutesFailed) and error.failures:
        return _code(error.failures[-1])
    if isinstance(error, ConfigError):
        return 2
    if isinstance(error, Unauthorized | PermissionDenied | PaymentRequired):
        return 3
    if isinstance(error, ModelNotServed | NoRoute):
        return 4
    return 5 if "retry" in error.reactions else 1
