"""What `compare`, `test` and `embed-compare` share: options, where answers are kept meanwhile, and the last lines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_core._text import clean
from shared_core.cli.out import say, tell
from shared_core.cli.reports import show_written
from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.evaluate import CaseResults, Figures, PromptComparison
    from shared_core.types import Budget

__all__ = [
    "Concurrency",
    "Repeats",
    "Resume",
    "Spend",
    "Title",
    "Unpriced",
    "kept",
    "run_budget",
    "show_run",
]

Spend = Annotated[str | None, typer.Option("--budget", help="Spend no more than this.", metavar="USD")]
Unpriced = Annotated[
    bool, typer.Option("--unpriced", help="With --budget: also those whose price nobody knows.")
]
Concurrency = Annotated[int, typer.Option("--concurrency", help="Questions at one time.", min=1, metavar="N")]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="Where answers are kept, to go on from.", metavar="FILE")
]
Repeats = Annotated[
    int | None, typer.Option("--repeats", "-r", help="How often each is asked each.", min=1, metavar="N")
]
Title = Annotated[str | None, typer.Option("--title", help="The report's heading.", metavar="TEXT")]


def run_budget(usd: str | None, *, unpriced: bool) -> Budget | None:
    """The budget that `--budget` and `--unpriced` mean."""
    from shared_core.evaluate.planning import budget_of

    made = budget_of(usd)
    return replace(made, unpriced="allow") if made is not None and unpriced else made


@contextmanager
def kept(resume: Path | None) -> Iterator[Path]:
    """Where answers are kept while the run lasts: whatever ends it early, they can be gone on from."""
    if resume is not None:
        path, ours = resume, False
    else:
        path, ours = _new_file(), True
    try:
        yield path
    except BaseException as error:
        if ours and not _holds_answers(path):
            path.unlink(missing_ok=True)
        elif isinstance(error, KeyboardInterrupt) or ours:
            tell(f"What was answered is in {path}. To go on, add: --resume {path}", stderr=True)
        raise
    if ours:
        path.unlink(missing_ok=True)


def _new_file() -> Path:
    try:
        handle, name = tempfile.mkstemp(prefix="hfrouter-answers-", suffix=".jsonl")
    except OSError as error:
        raise ConfigError(
            f"There is no place to keep answers while they come: {error.strerror}.",
            hint="Name a file with --resume.",
        ) from None
    os.close(handle)
    return Path(name)


def _holds_answers(path: Path) -> bool:
    with path.open("rb") as file:
        return len(file.readlines(4096)) > 1


def show_run(found: PromptComparison | CaseResults, whole: Figures, reports: Sequence[Path]) -> None:
    """What is said of any run below its figures.

    Args:
        found: What came of it.
        whole: The figures of all its answers.
        reports: The files that were written.
    """
    from shared_core.evaluate.shown import balance

    if whole.kept:
        say(f"{whole.kept} of the answers {'is' if whole.kept == 1 else 'are'} of an earlier run.")
    for note in found.notes:
        tell(clean(note))
    if found.budget is not None:
        tell(f"Budget: {balance(found.budget)}.")
    show_written(reports)
