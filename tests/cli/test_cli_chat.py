"""`chat`: one answer, a conversation on a terminal, and what is piped in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core.testing import OfflineRouter, Status

Run = Callable[..., Any]
ECHO = ("chat", "-m", "offline/echo")


def test_an_answer_is_printed_and_nothing_else(hfrouter: Run) -> None:
    done = hfrouter(*ECHO, "Hello there!")
    assert (done.out, done.err, done.code) == ("Hello there!\n", "", 0)


def test_what_is_piped_in_follows_the_prompt(hfrouter: Run) -> None:
    assert hfrouter(*ECHO, "Sum up:", stdin="a long text").out == "Sum up:\n\na long text\n"


def test_files_are_added_with_their_names(hfrouter: Run, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("milk", encoding="utf-8")
    assert hfrouter(*ECHO, "Buy:", "-f", str(note)).out == "Buy:\n\nnote.txt:\nmilk\n"


def test_a_file_that_cannot_be_shown_is_told_with_what_to_do(told: Run, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\x00")
    for options, said in (
        (("-f", "no.txt"), "no.txt cannot be read: No such file or directory. Next: Give its whole path."),
        (("-i", "no.png"), "no.png cannot be read: No such file or directory. Next: Give its whole path."),
        (("-f", str(tmp_path / "x.bin")), "is no text in UTF-8. Next: Pictures go with --image."),
    ):
        done = told(*ECHO, "Hello!", *options)
        assert done.code == 2
        assert said in " ".join(done.err.split())


def test_pictures_are_sent_as_such(hfrouter: Run, host: OfflineRouter, tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 20)
    hfrouter("chat", "-m", "offline/tools", "-i", str(picture), "What is this?")
    content = host.requests[-1].json["messages"][-1]["content"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_json_holds_what_a_program_wants(hfrouter: Run) -> None:
    told = json.loads(hfrouter(*ECHO, "hi", "--json").out)
    assert (told["text"], told["provider"]) == ("hi", "offline")
    assert told["usage"]["output"] >= 1


def test_options_reach_the_wire(hfrouter: Run, host: OfflineRouter) -> None:
    hfrouter(*ECHO, "hi", "-t", "0.5", "--max-tokens", "7", "-s", "Be brief.")
    sent = host.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"]) == (0.5, 7)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_conversation_remembers_what_was_said(terminal: Run, host: OfflineRouter) -> None:
    shown = terminal(
        *ECHO,
        typing=(
            ("offline/echo> ", "one\n"),
            ("one\n", "two\n"),
            ("two\n", "/exit\n"),
        ),
    )
    assert "Ctrl-C stops an answer" in shown
    sent = [message["content"] for message in host.requests[-1].json["messages"]]
    assert sent == ["one", "one", "two"]


def test_files_and_pictures_come_with_the_first_question_of_a_conversation(
    terminal: Run, host: OfflineRouter, tmp_path: Path
) -> None:
    note, picture = tmp_path / "note.txt", tmp_path / "dot.png"
    note.write_text("milk", encoding="utf-8")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 20)
    typing = (("offline/tools> ", "Buy:\n"), ("offline/tools> ", "Thanks.\n"), ("offline/tools> ", "/exit\n"))
    terminal("chat", "-m", "offline/tools", "-f", str(note), "-i", str(picture), typing=typing)
    asked = [
        message["content"] for message in host.requests[-1].json["messages"] if message["role"] == "user"
    ]
    assert asked[0][0]["text"] == "Buy:\n\nnote.txt:\nmilk"
    assert asked[0][1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert asked[1] == "Thanks."


def test_a_conversation_is_no_json(terminal: Run, host: OfflineRouter) -> None:
    assert "--json is for one answer" in terminal(*ECHO, "--json")
    assert host.requests == []


def test_clear_forgets_and_model_changes(terminal: Run, host: OfflineRouter) -> None:
    terminal(
        *ECHO,
        typing=(
            ("offline/echo> ", "one\n"),
            ("one\n", "/clear\n"),
            ("/clear", "/model offline/json\n"),
            ("offline/json> ", "two\n"),
            ("two\n", "/exit\n"),
        ),
    )
    last = host.requests[-1].json
    assert last["model"] == "offline/json"
    assert [message["content"] for message in last["messages"]] == ["two"]


def test_a_failure_is_told_and_the_code_says_what_kind(hfrouter: Run, host: OfflineRouter) -> None:
    host.queue(Status(402))
    done = hfrouter(*ECHO, "hi")
    assert done.code == 3
    assert "hfrouter: " in done.err
    assert "Next: " in done.err


def test_without_a_model_nothing_is_sent(hfrouter: Run, host: OfflineRouter) -> None:
    done = hfrouter("chat", "hi")
    assert done.code == 2
    assert "No model was given" in done.err
    assert not host.requests


def test_a_model_of_the_settings_needs_no_option_and_has_a_name(
    hfrouter: Run, host: OfflineRouter, environment: dict[str, str]
) -> None:
    environment["HFROUTER_MODELS"] = '{"parrot": {"model": "offline/echo", "temperature": 0.5}}'
    assert hfrouter("chat", "-m", "parrot", "hi").out == "hi\n"
    environment["HFROUTER_MODEL"] = "parrot"
    assert hfrouter("chat", "hi").out == "hi\n"
    assert [request.json["temperature"] for request in host.requests] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [((), ""), (("",), ""), ((" ",), "\n"), (("", "--json"), "")],
    ids=["an empty pipe", "an empty prompt", "spaces", "as JSON"],
)
def test_nothing_to_ask_is_told_and_not_sent(
    told: Run, host: OfflineRouter, arguments: tuple[str, ...], stdin: str
) -> None:
    done = told("chat", "-m", "offline/echo", *arguments, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert "There is nothing to ask." in done.err
    assert not host.requests


def test_the_next_step_is_a_command_and_no_python(told: Run) -> None:
    done = told("chat", "-m", "no/such", "hello")
    assert "`hfrouter models`" in " ".join(done.err.split())
    assert "router.models()" not in done.err
