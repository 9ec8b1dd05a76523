"""A Hub on this machine that serves one repository, "me/model", to huggingface_hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves one repository, "me/model", and counts what it is asked."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = dict(files)
        self.asked: list[str] = []
        self.refuse: tuple[int, dict[str, str]] | None = None

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        path = path.split("?")[0]
        if self.refuse is not None:
            return self.refuse[0], self.refuse[1], b"{}"
        if not path.startswith(("/api/models/me/model", "/me/model/resolve/")):
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if "/tree/" in path:
            rows = [
                {"type": "file", "path": name, "size": len(text), "oid": "0" * 40}
                for name, text in self.files.items()
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(rows).encode()
        if path.startswith("/api/"):
            siblings = [{"rfilename": name} for name in self.files]
            about: dict[str, Any] = {"id": "me/model", "sha": COMMIT, "siblings": siblings, "tags": []}
            return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()
        name = path.split("/resolve/")[1].split("/", 1)[1]
        if name not in self.files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        text = self.files[name]
        body = text.encode() if isinstance(text, str) else text
        return 200, {"ETag": f'"{hash(name) & 0xFFFFFFFF:x}"', "X-Repo-Commit": COMMIT}, body


@contextmanager
def serving(files: Mapping[str, str | bytes], cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The repository with these files, for as long as the block lasts; what is downloaded goes to `cache`."""
    from huggingface_hub import constants

    served = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = served.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
