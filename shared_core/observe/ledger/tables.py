"""Totals as people read them on a terminal, and rows as other programs do."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, cast, overload

from shared_core._text import cell
from shared_core.errors import ConfigError
from shared_core.observe.ledger.questions import Totals
from shared_core.observe.ledger.rows import EXPORTED, LedgerRow
from shared_core.storage.replacing import replacing
from shared_core.types.cost import plain

__all__ = ["Breakdown", "seconds", "table", "write_rows"]

_HEAD = ("calls", "failed", "hits", "tokens in", "cached", "out", "cost", "p50", "p95", "first p50", "p95")
_NONE = "-"
_LONGEST_NAME = 44


class Breakdown(Sequence[Totals]):
    """Totals by something, the dearest first (days in their order); printed as a table.

    Args:
        by: What the calls of one line have in common.
        items: The lines.
    """

    def __init__(self, by: str, items: Sequence[Totals]) -> None:
        self.by = by
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Totals: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Totals]: ...
    def __getitem__(self, place: int | slice) -> Totals | Sequence[Totals]:
        return self._items[place]

    def get(self, name: str | None) -> Totals | None:
        """The line of this name; None where there is none."""
        return next((item for item in self._items if item.name == name), None)

    def __repr__(self) -> str:
        return f"Breakdown({self.by!r}, {list(self._items)!r})"

    def __str__(self) -> str:
        return table(self.by.removeprefix("tag:"), self._items)


def table(head: str, lines: Iterable[Totals]) -> str:
    """Columns of plain text, the numbers to the right; those that say nothing are left out."""
    rows = [(head, *_HEAD), *((_name(line, head), *_cells(line)) for line in lines)]
    names, *figures = zip(*rows, strict=True)
    width = max(map(len, names))
    columns = [[name.ljust(width) for name in names]]
    for column in figures:
        if set(column[1:]) != {_NONE}:
            width = max(map(len, column))
            columns.append([cell.rjust(width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _name(line: Totals, head: str) -> str:
    name = line.name if line.name is not None else _NONE if head else "all"
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _cells(line: Totals) -> Iterable[str]:
    more = f" + {line.unknown_costs:,} unknown" if line.unknown_costs else ""
    yield f"{line.calls:,}"
    yield f"{line.failures:,}"
    yield _share(line.hit_rate if line.remembered else None)
    yield f"{line.prompt_tokens:,}"
    yield _share(line.cached_share)
    yield f"{line.completion_tokens:,}"
    yield f"${plain(line.cost)}{more}"
    yield from map(seconds, (line.p50_s, line.p95_s, line.first_p50_s, line.first_p95_s))


def _share(value: float | None) -> str:
    return _NONE if value is None else f"{value:.0%}"


def seconds(value: float | None, unknown: str = _NONE) -> str:
    """A time for a narrow place, such as "380 ms" or "1.2 s".

    Args:
        value: In seconds.
        unknown: What stands for None.
    """
    if value is None:
        return unknown
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def write_rows(rows: Iterable[LedgerRow], path: Path) -> int:
    """Writes them as CSV or JSON lines, by the file's ending; returns how many.

    Raises:
        ConfigError: The ending is another one, or the file cannot be written.
    """
    if path.suffix not in _WRITERS:
        raise ConfigError(f"{path} ends in neither .csv nor .jsonl.", hint="The ending says what is written.")
    try:
        with replacing(path) as file:
            return _WRITERS[path.suffix](rows, cast("IO[str]", codecs.getwriter("utf-8")(file)))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}.") from error


def _as_json(rows: Iterable[LedgerRow], file: IO[str]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row.as_dict(), ensure_ascii=False) + "\n")
        count += 1
    return count


def _as_csv(rows: Iterable[LedgerRow], file: IO[str]) -> int:
    writer, count = csv.writer(file), 0
    writer.writerow(EXPORTED)
    for row in rows:
        told = row.as_dict()
        writer.writerow(map(cell, {**told, "tags": json.dumps(told["tags"], ensure_ascii=False)}.values()))
        count += 1
    return count


_WRITERS = {".csv": _as_csv, ".jsonl": _as_json}
