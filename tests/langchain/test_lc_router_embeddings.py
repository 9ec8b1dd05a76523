"""`HFRouterEmbeddings`: what goes over the wire, what comes back, and what is refused."""

from __future__ import annotations

import asyncio
import json
import pickle
from pathlib import Path
from typing import Any, get_type_hints

import httpx2
import numpy as np
import pytest
from langchain_core.exceptions import LangChainException
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_hfrouter import HFReranker, HFRouterEmbeddings, errors
from langchain_hfrouter.embedding_arguments import RerankerArguments, RouterEmbeddingArguments
from shared_core import EmbedReply, RouterError, Timeouts
from shared_core.cache import SqliteCache
from shared_core.testing import Status

TEXTS = ["one\ntwo", "", "  spaces  ", "Größe 東京 😀", "nul \x00", "one\ntwo"]


@pytest.fixture
def build(offline_url: Any) -> Any:
    """Makes one for the offline router's OpenAI-style route: `build(dimensions=8)`."""

    def build(model: str = "offline/embed-4", **settings: Any) -> HFRouterEmbeddings:
        return HFRouterEmbeddings(
            model, **{"base_url": str(offline_url), "api_key": "hf_offline", **settings}
        )

    return build


def sent(offline_url: Any) -> list[Any]:
    return [seen for seen in offline_url.requests if seen.method == "POST"]


async def test_texts_go_out_unaltered_and_vectors_come_back_in_their_order(
    build: Any, offline_url: Any
) -> None:
    embeddings = build(batch_size=2, max_concurrency=1)
    vectors = embeddings.embed_documents(TEXTS)
    went_out = [text for seen in sent(offline_url) for text in seen.json["input"]]
    assert sorted(went_out) == sorted(set(TEXTS))
    assert [len(seen.json["input"]) for seen in sent(offline_url)] == [2, 2, 1]
    assert vectors[0] == vectors[5]
    assert all(type(number) is float for row in vectors for number in row)
    one_by_one = [embeddings.embed_documents([text])[0] for text in TEXTS]
    assert vectors == one_by_one
    assert await embeddings.aembed_documents(TEXTS) == vectors
    assert await embeddings.aembed_query("x") == embeddings.embed_query("x")


async def test_an_empty_list_needs_no_request(build: Any, offline_url: Any) -> None:
    assert build().embed_documents([]) == []
    assert await build().aembed_documents([]) == []
    assert sent(offline_url) == []


def test_queries_and_documents_get_their_own_prompts(build: Any, offline_url: Any) -> None:
    embeddings = build(query_prompt="query: ", document_prompt="passage: ")
    embeddings.embed_query("cat")
    embeddings.embed_documents(["cat"])
    assert [seen.json["input"] for seen in sent(offline_url)] == [["query: cat"], ["passage: cat"]]


def test_every_option_reaches_a_tei_server(build: Any, offline_url: Any) -> None:
    root = offline_url.removesuffix("/v1")
    settings = {"normalize": False, "truncate": True, "dimensions": 3}
    embeddings = build("", base_url=root, extra_body={"own": 1}, default_headers={"x-own": "2"}, **settings)
    assert len(embeddings.embed_query("cat")) == 3
    (seen,) = sent(offline_url)
    assert (seen.path, seen.headers["x-own"]) == ("/embed", "2")
    assert seen.json == {"inputs": ["cat"], "own": 1, **settings}


def test_the_router_is_asked_with_provider_organisation_and_token(build: Any, offline_url: Any) -> None:
    root = offline_url.removesuffix("/v1")
    embeddings = build(embedding_api="router", hub_url=root, provider="together", bill_to="acme")
    assert embeddings.embed(["cat"]).meta.provider == "together"
    (seen,) = sent(offline_url)
    assert seen.path == "/together/v1/embeddings"
    assert (seen.headers["authorization"], seen.headers["x-hf-bill-to"]) == ("Bearer hf_offline", "acme")


def test_what_the_model_is_known_to_want_is_put_in_front_and_can_be_left_out(offline_url: Any) -> None:
    settings = {"base_url": offline_url.root, "api_key": "hf_offline"}
    embeddings = HFRouterEmbeddings("intfloat/e5-small-v2", **settings)
    embeddings.embed_query("a")
    embeddings.embed_documents(["a"])
    assert embeddings.embed(["a"]).prompt == "passage: "
    HFRouterEmbeddings("intfloat/e5-small-v2", document_prompt="", **settings).embed_documents(["a"])
    went_out = [seen.json["inputs"] for seen in sent(offline_url)]
    assert went_out == [["query: a"], ["passage: a"], ["passage: a"], ["a"]]


def test_a_prompt_that_the_host_keeps_goes_by_its_name(build: Any, offline_url: Any) -> None:
    root = offline_url.removesuffix("/v1")
    build(embedding_api="router", hub_url=root, provider="hf-inference", prompt_name="query").embed_query("x")
    (seen,) = sent(offline_url)
    assert seen.json == {"inputs": ["x"], "prompt_name": "query"}


async def test_embed_gives_numpy_usage_and_who_answered(build: Any) -> None:
    reply = build().embed(["a cat", "a dog"], "document")
    assert isinstance(reply, EmbedReply)
    assert (reply.vectors.dtype, reply.vectors.shape) == (np.float32, (2, 4))
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 0
    assert (await build().aembed(["a cat"])).vectors.tolist() == reply.vectors[:1].tolist()


