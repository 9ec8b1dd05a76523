"""Recorded exchanges, and a server that plays them back byte for byte.

Lives here: finding the recordings, serving them, counting what was played. Not here: what must come out
(`test_recordings`). The folder is no part of this repository: it lies beside it, or where
`HFROUTER_RECORDINGS` says, and nothing of it is copied here.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

FOLDER = Path(os.environ.get("HFROUTER_RECORDINGS") or Path(__file__).parents[3] / "shared" / "recordings")
ABSENT = "the folder of recordings is not on this machine"
# Of this connection, or untrue of a body that was stored decoded. `content-encoding: chunked`, which is
# nonsense that Cerebras really sends, stays.
_UNTRUE = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_DECODED = {"gzip", "br", "deflate", "zstd"}


@dataclass
class Recording:
    """One recorded call: the exchange with the model, without the look-up that some have before it."""

    path: Path
    played: bool = False

    def __str__(self) -> str:
        return self.path.stem

    @cached_property
    def scenario(self) -> dict[str, Any]:
        return json.loads(self.text)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def request(self) -> dict[str, Any]:
        return self.scenario["interactions"][-1]["request"]["json"]

    @property
    def url(self) -> str:
        return self.scenario["interactions"][-1]["request"]["url"]

    @property
    def base_path(self) -> str:
        """What a base URL needs after the host, so that our client calls the recorded path."""
        return urlsplit(self.url).path.removesuffix("/chat/completions")

    @property
    def model(self) -> str:
        return self.scenario["model"]

    @property
    def status(self) -> int:
        return self.scenario["interactions"][-1]["response"]["status"]

    @property
    def headers(self) -> dict[str, str]:
        """As recorded, less what is not true of this delivery."""
        recorded = self.scenario["interactions"][-1]["response"]["headers"]
        return {
            name: value
            for name, value in recorded.items()
            if name.lower() not in _UNTRUE and not (name.lower() == "content-encoding" and value in _DECODED)
        }

    @property
    def is_event_stream(self) -> bool:
        return "event-stream" in {k.lower(): v for k, v in self.headers.items()}.get("content-type", "")

    @property
    def fails(self) -> bool:
        """Whether it is an error: by its status, in a stream that begins well, or by naming no provider."""
        return self.status >= 400 or "error-in-stream" in self.path.stem or self.scenario["provider"] == "hub"

    @property
    def makes_files(self) -> bool:
        """Whether the answer is a picture or a sound."""
        return self.scenario["task"] in ("text-to-image", "text-to-speech")

    @cached_property
    def body(self) -> bytes:
        """The stored bytes: a JSON body is cut out of the file, so that no parser of ours touched it."""
        response = self.scenario["interactions"][-1]["response"]
        if "text" in response:
            return response["text"].encode()
        if "base64" in response:
            return base64.b64decode(response["base64"])
        last = [found.end() for found in re.finditer(r'^ {8}"json": ', self.text, re.MULTILINE)][-1]
        value, end = json.JSONDecoder().raw_decode(self.text, last)
        assert value == response["json"]
        return self.text[last:end].encode()


def _recordings(task: str) -> list[Recording]:
    return [Recording(path) for path in sorted((FOLDER / task).glob("*.json"))]


RECORDINGS = _recordings("chat")
EMBEDDINGS = _recordings("feature-extraction")
_OTHERS = sorted({path.parent.name for path in FOLDER.glob("*/*.json")} - {"chat", "feature-extraction"})
TASKS = [item for task in _OTHERS for item in _recordings(task)]
ALL = [*RECORDINGS, *EMBEDDINGS, *TASKS]


@pytest.fixture(scope="session")
def all_recordings() -> list[Recording]:
    """Every chat recording there is."""
    if not FOLDER.is_dir():
        pytest.skip(ABSENT)
    return RECORDINGS


@pytest.fixture(scope="session")
def index_rows() -> list[str]:
    """The paths of the index whose task is chat."""
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        return sorted(row["path"] for row in csv.DictReader(file) if row["task"] == "chat")


@dataclass
class Replay:
    """Answers every request with the recording that stands in its place.

    Attributes:
        recording: What to answer with.
        piece: Bytes a write, each an HTTP chunk of its own; 0 sends the body at once.
        requests: (target, headers, body) of every request received.
    """

    recording: Recording | None = None
    piece: int = 0
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def play(self, recording: Recording, piece: int = 0) -> str:
        """Makes it the next answer; returns the base URL under which the recorded path is called."""
        self.recording, self.piece = recording, piece
        self.requests.clear()
        recording.played = True
        return f"http://127.0.0.1:{self.port}{recording.base_path}"

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as incoming:
            try:
                while request_line := incoming.readline():
                    self._answer(connection, incoming, request_line)
            except OSError:
                return  # the client has what it wanted

    def _answer(self, connection: socket.socket, incoming: Any, request_line: bytes) -> None:
        headers = {}
        while line := incoming.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = incoming.read(int(headers.get("content-length", 0)))
        assert self.recording is not None
        target = request_line.split()[1].decode()
        if target.startswith("/api/models/"):
            connection.sendall(_mapping_of(self.recording))
            return
        self.requests.append((target, headers, json.loads(body)))
        for data in self._reply(self.recording):
            connection.sendall(data)

    def _reply(self, recording: Recording) -> Iterator[bytes]:
        chunked = recording.is_event_stream or self.piece > 0
        length = "transfer-encoding: chunked" if chunked else f"content-length: {len(recording.body)}"
        head = [f"HTTP/1.1 {recording.status} Recorded", *map(": ".join, recording.headers.items()), length]
        yield "\r\n".join([*head, "", ""]).encode("latin-1")
        if not chunked:
            yield recording.body
            return
        size = self.piece or len(recording.body)
        for start in range(0, len(recording.body), size):
            piece = recording.body[start : start + size]
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"


def _mapping_of(recording: Recording) -> bytes:
    """The Hub's word that the recorded provider serves the recorded model; made up, since it was not recorded."""
    entry = {"status": "live", "providerId": recording.model, "task": recording.scenario["task"]}
    mapping = {recording.scenario["provider"]: entry}
    body = json.dumps({"id": recording.model, "inferenceProviderMapping": mapping}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture(scope="session")
def replay() -> Iterator[Replay]:
    """The replay server, on loopback."""
    server = Replay()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


_NARROWED: list[str] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = {
        "answered": lambda recording: recording.status == 200,
        "streamed": lambda recording: recording.is_event_stream,
        "failed": lambda recording: recording.status != 200,
    }
    for name, wanted in chosen.items():
        if name in metafunc.fixturenames:
            found = [pytest.param(item, id=str(item)) for item in RECORDINGS if wanted(item)]
            missing = pytest.param(None, id="none", marks=pytest.mark.skip(reason=ABSENT))
            metafunc.parametrize(name, found or [missing])
    others = {
        "embedded": EMBEDDINGS,
        "task_failed": [item for item in TASKS if item.fails],
        "task_streamed": [item for item in TASKS if item.is_event_stream and not item.fails],
        "task_made": [item for item in TASKS if item.makes_files and not item.fails],
        "task_answered": [
            item for item in TASKS if not (item.makes_files or item.is_event_stream or item.fails)
        ],
    }
    for name, items in others.items():
        if name in metafunc.fixturenames:
            found = [pytest.param(item, id=f"{item.path.parent.name}/{item}") for item in items]
            missing = pytest.param(None, id="none", marks=pytest.mark.skip(reason=ABSENT))
            metafunc.parametrize(name, found or [missing])


def pytest_deselected(items: list[pytest.Item]) -> None:
    _NARROWED.extend(item.name for item in items if Path(__file__).parent in item.path.parents)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A recording that was not played is a failure, unless whoever started the run asked for less."""
    chose = any("::" in argument for argument in session.config.args)
    if chose or _NARROWED or session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    if session.exitstatus == pytest.ExitCode.OK and not all(item.played for item in ALL):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_what_was_played() -> str:
    played = sum(item.played for item in ALL)
    return f"recordings played: {played} of {len(ALL)}" if ALL else f"recordings played: 0, {ABSENT}"
