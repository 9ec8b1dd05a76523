"""Options are the same everywhere: one name, letter, metavar and wording for one thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from shared_core.cli.app import app

OF_THEIR_OWN = {
    "--model": "what stands there, and what is meant by leaving it out",
    "--all": "all of what",
    "--budget": "",
    "--image": "pictures to show, or one to begin with",
    "--limit": "up to how many",
    "--output": "what kinds of files",
    "--resume": "answers, or a job",
    "--timeout": "of a call, or of waiting",
    "--task": "",
}
"""Whose words differ by command, and in what."""


def options() -> Iterator[tuple[str, Any]]:
    def walk(group: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            for option in command.params:
                if option.param_type_name == "option":
                    yield f"{path}{name}", option
            if hasattr(command, "commands"):
                yield from walk(command, f"{path}{name} ")

    return walk(typer.main.get_command(app), "")


OPTIONS = list(options())
BY_NAME: dict[str, list[tuple[str, Any]]] = defaultdict(list)
for where, option in OPTIONS:
    BY_NAME[max(option.opts, key=len)].append((where, option))


@pytest.mark.parametrize("name", BY_NAME)
def test_an_option_is_spelt_alike_everywhere(name: str) -> None:
    spelt = {(tuple(option.opts), option.metavar) for _, option in BY_NAME[name]}
    if name == "--output":  # a folder may stand there, too
        assert spelt == {(("--output", "-o"), "FILE"), (("--output", "-o"), "PATH")}
    else:
        assert len(spelt) == 1
    if name not in OF_THEIR_OWN:
        assert len({option.help for _, option in BY_NAME[name]}) == 1


def test_a_letter_means_one_option() -> None:
    meant = defaultdict(set)
    for _, option in OPTIONS:
        for letter in option.opts:
            if len(letter) == 2:
                meant[letter].add(max(option.opts, key=len))
    assert {letter: names for letter, names in meant.items() if len(names) > 1} == {}


@pytest.mark.parametrize(
    ("where", "option"), OPTIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_option_has_one_name_and_says_what_goes_there(where: str, option: Any) -> None:
    assert len([name for name in option.opts if name.startswith("--")]) <= 1
    assert option.help
    assert option.is_flag or option.metavar
