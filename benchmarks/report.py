"""What a run showed: ratios, verdicts, tables for the terminal and for the README.

Lives here: how numbers become verdicts and tables. Pure: results in, text out.
Not here: what must hold (`claims`), measuring. `python benchmarks/report.py` prints the last run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from claims import CLAIMS, Claim
from contenders import CONTENDERS
from measures import CROWD, MEASURES

Results = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column is left-aligned, the others right."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()


class Numbers:
    """The figures of one run, read by measure and contender."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def rounds(self, measure: str, name: str, value: str | None = None) -> list[float]:
        key = value or value_of(measure)
        return [one[key] for one in self.results["numbers"].get(measure, {}).get(name, ())]

    def middle_and_least(
        self, measure: str, name: str, value: str | None = None
    ) -> tuple[float, float] | None:
        if name in self.results["failures"].get(measure, ()):
            return None  # one failed round spoils the others: what they say is not what a user gets
        rounds = self.rounds(measure, name, value)
        return (median(rounds), min(rounds)) if rounds else None

    def worst(self, measure: str, name: str, key: str, pick: Callable[[list[Any]], Any]) -> Any:
        rounds = [one[key] for one in self.results["numbers"].get(measure, {}).get(name, ()) if key in one]
        return pick(rounds) if rounds else None

    def why_not(self, measure: str, name: str) -> str:
        return str(self.results["failures"].get(measure, {}).get(name, "not measured"))


def value_of(measure: str) -> str:
    """The number of a measure that is compared."""
    special = {"import": "cpu", "memory": "rss"}
    return special.get(measure) or (MEASURES[measure].value if measure in MEASURES else "cpu")


# Verdicts


def judge(claim: Claim, numbers: Numbers) -> tuple[str, ...]:
    """One row: figure of ours, of the peer, ratio by medians and by minima, limit, aim, verdict."""
    ours = numbers.middle_and_least(claim.measure, claim.ours, claim.value)
    if ours is None:
        return _empty(claim, numbers.why_not(claim.measure, claim.ours))
    base = (0.0, 0.0)
    if claim.over:
        base = numbers.middle_and_least(claim.measure, claim.over, claim.value) or base
    mine = (ours[0] - base[0], ours[1] - base[1])
    limits = (_limit(claim.must, claim), _limit(claim.aim, claim))
    if claim.peer is None:
        most = max(numbers.rounds(claim.measure, claim.ours, claim.value)) - base[0]
        judged = mine[0] if claim.unit == "ms" else most  # a count or a bound holds in every round
        verdict = _verdict(judged, claim, _objections(claim, numbers))
        return (claim.label, _plain(mine[0], claim.unit), "", "", "", *limits, verdict)
    measure, name = claim.peer if isinstance(claim.peer, tuple) else (claim.measure, claim.peer)
    theirs = numbers.middle_and_least(measure, name, claim.value)
    if theirs is None:
        return _empty(claim, f"{name}: {numbers.why_not(measure, name)}")
    his = (theirs[0] - base[0], theirs[1] - base[1])
    ratios = (mine[0] / his[0], mine[1] / his[1])
    verdict = _verdict(max(ratios), claim, _objections(claim, numbers))
    shown = (_seconds(mine[0]), _seconds(his[0]), f"{ratios[0]:.3f}", f"{ratios[1]:.3f}")
    return (claim.label, *shown, *limits, verdict)


def _objections(claim: Claim, numbers: Numbers) -> str:
    """What spoils a crowd even when it was fast."""
    if not claim.measure.startswith("crowd"):
        return ""
    errors = numbers.worst(claim.measure, claim.ours, "errors", max)
    least = numbers.worst(claim.measure, claim.ours, "most_in_flight", min)
    if errors:
        return f"MISSED: {errors} errors"
    return "" if least == CROWD else f"MISSED: only {least} in flight"


