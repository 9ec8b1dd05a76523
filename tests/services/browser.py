"""A headless Chromium for tests that look at our HTML: what it shows, complains of and asks the network for.

Lives here: the browser (`browser`, a fixture of this folder) and a page in it. Not here: what a page should look like.
It is driven over two pipes in the DevTools protocol, so that neither a port nor a WebSocket library is needed.

    def test_a_report_opens_without_complaint(browser: Browser, tmp_path: Path) -> None:
        page = browser.open(tmp_path / "report.html")
        assert page.problems == page.fetched == []
        assert "Costs" in page.text
        page.picture(tmp_path / "report.png")
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Browser", "Page", "browser"]

_PATIENCE = 60.0  # seconds for one answer: it is a large program on a small machine
_QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
]
_PIPED = """
import os, sys
reads, writes = (os.dup(int(number)) for number in sys.argv[1:3])
for made, wanted in ((reads, 3), (writes, 4)):
    os.dup2(made, wanted)
    os.set_inheritable(wanted, True)  # dup2 leaves that as it was where both are one
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes the program of its arguments, with the two pipes where Chromium expects them."""


class Browser:
    """One Chromium process with an empty profile, which opens files or addresses on this machine.

    Args:
        profile: An empty folder.
    """

    def __init__(self, profile: Path) -> None:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            pytest.fail("There is no chromium here; `make test-services` installs it.")
        theirs_in, self._write = os.pipe()
        self._read, theirs_out = os.pipe()
        command = [program, *_QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PIPED, str(theirs_in), str(theirs_out), *command],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._kept = b""
        self._number = 0

    def open(self, what: Path | str, *, width: int = 1000, height: int = 800, **media: str) -> Page:
        """Opens a file or an address, and waits until it is loaded and laid out.

        Args:
            what: A file's path, or an address on this machine.
            width, height: Of the window, in CSS pixels.
            media: What the reader has: `color_scheme="dark"`, `reduced_motion="reduce"`, `media="print"`.
        """
        address = what.resolve().as_uri() if isinstance(what, Path) else what
        return Page(self, address, width, height, media)

    def ask(
        self, method: str, session: str | None = None, events: list[Any] | None = None, **options: Any
    ) -> Any:
        """Sends one command of the DevTools protocol, and gives its result; events on the way are added."""
        self._number += 1
        sent = {"id": self._number, "method": method, "params": options}
        if session is not None:
            sent["sessionId"] = session
        os.write(self._write, json.dumps(sent).encode() + b"\0")
        while True:
            said = self.listen()
            if said.get("id") == self._number:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]
            if events is not None and "method" in said:
                events.append(said)

    def listen(self) -> Any:
        """The next thing that Chromium says."""
        give_up = time.monotonic() + _PATIENCE
        while b"\0" not in self._kept:
            ready, _, _ = select.select([self._read], [], [], max(0.0, give_up - time.monotonic()))
            data = os.read(self._read, 1 << 20) if ready else b""
            assert data, f"chromium ended or was silent for {_PATIENCE:g} s"
            self._kept += data
        said, _, self._kept = self._kept.partition(b"\0")
        return json.loads(said)

    def close(self) -> None:
        """Ends the process and those that it started."""
        os.close(self._write)
        os.close(self._read)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


class Page:
    """One open page.

    Attributes:
        problems: Errors and warnings of the console, and exceptions that nobody caught, in order.
        fetched: Addresses that the page asked for besides its own, without those that carry their data themselves.
    """

    def __init__(
        self, browser: Browser, address: str, width: int, height: int, media: dict[str, str]
    ) -> None:
        self._browser, self._events = browser, list[Any]()
        self.problems: list[str] = []
        self.fetched: list[str] = []
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._ask(
            "Emulation.setEmulatedMedia",
            media=media.pop("media", ""),
            features=[
                {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in media.items()
            ],
        )
        self._events.clear()
        answer = self._ask("Page.navigate", url=address)
        assert "errorText" not in answer, f"{address}: {answer['errorText']}"
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(browser.listen())
        self.address = address
        self.evaluate("new Promise(laidOut => requestAnimationFrame(() => setTimeout(laidOut)))")

    @property
    def text(self) -> str:
        """What a reader can read, as it is laid out."""
        return str(self.evaluate("document.body.innerText"))

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise; its exception is raised."""
        answer = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        self._look()
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, path: Path) -> Path:
        """Writes the whole page as a PNG file."""
        shot = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def paper(self) -> bytes:
        """The page as it would be printed, as a PDF file."""
        printed = self._ask("Page.printToPDF", printBackground=False)
        return base64.b64decode(printed["data"])

    def _ask(self, method: str, **options: Any) -> Any:
        return self._browser.ask(method, self._session, self._events, **options)

    def _look(self) -> None:
        """Sorts what has happened since."""
        for event in self._events:
            told, kind = event["params"], event["method"]
            if kind == "Runtime.exceptionThrown":
                self.problems.append(str(told["exceptionDetails"].get("exception", told)))
            elif kind == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
                self.problems.append(" ".join(str(part.get("value", part)) for part in told["args"]))
            elif kind == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}".strip())
            elif kind == "Network.requestWillBeSent":
                url = told["request"]["url"]
                if url != self.address and not url.startswith("data:"):
                    self.fetched.append(url)
        self._events.clear()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for the whole run; every test opens pages of its own in it."""
    made = Browser(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()
