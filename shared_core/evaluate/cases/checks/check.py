"""One check: read from a mapping, a function or a value, and asked what it says of an answer."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shared_core.errors import ConfigError
from shared_core.evaluate.answers import Answer
from shared_core.evaluate.cases.checks.code import a_function, asked_of, load_object
from shared_core.evaluate.cases.checks.measures import MEASURES
from shared_core.evaluate.cases.checks.structure import FORM_CHECKS
from shared_core.evaluate.cases.checks.texts import TEXT_CHECKS, a_text, shown
from shared_core.evaluate.cases.checks.verdict import Verdict

__all__ = ["KINDS", "Check", "Grade", "check_of"]

_TABLE = {**TEXT_CHECKS, **FORM_CHECKS, **MEASURES}
_ASKING = ("similar", "llm-rubric")
KINDS = (*_TABLE, "python", *_ASKING)
"""The words that checks are written by; each but the measures may have "not-" before it."""

_USUAL_THRESHOLD = 0.75  # of cosines; promptfoo's too


class Grade(NamedTuple):
    """What an embedder or a judge found out about one answer, before it is judged.

    Args:
        cosine: Of the answer and the text it should be similar to.
        verdict: The judge's, or why there is none.
    """

    cosine: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check, as `check_of` reads it.

    Args:
        kind: Its word, such as "contains".
        value: As it was written.
        negated: Whether the opposite is asked for.
        threshold: The least cosine of `similar`.

    Example:
        >>> check = check_of({"not-contains": "London"})
        >>> check.words, check.judge(Answer(text="Paris")).passed
        ("not-contains: 'London'", True)
    """

    kind: str
    value: Any
    negated: bool = False
    threshold: float | None = None
    _read: Any = field(default=None, repr=False, compare=False)

    @property
    def words(self) -> str:
        """What it asks for, in one line."""
        value = (
            str(getattr(self.value, "__name__", "a function")) if callable(self.value) else shown(self.value)
        )
        least = "" if self.threshold is None else f" (at least {self.threshold:g})"
        return f"{'not-' * self.negated}{self.kind}: {value}{least}"

    @property
    def asks(self) -> bool:
        """Whether an embedder or a judge is asked before it can tell."""
        return self.kind in _ASKING

    def judge(self, answer: Answer, grade: Grade | None = None) -> Verdict:
        """What it says of an answer.

        Args:
            answer: That there is; of a failure nothing can be said.
            grade: What an embedder or judge found, for the checks that ask one.
        """
        verdict = self._verdict(answer, grade or Grade())
        return verdict.turned() if self.negated else verdict

    def _verdict(self, answer: Answer, grade: Grade) -> Verdict:
        if self.kind == "python":
            return asked_of(self._read, answer)
        if grade.verdict is not None:
            return grade.verdict
        if self.kind == "similar" and grade.cosine is not None:
            if not math.isfinite(grade.cosine):  # neither near nor far
                return Verdict(None, "similar: the embedder gave vectors that have no cosine")
            least = _USUAL_THRESHOLD if self.threshold is None else self.threshold
            return Verdict(grade.cosine >= least, f"cosine {grade.cosine:.3f}, wanted {least:g}")
        if self.asks:
            return Verdict(None, f"{self.kind}: nobody was asked")
        return _TABLE[self.kind][1](answer, self._read)


def check_of(item: Any, folder: Path | None = None, *, allow_python: bool = True, load: bool = True) -> Check:
    """A check from a mapping of its word and value, a function of an `Answer`, or a `Check`.

    Args:
        item: It. `{"contains": "a"}` and promptfoo's `{"type": "contains", "value": "a"}` mean the same.
        folder: Where files of `python` are looked for.
        allow_python: Whether code that a mapping names may run.
        load: False leaves such code where it is, allowed or not: for a look at what there is. The check can tell
            nothing then.

    Raises:
        ConfigError: It is none, or its value cannot work.
    """
    if isinstance(item, Check):
        return item
    if callable(item):
        return Check("python", item, _read=a_function(item))
    if not isinstance(item, Mapping):
        raise ConfigError(f"{shown(item)} is no check.", hint="Write a mapping such as {contains: Paris}.")
    word, value, rest = _parts(item)
    kind, negated = word.removeprefix("not-"), word.startswith("not-")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(KINDS)}."
        raise ConfigError(f"There is no check {word!r}.", hint=hint)
    if negated and kind in MEASURES:
        raise ConfigError(f"There is no {word!r}: a measure has no opposite.")
    try:
        if kind == "python" and not load and not callable(value):
            return Check(kind, a_text(value), negated, _threshold(kind, rest), _not_loaded)
        read = _reader(kind, folder, allow_python=allow_python)(value)
        return Check(kind, value, negated, _threshold(kind, rest), read)
    except ConfigError as error:
        raise ConfigError(f"{word}: {error.message}", hint=error.hint) from error


def _not_loaded(_: Answer) -> Verdict:
    return Verdict(None, "its code was not loaded")


def _parts(item: Mapping[str, Any]) -> tuple[str, Any, Mapping[str, Any]]:
    """The word, its value, and what else is there."""
    if "type" in item:
        rest = {key: value for key, value in item.items() if key not in ("type", "value")}
        return str(item["type"]), item.get("value"), rest
    words = [key for key in item if key != "threshold"]
    if len(words) != 1:
        raise ConfigError(
            f"A check has one word, not {len(words)}: {shown(', '.join(map(str, words)))}.",
            hint="Begin each check with a dash of its own.",
        )
    return str(words[0]), item[words[0]], {key: item[key] for key in item.keys() - {words[0]}}


def _reader(kind: str, folder: Path | None, *, allow_python: bool) -> Callable[[Any], Any]:
    if kind in _TABLE:
        return _TABLE[kind][0]
    if kind in _ASKING:
        return a_text

    def function(value: Any) -> Callable[[Answer], Any]:
        if not allow_python:
            raise ConfigError(
                f"{shown(value)} would run, and running code was not allowed.",
                hint="Look at what it does, then allow it: allow_python=True, or --allow-python.",
            )
        return a_function(value if callable(value) else load_object(a_text(value), folder))

    return function


def _threshold(kind: str, rest: Mapping[str, Any]) -> float | None:
    known = {"threshold"} if kind == "similar" else set()
    if unknown := sorted(str(key) for key in rest if key not in known):
        raise ConfigError(f"it has no {unknown[0]!r}.")
    if (least := rest.get("threshold")) is None:
        return None
    if isinstance(least, bool) or not isinstance(least, int | float) or not -1 <= least <= 1:
        raise ConfigError(f"the threshold {shown(least)} is no cosine from -1 to 1.")
    return float(least)
