"""Cases: what is asked, and what the answers must fulfil; from values and from files.

A file of cases is YAML or JSON: a list of cases, or a mapping with what holds for all of them.

    models: [org/name:cheapest]       # who is asked, unless others are named
    options: {temperature: 0}         # chat parameters
    system: Answer in one word.
    tools: [...]                      # in OpenAI's form
    checks: [{max-latency: 20}]       # of every case
    vars: {country: France}           # what {{country}} means in prompts and checks
    threshold: 0.8                    # the share of repeats that must pass; 1 unless given
    repeats: 5
    judge: org/large                  # who judges by llm-rubric
    embedder: local:org/embedder      # whose vectors `similar` goes by
    cases:
      - name: capital
        prompt: What is the capital of {{country}}?
        checks: [{contains: Paris}]
        threshold: 1

JSON lines hold one case a line. A case has the keys of a prompt (see `prompts`), and "checks", "threshold", "vars" and
"tools"; what it says goes before what holds for all. Files of promptfoo are read too (`promptfoo`).

Lives here: reading and checking cases. Not here: what a check is (`checks`), the run (`run`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_core.errors import ConfigError
from shared_core.evaluate.cases.checks import Check, check_of
from shared_core.evaluate.prompts import PROMPT_WORDS, Prompt, distinct, prompt_of, read_file

__all__ = ["Case", "Cases"]

_CASE_WORDS = PROMPT_WORDS | {"checks", "threshold", "vars", "tools"}
_COMMON_WORDS = frozenset({"system", "options", "tools", "checks", "vars", "threshold"})
_FILE_WORDS = _COMMON_WORDS | {"models", "repeats", "judge", "embedder", "cases"}
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Case:
    """One question, and what its answers must fulfil.

    Args:
        prompt: What is asked.
        checks: All of them must pass.
        threshold: The share of repeats that must pass, above 0 and up to 1.
    """

    prompt: Prompt
    checks: tuple[Check, ...]
    threshold: float = 1.0

    @property
    def name(self) -> str:
        """What it is called."""
        return self.prompt.name


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases, and what their file says of how they are run.

    Args:
        cases: At least one.
        models: Who is asked, unless others are named.
        repeats: How often each; None where the file does not say.
        judge: Who judges by `llm-rubric`.
        embedder: Whose vectors `similar` goes by.
        name: What they are called together: the file's name without its ending.
        notes: What a file of another kind says that has no counterpart here.

    Example:
        >>> cases = Cases.of([{"prompt": "What is 2 + 2?", "checks": [{"contains": "4"}]}])
        >>> cases.cases[0].checks[0].words
        "contains: '4'"
    """

    cases: tuple[Case, ...]
    models: tuple[str, ...] = ()
    repeats: int | None = None
    judge: str | None = None
    embedder: str | None = None
    name: str = "cases"
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        cases: Cases | str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any],
        *,
        allow_python: bool = False,
        load: bool = True,
    ) -> Cases:
        """The cases that are meant.

        Args:
            cases: The path of a file, what it would hold, or `Cases`.
            allow_python: Whether checks may run the code that they name (`python: checks.py:polite`). Functions that
                stand in `cases` themselves are yours in any case.
            load: False leaves the code of such checks unloaded, allowed or not: for a look at a stranger's file.

        Raises:
            ConfigError: A case cannot work, or the file cannot be read. Nothing was sent.
        """
        if isinstance(cases, Cases):
            return cases
        if isinstance(cases, str | os.PathLike):
            path = Path(cases).expanduser()
            reader, told, name = (
                _Reader(f"{path}: ", path.parent, allow_python, load),
                read_file(path),
                path.stem,
            )
        else:
            reader, told, name = _Reader("", None, allow_python, load), cases, "cases"
        try:
            return reader.cases(told, name)
        except RecursionError:
            raise ConfigError(f"{reader.where}What is written there leads round in circles.") from None

    def to_inspect(self, folder: str | os.PathLike[str]) -> list[str]:
        """Writes the cases as a task of inspect-ai: `task.py` and `cases.jsonl`.

        Args:
            folder: Where; it is made if need be.

        Returns:
            What has no counterpart there and was left out, a line each.

        Raises:
            ConfigError: It cannot be written, or would be written over a file.
        """
        from shared_core.evaluate.cases.inspect_export import write_inspect

        return write_inspect(self, Path(folder).expanduser())

    def to_promptfoo(self, folder: str | os.PathLike[str]) -> list[str]:
        """Writes the cases for promptfoo: `promptfooconfig.yaml`, and `hfrouter_provider.py`, which asks the models.

        Args:
            folder: Where; it is made if need be.

        Returns:
            What has no counterpart there and was left out, a line each.

        Raises:
            ConfigError: It cannot be written, or would be written over a file.
        """
        from shared_core.evaluate.cases.promptfoo import write_promptfoo

        return write_promptfoo(self, Path(folder).expanduser())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads cases.

    Args:
        where: What an error begins with.
        folder: Where files of checks are looked for.
        allow_python: Whether checks may name code.
        load: Whether that code is loaded.
    """

    where: str
    folder: Path | None
    allow_python: bool
    load: bool

    def cases(self, told: Any, name: str) -> Cases:
        notes: tuple[str, ...] = ()
        if isinstance(told, Mapping) and "tests" in told:
            from shared_core.evaluate.cases.promptfoo import from_promptfoo

            told, notes = from_promptfoo(told, self.where)
        if isinstance(told, Mapping):
            self._known(told, _FILE_WORDS, "The file")
            listed = told.get("cases")
            common = {word: told[word] for word in _COMMON_WORDS & told.keys()}
        else:
            listed, told, common = told, {}, {}
        if isinstance(listed, str) or not isinstance(listed, Sequence):
            raise self._wrong("There are no cases.", "Give a list of them.")
        found = [self._case(item, number, common) for number, item in enumerate(listed, 1)]
        return Cases(
            tuple(distinct(found, self.where)),
            models=tuple(self._models(told.get("models"))),
            repeats=self._count(told.get("repeats")),
            judge=self._name(told, "judge"),
            embedder=self._name(told, "embedder"),
            name=name,
            notes=notes,
        )

    def _case(self, item: Any, number: int, common: Mapping[str, Any]) -> Case:
        if isinstance(item, Case):
            return item
        if not isinstance(item, Mapping):
            raise self._wrong(
                f"Case {number} is a {type(item).__name__}.", "Write a mapping with prompt and checks."
            )
        self._known(item, _CASE_WORDS, f"Case {number}")
        name = item.get("name")
        place = f"Case {number if name is None else name}"
        fill = self._filler(
            {**self._mapping(common, "vars", place), **self._mapping(item, "vars", place)}, place
        )
        options = {**self._mapping(common, "options", place), **self._mapping(item, "options", place)}
        if tools := self._list(item if "tools" in item else common, "tools", place):
            options["tools"] = tools
        asked = {key: fill(item[key]) for key in ("prompt", "messages") if item.get(key) is not None}
        system = item.get("system", common.get("system"))
        if system is not None and not _begins_with_system(asked.get("messages")):
            asked["system"] = fill(system)
        prompt = prompt_of({**asked, "name": name, "options": options}, number, self.where)
        checks = [*self._list(common, "checks", place), *self._list(item, "checks", place)]
        if not checks:
            raise self._wrong(f"{place} checks nothing.", "Add checks: [{contains: ...}] to it or to all.")
        threshold = item.get("threshold", common.get("threshold", 1))
        return Case(
            prompt, tuple(self._check(check, fill, place) for check in checks), self._share(threshold, place)
        )

    def _check(self, item: Any, fill: Callable[[Any], Any], place: str) -> Check:
        try:
            return check_of(fill(item), self.folder, allow_python=self.allow_python, load=self.load)
        except ConfigError as error:
            raise self._wrong(f"{place}: {error.message}", error.hint) from error

    def _filler(self, variables: Mapping[str, Any], place: str) -> Callable[[Any], Any]:
        """What puts variables in their places, in all texts of a value. Without variables, `{{` is a text."""
        for name, value in variables.items():
            if isinstance(value, Mapping | list):
                raise self._wrong(
                    f"{place}: the variable {name!r} is a list or mapping.", "Write a case for each value."
                )

        def word(found: re.Match[str]) -> str:
            if found[1] not in variables:
                raise self._wrong(f"{place}: there is no variable {found[1]!r}.", "Add it to vars.")
            return str(variables[found[1]])

        def fill(value: Any) -> Any:
            if not variables:
                return value
            if isinstance(value, str):
                return _VARIABLE.sub(word, value)
            if isinstance(value, Mapping):
                return {key: fill(each) for key, each in value.items()}
            return [fill(each) for each in value] if isinstance(value, list) else value

        return fill

    # -- single words ------------------------------------------------------------------------------------

    def _known(self, told: Mapping[str, Any], words: frozenset[str], what: str) -> None:
        if unknown := sorted(str(key) for key in told if key not in words):
            raise self._wrong(f"{what} has {unknown[0]!r}.", f"There are {', '.join(sorted(words))}.")

    def _mapping(self, told: Mapping[str, Any], word: str, place: str) -> Mapping[str, Any]:
        value = told.get(word) or {}
        if not isinstance(value, Mapping):
            raise self._wrong(f"{place}: {word} is no mapping.")
        return value

    def _list(self, told: Mapping[str, Any], word: str, place: str) -> Sequence[Any]:
        value = told.get(word) or []
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
            raise self._wrong(f"{place}: {word} is no list.", "Begin each with a dash.")
        return value

    def _models(self, value: Any) -> list[str]:
        value = [value] if isinstance(value, str) else value or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong("models is no list of ids.")
        return value

    def _count(self, value: Any) -> int | None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise self._wrong(f"repeats={value!r} is no whole number from 1 on.")
        return value

    def _name(self, told: Mapping[str, Any], word: str) -> str | None:
        value = told.get(word)
        if not isinstance(value, str | None):
            raise self._wrong(f"{word} is no model's id.")
        return value

    def _share(self, value: Any, place: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise self._wrong(f"{place}: threshold={value!r} is no share above 0 and up to 1.")
        return float(value)

    def _wrong(self, message: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{self.where}{message}", hint=hint)


def _begins_with_system(messages: Any) -> bool:
    return (
        bool(messages)
        and isinstance(messages, list)
        and isinstance(messages[0], Mapping)
        and (messages[0].get("role") in ("system", "developer"))
    )
