"""What a ledger is asked: sums and quantiles over its rows, together or by what they have in common.

Lives here: the SQL. Quantiles are nearest-rank, exact: of n values in order, the one at place ceil(n p), which is one
that was measured.
"""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from shared_core.errors import ConfigError
from shared_core.observe.ledger.rows import COLUMNS, LedgerRow, dollars_of
from shared_core.observe.moments import Moment, unix
from shared_core.types import EXACT
from shared_core.types.cost import plain

__all__ = ["GROUPS", "Selection", "Totals", "each_row", "sums", "tag_names"]

_GROUPS = {
    **{name: name for name in ("model", "provider", "task", "outcome", "error", "url")},
    "day": "date(at, 'unixepoch')",
}
GROUPS = tuple(_GROUPS)
"""What calls may have in common, besides their tags."""
_SUMS = (
    "count(*), sum(outcome = 'failed'), sum(outcome = 'cancelled'), sum(cached), sum(attempts), "
    "sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens), "
    "sum(nano_usd / 1000000000), sum(nano_usd % 1000000000), "
    "sum(nano_usd IS NULL AND (outcome <> 'failed' OR first_token_s IS NOT NULL OR job IS NOT NULL)), "
    "sum(iif(cached_tokens IS NULL, 0, prompt_tokens))"
)
_PLAIN = frozenset(COLUMNS) - {"tags"}
_READ_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some calls.

    Args:
        name: What they have in common; None for calls without it, and for the sum of all.
        calls: How many. A job that was asked after several times is one.
        failures: Those that failed.
        cancelled: Those that their caller left.
        remembered: Those that a cache answered, so that nobody was asked.
        attempts: How often something was sent.
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens: As in `Usage`, where they were counted.
        cost: US dollars, exact: what is known.
        unknown_costs: Calls that may have cost more than `cost` says: they did not fail before their first content,
            and nobody knows their price.
        cached_share: Of the tokens read, those from the providers' caches, where providers tell them apart.
        p50_s, p95_s: Seconds that half, and 95 of 100, of the calls that were answered anew took at most.
        first_p50_s, first_p95_s: The same to the first content, of streams.
    """

    name: str | None
    calls: int
    failures: int
    cancelled: int
    remembered: int
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: Decimal
    unknown_costs: int
    cached_share: float | None
    p50_s: float | None = None
    p95_s: float | None = None
    first_p50_s: float | None = None
    first_p95_s: float | None = None

    @property
    def hit_rate(self) -> float | None:
        """The share of calls that a cache answered; None where there are none."""
        return self.remembered / self.calls if self.calls else None

    @property
    def known_cost(self) -> Decimal | None:
        """US dollars as `cost`; None where that is 0 for no other reason than that nobody knows the prices."""
        return None if self.unknown_costs and not self.cost else self.cost

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values. The sum is a text under "cost_usd", and None where nothing of it is known.

        Example:
            >>> from shared_core import Ledger
            >>> Ledger().totals().as_dict()["cost_usd"]
            '0'
        """
        told = {item.name: getattr(self, item.name) for item in fields(self)}
        del told["cost"]
        known = self.known_cost
        return {**told, "cost_usd": None if known is None else plain(known)}

    def __str__(self) -> str:
        from shared_core.observe.ledger.tables import table

        return table("", [self])


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls a question is about, as SQL.

    Args:
        condition: With a `?` for each value.
        values: In order.
    """

    condition: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, since: Moment | None, until: Moment | None, where: Mapping[str, Any] | None) -> Selection:
        """The calls that ended from `since` on and before `until`, with these values.

        Raises:
            ConfigError: A time or a value is none.
        """
        conditions, values = ["1"], list[Any]()
        for moment, sign in ((since, ">="), (until, "<")):
            if moment is not None:
                conditions.append(f"at {sign} ?")
                values.append(unix(moment))
        for name, value in (where or {}).items():
            if not isinstance(value, str | int | float | None):
                raise ConfigError(
                    f"where[{name!r}] is of type {type(value).__name__}, not a value to look for."
                )
            if name in _PLAIN:
                conditions.append(f"{name} IS ?")
                values.append(value)
            elif value is None:
                conditions.append("number NOT IN (SELECT number FROM tags WHERE name = ?)")
                values.append(name.removeprefix("tag:"))
            else:
                conditions.append("number IN (SELECT number FROM tags WHERE name = ? AND value = ?)")
                values += [name.removeprefix("tag:"), value]
        return cls(" AND ".join(conditions), tuple(values))


def sums(connection: sqlite3.Connection, by: str | None, which: Selection) -> list[Totals]:
    """One `Totals` for each value of `by`; a single one for None.

    Raises:
        ConfigError: There is no such thing to group by.
    """
    source, group, values = _grouped(by, which)
    connection.create_function("label_of", 2, _label_of, deterministic=True)
    slow = _quantiles(connection, "seconds", source, group, values)
    first = _quantiles(connection, "first_token_s", source, group, values)
    rows = connection.execute(f"SELECT {group}, {_SUMS} {source} GROUP BY 1", values).fetchall()
    if by is None and not rows:
        rows = [(None, 0, *[None] * _SUMS.count("sum("))]
    nothing = (None, None)
    return [_totals(row, *slow.get(row[0], nothing), *first.get(row[0], nothing)) for row in rows]


def _totals(row: tuple[Any, ...], *quantiles: float | None) -> Totals:
    name, calls, *counts, whole, rest, unknown, told_apart = row
    failures, cancelled, remembered, attempts, read, written, recalled, thought = (n or 0 for n in counts)
    cost = EXACT.add(Decimal(whole or 0), dollars_of(rest or 0))
    share = (recalled / told_apart) if told_apart else None
    return Totals(
        name,
        calls,
        failures,
        cancelled,
        remembered,
        attempts,
        read,
        written,
        recalled,
        thought,
        cost,
        unknown or 0,
        share,
        *quantiles,
    )


def _grouped(by: str | None, which: Selection) -> tuple[str, str, tuple[Any, ...]]:
    """FROM and WHERE, what to group by, and the values."""
    if by is None:
        return f"FROM calls WHERE {which.condition}", "NULL", which.values
    if by in _GROUPS:
        return f"FROM calls WHERE {which.condition}", _GROUPS[by], which.values
    tag = by.removeprefix("tag:")
    if not by.startswith("tag:") or not tag:
        raise ConfigError(
            f"A ledger has no groups by {by!r}.",
            hint=f'There are {", ".join(map(repr, _GROUPS))}, and tags: "tag:user".',
        )
    labelled = f"(SELECT *, label_of(tags, ?) AS label FROM calls WHERE {which.condition})"  # noqa: S608
    return f"FROM {labelled} WHERE 1", "label", (tag, *which.values)


@functools.lru_cache(maxsize=4096)
def _label_of(tags: str, name: str) -> str | None:
    """Faster than a join: most calls share their tags with others."""
    label: str | None = json.loads(tags).get(name)
    return label


def _quantiles(
    connection: sqlite3.Connection, column: str, source: str, group: str, values: tuple[Any, ...]
) -> dict[Any, list[float]]:
    ranked = (
        f"SELECT {group} AS name, {column} AS value, "
        f"row_number() OVER (PARTITION BY {group} ORDER BY {column}) AS place, "
        f"count(*) OVER (PARTITION BY {group}) AS n "
        f"{source} AND outcome = 'answered' AND NOT cached AND {column} IS NOT NULL"
    )
    half, most = (f"max(iif(place = (n * {percent} + 99) / 100, value, NULL))" for percent in (50, 95))
    question = f"SELECT name, {half}, {most} FROM ({ranked}) GROUP BY name"  # noqa: S608 (names of ours)
    rows = connection.execute(question, values)
    return {name: quantiles for name, *quantiles in rows}


def tag_names(connection: sqlite3.Connection) -> list[str]:
    """The names of all tags, in order: each is found by a jump in the index, however many rows have it."""
    rows = connection.execute(
        "WITH RECURSIVE found(name) AS (SELECT min(name) FROM tags UNION ALL "
        "SELECT (SELECT min(name) FROM tags WHERE name > found.name) FROM found WHERE found.name IS NOT NULL) "
        "SELECT name FROM found WHERE name IS NOT NULL"
    )
    return [name for (name,) in rows]


def each_row(
    connection: sqlite3.Connection, which: Selection, limit: int | None, *, newest_first: bool
) -> Iterator[LedgerRow]:
    """The rows themselves."""
    names = ", ".join(COLUMNS)
    order = "DESC" if newest_first else "ASC"
    cursor = connection.execute(
        f"SELECT calls.number, {names}, request, reply FROM calls LEFT JOIN content USING (number) "  # noqa: S608
        f"WHERE {which.condition} ORDER BY calls.number {order} LIMIT ?",
        (*which.values, -1 if limit is None else limit),
    )
    cursor.arraysize = _READ_AT_ONCE
    while some := cursor.fetchmany():
        yield from map(LedgerRow.of, some)
