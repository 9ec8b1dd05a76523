"""What embedding models want before texts: the ids that are known, copies, and the file itself."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from shared_core.catalog import prompts_for

BGE = "Represent this sentence for searching relevant passages: "
DATA = json.loads(resources.files("shared_core.catalog").joinpath("data/prompts.json").read_text("utf-8"))

KNOWN = {
    "a pair": ("intfloat/multilingual-e5-base", "query: ", "passage: "),
    "queries only": ("BAAI/bge-small-en-v1.5", BGE, ""),
    "another language": ("BAAI/bge-large-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
    "in other letters": ("baai/BGE-base-en", BGE, ""),
    "with a provider": ("mixedbread-ai/mxbai-embed-large-v1:hf-inference", BGE, ""),
    "whose template names the text": ("WhereIsAI/UAE-Large-V1", BGE, ""),
    "an older owner": (
        "hku-nlp/instructor-xl",
        "Represent the question for retrieving supporting documents: ",
        "Represent the document for retrieval: ",
    ),
    "without a space at the end": (
        "Qwen/Qwen3-Embedding-8B",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
        "",
    ),
}


@pytest.mark.parametrize(("model", "query", "document"), KNOWN.values(), ids=KNOWN.keys())
def test_a_known_model_has_its_prompts(model: str, query: str, document: str) -> None:
    found = prompts_for(model)
    assert found is not None
    assert (found.query, found.document) == (found.of("query"), found.of("document")) == (query, document)


COPIES = {
    "Xenova/e5-small-v2": "intfloat/e5-small-v2",
    "Qdrant/bge-base-en-v1.5-onnx-Q": "BAAI/bge-base-en-v1.5",
    "qdrant/multilingual-e5-large-onnx": "intfloat/multilingual-e5-large",
    "onnx-community/Qwen3-Embedding-0.6B-ONNX": "Qwen/Qwen3-Embedding-0.6B",
    "OpenVINO/bge-base-en-v1.5-int8-ov": "BAAI/bge-base-en-v1.5",
    "ggml-org/embeddinggemma-300M-qat-q4_0-GGUF": "google/embeddinggemma-300m",
    "nomic-ai/nomic-embed-text-v1.5-GGUF": "nomic-ai/nomic-embed-text-v1.5",
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_in_another_format_is_known_by_its_name_and_maker(copy: str) -> None:
    found = prompts_for(copy)
    assert found is not None
    assert found.model == COPIES[copy]


UNKNOWN = {
    "a model that wants nothing": "BAAI/bge-m3",
    "a stranger's model of that name": "me/bge-small-en-v1.5",
    "a stranger's copy": "me/bge-small-en-v1.5-onnx",
    "one that was trained further": "BAAI/bge-small-en-v1.5-finetuned",
    "a copy of one that is not known": "Xenova/all-MiniLM-L6-v2",
    "a name without a maker": "bge-small-en-v1.5",
    "a folder": "/models/BAAI/bge-small-en-v1.5",
    "a relative folder": "./BAAI/bge-small-en-v1.5",
    "an endpoint": "endpoint://me/bge-small-en-v1.5",
    "nothing": "",
    "endings alone": "Xenova/-onnx-q",
    "a very long name": "Xenova/bge-small-en-v1.5" + "-onnx" * 1_000_000,
    "no text at all": "\x00/\ud800",
}


@pytest.mark.parametrize("model", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_of_other_models_nothing_is_claimed(model: str) -> None:
    assert prompts_for(model) is None


def test_a_note_names_the_prompt_the_model_and_the_way_out() -> None:
    found = prompts_for("Xenova/e5-small-v2")
    assert found is not None
    assert found.note("document") == (
        f"'passage: ' stands before documents, as intfloat/e5-small-v2 was trained (known since {found.date}); "
        'document_prompt="" leaves it out.'
    )
    bge = prompts_for("BAAI/bge-small-en")
    assert bge is not None
    assert bge.note("document") == ""


def test_every_line_has_a_dated_source_and_a_prompt() -> None:
    for source in DATA["sources"].values():
        assert source["what"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", source["date"])
        assert source["date"] <= DATA["date"]
    for row in DATA["prompts"]:
        assert row["from"] in DATA["sources"]
        assert row["query"] or row["document"]
        assert row["models"] == sorted(row["models"], key=str.lower)


def test_no_model_is_there_twice_and_no_name_means_two_things() -> None:
    ids = [model.lower() for row in DATA["prompts"] for model in row["models"]]
    assert len(set(ids)) == len(ids)
    assert all(len(model.split("/")) == 2 for model in ids)
    by_name: dict[str, set[tuple[str, str]]] = {}
    for row in DATA["prompts"]:
        for model in row["models"]:
            by_name.setdefault(model.lower().split("/")[1], set()).add((row["query"], row["document"]))
    assert {name for name, meant in by_name.items() if len(meant) > 1} == set()


def test_no_original_looks_like_a_copy_of_another() -> None:
    endings = tuple(DATA["copies"]["endings"])
    assert [model for row in DATA["prompts"] for model in row["models"] if model.endswith(endings)] == []
