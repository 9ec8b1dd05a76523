"""Finding a model's files: folders, the Hub's cache, and a Hub that stands in for the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared_core.errors import ConfigError
from shared_core.local.download import commit_of, find

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "modules.json": json.dumps(
        [
            {"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ]
    ),
    "config.json": "{}",
    "1_Pooling/config.json": "{}",
    "config_sentence_transformers.json": "{}",
    "sentence_bert_config.json": "{}",
    "tokenizer.json": "{}",
    "model.safetensors": "weights",
}
SECOND_COPIES = {
    "pytorch_model.bin": "pickle",
    "onnx/model.onnx": "graph",
    "tf_model.h5": "x",
    "model.py": "import os",
}


class Hub:
    """Serves one repository, "me/model", and counts what it is asked."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
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
        text = self.files[name].encode()
        return 200, {"ETag": f'"{hash(name) & 0xFFFFFFFF:x}"', "X-Repo-Commit": COMMIT}, text


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub({**FILES, **SECOND_COPIES})

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
    from huggingface_hub import constants

    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Offline mode, and an empty cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def cached(cache: Path, files: dict[str, str]) -> Path:
    """A repository as the Hub's cache keeps it."""
    repository = cache / "models--me--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    for name, text in files.items():
        file = repository / "snapshots" / COMMIT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return repository


def test_a_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(str(tmp_path)) == tmp_path
    monkeypatch.chdir(tmp_path.parent)
    assert find(tmp_path.name) == tmp_path
    assert commit_of(tmp_path) == ""


def test_a_revision_means_the_hub_even_where_a_folder_has_the_name(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "me" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find("me/model") == tmp_path / "me" / "model"
    assert commit_of(find("me/model", "main")) == COMMIT
    with pytest.raises(ConfigError, match="is a folder, and has no revision 'main'"):
        find(str(tmp_path), "main")


def test_a_download_takes_no_pickle_no_second_format_and_no_code(hub: Hub) -> None:
    folder = find("me/model")
    assert names(folder) == set(FILES)
    assert commit_of(folder) == COMMIT


def test_code_is_downloaded_only_when_it_was_asked_for(hub: Hub) -> None:
    assert names(find("me/model", COMMIT, code=True)) == {*FILES, "model.py"}


def test_a_second_start_asks_the_hub_nothing(hub: Hub) -> None:
    first = find("me/model")
    hub.asked.clear()
    assert find("me/model") == first
    assert find("me/model", COMMIT) == first
    assert hub.asked == []


@pytest.mark.parametrize(
    "absent", ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"]
)
def test_what_the_hub_does_not_have_is_remembered_as_absent(hub: Hub, absent: str) -> None:
    del hub.files[absent]
    first = find("me/model")
    hub.asked.clear()
    assert find("me/model") == first
    assert hub.asked == []


@pytest.mark.parametrize(
    "lost", ["modules.json", "1_Pooling/config.json", "model.safetensors", "tokenizer.json"]
)
def test_a_file_that_the_cache_lost_is_fetched_again(hub: Hub, lost: str) -> None:
    (find("me/model") / lost).unlink()
    assert names(find("me/model")) == set(FILES)


def test_offline_a_complete_cache_is_enough(unreachable: Path) -> None:
    snapshot = cached(unreachable, FILES) / "snapshots" / COMMIT
    assert find("me/model").samefile(snapshot)


def test_offline_a_cache_without_modules_is_not_taken_for_a_plain_model(unreachable: Path) -> None:
    cached(unreachable, {name: text for name, text in FILES.items() if name != "modules.json"})
    with pytest.raises(ConfigError, match=r"incomplete|not complete"):
        find("me/model")


def test_offline_a_model_known_to_have_no_modules_is_enough(unreachable: Path) -> None:
    repository = cached(
        unreachable, {name: FILES[name] for name in ("config.json", "tokenizer.json", "model.safetensors")}
    )
    marker = repository / ".no_exist" / COMMIT / "modules.json"
    marker.parent.mkdir(parents=True)
    marker.touch()
    assert find("me/model").samefile(repository / "snapshots" / COMMIT)


def test_offline_without_the_model_the_error_says_so(unreachable: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)'me/model' is not complete.*HF_HUB_OFFLINE"):
        find("me/model")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "GatedRepo", r"(?s)is gated.*huggingface\.co/me/model"),
        (404, "RepoNotFound", "There is no model 'me/model'"),
        (404, "RevisionNotFound", "has no revision 'v9'"),
        (500, "", "cannot be downloaded"),
    ],
)
def test_what_the_hub_refuses_is_explained(hub: Hub, status: int, code: str, words: str) -> None:
    hub.refuse = (status, {"X-Error-Code": code} if code else {})
    with pytest.raises(ConfigError, match=words):
        find("me/model", "v9")


@pytest.mark.parametrize(
    "name",
    ["/no/such/folder", "a/b/c", "x\0y", "", "n" * 5000, "~nobody-here/x", "https://huggingface.co/me/model"],
)
def test_a_name_that_is_neither_folder_nor_id_is_refused_without_a_request(hub: Hub, name: str) -> None:
    with pytest.raises(ConfigError, match=r"no folder|cannot be read"):
        find(name)
    assert hub.asked == []