def test_other_packages_names_work_where_they_mean_the_same(build: Any) -> None:
    embeddings = HFRouterEmbeddings(
        model_name="a/b", chunk_size=7, model_kwargs={"normalize": True, "own": 1}
    )
    assert (embeddings.model, embeddings.model_name, embeddings.batch_size) == ("a/b", "a/b", 7)
    assert (embeddings.normalize, embeddings.extra_body) == (True, {"own": 1})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"normalise": True}, "no argument normalise.*\n.*Did you mean normalize"),
        ({"encode_kwargs": {}}, "no argument encode_kwargs.*\n.*as arguments"),
        ({"huggingfacehub_api_token": "hf_x"}, "\n.*api_key="),
        ({"batch_size": 0}, "batch_size"),
        ({"dimensions": "many"}, "dimensions"),
        ({"timeout": -1}, "timeout|second"),
        ({"model": ""}, "needs a model"),
        ({"model_name": "c/d"}, "model and model_name are two spellings"),
        ({"batch_size": 1, "chunk_size": 2}, "batch_size and chunk_size"),
        ({"api_key": "hf x"}, "characters that no token has"),
        ({"embedding_api": "cohere"}, "embedding_api"),
        ({"base_url": "nonsense"}, "absolute address"),
        ({"hub_url": "nonsense"}, "absolute address"),
        ({"default_headers": {"Authorization": "b"}}, "cannot be set"),
        ({"cache": 3}, "is no cache"),
        ({"http_client": "client"}, "http_client|client"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said_when_it_is_made(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ConfigError, match=message) as caught:
        HFRouterEmbeddings(**{"model": "a/b", **wrong})
    assert "hf_x" not in str(caught.value)
    assert "hf x" not in str(caught.value)


def test_errors_are_the_cores_and_langchains_and_name_the_text(build: Any, offline_url: Any) -> None:
    offline_url.queue(Status(401), path="/v1/embeddings")
    with pytest.raises(errors.Unauthorized) as caught:
        build().embed_query("x")
    assert isinstance(caught.value, RouterError)
    assert isinstance(caught.value, LangChainException)
    with pytest.raises(errors.ConfigError, match="1"):
        build().embed_documents(["fine", 7])
    with pytest.raises(errors.ConfigError, match="list of texts"):
        build().embed_documents("one string")


async def test_errors_of_async_calls_are_the_same(build: Any, offline_url: Any) -> None:
    offline_url.queue(Status(402), path="/v1/embeddings")
    with pytest.raises(errors.PaymentRequired):
        await build().aembed_query("x")


def test_a_transient_failure_is_tried_again(build: Any, offline_url: Any) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}), path="/v1/embeddings")
    assert len(build(max_retries=1).embed_query("x")) == 4
    assert len(sent(offline_url)) == 2


def test_the_cache_answers_without_the_server_and_never_crosses_a_prompt(
    build: Any, offline_url: Any, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.sqlite"
    first = build(cache=file).embed_documents(["a", "b"])
    assert build(cache=str(file)).embed_documents(["b", "a"]) == first[::-1]
    assert len(sent(offline_url)) == 1
    build(cache=file, document_prompt="p: ").embed_documents(["a"])
    build(cache=file).embed_query("a")
    assert len(sent(offline_url)) == 3


def test_a_cache_object_is_shared_named_in_json_and_left_open(build: Any, tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "own.sqlite")
    embeddings = build(cache=cache)
    first = embeddings.embed_documents(["a"])
    embeddings.max_retries = 1  # makes a router anew
    assert embeddings.embed_documents(["a"]) == first
    assert json.loads(embeddings.model_dump_json())["cache"] == "SqliteCache"
    assert pickle.loads(pickle.dumps(build(cache=cache, api_key=""))).embed_documents(["a"]) == first
    cache.close()


def test_progress_is_told_for_documents_only(build: Any) -> None:
    told: list[tuple[int, int]] = []
    embeddings = build(batch_size=2, show_progress=lambda done, total: told.append((done, total)))
    embeddings.embed_query("x")
    assert told == []
    embeddings.embed_documents(["a", "b", "c"])
    assert told[-1] == (3, 3)
    assert "show_progress" in embeddings.model_dump_json()


def test_two_event_loops_and_many_threads_share_one_object(build: Any) -> None:
    embeddings = build()

    async def several() -> list[list[float]]:
        return await asyncio.gather(*(embeddings.aembed_query(f"text {n}") for n in range(20)))

    first, second = asyncio.run(several()), asyncio.run(several())
    assert first == second == embeddings.embed_documents([f"text {n}" for n in range(20)])


def test_a_client_of_the_users_own_is_used(build: Any, offline_url: Any) -> None:
    with httpx2.Client(headers={"x-mine": "1"}) as client:
        assert len(build(http_client=client).embed_query("x")) == 4
    assert sent(offline_url)[0].headers["x-mine"] == "1"


def test_a_changed_field_counts_from_the_next_call_on(build: Any) -> None:
    embeddings = build()
    embeddings.embed_query("x")
    embeddings.model = "offline/embed-6"
    assert len(embeddings.embed_query("x")) == 6


def test_a_vector_store_finds_what_is_near(build: Any) -> None:
    texts = ["The Rhine rises in the Alps.", "Bread is baked from flour."]
    store = InMemoryVectorStore.from_texts(texts, build("offline/minilm"))
    (found,) = store.similarity_search("baked bread", k=1)
    assert found.page_content == texts[1]


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [(HFRouterEmbeddings, RouterEmbeddingArguments), (HFReranker, RerankerArguments)],
    ids=["HFRouterEmbeddings", "HFReranker"],
)
def test_type_checkers_see_every_argument(cls: Any, arguments: Any) -> None:
    names = get_type_hints(arguments, localns={"EmbeddingCache": object}).keys()
    assert names == cls.model_fields.keys() | {"model_name", "chunk_size", "model_kwargs", "endpoint"}


def test_time_limits_of_each_phase_are_taken(build: Any) -> None:
    assert len(build(timeout=Timeouts(total=20, connect=5)).embed_query("x")) == 4
