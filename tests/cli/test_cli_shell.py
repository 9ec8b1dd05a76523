"""The command in a shell: help, completion, terminals without colour or Unicode, pipes that close."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "observe"))
sys.path.insert(0, str(Path(__file__).parent))
from ended_calls import ended
from kept import a_ledger

from shared_core import Ledger
from shared_core.cli.app import app

Run = Callable[..., Any]

PROGRAM = "import sys; sys.argv[0] = 'hfrouter'; from shared_core.cli import main; main()"


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, as it is typed."""

    def walk(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            yield (*path, name)
            if hasattr(command, "commands"):
                yield from walk(command, (*path, name))

    return walk(typer.main.get_command(app), ())


COMMANDS = list(commands())


@functools.cache
def help_of(command: tuple[str, ...]) -> str:
    done = CliRunner().invoke(app, [*command, "--help"], prog_name="hfrouter", env={"COLUMNS": "80"})
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_fits_and_shows_examples_and_json(command: tuple[str, ...]) -> None:
    shown = help_of(command)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.strip() in ("Example:", "Examples:") for line in lines)
    assert f"hfrouter {' '.join(command)}" in shown.partition("Example")[2]
    assert "--json" in shown


EXAMPLES = [
    line.strip()
    for command in COMMANDS
    for line in help_of(command).splitlines()
    if re.match("    .*hfrouter [a-z]", line)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_can_be_copied_and_has_options_that_there_are(example: str) -> None:
    command = re.sub(r" [<>] \S+", "", example.partition("hfrouter ")[2])
    words = shlex.split(command)  # which fails for an example that was broken in the middle
    at: Any = typer.main.get_command(app)
    while hasattr(at, "commands") and words and words[0] in at.commands:
        at, words = at.commands[words[0]], words[1:]
    at.make_context("hfrouter", words, resilient_parsing=False).close()


def completed(environment: dict[str, str], line: str, shell: str = "bash") -> list[str]:
    """What a shell would offer after this line, whose last word is being typed."""
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    if shell in ("zsh", "fish"):
        asked = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    told = {**environment, **asked, "_HFROUTER_COMPLETE": f"complete_{shell}"}
    return CliRunner().invoke(app, [], prog_name="hfrouter", env=told).output.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hfrouter mo", ["models"]),
        ("hfrouter budget g", ["grant"]),
        ("hfrouter models --so", ["--sort"]),
        ("hfrouter models --sort pr", ["price"]),
        ("hfrouter models --can v", ["vision"]),
        ("hfrouter models --license perm", ["permissive"]),
        ("hfrouter models --provider cereb", ["cerebras"]),
        ("hfrouter models --task text-to-v", ["text-to-video"]),
        ("hfrouter recommend --prefer q", ["quality"]),
        ("hfrouter usage --by pro", ["provider"]),
        ("hfrouter usage --plot c", ["cost", "calls"]),
        ("hfrouter embed --kind q", ["query"]),
        ("hfrouter cache clear a", ["answers", "all"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_shell_completes(environment: dict[str, str], line: str, offered: list[str]) -> None:
    assert completed(environment, line) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_complete_too(environment: dict[str, str], shell: str) -> None:
    assert "models" in " ".join(completed(environment, "hfrouter mo", shell))


def test_the_tags_of_the_ledger_are_offered(environment: dict[str, str], tmp_path: Path) -> None:
    environment["HFROUTER_LEDGER"] = str(a_ledger(tmp_path / "usage.sqlite"))
    assert "tag:user" in completed(environment, "hfrouter usage --by ")
    environment["HFROUTER_LEDGER"] = str(tmp_path / "none.sqlite")
    assert "model" in completed(environment, "hfrouter usage --by ")
    assert not (tmp_path / "none.sqlite").exists()


def test_completion_is_to_be_had_for_the_shell(hfrouter: Run, environment: dict[str, str]) -> None:
    environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"  # tests may run under no shell at all
    done = hfrouter("--show-completion", "bash")
    assert "_HFROUTER_COMPLETE" in done.out


@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_no_colour_gets_none(
    terminal: Run, environment: dict[str, str], wish: dict[str, str], tmp_path: Path
) -> None:
    environment |= wish
    environment["HFROUTER_LEDGER"] = str(a_ledger(tmp_path / "usage.sqlite"))
    for command in (("usage",), ("chat", "-m", "offline/echo", "hello")):
        shown = terminal(*command)
        assert not re.search(r"\x1b\[[\d;]*[3-4]\d[\d;]*m", shown), "a colour"
        if "TERM" in wish:
            assert "\x1b" not in shown


def test_what_a_terminal_cannot_spell_is_no_error(hfrouter: Run, environment: dict[str, str]) -> None:
    environment["PYTHONIOENCODING"] = "ascii"
    done = hfrouter("chat", "-m", "offline/echo", "Straße ☀")
    assert (done.code, done.out) == (0, "Stra?e ?\n")
    assert hfrouter("models").out.isascii()


def test_a_pipe_that_closes_is_no_traceback(environment: dict[str, str], tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        for number in range(3000):
            ledger(ended(model=f"model/{number}"))
    arguments = ["usage", "--ledger", str(tmp_path / "usage.sqlite"), "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        told = process.stderr.read().decode()
    assert "Traceback" not in told
    assert "Exception ignored" not in told


def test_exit_codes_are_told_where_one_looks_for_them() -> None:
    out = " ".join(help_of(()).split())
    for code in ("0", "1", "2", "3", "4", "5", "130"):
        assert f"{code} " in out.partition("Exit codes")[2]


@pytest.mark.parametrize("command", ["models", "usage", "budget", "cache", "chat -m a/b hi", "doctor"])
def test_a_settings_file_that_is_broken_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "hfrouter.toml").write_text("model = [", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == (1 if command == "doctor" else 2)
    assert "hfrouter.toml is no TOML" in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_a_narrow_terminal_shows_every_column_and_breaks_no_word(
    terminal: Run, environment: dict[str, str]
) -> None:
    environment["COLUMNS"] = "60"
    lines = re.sub(r"\x1b\[[\d;]*m", "", terminal("models")).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split()[0] == "model"
    assert any(line.startswith("offline/") for line in lines[2:])
