"""One contender's process: builds it, then runs one round of one measure whenever a line asks for it.

`worker.py NAME SETUP.json` answers lines on stdin with JSON lines on stdout: the name of a measure, or
`vectors PATH` to write down what the contender makes of the mixed texts. `worker.py NAME SETUP.json ready`
prints how long importing, building and the first vector took, and the memory after it.
Not here: what is measured (`measures`), the loop over the lines (`worker_loop`).
Only the standard library is imported before the contender.
"""

from __future__ import annotations

import array
import json
import os
import resource
import sys
import time
from typing import Any

import contenders
import measures

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # what all benchmarks share
import worker_loop


def build(name: str, setup: dict[str, Any]) -> measures.Subject:
    """The contender of that name, imported and constructed."""
    contender = contenders.BY_NAME[name]
    names: dict[str, Any] = dict(setup["names"])
    exec(contender.imports, names)
    names["it"] = eval(contender.build, names)

    def calling(source: str, argument: str) -> Any:
        return eval(f"lambda {argument}: {source}", names) if source else None

    return measures.Subject(
        calling(contender.documents, "texts"),
        calling(contender.query, "text"),
        calling(contender.aquery, "text"),
        setup["texts"],
    )


def ready(name: str, setup: dict[str, Any]) -> None:
    """Seconds from a bare Python to the first vector, and megabytes in memory then."""
    started = time.perf_counter()
    subject = build(name, setup)
    assert subject.query is not None
    subject.query("Are you there?")
    seconds = time.perf_counter() - started
    with open("/proc/self/status") as status:
        (resident,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "rss": resident / 1024, "peak": peak / 1024}))


def answer(subject: measures.Subject, line: str) -> dict[str, Any]:
    """One round of a measure, or the vectors."""
    if line.startswith("vectors "):
        rows = [[float(number) for number in row] for row in subject.documents(subject.texts["mixed"])]
        with open(line.removeprefix("vectors "), "wb") as out:
            array.array("f", [number for row in rows for number in row]).tofile(out)
        return {"width": len(rows[0])}
    return measures.MEASURES[line](subject)


def main() -> None:
    name, setup_file, *rest = sys.argv[1:]
    with open(setup_file) as file:
        setup = json.load(file)
    if rest == ["ready"]:
        ready(name, setup)
    else:
        worker_loop.serve(name, lambda: build(name, setup), answer)


if __name__ == "__main__":
    main()
