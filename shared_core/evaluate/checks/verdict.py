"""What a check says of one answer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PASSED", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of one answer.

    Args:
        passed: None where it could not be told, such as when the judge did not answer.
        why: In one line; "" where there is nothing to say.

    Example:
        >>> Verdict(False, "too short").turned("a short answer")
        Verdict(passed=True, why='')
    """

    passed: bool | None
    why: str = ""

    def __bool__(self) -> bool:
        return self.passed is True

    def turned(self, words: str) -> Verdict:
        """The verdict of the opposite check; what could not be told still cannot.

        Args:
            words: What must not be, for the reason.
        """
        if self.passed is None:
            return self
        return Verdict(False, f"must not be: {words}") if self.passed else PASSED


PASSED = Verdict(True)