def _verdict(judged: float, claim: Claim, objection: str) -> str:
    if objection:
        return objection
    if judged > claim.must:
        return f"MISSED by {judged / claim.must - 1:.0%}"
    return "holds, aim met" if claim.aim is not None and judged <= claim.aim else "holds"


def _empty(claim: Claim, why: str) -> tuple[str, ...]:
    return (
        claim.label,
        "",
        "",
        "",
        "",
        _limit(claim.must, claim),
        _limit(claim.aim, claim),
        f"not run: {why[:40]}",
    )


def _limit(limit: float | None, claim: Claim) -> str:
    if limit is None:
        return ""
    return f"{_plain(limit, claim.unit)}" if claim.unit else f"{limit:g}"


def _plain(value: float, unit: str) -> str:
    if unit == "ms":
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if unit == "s" else f"{value:.0f}"


def _seconds(value: float) -> str:
    if value < 0.001:
        return f"{value * 1e6:.1f} µs" if value < 1e-4 else f"{value * 1e6:.0f} µs"
    return f"{value * 1000:.2f} ms" if value < 1 else f"{value:.2f} s"


# Tables


@dataclass(frozen=True)
class Column:
    """One column of the tables of absolute figures."""

    head: str
    measure: str
    scale: float = 1e6
    digits: int = 0
    value: str | None = None


COLUMNS: tuple[tuple[str, tuple[Column, ...]], ...] = (
    (
        "CPU, µs: a call, a streamed chunk, a chunk in a packet of its own",
        (
            Column("call", "call"),
            Column("async", "acall"),
            Column("chunk", "stream", digits=1),
            Column("async", "astream", digits=1),
            Column("tool chunk", "tools", digits=1),
            Column("paced chunk", "paced"),
            Column("async", "apaced"),
        ),
    ),
    (
        "Waiting: first chunk (ms), connections of 300 streams, 1,000 calls at once (s)",
        (
            Column("first", "first", 1e3, 2),
            Column("async", "afirst", 1e3, 2),
            Column("conns", "sequence", 1),
            Column("async", "asequence", 1),
            Column("50 ms", "crowd50", 1, 2),
            Column("ungated", "free50", 1, 2),
            Column("2 s", "crowd2000", 1, 2),
            Column("in flight", "crowd50", 1, 0, "most_in_flight"),
            Column("errors", "crowd50", 1, 0, "errors"),
        ),
    ),
    (
        "Starting: import over bare Python (CPU, wall, s), constructor (CPU, µs), memory (MB)",
        (
            Column("import", "import", 1, 3),
            Column("wall", "import", 1, 3, "wall"),
            Column("construct", "construct"),
            Column("new URL", "construct_new_url"),
            Column("bare", "construct_bare"),
            Column("RSS", "memory", 1),
        ),
    ),
)


def tables(results: Results) -> list[Table]:
    """Everything there is to say about a run."""
    numbers = Numbers(results)
    made = [verdict_table(numbers)]
    made += [absolute_table(title, columns, numbers) for title, columns in COLUMNS]
    made.append(server_table(numbers))
    made.append(version_table(results))
    return [table for table in made if table.rows]


def verdict_table(numbers: Numbers) -> Table:
    rows = [judge(claim, numbers) for claim in CLAIMS if _asked(claim, numbers)]
    missed = sum("MISSED" in row[-1] for row in rows)
    absent = sum("not run" in row[-1] for row in rows)
    held = len(rows) - missed - absent
    return Table(
        "What must hold",
        ("", "ours", "peer", "median", "min/min", "must", "aim", "verdict"),
        rows,
        (f"{held} hold, {missed} missed, {absent} not run. A ratio holds when both its forms do.",),
    )


def _asked(claim: Claim, numbers: Numbers) -> bool:
    """Rows of measures that this run was not asked for say nothing."""
    results = numbers.results
    return claim.measure in results["numbers"] or claim.measure in results["failures"]


