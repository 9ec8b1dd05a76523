"""Ctrl-C: no traceback, the documented exit code, and what was begun is kept."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core.testing import MediaQuirks, OfflineRouter, SlowHead
from tests.cli.conftest import _COMMAND

Run = Callable[..., Any]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.json").write_text('[{"prompt": "a", "checks": [{"equals": "a"}]}]')
    (tmp_path / "pairs.csv").write_text("query,relevant\nwhich cat,a cat sleeps\nwhat bread,bread\n")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    environment["TMPDIR"] = str(tmp_path)
    return tmp_path


def interrupted(
    arguments: tuple[str, ...], environment: dict[str, str], begun: Callable[[], object], stdin: bytes = b""
) -> tuple[int, str, str]:
    """How a command ends that gets Ctrl-C once it has begun, and after 10 seconds again, as a person would press it:
    Python notices a signal that comes just before the operating system's wait only when that wait is over."""
    with subprocess.Popen(
        [*_COMMAND, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        give_up = time.monotonic() + 60
        while not begun() and time.monotonic() < give_up and process.poll() is None:
            time.sleep(0.01)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                out, err = process.communicate(timeout=10)
                return process.returncode, out.decode(), " ".join(err.decode().split())
        process.kill()
        pytest.fail(f"{arguments} goes on after five interrupts.")


@pytest.mark.parametrize(
    "command",
    [
        "chat -m offline/echo Hello!",
        "models",
        "info offline/echo",
        "recommend",
        "compare offline/echo offline/tools",
        "compare offline/echo -p Hello!",
        "test cases.json -m offline/echo -o report.md",
        "test cases.json -m offline/echo --dry-run",
        "embed -m offline/embed-4",
        "embed-compare pairs.csv -m offline/embed-16",
        "image bicycle -m offline/painter",
        "speak Hello -m offline/speaker",
        "transcribe sound.wav -m offline/listener",
        "doctor",
        "endpoints wait mine",
    ],
)
def test_a_command_that_waits_ends_with_130_and_without_a_traceback(
    environment: dict[str, str], host: OfflineRouter, here: Path, command: str
) -> None:
    host.forget()
    host.queue(SlowHead(60), times=-1, path="*")
    environment |= {"HFROUTER_ENDPOINTS_URL": host.endpoints_url, "HF_TOKEN": "hf_test"}
    before = sorted(each.name for each in here.iterdir())
    code, out, err = interrupted(tuple(command.split()), environment, lambda: host.requests, b"one\n")
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert "Exception" not in err
    after = [each.name for each in here.iterdir() if each.name not in ("hub", "xet")]
    assert sorted(after) == before


def test_a_film_that_is_left_can_be_fetched_later(
    hfrouter: Run, environment: dict[str, str], host: OfflineRouter, here: Path
) -> None:
    host.forget()
    host.queue(MediaQuirks(polls=3), times=-1, path="*")
    host.queue(SlowHead(60), times=-1, path="*status*")
    at = ("--base-url", str(host), "--hub-url", host.root)

    def asked() -> bool:
        return any("status" in request.path for request in host.requests)

    film = ("video", "a cat", "-m", "offline/animator", "-o", "cat.mp4", *at)
    code, out, err = interrupted(film, environment, asked)
    assert (code, out) == (130, "")
    (left,) = here.glob("job_*.json")
    assert f"The job goes on, and is paid for. For its result: hfrouter video --resume {left.name}" in err
    assert "Traceback" not in err
    host._state._queue.clear()
    done = hfrouter("video", "--resume", left.name, "-o", "cat.mp4", *at)
    assert (done.code, done.out) == (0, "cat.mp4\n"), done.err


def test_vectors_that_are_done_are_kept(
    hfrouter: Run, environment: dict[str, str], host: OfflineRouter, here: Path
) -> None:
    lines = "".join(f"text {number}\n" for number in range(5000)).encode()
    command = ("embed", "-m", "offline/embed-4", "-o", "vectors.npy", "--base-url", str(host))
    host.forget()
    host.queue(SlowHead(0), times=4096 // 64, path="/v1/embeddings")
    host.queue(SlowHead(60), times=-1, path="/v1/embeddings")

    def first_shard_is_done() -> bool:
        checkpoint = here / "vectors.npy.checkpoint.json"
        return checkpoint.exists() and '"rows": 4096' in checkpoint.read_text()

    code, out, err = interrupted(command, environment, first_shard_is_done, lines)
    host.forget()
    assert (code, out) == (130, "")
    assert "What is done is kept: the same command goes on from there." in err
    assert "Traceback" not in err
    done = hfrouter(*command, "--json", stdin=lines)
    assert (done.code, json.loads(done.out)["resumed_at"]) == (0, 4096)
    assert np.load(here / "vectors.npy").shape == (5000, 4)


def test_a_wait_that_is_left_says_what_goes_on(
    environment: dict[str, str], host: OfflineRouter, here: Path
) -> None:
    host.forget()
    host.queue(SlowHead(60), times=-1, path="*")
    environment |= {"HFROUTER_ENDPOINTS_URL": host.endpoints_url, "HF_TOKEN": "hf_test"}
    _, _, err = interrupted(("endpoints", "wait", "mine"), environment, lambda: host.requests)
    assert "mine starts all the same, and is paid for: hfrouter endpoints pause mine" in err


def test_ctrl_c_while_libraries_are_loaded_is_no_traceback(environment: dict[str, str], here: Path) -> None:
    (here / "typer.py").write_text("raise KeyboardInterrupt\n")
    program = "import sys; sys.argv = ['hfrouter', '--version']; from shared_core.cli import main; main()"
    path = os.pathsep.join([str(here), environment["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, re.sub(r"\s", "", done.stderr)) == (130, "")
