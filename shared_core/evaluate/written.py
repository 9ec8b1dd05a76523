"""Results as files: what all of them share. CSV and JSON for programs, pieces of Markdown, and how a file is written.

Not here: Markdown and pages of each kind of result (`comparing.markdown`, `comparing.report`, `embeddings.report`,
`cases.reports`). Programs that open CSV take some cells for formulas: those are made plain text.
"""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared_core._text import cell, clean
from shared_core.errors import ConfigError
from shared_core.storage.replacing import replacing

__all__ = [
    "ENDINGS",
    "MARKUP",
    "Report",
    "check_report",
    "escaped_markdown",
    "markdown_row",
    "save",
    "write",
    "write_new",
]

ENDINGS = (".html", ".htm", ".md", ".csv", ".json")
"""Of the reports of comparisons."""

MARKUP = str.maketrans(
    {letter: f"\\{letter}" for letter in "\\`*_[]!|#~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
"""What keeps a text from being taken for Markdown."""


class Report(ABC):
    """What a comparison can be written down as. `started` is when its run began, in Unix seconds."""

    __slots__ = ()

    started: float

    @property
    def when(self) -> str:
        """When the run began, such as "2026-11-27 20:00 UTC"."""
        return f"{datetime.fromtimestamp(self.started, UTC):%Y-%m-%d %H:%M} UTC"

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Flat dictionaries with the same keys; at least one."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""

    def to_csv(self) -> str:
        """The rows as CSV, with names at the head; what is not known is empty."""
        rows = self.rows()
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
        return file.getvalue()

    def to_json(self) -> str:
        """All of it as JSON."""
        return json.dumps(self.as_dict(), indent=2, default=str) + "\n"

    @abstractmethod
    def to_markdown(self, title: str = ...) -> str:
        """Markdown, under a heading."""

    @abstractmethod
    def to_html(self, title: str = ...) -> str:
        """A page, under a heading, in one file that fetches and runs nothing."""

    def save(self, path: str | os.PathLike[str], title: str | None = None) -> Path:
        """Writes a file, by its name's ending: .html, .md, .csv or .json. JSON and HTML
        of models on prompts hold these and all answers.

        Args:
            path: Where. What stood there is replaced once all of the new is written.
            title: The heading of a page or of Markdown; None for the usual one.

        Raises:
            ConfigError: Its name ends otherwise, or it cannot be written.
        """
        titled = {} if title is None else {"title": title}
        makers: dict[str, Callable[[], str]] = {
            ".html": lambda: self.to_html(**titled),
            ".htm": lambda: self.to_html(**titled),
            ".md": lambda: self.to_markdown(**titled),
            ".csv": self.to_csv,
            ".json": self.to_json,
        }
        return save(path, makers)


def check_report(path: str | os.PathLike[str], endings: Collection[str] = ENDINGS) -> Path:
    """The place of a report that can be made.

    Args:
        path: As it was given.
        endings: What its name may end in.

    Raises:
        ConfigError: Its name says not of which kind.
    """
    if not isinstance(path, str | os.PathLike):
        raise ConfigError(f"{path!r} is no path.")
    where = Path(path).expanduser()
    if where.suffix.lower() not in endings:
        raise ConfigError(
            f"{where} names no kind of report.", hint=f"Let it end in one of {', '.join(endings)}."
        )
    return where


def save(path: str | os.PathLike[str], makers: Mapping[str, Callable[[], str]]) -> Path:
    """Writes a report by its name's ending; gives back where.

    Args:
        path: Where.
        makers: What makes the text, by each ending.

    Raises:
        ConfigError: Its name ends otherwise, or it cannot be written.
    """
    where = check_report(path, makers)
    write(where, makers[where.suffix.lower()])
    return where


def write(path: Path, make: Callable[[], str]) -> None:
    """Puts a text into a file, which holds either what it held or all of the new. A device or a pipe is written, and
    not replaced by a file.

    Raises:
        ConfigError: It cannot be written.
    """
    data = make().encode("utf-8", "replace")
    try:
        with replacing(path) as file:
            file.write(data)
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise ConfigError(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.",
            hint="Name another file; nothing is lost.",
        ) from None


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    """Puts texts into new files of a folder, which is made if need be.

    Raises:
        ConfigError: One of them is there already, and all are left as they are; or one cannot be written.
    """
    for name in files:
        if os.path.lexists(folder / name):
            raise ConfigError(
                f"{folder / name} is there already, and was left as it is.",
                hint="Name another folder, or move the file away.",
            )
    for name, text in files.items():
        write(folder / name, lambda text=text: text)  # type: ignore[misc]


def markdown_row(cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def escaped_markdown(text: str) -> str:
    """Text in one line that Markdown takes for nothing else."""
    return " ".join(clean(text).split()).translate(MARKUP)


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    return cell(value)