def absolute_table(title: str, columns: tuple[Column, ...], numbers: Numbers) -> Table:
    columns = tuple(column for column in columns if column.measure in numbers.results["numbers"])
    names = [contender.name for contender in CONTENDERS]
    names += [name for name in numbers.results["numbers"].get("import", ()) if name not in names]
    rows = [(name, *(_cell(column, name, numbers) for column in columns)) for name in names]
    notes = [
        f"{name}, {measure}: {why[:80]}"
        for measure in dict.fromkeys(column.measure for column in columns)
        for name, why in numbers.results["failures"].get(measure, {}).items()
    ]
    return Table(
        title,
        ("medians", *(column.head for column in columns)),
        [row for row in rows if any(row[1:])],
        tuple(notes),
    )


def _cell(column: Column, name: str, numbers: Numbers) -> str:
    figure = numbers.middle_and_least(column.measure, name, column.value)
    if figure is None:
        return "failed" if name in numbers.results["failures"].get(column.measure, ()) else ""
    value = figure[0]
    if column.measure == "import":
        if name == "bare Python":
            return ""
        bare = numbers.middle_and_least("import", "bare Python", column.value)
        value -= bare[0] if bare else 0.0
    return f"{value * column.scale:,.{column.digits}f}"


def server_table(numbers: Numbers) -> Table:
    """Was the server ever the bottleneck? Its busiest moment, and what a bare socket gets out of it."""
    rows: list[tuple[str, ...]] = []
    for measure, shares in numbers.results["server_share"].items():
        peers = {name: share for name, share in shares.items() if name != "socket, raw"}
        if not peers:
            continue
        name = max(peers, key=lambda key: peers[key])
        bare = numbers.middle_and_least(measure, "socket, raw", "wall")
        rows.append((measure, f"{peers[name]:.0%}", name, _seconds(bare[0]) if bare else ""))
    return Table(
        "The server: largest share of one core it used, for whom, and what a bare socket waits (wall a unit)",
        ("", "busy", "for", "bare socket"),
        rows,
    )


def version_table(results: Results) -> Table:
    rows: list[tuple[str, ...]] = []
    for env, versions in results["versions"].items():
        users = [name for name, its in results["envs"].items() if its == env]
        text = ", ".join(f"{name} {version}" for name, version in versions.items())
        rows.append((", ".join(users[:3]) + (", …" if len(users) > 3 else ""), text))
    return Table("Versions", ("environment of", "packages"), rows)


# Text


def as_text(results: Results, made: list[Table]) -> str:
    """For a terminal."""
    parts = [summary(results)]
    for table in made:
        parts.append(f"\n{table.title}")
        if table.header[1:] == ("packages",):
            parts += [f"  {who}\n    {what}" for who, what in table.rows]
            continue
        lines = [table.header, *table.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(table.header))]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [text.rjust(width) for text, width in zip(line[1:-1], widths[1:-1], strict=True)]
            ragged = table.header[-1] == "verdict"
            cells.append(line[-1] if ragged else line[-1].rjust(widths[-1]))
            parts.append("  " + "  ".join(cells).rstrip())
        parts += [f"  {text}" for text in table.notes]
    return "\n".join(parts)


def as_markdown(results: Results, made: list[Table]) -> str:
    """For the README."""
    parts = [summary(results)]
    for table in made:
        parts.append(f"\n### {table.title}\n")
        parts.append("| " + " | ".join(table.header) + " |")
        parts.append("|---|" + "---:|" * (len(table.header) - 2) + "---|")
        parts += ["| " + " | ".join(row) + " |" for row in table.rows]
        parts += ["\n" + text for text in table.notes]
    return "\n".join(parts)


def summary(results: Results) -> str:
    return (
        f"{results['date']}, {results['machine']}, Python {results['python']}, "
        f"{results['rounds']} rounds, {results['seconds'] // 60} min {results['seconds'] % 60} s, "
        f"load {results['load']:.1f} at the start."
    )


def main() -> None:
    results = json.loads((Path(__file__).resolve().parent / ".benchmarks" / "last.json").read_text())
    print(as_text(results, tables(results)))


if __name__ == "__main__":
    main()
