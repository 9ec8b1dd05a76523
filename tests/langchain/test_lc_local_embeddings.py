"""`HFLocalEmbeddings` on the real MiniLM weights: what LangChain's own suite does not ask."""

from __future__ import annotations

import asyncio
import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from langchain_hfrouter import HFLocalEmbeddings, errors
from shared_core import EmbedReply

pytestmark = pytest.mark.pinned_set

TEXTS = ["bread", "cheese\nand wine", "", "bread", "Größe 東京 😀"]


@pytest.fixture(scope="module")
def embeddings(minilm: str) -> HFLocalEmbeddings:
    return HFLocalEmbeddings(minilm, device="cpu", backend="onnx")


def near(one: list[float], other: list[float]) -> bool:
    return bool(np.dot(one, other) > 0.9999)


async def test_sync_and_async_queries_and_documents_agree(embeddings: HFLocalEmbeddings) -> None:
    query = embeddings.embed_query("bread")
    assert len(query) == 384
    assert all(type(number) is float for number in query)
    assert near(await embeddings.aembed_query("bread"), query)
    both = embeddings.embed_documents(TEXTS)
    assert all(map(near, await embeddings.aembed_documents(TEXTS), both))
    assert both[0] == both[3]


async def test_an_empty_list_gives_an_empty_list_and_an_empty_text_a_vector(
    embeddings: HFLocalEmbeddings,
) -> None:
    assert embeddings.embed_documents([]) == await embeddings.aembed_documents([]) == []
    assert len(embeddings.embed_query("")) == 384


async def test_queries_that_come_together_get_their_own_vectors(embeddings: HFLocalEmbeddings) -> None:
    texts = [f"question {n}" for n in range(64)]
    together = await asyncio.gather(*map(embeddings.aembed_query, texts))
    assert all(map(near, together, map(embeddings.embed_query, texts)))


def test_embed_gives_numpy_usage_and_which_texts_were_cut(embeddings: HFLocalEmbeddings) -> None:
    reply = embeddings.embed(["short", "word " * 1000])
    assert isinstance(reply, EmbedReply)
    assert (reply.vectors.dtype, reply.vectors.shape, reply.truncated) == (np.float32, (2, 384), (1,))
    assert reply.usage is not None


def test_long_texts_are_refused_when_they_must_not_be_cut(minilm: str) -> None:
    strict = HFLocalEmbeddings(minilm, device="cpu", backend="onnx", truncate=False)
    with pytest.raises(errors.InputTooLong, match="1"):
        strict.embed_documents(["short", "word " * 1000])
    assert repr(pickle.loads(pickle.dumps(strict))) == repr(strict)


def test_every_option_of_the_embedder_is_taken(minilm: str) -> None:
    options: dict[str, Any] = {"backend": "onnx", "precision": "float32", "intra_op_threads": 1}
    plain = HFLocalEmbeddings(minilm, device="cpu", **options)
    cut = HFLocalEmbeddings(minilm, device="cpu", dimensions=64, normalize=False, **options)
    prompted = HFLocalEmbeddings(
        minilm, device="cpu", query_prompt="q: ", document_prompt="d: ", max_tokens=32, **options
    )
    assert len(cut.embed_query("x")) == 64
    assert near(prompted.embed_query("x"), plain.embed_query("q: x"))
    assert near(prompted.embed_documents(["x"])[0], plain.embed_query("d: x"))
    assert prompted.describe().max_tokens == 32
    assert prompted.describe().backend == "onnx"


def test_a_hit_in_the_cache_loads_no_model(minilm: str, tmp_path: Path) -> None:
    file = tmp_path / "vectors.sqlite"
    first = HFLocalEmbeddings(minilm, device="cpu", backend="onnx", cache=file).embed_documents(["a", "b"])
    again = HFLocalEmbeddings(minilm, device="cpu", backend="onnx", cache=str(file))
    assert again.embed_documents(["b", "a"]) == first[::-1]
    assert again._embedder._running == {}


@pytest.mark.parametrize(
    "travel", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy], ids=["pickle", "deepcopy"]
)
def test_one_that_travelled_works_where_it_arrives(travel: Any, minilm: str) -> None:
    arrived = travel(HFLocalEmbeddings(minilm, device="cpu", backend="onnx"))
    assert (arrived.model, arrived.model_name, arrived.device) == (minilm, minilm, "cpu")
    assert repr(arrived) == f"HFLocalEmbeddings(model={minilm!r}, device='cpu', backend='onnx')"
    assert len(arrived.embed_query("x")) == 384


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": ""}, "needs a model"),
        ({"model_name": "c/d"}, "two spellings"),
        ({"encode_kwargs": {"normalize_embeddings": True}}, "no argument encode_kwargs.*\n.*normalize=True"),
        ({"model_kwargs": {"device": "cpu"}}, "no argument model_kwargs.*\n.*device="),
        ({"cache_folder": "/x"}, "HF_HUB_CACHE"),
        ({"presicion": "int8"}, "Did you mean precision"),
        ({"precision": "int4"}, "precision='int4' is unknown"),
        ({"device": "quantum computer"}, "is no device"),
        ({"truncate": "no"}, "truncate='no'"),
        ({"trust_remote_code": True}, "full commit"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said_when_it_is_made(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ConfigError, match=message):
        HFLocalEmbeddings(**{"model": "a/b", **wrong})


def test_errors_at_first_use_are_langchains_too(embeddings: HFLocalEmbeddings, tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError):
        HFLocalEmbeddings(str(tmp_path)).embed_query("x")
    with pytest.raises(errors.ConfigError):
        HFLocalEmbeddings(str(tmp_path)).describe()
    with pytest.raises(errors.ConfigError, match="one string"):
        embeddings.embed_documents("one string")  # type: ignore[arg-type]


async def test_errors_of_async_calls_are_the_same(embeddings: HFLocalEmbeddings) -> None:
    with pytest.raises(errors.ConfigError, match="Text 1"):
        await embeddings.aembed_documents(["fine", 7])  # type: ignore[list-item]
