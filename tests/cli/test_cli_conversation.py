"""A conversation on a terminal, as a person has it: arrow keys, Ctrl-C, Ctrl-D, pasted texts, failures in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared_core.testing import Cut, OfflineRouter, SlowChunks, Status

Run = Callable[..., Any]

ECHO = ("chat", "-m", "offline/echo")
PROMPT = "echo> "
UP = "\x1b[A"


def sent(host: OfflineRouter) -> list[list[str]]:
    """What each request has asked: the texts of its messages."""
    return [[message["content"] for message in request.json["messages"]] for request in host.requests]


def test_the_arrow_brings_back_what_was_asked(terminal: Run, host: OfflineRouter) -> None:
    pytest.importorskip("readline")
    terminal(*ECHO, typing=((PROMPT, "one\n"), (PROMPT, f"{UP}\n"), (PROMPT, "\x04")))
    assert sent(host) == [["one"], ["one", "one", "one"]]


def test_ctrl_c_stops_an_answer_and_the_conversation_goes_on_as_if_it_had_not_been_asked(
    terminal: Run, host: OfflineRouter
) -> None:
    host.queue(SlowChunks(0.2))
    shown = terminal(
        "chat",
        "-m",
        "offline/tools",
        typing=(
            ("tools> ", "hi\n"),
            ("Hel", "\x03"),
            ("tools> ", "again\n"),
            ("Hello!", ""),
            ("tools> ", "\x04"),
        ),
    )
    assert sent(host) == [["hi"], ["again"]]
    assert shown.count("What can I do for you?") == 1
    assert "Traceback" not in shown


def test_ctrl_c_at_the_prompt_drops_the_line_and_does_not_leave(terminal: Run, host: OfflineRouter) -> None:
    shown = terminal(
        *ECHO, typing=((PROMPT, "never se"), ("never se", "\x03"), (PROMPT, "one\n"), (PROMPT, "\x04"))
    )
    assert sent(host) == [["one"]]
    assert "Traceback" not in shown


def test_what_is_pasted_is_one_question_with_its_lines(terminal: Run, host: OfflineRouter) -> None:
    pytest.importorskip("readline")
    pasted = "\x1b[200~first line\nsecond line\x1b[201~"
    terminal(*ECHO, typing=((PROMPT, pasted), ("second line", "\n"), (PROMPT, "\x04")))
    assert sent(host) == [["first line\nsecond line"]]


def test_a_line_that_ends_in_a_backslash_goes_on(terminal: Run, host: OfflineRouter) -> None:
    terminal(*ECHO, typing=((PROMPT, "one \\\n"), ("... ", "two\n"), (PROMPT, "\x04")))
    assert sent(host) == [["one \ntwo"]]


@pytest.mark.parametrize(
    "fault",
    [Status(402), Cut(3, chunks=True)],
    ids=["no credits", "cut in the middle"],
)
def test_a_failure_is_told_and_the_conversation_goes_on_without_it(
    terminal: Run, host: OfflineRouter, fault: Any
) -> None:
    host.queue(fault)
    shown = terminal(
        *ECHO,
        typing=(
            (PROMPT, "one two three four five\n"),
            ("hfrouter: ", ""),
            (PROMPT, "six\n"),
            (PROMPT, "\x04"),
        ),
    )
    assert sent(host)[-1] == ["six"]
    assert "Next: " in shown
    assert "Traceback" not in shown


def test_ctrl_d_and_exit_leave(terminal: Run, host: OfflineRouter) -> None:
    for leave in ("\x04", "/exit\n", "/quit\n"):
        shown = terminal(*ECHO, typing=((PROMPT, leave),))
        assert "Traceback" not in shown
    assert not host.requests


def test_a_command_that_there_is_not_is_no_question(terminal: Run, host: OfflineRouter) -> None:
    shown = terminal(*ECHO, typing=((PROMPT, "/help\n"), (PROMPT, "\x04")))
    assert "There is no /help" in shown
    assert not host.requests


def test_an_answer_cannot_command_the_terminal(terminal: Run, hfrouter: Run) -> None:
    asked = "a\x1b]0;owned\x07b\x1b[2Jc"
    shown = terminal(*ECHO, asked)
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert hfrouter(*ECHO, asked).out == f"{asked}\n", "a pipe gets what the model has said"
