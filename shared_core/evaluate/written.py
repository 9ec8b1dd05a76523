"""A comparison as text for files: CSV and JSON for programs, Markdown for people; and how a file is written.

Not here: the page of HTML (`comparing.report`). Programs that open CSV take some cells for formulas: those are made plain text.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shared_core.errors import ConfigError
from shared_core.evaluate.comparing.measured import measured
from shared_core.evaluate.comparing.verdict import Named, verdict
from shared_core.evaluate.shown import answered, clean, cost, pair, per_thousand, speed

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["MARKUP", "as_csv", "as_json", "as_markdown", "write"]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
MARKUP = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]<>|#~$&"})
"""What keeps a text from being taken for Markdown."""
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


class Told(Protocol):
    """What can be written down for programs."""

    def rows(self) -> list[dict[str, Any]]:
        """Flat dictionaries with the same keys; at least one."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """All of it."""
        ...


def as_csv(found: Told) -> str:
    """Its rows, with names at the head; what is not known is empty."""
    rows = found.rows()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return file.getvalue()


def as_json(found: Told) -> str:
    """All of it."""
    return json.dumps(found.as_dict(), indent=2, default=str) + "\n"


def as_markdown(found: PromptComparison, title: str) -> str:
    """The verdict, the table of models, what failed, and how it was measured."""
    return "\n".join(_markdown(found, title)) + "\n"


def write(path: Path, make: Callable[[], str]) -> None:
    """Puts a text into a file, which holds either what it held or all of the new. A device or a pipe is written, and
    not replaced by a file.

    Raises:
        ConfigError: It cannot be written.
    """
    data = make().encode("utf-8", "replace")
    part = ""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        path = path.resolve()  # what a link leads to is replaced, and not the link
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(part, 0o600 if mode is None else mode)  # it holds prompts and answers
        os.replace(part, path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Name another file; nothing is lost.",
        ) from None
    finally:
        with suppress(OSError):
            if part:
                os.unlink(part)


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value


def _markdown(found: PromptComparison, title: str) -> Iterator[str]:
    yield f"# {_plain(title)}"
    yield f"\n{found.asking}, {found.when}.\n"
    for sentence in verdict(found):
        yield "- " + "".join(
            f"**{_plain(part)}**" if isinstance(part, Named) else part.translate(MARKUP) for part in sentence
        )
    yield "\n" + _row(_HEAD)
    yield _row(["---", *["--:"] * (len(_HEAD) - 1)])
    for one in found.models:
        figures = one.figures
        cells = [
            answered(figures),
            pair(figures.first_token),
            pair(figures.latency),
            speed(figures.throughput),
        ]
        yield _row([_plain(one.model), *cells, per_thousand(figures), cost(figures)])
    reasons = [
        f"- {_plain(one.model)}: {reason.times:,} × {_plain(reason.kind)}: "
        f"{_plain(reason.example[:_SHORT])} {_plain(reason.hint)}".rstrip()
        for one in found.models
        for reason in (*one.figures.failures, *one.figures.refusals)
    ]
    if reasons:
        yield "\n## What failed or was not asked\n"
        yield from reasons
    yield "\n## How it was measured\n"
    for name, text in measured(found):
        yield f"- {name}: {_plain(text)}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text in one line that Markdown takes for nothing else."""
    return " ".join(clean(text).split()).translate(MARKUP)
