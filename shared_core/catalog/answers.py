"""A memory of answers about models, since adapters ask on every call: good for one generation of the catalogues."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from shared_core.catalog.loaded import SHARED

__all__ = ["MOST_ANSWERS", "Answers"]

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")

MOST_ANSWERS = 4096
"""Names come from users, so that their number has no bound of its own."""


class Answers(Generic[Key, T]):
    """What was found for each key, until another catalogue is loaded.

    The pair of generation and answers is replaced as a whole, never changed, so that a thread which found an answer
    in an older catalogue stores it where nobody looks any more. No lock.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: tuple[int, dict[Key, T]] = (-1, {})

    def __len__(self) -> int:
        return len(self._held[1])

    def get(self, key: Key, find: Callable[[Key], T]) -> T:
        """The answer; found now where it is not known."""
        generation, answers = self._held
        if generation != SHARED.generation:
            answers = {}
            self._held = (SHARED.generation, answers)
        try:
            return answers[key]
        except KeyError:
            pass
        if len(answers) >= MOST_ANSWERS:
            answers.clear()
        return answers.setdefault(key, find(key))
