"""`--dry-run`, and what a file may not decide alone: whom to ask, which costs money or is downloaded.

Lives here: showing an estimate, asking a person. Not here: making it (`evaluate.estimating`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_core._text import clean
from shared_core.cli.out import confirm, count, show_json, show_table, tell
from shared_core.types.budget import shown
from shared_core.types.cost import rough

if TYPE_CHECKING:
    from shared_core.evaluate import RunEstimate, SubjectEstimate

__all__ = ["AllowModels", "DryRun", "ask_whether", "show_estimate", "some"]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and may cost; ask nobody.")]
AllowModels = Annotated[
    bool, typer.Option("--allow-models", help="Ask whom only the file names, without asking back.")
]

_HOME = "this machine"
_ROWS = 20


def show_estimate(found: RunEstimate, *, as_json: bool = False, stderr: bool = False) -> None:
    """What a run would ask, and may cost.

    Args:
        found: It.
        as_json: For a program.
        stderr: Where the results of a run are to follow on standard output.
    """
    if as_json:
        show_json(found.as_dict())
        return
    titles = [("who", "left"), ("as", "left"), ("calls", "right"), ("tokens in", "right"), ("out", "right")]
    rows = [_row(each) for each in found.subjects]
    show_table([*titles, ("at most", "right")], rows[:_ROWS], stderr=stderr)
    if len(rows) > _ROWS:
        tell(f"and {len(rows) - _ROWS} more, which --json has", stderr=stderr)
    for line in _lines(found):
        tell(clean(line), hang=2, stderr=stderr)
    if not stderr:
        tell("Nobody was asked.")


def _row(each: SubjectEstimate) -> list[str]:
    read, written = each.cost.prompt_tokens[1], each.cost.completion_tokens[1]
    known = each.where == "router"
    high = each.cost.high.usd
    return [
        " ".join(each.name.split()),
        each.role,
        f"{each.calls:,}",
        count(read) if known else "",
        ("" if each.role == "embedder" else "?" if written is None else count(written)) if known else "",
        "none" if each.where == _HOME else "?" if high is None else rough(high),
    ]


def _lines(found: RunEstimate) -> list[str]:
    what = "text" if all(each.role == "embedder" for each in found.subjects) else "prompt"
    often = "" if found.repeats == 1 else f", {found.repeats} times each"
    lines = [f"{found.prompts:,} {what}{'s' * (found.prompts != 1)}{often}."]
    if any(each.where == "router" for each in found.subjects):
        lines.append("Tokens are bounded by bytes, answers by max_tokens or by what a model can write.")
    if found.high.usd is not None:
        lines.append(f"All of it costs {rough(found.high.usd)} at most.")
    lines += [
        f"{each.name}: how much at most is unknown: {each.cost.high.note or 'it has no price'}."
        for each in found.subjects[:_ROWS]
        if each.where != _HOME and each.cost.high.usd is None
    ]
    if found.budget is not None:
        amount = found.budget.usd if found.budget.usd is not None else found.budget.units
        lines.append(f"The budget ends it at {shown(amount, found.budget.unit)}.")  # type: ignore[arg-type]
    lines += [
        f"Downloaded first: {each.download}, for {each.name}." for each in found.subjects if each.download
    ]
    if found.code:
        lines.append(f"Code that checks name, to be run with --allow-python: {some(found.code)}.")
    if found.options:
        lines.append(f"The prompts set {some(found.options)}.")
    return [*lines, *found.notes]


def some(names: Sequence[str]) -> str:
    """Names in a sentence, but for those beyond what anybody reads.

    Example:
        >>> some(["a", "b"])
        'a, b'
    """
    more = f" and {len(names) - _ROWS:,} more" if len(names) > _ROWS else ""
    return ", ".join(names[:_ROWS]) + more


def ask_whether(file: Path, whom: Sequence[str], found: RunEstimate) -> None:
    """Shows a person whom a file has asked, and goes on if that is wished.

    Args:
        file: It.
        whom: Those that it alone names, such as "the judge org/name".
        found: What it comes to.

    Raises:
        typer.Exit: It is not.
    """
    tell(clean(f"{file} names whom to ask: {some(whom)}."), hang=2, stderr=True)
    show_estimate(found, stderr=True)
    confirm("Ask them?")
