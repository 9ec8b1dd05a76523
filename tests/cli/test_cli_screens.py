"""The screens that no other test captures: conversations, media, vectors, caches, the doctor, the offline router."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screens import check

from shared_core import HFRouter
from shared_core._version import __version__
from shared_core.testing import OfflineRouter
from tests.cli.conftest import _COMMAND

Run = Callable[..., Any]

HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    """A folder to work in, so that screens show short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def at(host: OfflineRouter) -> tuple[str, ...]:
    return ("--base-url", str(host), "--hub-url", host.root)


def plain(shown: str) -> str:
    """What a terminal showed in the end, without colours, lines that were drawn over, and what depends on the time."""
    shown = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown)
    shown = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in shown.split("\n"))
    shown = re.sub(r"\b\d+\.\d s\b", "0.0 s", shown)
    return re.sub(r"(?<![.\d])\d+(?= s\b| rows/s)", "1", shown)


def test_an_answer_and_a_conversation_look_as_they_were_captured(terminal: Run) -> None:
    check("chat", plain(terminal("chat", "-m", "offline/echo", "Why is the sky blue?")))
    prompt = "offline/echo> "
    typed = ((prompt, "Hello!\n"), (prompt, "/clear\n"), (prompt, "/dance\n"), (prompt, "/exit\n"))
    check("chat-conversation", plain(terminal("chat", "-m", "offline/echo", typing=typed)))


def test_media_look_as_they_were_captured(terminal: Run, here: Path, at: Any) -> None:
    for name, *command in (
        ("image", "a red bicycle", "-m", "offline/painter", "-o", "bicycle.jpg"),
        ("video", "a cat on a skateboard", "-m", "offline/animator", "-o", "cat.mp4"),
        ("speak", "Good morning.", "-m", "offline/speaker", "-o", "morning.wav"),
        ("transcribe", "morning.wav", "-m", "offline/listener"),
    ):
        check(name, plain(terminal(name, *command, *at)))


def test_vectors_look_as_they_were_captured(hfrouter: Run, terminal: Run, here: Path, at: Any) -> None:
    check("embed", hfrouter("embed", "-m", "offline/embed-4", *at[:2], stdin="one\ntwo\n").out)
    (here / "lines.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n', encoding="utf-8")
    shown = terminal("embed", "lines.jsonl", "-m", "offline/embed-4", "-o", "vectors.npy", *at[:2])
    check("embed-file", plain(shown))


def test_caches_look_as_they_were_captured(hfrouter: Run, here: Path, host: OfflineRouter) -> None:
    check("cache-none", hfrouter("cache").out)
    places = {"chat_cache": "answers.sqlite", "embedding_cache": "vectors.sqlite"}
    with HFRouter("offline/echo", base_url=host, api_key="k", **places) as router:  # type: ignore[arg-type]
        router.chat(HELLO, temperature=0)
        router.embed(["one", "two"], model="offline/embed-4")
    shown = hfrouter("cache", "--answers", "answers.sqlite", "--vectors", "vectors.sqlite").out
    shown = re.sub(
        rf"\s+{re.escape(str(here))}", "   FOLDER", shown
    )  # a long one stands on a line of its own
    check("cache", re.sub(r"\d+ bytes|[\d.]+ kB", "SIZE", shown))


@pytest.mark.pinned_set
def test_the_doctor_looks_as_it_was_captured(hfrouter: Run, here: Path) -> None:
    """Versions and places differ from machine to machine, and where its lines break with them."""
    shown = hfrouter("doctor").out
    assert max(map(len, shown.splitlines())) <= 80
    findings = re.sub(r"\n {8}(?!Set )", " ", shown)
    for known, word in (
        (r"(?<=: )\d\S+ at \S+", "VERSION at PATH"),
        (r"(?<= )\d+\.\d[\w.]*", "VERSION"),
        (re.escape(str(here)), "PATH"),
        (r":\d+/v1", ":PORT/v1"),
        (r"\d+ ms", "2 ms"),
    ):
        findings = re.sub(known, word, findings)
    check("doctor", "\n".join(map(_broken, findings.splitlines())))


def _broken(line: str) -> str:
    return textwrap.fill(line, 80, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)


def test_the_offline_router_looks_as_it_was_captured(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [*_COMMAND, "offline", "--port", "0"], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1].startswith("Stop")):
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended before it said how to stop it"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    check("offline", re.sub(r":\d{4,5}/", ":PORT/", "".join(lines)).replace(__version__, "VERSION"))
