"""The command as a person runs it: a process of its own, on a pipe or on a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared_core.testing import OfflineRouter, offline_router

_SCRIPT = os.path.join(sysconfig.get_path("scripts"), "hfrouter")
_ENTRY = f"import runpy, sys; sys.argv[0] = {_SCRIPT!r}; runpy.run_path({_SCRIPT!r}, run_name='__main__')"
"""The installed command itself, which is a Python script; this way it can be told to take warnings as errors."""
_COMMAND = [sys.executable, "-W", "error", "-c", _ENTRY]
_ON_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
"""Makes it the terminal of the process, so that Ctrl-C is an interrupt."""


@dataclass(frozen=True)
class Done:
    """What a command printed, and how it ended."""

    out: str
    err: str
    code: int


@pytest.fixture(scope="module")
def host() -> Iterator[OfflineRouter]:
    with offline_router() as url:
        yield url


@pytest.fixture
def environment(host: OfflineRouter, tmp_path: Path) -> dict[str, str]:
    """A person's environment without colour wishes, at the offline router."""
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")
    }
    return {
        **kept,
        "HFROUTER_BASE_URL": str(host),
        "HF_ENDPOINT": host.root,
        "HF_HOME": str(tmp_path),
        "TERM": "xterm",
        "COLUMNS": "80",
        "PYTHONPATH": os.getcwd(),
    }


@pytest.fixture
def hfrouter(environment: dict[str, str], host: OfflineRouter) -> Callable[..., Done]:
    """Runs the command on a pipe."""
    host.forget()

    def run(*arguments: str, stdin: str | bytes = "") -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*_COMMAND, *arguments], input=data, capture_output=True, timeout=60, env=environment
        )
        return Done(done.stdout.decode(), done.stderr.decode(), done.returncode)

    return run


@pytest.fixture
def told(environment: dict[str, str], host: OfflineRouter) -> Callable[..., Done]:
    """Runs the command in this process: as `hfrouter`, in a tenth of the time, for what needs no process."""
    from typer.testing import CliRunner

    from shared_core.cli.app import app

    host.forget()

    def run(*arguments: str, stdin: str = "") -> Done:
        done = CliRunner().invoke(app, arguments, input=stdin, env=environment, prog_name="hfrouter")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.stdout, done.stderr, done.exit_code)

    return run


@pytest.fixture
def terminal(environment: dict[str, str], host: OfflineRouter) -> Callable[..., str]:
    """Runs the command on a terminal of 80 columns: types each text after the one that it waits for, which must come
    after the one before."""
    host.forget()

    def run(*arguments: str, typing: tuple[tuple[str, str], ...] = ()) -> str:
        mine, theirs = pty.openpty()
        process = subprocess.Popen(
            [*_COMMAND[:-1], _ON_TERMINAL + _ENTRY, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            close_fds=True,
            start_new_session=True,
        )
        os.close(theirs)
        seen, waiting, give_up, typed = "", list(typing), time.monotonic() + 60, 0
        while time.monotonic() < give_up:
            ready, _, _ = select.select([mine], [], [], 0.1)
            if ready:
                try:
                    data = os.read(mine, 65536)
                except OSError:  # the other end is closed
                    break
                if not data:
                    break
                seen += data.decode().replace("\r\n", "\n")
            elif process.poll() is not None:
                break
            if waiting and waiting[0][0] in seen[typed:]:
                typed = seen.index(waiting[0][0], typed) + len(waiting[0][0])
                time.sleep(
                    0.05
                )  # nobody is faster; Python misses a Ctrl-C while it still draws the key before
                os.write(mine, waiting.pop(0)[1].encode())
        os.close(mine)  # whoever still reads sees the end
        process.wait(10)
        return seen

    return run
