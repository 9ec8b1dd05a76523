"""Checks of an answer's text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from shared_core.errors import ConfigError
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.cases.checks.verdict import PASSED, Verdict

__all__ = ["TEXT_CHECKS", "a_text", "short", "shown"]

Judge = Callable[[Answer, Any], Verdict]
_SHOWN = 60  # characters


def shown(value: object) -> str:
    """A value, short enough for one line; a text in quotes."""
    return short(repr(value) if isinstance(value, str) else str(value))


def short(text: str) -> str:
    """The beginning of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def a_text(value: Any) -> str:
    """The value of a check that takes a text; a number is taken as it is written."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ConfigError(f"{shown(value)} is no text.")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    """The value of a check that takes several texts."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ConfigError(f"{shown(value)} is no list of texts.")
    return tuple(a_text(each) for each in value)


def _pattern(value: Any) -> re.Pattern[str]:
    """The value of a check that takes a pattern."""
    try:
        return re.compile(a_text(value))
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{shown(value)} is no pattern of Python's re: {error}.") from None


def _equals(answer: Answer, text: str) -> Verdict:
    return PASSED if answer.text.strip() == text.strip() else Verdict(False, f"is not {shown(text)}")


def _starts(answer: Answer, text: str) -> Verdict:
    begins = answer.text.strip().startswith(text.strip())
    return PASSED if begins else Verdict(False, f"does not start with {shown(text)}")


def _matches(answer: Answer, pattern: re.Pattern[str]) -> Verdict:
    found = pattern.search(answer.text)
    return PASSED if found else Verdict(False, f"nothing matches {shown(pattern.pattern)}")


def _all(answer: Answer, texts: tuple[str, ...], fold: Callable[[str], str] = str) -> Verdict:
    text = fold(answer.text)
    missing = [each for each in texts if fold(each) not in text]
    return Verdict(False, f"has no {', '.join(map(shown, missing))}") if missing else PASSED


def _any(answer: Answer, texts: tuple[str, ...], fold: Callable[[str], str] = str) -> Verdict:
    text = fold(answer.text)
    if any(fold(each) in text for each in texts):
        return PASSED
    return Verdict(False, f"has none of {', '.join(map(shown, texts))}")


def _one(value: Any) -> tuple[str, ...]:
    return (a_text(value),)


TEXT_CHECKS: dict[str, tuple[Callable[[Any], Any], Judge]] = {
    "equals": (a_text, _equals),
    "starts-with": (a_text, _starts),
    "regex": (_pattern, _matches),
    "contains": (_one, _all),
    "contains-all": (_texts, _all),
    "contains-any": (_texts, _any),
    "icontains": (_one, partial(_all, fold=str.casefold)),
    "icontains-all": (_texts, partial(_all, fold=str.casefold)),
    "icontains-any": (_texts, partial(_any, fold=str.casefold)),
}
"""Of each word, what reads its value and what judges by it."""
