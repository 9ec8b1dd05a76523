"""The table of the turn: what each contender took, how that splits, and what its own code added.

Lives here: medians, least values, spreads, ratios. `python benchmarks/rag/report.py` shows the last run once more.
Not here: measuring (`run`).
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from contenders import CONTENDERS

Results = dict[str, Any]

QUIET = 2.5  # load up to which nobody else runs: the contender and the router are two
BARE = ("bare forward", "bare search", "bare post")
PARTS = ("embed", "search", "answer")


def middle(values: list[float]) -> float:
    return statistics.median(values)


def least(values: list[float], questions: int) -> float:
    """The least of each question, and the mean of these."""
    return statistics.mean(min(values[at::questions]) for at in range(questions))


def spread(values: list[float]) -> str:
    """The median, and between which values the middle half of them lies."""
    low, _, high = statistics.quantiles(values, n=4)
    return f"{ms(middle(values))} ({ms(low)} to {ms(high)})"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}" if abs(seconds) < 0.1 else f"{seconds * 1000:.0f}"


def added(times: dict[str, list[float]]) -> list[float]:
    """What each turn took beyond the bare minimum of the same question and round, in seconds."""
    return [
        turn - sum(bare) for turn, *bare in zip(times["turn"], *(times[part] for part in BARE), strict=True)
    ]


def own(times: dict[str, list[float]]) -> list[float]:
    """What the row's own two parts took beyond the forward pass and the POST; what else was added is the
    framework's."""
    rows = zip(*(times[part] for part in ("embed", "bare forward", "answer", "bare post")), strict=True)
    return [embed - forward + answer - post for embed, forward, answer, post in rows]


def least_added(times: dict[str, list[float]], questions: int) -> float:
    """The same of least values."""
    return least(times["turn"], questions) - sum(least(times[part], questions) for part in BARE)


def turn_rows(results: Results, clock: str, *, differences: bool) -> list[list[str]]:
    """A row a contender; without differences where they would be of other programs' work."""
    rows, questions = [], results["questions"]
    for contender in CONTENDERS:
        if contender.name not in results["numbers"]:
            continue
        times = results["numbers"][contender.name][clock]
        rows.append(
            [
                contender.name,
                spread(times["turn"]),
                *(ms(middle(times[part])) for part in PARTS),
                " + ".join(ms(middle(times[part])) for part in BARE),
                spread(added(times)) if differences else "",
                spread(own(times)) if differences else "",
                ms(least(times["turn"], questions)),
                ms(least_added(times, questions)) if differences else "",
                ms(middle(times["turn, own store"])),
                ms(middle(times["search, own store"])),
            ]
        )
    return rows


def ratio_rows(results: Results) -> list[list[str]]:
    """Ours over each peer: of whole turns and of what was added, by medians and by least values."""
    rows, questions = [], results["questions"]
    numbers = results["numbers"]
    for peer in CONTENDERS:
        ours = next(c for c in CONTENDERS if c.group == "ours" and c.framework == peer.framework)
        if peer.group == "ours" or peer.name not in numbers or ours.name not in numbers:
            continue
        cells = [f"{peer.framework}: {ours.name} / {peer.name}"]
        for clock in ("cpu", "wall"):
            mine, theirs = numbers[ours.name][clock], numbers[peer.name][clock]
            whole = middle(mine["turn"]) / middle(theirs["turn"])
            whole_least = least(mine["turn"], questions) / least(theirs["turn"], questions)
            cells.append(f"{whole:.2f} ({whole_least:.2f})")
            if clock == "cpu":
                more = middle(added(mine)) / middle(added(theirs))
                more_least = least_added(mine, questions) / least_added(theirs, questions)
                cells.append(f"{more:.2f} ({more_least:.2f})")
                cells.append(f"{middle(own(mine)) / middle(own(theirs)):.2f}")
        rows.append(cells)
    return rows


def as_markdown(results: Results) -> str:
    """All tables, with the circumstances at their head."""
    low, high = results["loads"]
    quiet = high <= QUIET
    turns = results["rounds"] * results["questions"]
    head = [
        "",
        "turn (middle half)",
        *PARTS,
        "bare: forward + search + post",
        "added (middle half)",
        "of it by embeddings and model",
        "turn, least",
        "added, least",
        "turn, own store",
        "search, own store",
    ]
    parts = [
        f"{results['date']}, {results['machine']}, Python {results['python']}, {turns} turns of each in "
        f"{results['rounds']} rounds, {results['seconds'] // 60} min {results['seconds'] % 60} s, "
        f"load {low:.1f} to {high:.1f}, the benchmark's own included. {results['texts']:,} passages, "
        f"{'the same' if same_answers(results) else 'DIFFERENT'} answers from all rows of a framework.",
        "CPU of the process, ms:",
        table(head, turn_rows(results, "cpu", differences=True)),
        "Wall, ms:" if quiet else "Wall, ms, other programs' turns at the processor included:",
        table(head, turn_rows(results, "wall", differences=quiet)),
        "Ratios of medians (of least values):",
        table(
            ["", "CPU, turn", "CPU, added", "of it by embeddings and model", "wall, turn"],
            ratio_rows(results),
        ),
    ]
    if results["failures"]:
        parts.append("\n".join(f"{name}: {why}" for name, why in results["failures"].items()))
    versions = [
        [env, ", ".join(f"{n} {v}" for n, v in found.items())] for env, found in results["versions"].items()
    ]
    parts.append(table(["environment", "packages"], versions))
    return "\n\n".join(parts)


def same_answers(results: Results) -> bool:
    """Whether all rows of a framework answered alike."""
    by_framework: dict[str, set[str]] = {}
    for contender in CONTENDERS:
        if contender.name in results["answers"]:
            said = json.dumps(results["answers"][contender.name])
            by_framework.setdefault(contender.framework, set()).add(said)
    return all(len(said) == 1 for said in by_framework.values())


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    print(as_markdown(json.loads((Path(__file__).parents[1] / ".benchmarks" / "rag.json").read_text())))
