"""Answers about tables: a cell that is looked up, a sum, and numbers for rows."""

from __future__ import annotations

from typing import Any

from shared_core.testing.brains.words import Reading, telling

__all__ = ["checked_table", "classes", "table_answer", "values"]

_ADD_UP = {"total": "SUM", "sum": "SUM", "altogether": "SUM", "average": "AVERAGE", "mean": "AVERAGE"}


def checked_table(value: object) -> dict[str, list[str]]:
    """A table: lists of one length under their names.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, dict) or not value:
        raise ValueError("table: expected columns with a list of cells each")
    if not all(isinstance(cells, list) for cells in value.values()):
        raise ValueError("table: every column must be a list")
    if len({len(cells) for cells in value.values()}) != 1:
        raise ValueError("All arrays must be of the same length")
    return {str(name): [str(cell) for cell in cells] for name, cells in value.items()}


def table_answer(query: str, table: dict[str, list[str]]) -> dict[str, Any]:
    """The cell in the row and the column that the question names, or a sum over its column."""
    names = list(table)
    told, reading = telling(query), Reading(query)
    column = max(range(len(names)), key=lambda place: (len(telling(names[place]) & told), place))
    rows = range(len(table[names[0]]))
    named = [
        row
        for row in rows
        if any(place != column and reading.mentions(cells[row]) for place, cells in enumerate(table.values()))
    ]
    how = next((kind for word, kind in _ADD_UP.items() if reading.mentions(word)), "")
    counting = reading.mentions("how many") and not named and not (telling(names[column]) & told)
    kept = named or list(rows)
    if not how and not counting:
        kept = kept[:1] if not named else kept
    cells = [table[names[column]][row] for row in kept]
    how = "COUNT" if counting else how or "NONE"
    answer = ", ".join(cells)
    return {
        "answer": answer if how == "NONE" else f"{how} > {answer}",
        "coordinates": [[row, column] for row in kept],
        "cells": cells,
        "aggregator": how,
    }


def _rows(table: dict[str, list[str]]) -> list[list[float]]:
    made = []
    for cells in zip(*table.values(), strict=True):
        numbers = []
        for cell in cells:
            try:
                numbers.append(float(cell))
            except ValueError:
                continue
        made.append(numbers)
    return made


def values(table: dict[str, list[str]]) -> list[float]:
    """A number for each row: the sum of its numbers."""
    return [round(sum(row), 6) for row in _rows(table)]


def classes(table: dict[str, list[str]]) -> list[str]:
    """A class for each row: `1` where its numbers sum to more than the rows' mean, else `0`."""
    sums = values(table)
    mean = sum(sums) / len(sums) if sums else 0
    return [str(int(value > mean)) for value in sums]
