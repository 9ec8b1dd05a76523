"""What came out: verdicts and tables, for the terminal and for `benchmarks/README.md`.

Lives here: ratios (the median over the rounds against the median, and the best round against the best; a claim
holds when both do), tables as Markdown. Not here: measuring (`run`), what must hold (`claims`).
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from claims import CLAIMS, Claim
from contenders import CONTENDERS

Results = dict[str, Any]


def values(results: Results, measure: str, name: str, value: str) -> list[float]:
    """One number of one contender, a round each; empty when it did not run."""
    return [row[value] for row in results["numbers"].get(measure, {}).get(name, [])]


def close_enough(results: Results, claim: Claim, name: str) -> bool:
    quality = results["quality"].get(name)
    if quality is None:  # the adapters and the caches have the vectors of the core
        return True
    return bool(quality["p1" if claim.quantile else "min"] >= claim.least_cosine)


def best(results: Results, claim: Claim, names: tuple[str, ...]) -> tuple[str, list[float]] | None:
    """The contender with the best median, and its numbers."""
    ran = [(name, values(results, claim.measure, name, claim.value)) for name in names]
    ran = [(name, numbers) for name, numbers in ran if numbers]
    if not ran:
        return None
    pick = max if claim.more_is_better else min
    return pick(ran, key=lambda one: statistics.median(one[1]))


def claim_row(results: Results, claim: Claim) -> list[str]:
    """Label, ours, peer, both ratios, must, aim, verdict."""
    bounds = [f"{claim.must:g}", f"{claim.aim:g}" if claim.aim else ""]
    near = tuple(name for name in claim.ours if close_enough(results, claim, name))
    ours, peer = best(results, claim, near), best(results, claim, claim.peers)
    if ours is None or peer is None:
        return [claim.label, "", "", "", "", *bounds, "not applicable: " + reasons(results, claim)]
    pick = max if claim.more_is_better else min
    ratios = (statistics.median(ours[1]) / statistics.median(peer[1]), pick(ours[1]) / pick(peer[1]))
    reached = [ratio >= claim.must if claim.more_is_better else ratio <= claim.must for ratio in ratios]
    verdict = "holds" if all(reached) else "missed"
    shown = [f"{figure(claim.value, statistics.median(numbers))} ({name})" for name, numbers in (ours, peer)]
    return [claim.label, *shown, *(f"{ratio:.3g}" for ratio in ratios), *bounds, verdict]


def reasons(results: Results, claim: Claim) -> str:
    said = results["failures"].get(claim.measure, {})
    why = [f"{name}: {said[name]}" for name in (*claim.ours, *claim.peers) if name in said]
    far = [f"{name} is not close enough" for name in claim.ours if not close_enough(results, claim, name)]
    return "; ".join(why + far) or "it did not run"


def figure(value: str, number: float) -> str:
    if value == "per_second":
        return f"{number:,.0f}/s"
    if value in ("rss", "peak"):
        return f"{number:.0f} MB"
    return f"{number * 1e3:.1f} ms" if number < 1 else f"{number:.2f} s"


def throughput_rows(results: Results) -> list[list[str]]:
    """Every contender that embeds: rates, one query, closeness, share of the machine's peak."""
    rows = []
    for contender in CONTENDERS:
        name = contender.name
        cells = [name]
        for measure, value in (
            ("mixed", "per_second"),
            ("even", "per_second"),
            ("short", "per_second"),
            ("query", "p50"),
        ):
            numbers = values(results, measure, name, value)
            cells.append(figure(value, statistics.median(numbers)) if numbers else "")
        if not any(cells[1:]):
            continue
        quality = results["quality"].get(name)
        cells += [f"{quality[key]:.5f}" for key in ("min", "p1")] if quality else ["", ""]
        cells.append(f"{quality['overlap']:.3f}" if quality else "")
        share = results["peak_share"].get(name)
        cells.append(f"{share:.0%}" if share else "")
        rows.append(cells)
    return rows


def ready_rows(results: Results) -> list[list[str]]:
    rows = []
    for name in results["numbers"].get("ready", {}):
        numbers = [values(results, "ready", name, key) for key in ("seconds", "rss", "peak")]
        keys = ("seconds", "rss", "peak")
        rows.append(
            [name, *(figure(key, statistics.median(n)) for key, n in zip(keys, numbers, strict=True))]
        )
    return rows


def as_markdown(results: Results) -> str:
    """All tables, with the circumstances at their head."""
    peaks = ", ".join(f"{precision} {peak:,.0f}" for precision, peak in results["peak"].items())
    head = (
        f"{results['date']}, {results['machine']}, Python {results['python']}, {results['rounds']} rounds, "
        f"{results['seconds'] // 60} min {results['seconds'] % 60} s, load {results['load']:.1f} at the start. "
        f"{results['mixed']} mixed passages with {results['tokens']:,} tokens, "
        f"{results['even']} even, {results['short']} short. "
        f"Peak of a matrix product, GFLOP/s: {peaks}."
    )
    parts = [
        head,
        "### What must hold\n",
        table(
            ["", "ours", "peer", "median", "best", "must", "aim", "verdict"],
            [claim_row(results, claim) for claim in CLAIMS],
        ),
        "### Everyone\n",
        table(
            [
                "",
                "mixed",
                "even",
                "short",
                "one query",
                "min cosine",
                "1st percentile",
                "top-10 overlap",
                "of the peak",
            ],
            throughput_rows(results),
        ),
        "### Ready to embed\n",
        table(["", "import, load, first vector", "memory then", "peak"], ready_rows(results)),
    ]
    failures = [
        [measure, name, why] for measure, all_ in results["failures"].items() for name, why in all_.items()
    ]
    if failures:
        parts += ["### Rows that did not run\n", table(["measure", "contender", "why"], failures)]
    versions = [
        [env, ", ".join(f"{n} {v}" for n, v in found.items())] for env, found in results["versions"].items()
    ]
    parts += ["### Versions\n", table(["environment", "packages"], versions)]
    return "\n\n".join(parts).replace("\n\n\n", "\n\n")


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    print(
        as_markdown(
            json.loads(
                (Path(__file__).resolve().parent.parent / ".benchmarks" / "embeddings.json").read_text()
            )
        )
    )
