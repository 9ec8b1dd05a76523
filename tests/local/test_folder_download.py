"""Finding a model's files: folders, the Hub's cache, and a Hub that stands in for the real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in_hub import COMMIT, Hub, serving

from shared_core.errors import ConfigError
from shared_core.local.download import commit_of, find

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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving({**FILES, **SECOND_COPIES}, tmp_path / "cache", monkeypatch) as served:
        yield served


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
