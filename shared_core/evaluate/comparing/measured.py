"""How a comparison was measured, in words: what each figure means, by what costs are known, what the budget took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared_core.evaluate.figures import Figures
from shared_core.evaluate.shown import balance, seconds

if TYPE_CHECKING:
    from shared_core.evaluate.comparing.comparison import PromptComparison

__all__ = ["measured"]

_MEANINGS = [
    (
        "percentiles",
        "p50 and p95 are nearest ranks: times that were really measured. Of fewer than 20 answers, p95 is the slowest.",
    ),
    (
        "first token",
        "from the question to the first content of a streamed answer, queues, retries and network included",
    ),
    ("tokens a second", "tokens after the first, in the time after the first; the median of the answers"),
    (
        "failures",
        "questions that ended in an error after the client's own retries; no figure holds their times, tokens or cost",
    ),
]


def measured(found: PromptComparison) -> list[tuple[str, str]]:
    """(what, how it was measured)."""
    options = json.dumps(dict(found.options), default=str, sort_keys=True)
    told = [
        *_MEANINGS,
        ("cost", _known_by(found.total)),
        ("asked with", options if found.options else "no options"),
        ("the run", _run(found)),
    ]
    if found.budget is not None:
        told.append(("budget", balance(found.budget)))
    return [*told, *(("note", note) for note in found.notes)]


def _run(found: PromptComparison) -> str:
    at_once = found.max_concurrency
    crowd = (
        "" if at_once is None else f", with up to {at_once} question{'' if at_once == 1 else 's'} at a time"
    )
    return f"began {found.when}, took {seconds(found.seconds)}{crowd}; times are of this machine and network"


def _known_by(whole: Figures) -> str:
    if not whole.bases:
        return "nothing was answered"
    return "; ".join(
        f"{basis} ({times:,} answer{'' if times == 1 else 's'})" for basis, times in whole.bases.items()
    )
