"""The tables in README.md: each benchmark writes its own, between two markers that bear its name."""

from __future__ import annotations

from pathlib import Path

_README = Path(__file__).resolve().with_name("README.md")


def write(name: str, script: str, tables: str) -> None:
    """Put new tables in place of old ones.

    Args:
        name: What the markers call the benchmark.
        script: Who writes them, which the first marker says.
        tables: Markdown.
    """
    begin, end = f"<!-- {name}: written by {script} -->", f"<!-- end of {name} -->"
    before, _, rest = _README.read_text().partition(begin)
    _, _, after = rest.partition(end)
    _README.write_text(f"{before}{begin}\n{tables}\n{end}{after}")
