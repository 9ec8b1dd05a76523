"""Prompts that a model's own files lack and the data knows: whose word counts, what is said of it, the cache's keys."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_in_hub import COMMIT

from shared_core.local import LocalEmbedder
from shared_core.local.download import hub_id_of

pytestmark = pytest.mark.pinned_set

MODEL = "intfloat/e5-small-v2"
PAIR = {"query": "query: ", "document": "passage: "}
CLOSE = 2e-5

Written = Callable[..., Path]


@pytest.fixture
def in_cache(tiny_model: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """A tiny model in the Hub's cache, offline, under a known model's id; returns its folder."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def write(prompts: dict[str, str] | None = None, model: str = MODEL) -> Path:
        repository = tmp_path / "hub" / f"models--{model.replace('/', '--')}"
        folder = repository / "snapshots" / COMMIT
        shutil.copytree(tiny_model("e5"), folder)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
        config = {} if prompts is None else {"prompts": prompts}
        (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
        return folder

    return write


CASES: dict[str, tuple[dict[str, str] | None, dict[str, str], dict[str, str], list[str]]] = {
    "files that say nothing": (None, {}, PAIR, ["query", "document"]),
    "two empty ones, as every saved model has": (
        {"query": "", "document": ""},
        {},
        PAIR,
        ["query", "document"],
    ),
    "a word for queries alone": ({"query": "q: "}, {}, {"query": "q: ", "document": "passage: "}, ["document"]),
    "none for documents, in so many words": (
        {"query": "q: ", "document": ""},
        {},
        {"query": "q: ", "document": ""},
        [],
    ),
    "both": ({"query": "q: ", "document": "d: "}, {}, {"query": "q: ", "document": "d: "}, []),
    "a passage prompt": ({"passage": "p: "}, {}, PAIR, ["query", "document"]),
    "the user's none": (
        None,
        {"query_prompt": "", "document_prompt": ""},
        {"query": "", "document": ""},
        [],
    ),
    "the user's own for documents": (
        {"query": "q: "},
        {"document_prompt": "d: "},
        {"query": "q: ", "document": "d: "},
        [],
    ),
    "the user's own for queries": (None, {"query_prompt": "ask: "}, {**PAIR, "query": "ask: "}, ["document"]),
}  # fmt: skip


@pytest.mark.parametrize(("own", "given", "used", "unasked"), CASES.values(), ids=CASES.keys())
def test_the_user_s_word_goes_before_the_files_and_theirs_before_the_data(
    own: dict[str, str] | None, given: Any, used: dict[str, str], unasked: list[str], in_cache: Written
) -> None:
    in_cache(own)
    embedder = LocalEmbedder(MODEL, "cpu", **given)
    assert embedder.prompts == used
    found = embedder.describe()
    assert found.prompts == used
    told = [reason for reason in found.reasons if "stands before" in reason]
    assert [kind for kind in ("query", "document") if any(f"{kind}_prompt" in one for one in told)] == unasked
    assert [reason for reason in found.reasons if "is left out" in reason] == []


def test_texts_are_embedded_with_it_and_the_reply_says_so(in_cache: Written) -> None:
    in_cache()
    embedder = LocalEmbedder(MODEL, "cpu")
    plain = LocalEmbedder(MODEL, "cpu", query_prompt="", document_prompt="")
    for kind, prompt in PAIR.items():
        reply = embedder.embed(["bread"], kind)  # type: ignore[arg-type]
        np.testing.assert_allclose(reply.vectors, plain.embed([prompt + "bread"]).vectors, atol=CLOSE)
        assert reply.prompt == prompt
        (note,) = reply.notes
        assert note.startswith(f"{prompt!r} stands before")
        again = asyncio.run(embedder.aembed(["bread"], kind))  # type: ignore[arg-type]
        assert (again.prompt, again.notes) == (reply.prompt, reply.notes)
    assert (plain.embed(["bread"]).prompt, plain.embed(["bread"]).notes) == ("", ())
    assert (embedder.embed([]).prompt, embedder.embed([]).notes) == ("", ())
    travelled = pickle.loads(pickle.dumps(embedder))
    assert travelled.prompts == PAIR


def test_vectors_with_and_without_it_are_kept_apart(in_cache: Written, tmp_path: Path) -> None:
    in_cache()
    file = tmp_path / "vectors.sqlite"
    without = LocalEmbedder(MODEL, "cpu", document_prompt="", cache=file)
    before = without.embed(["bread"])
    embedder = LocalEmbedder(MODEL, "cpu", cache=file)
    assert embedder.embed(["bread"]).recalled == 0
    again = embedder.embed(["bread"])
    assert (again.recalled, again.prompt, len(again.notes)) == (1, "passage: ", 1)
    assert without.embed(["bread"]).recalled == 1
    assert not np.allclose(before.vectors, again.vectors)


def test_a_folder_is_known_where_it_lies_in_the_hub_s_cache_and_nowhere_else(
    in_cache: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = in_cache()
    assert hub_id_of(folder) == MODEL
    assert LocalEmbedder(str(folder), "cpu").prompts == PAIR
    copy = shutil.copytree(folder, tmp_path / "intfloat" / "e5-small-v2")
    config = json.loads((copy / "config.json").read_text())
    # What was trained further names the model that it was made from, too.
    (copy / "config.json").write_text(json.dumps({**config, "_name_or_path": MODEL}))
    assert hub_id_of(copy) == ""
    assert LocalEmbedder(str(copy), "cpu").prompts == {"query": "", "document": ""}
    monkeypatch.chdir(tmp_path)
    assert LocalEmbedder(MODEL, "cpu").prompts == {"query": "", "document": ""}, "a folder of that name"


def test_a_model_that_nobody_knows_has_none(in_cache: Written) -> None:
    in_cache(model="me/e5-small-v2")
    embedder = LocalEmbedder("me/e5-small-v2", "cpu")
    assert embedder.prompts == {"query": "", "document": ""}
    assert embedder.embed(["bread"]).notes == ()
