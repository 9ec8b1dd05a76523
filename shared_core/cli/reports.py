"""`-o`: results in files, by the endings of their names; the same for every command that writes reports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from shared_core.cli.out import complain, say
from shared_core.errors import ConfigError

__all__ = ["Output", "check_reports", "show_written", "writing"]

Output = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", help="A report: .html, .md, .csv or .json; repeatable.", metavar="FILE"),
]


def check_reports(
    reports: Sequence[Path] | None,
    *,
    endings: Sequence[str] | None = None,
    further: Path | None = None,
    reads: Sequence[Path | None] = (),
) -> None:
    """Says before anything is paid for what would fail after, or write over what is needed.

    Args:
        reports: Where they shall be.
        endings: What their names may end in; None for those of comparisons.
        further: One more, of any name.
        reads: Files that the command reads.

    Raises:
        ConfigError: A name says not of which kind it is, nothing can be written there, or it is a file that is read or
            written already.
    """
    from shared_core.evaluate.written import ENDINGS, check_report

    places = [check_report(report, endings or ENDINGS) for report in reports or ()]
    taken = {path.expanduser().resolve() for path in reads if path is not None}
    for place in [*places, *([further.expanduser()] if further is not None else [])]:
        _check_place(place)
        if place.resolve() in taken:
            raise ConfigError(f"{place} has another use in this command.", hint="Name another file.")
        taken.add(place.resolve())


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise ConfigError(f"{path} is a folder.", hint="Name a file.")
    folder = next(place for place in path.absolute().parents if os.path.lexists(place))
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"Nothing can be written in {folder}.", hint="Name another file.")


@contextmanager
def writing(reports: Sequence[Path] | None, save: Callable[[Path], object]) -> Iterator[list[Path]]:
    """Writes reports; whatever comes of it, the results are shown meanwhile, and then it is told.

    Args:
        reports: Where.
        save: Writes one.

    Yields:
        Those that are there.

    Raises:
        ConfigError: One of them could not be written.
    """
    written, failures = [], []
    for report in reports or ():
        try:
            save(report)
        except ConfigError as error:
            failures.append(error)
        else:
            written.append(report)
    yield written
    for failure in failures[:-1]:
        complain(failure)
    if failures:
        raise failures[-1]


def show_written(reports: Sequence[Path]) -> None:
    """Says which files there are now."""
    for report in reports:
        say(f"Written: {report}")
