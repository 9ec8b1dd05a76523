"""What a sabotage is: a row of the tables in `mutants`, `vector_mutants` and `adapter_mutants`.

Lives here: its fields. Not here: the rows, and how they are run (`run`).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One sabotage.

    Args:
        name: What is wrong with the product now, as a sentence.
        file: The file, from the repository's root.
        old: Text that occurs in it exactly once.
        new: What stands there instead.
        tests: Paths or node ids for pytest; one of these tests must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
