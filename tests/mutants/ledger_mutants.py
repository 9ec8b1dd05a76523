"""Sabotages of the usage ledger: rows that are lost or told twice, sums that are wrong, secrets that stay."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["LEDGER"]

_CALLS = ("tests/client/ledger",)
_QUESTIONS = ("tests/observe/test_ledger_questions.py",)
_WRITING = ("tests/observe/test_ledger_writing.py",)

LEDGER = (
    Mutant(
        "Rows that could not be written are dropped",
        "shared_core/observe/ledger/commit.py",
        "self._rows[:0] = rows",
        "self._rows[:0] = []",
        _WRITING,
    ),
    Mutant(
        "Rows that are lost are not counted",
        "shared_core/observe/ledger/commit.py",
        "self.lost += 1",
        "self.lost += 0",
        _WRITING,
    ),
    Mutant(
        "A film that is asked after twice is two rows",
        "shared_core/observe/ledger/store.py",
        "if row.job is not None and _goes_on(connection, row):",
        "if row.job is not None and not row.job:",
        _CALLS,
    ),
    Mutant(
        "An unknown cost is a zero",
        "shared_core/observe/ledger/rows.py",
        "nano = None if cost.usd is None else _nano(cost.usd)",
        "nano = 0 if cost.usd is None else _nano(cost.usd)",
        _QUESTIONS,
    ),
    Mutant(
        "A remembered answer's tokens are counted again",
        "shared_core/observe/ledger/rows.py",
        "if event.cached:",
        "if event.cached and not event.usage:",
        (
            "tests/client/ledger/test_ledger_chats.py::test_an_answer_that_was_remembered_is_a_row_that_cost_nothing",
        ),
    ),
    Mutant(
        "An address keeps its password",
        "shared_core/observe/ledger/rows.py",
        'netloc=parts.netloc.rpartition("@")[2]',
        "netloc=parts.netloc",
        _QUESTIONS,
    ),
    Mutant(
        "What was asked is kept by every ledger",
        "shared_core/observe/ledger/rows.py",
        "content_of(event) if store_content else None",
        "content_of(event)",
        _CALLS,
    ),
    Mutant(
        "A quantile is the place below",
        "shared_core/observe/ledger/questions.py",
        "(n * {percent} + 99) / 100",
        "max(1, (n * {percent}) / 100)",
        _QUESTIONS,
    ),
    Mutant(
        "Remembered answers count among the fastest",
        "shared_core/observe/ledger/questions.py",
        "AND outcome = 'answered' AND NOT cached AND",
        "AND outcome = 'answered' AND",
        _QUESTIONS,
    ),
    Mutant(
        "A list that breaks off tells nothing of its answered part",
        "shared_core/client/collected.py",
        "progress.usage, progress.cost = self.usage, self._cost",
        "progress.usage, progress.cost = None, None",
        _CALLS,
    ),
    Mutant(
        "A list that was cancelled tells no attempts",
        "shared_core/client/collected.py",
        "progress.attempts, progress.moves = self._attempts, self._moves",
        "progress.moves = self._moves",
        _CALLS,
    ),
    Mutant(
        "A film whose task is cancelled forgets its job",
        "shared_core/client/jobs.py",
        "        self.call.progress.job = job\n        self.waiters",
        "        self.waiters",
        _CALLS,
    ),
)
