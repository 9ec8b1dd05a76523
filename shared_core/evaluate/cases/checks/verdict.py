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
        >>> Verdict(False, "too short").turned()
        Verdict(passed=True, why='')
    """

    passed: bool | None
    why: str = ""

    def __bool__(self) -> bool:
        return self.passed is True

    def turned(self) -> Verdict:
        """The verdict of the opposite check; what could not be told still cannot."""
        if self.passed is None:
            return self
        return Verdict(False, "the opposite is true") if self.passed else PASSED


PASSED = Verdict(True)
