"""`HFRouterEmbedding`: the embedding suite on each way to a server, and what only a remote class has."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from li_embeddings import (
    TEXTS,
    CallsSuite,
    EventsSuite,
    FormsSuite,
    StoreSuite,
    UseSuite,
    VectorsSuite,
    embed_all,
    events,  # noqa: F401  (a fixture)
)
from llama_index.core.storage.kvstore import SimpleKVStore
from pydantic import SecretStr

from llama_index_hfrouter import HFRouterEmbedding
from shared_core.errors import BadRequest, ConfigError, RateLimited, RouterError, Unauthorized
from shared_core.testing import Status


def at(server, way):
    """The options that lead to the offline router in one way: as a server of its own, or as one provider."""
    url = str(server)
    root = url.removesuffix("/v1")
    if way == "openai":
        return {"model": "offline/minilm", "base_url": url}
    if way == "tei":
        return {"model": "offline/minilm", "base_url": root, "embedding_api": "tei"}
    return {"model": f"offline/minilm:{way}", "base_url": url, "embedding_api": "router", "hub_url": root}


@pytest.fixture
def make_embedding(server, request):
    """An embedding over the offline router."""
    name = getattr(request.cls, "route", "openai")

    def make(**options):
        return HFRouterEmbedding(**{**at(server, name), "api_key": "", **options})

    return make


def posted(server):
    return [request for request in server.requests if request.method == "POST"]


@pytest.fixture
def batches(server):
    """The texts of each request."""

    def texts():
        bodies = [request.json for request in posted(server)]
        lists = [body.get("input", body.get("inputs")) for body in bodies]
        return [[texts] if isinstance(texts, str) else texts for texts in lists]

    return texts


@pytest.fixture
def secrets(canary):
    """Options with a token in each place that may hold one."""
    return {"api_key": canary, "default_headers": {"X-Api-Key": canary, "X-Kept": "yes"}}


class TestVectors(VectorsSuite):
    pass


class TestCalls(CallsSuite):
    pass


class TestStore(StoreSuite):
    pass


class TestEvents(EventsSuite):
    pass


class TestForms(FormsSuite):
    pass


class TestUse(UseSuite):
    pass


class TestVectorsOfTEI(VectorsSuite):
    route = "tei"
    takes_empty_texts = False


class TestVectorsOfHFInference(VectorsSuite):
    route = "hf-inference"
    takes_empty_texts = False


class TestVectorsOfDeepInfra(VectorsSuite):
    route = "deepinfra"


class TestVectorsOfScaleway(VectorsSuite):
    route = "scaleway"


class TestVectorsOfTogether(VectorsSuite):
    route = "together"


class TestRemote:
    @pytest.mark.parametrize(
        ("way", "path"),
        [
            ("openai", "/v1/embeddings"),
            ("tei", "/embed"),
            ("hf-inference", "/hf-inference/models/offline/minilm/pipeline/feature-extraction"),
            ("deepinfra", "/deepinfra/v1/openai/embeddings"),
            ("scaleway", "/scaleway/v1/embeddings"),
            ("together", "/together/v1/embeddings"),
        ],
    )
    def test_each_way_is_the_one_that_was_asked_for(self, server, way, path):
        HFRouterEmbedding(**at(server, way), api_key="").get_text_embedding("a")
        assert [request.path for request in posted(server)] == [path]

    async def test_batches_of_an_asynchronous_call_are_under_way_together(self, server, make_embedding):
        await make_embedding(embed_batch_size=1, max_concurrency=3).aget_text_embedding_batch(
            [str(number) for number in range(12)]
        )
        assert len(posted(server)) == 12
        assert 1 < server.in_flight_max <= 3

    async def test_batches_of_several_requests_share_the_limit_on_concurrency(self, server, make_embedding):
        texts = [f"text {number}" for number in range(600)]
        embedding = make_embedding(embed_batch_size=150, max_concurrency=4)
        vectors = await embedding.aget_text_embedding_batch(texts)
        assert server.in_flight_max <= 4
        assert len(posted(server)) > 4
        assert vectors[599] == pytest.approx(embedding.get_text_embedding("text 599"), abs=1e-5)

    def test_prompts_are_put_in_front_and_their_other_names_work(self, make_embedding, batches):
        embedding = make_embedding(query_prompt="query: ", document_prompt="passage: ")
        assert (embedding.query_instruction, embedding.text_instruction) == ("query: ", "passage: ")
        embedding.get_query_embedding("a")
        embedding.get_text_embedding("a")
        assert batches() == [["query: a"], ["passage: a"]]

    def test_what_the_model_is_known_to_want_is_put_in_front_and_can_be_left_out(self, server, batches):
        options = {"base_url": server.root, "api_key": ""}
        known = HFRouterEmbedding("intfloat/e5-small-v2", **options)
        known.get_query_embedding("a")
        known.get_text_embedding("a")
        HFRouterEmbedding("intfloat/e5-small-v2", text_instruction="", **options).get_text_embedding("a")
        assert batches() == [["query: a"], ["passage: a"], ["a"]]

    def test_a_store_keeps_vectors_with_and_without_it_apart(self, server, batches):
        store, options = SimpleKVStore(), {"base_url": server.root, "api_key": ""}
        for instruction in ("", None, "passage: "):
            HFRouterEmbedding(
                "intfloat/e5-small-v2", text_instruction=instruction, embeddings_cache=store, **options
            ).get_text_embedding("a")
        assert batches() == [["a"], ["passage: a"]]

    def test_options_reach_the_host(self, server, make_embedding):
        vector = make_embedding(dimensions=8, extra_body={"user": "me"}).get_text_embedding("a")
        body = posted(server)[0].json
        assert (len(vector), body["dimensions"], body["user"]) == (8, 8, "me")

    def test_the_core_s_cache_can_be_used_too(self, make_embedding, batches, tmp_path):
        for _ in range(2):
            make_embedding(cache=tmp_path / "vectors.sqlite").get_text_embedding_batch(TEXTS)
        assert batches() == [TEXTS]
        assert make_embedding(cache=tmp_path / "vectors.sqlite").to_dict()["cache"].endswith(".sqlite")

    def test_a_token_goes_to_the_host_alone(self, server, make_embedding, canary):
        make_embedding(api_key=SecretStr(canary)).get_text_embedding("a")
        assert posted(server)[0].headers["authorization"] == f"Bearer {canary}"

    def test_an_explicit_token_is_missed_loudly_in_another_process(self, make_embedding, canary):
        travelled = pickle.loads(pickle.dumps(make_embedding(api_key=canary)))
        with pytest.raises(ConfigError, match="left behind"):
            travelled.get_text_embedding("a")
        again = HFRouterEmbedding.from_dict(make_embedding(api_key=canary).to_dict())
        with pytest.raises(ConfigError, match="left behind"):
            again.get_text_embedding("a")

    @pytest.mark.parametrize(
        ("fault", "error"),
        [(Status(401), Unauthorized), (Status(429), RateLimited), (Status(400), BadRequest)],
        ids=["401", "429", "400"],
    )
    @pytest.mark.parametrize("way", ["sync", "async"])
    async def test_errors_are_the_core_s(self, server, make_embedding, fault, error, way):
        embedding = make_embedding(max_retries=0)
        server.queue(fault, path="/v1/embeddings")
        with pytest.raises(error):
            await embed_all(embedding, ["a"], way)

    async def test_the_first_failure_stops_the_batches_that_have_not_begun(self, server, make_embedding):
        server.queue(Status(400), path="/v1/embeddings")
        embedding = make_embedding(embed_batch_size=1, max_concurrency=1)
        with pytest.raises(BadRequest):
            await embedding.aget_text_embedding_batch(TEXTS)
        assert len(posted(server)) <= 2  # the next one may have begun before the failure was heard of

    def test_an_error_in_a_later_batch_says_where_that_began(self, make_embedding):
        with pytest.raises(RouterError) as caught:
            make_embedding(embed_batch_size=2).get_text_embedding_batch(["a", "b", "c", 7])
        assert any("text 2" in note for note in caught.value.__notes__)

    async def test_a_cancelled_call_leaves_no_request_behind(self, server, make_embedding):
        embedding = make_embedding(embed_batch_size=1)
        call = asyncio.ensure_future(embedding.aget_text_embedding_batch(TEXTS * 20))
        while not server.requests:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.wait_idle)
        assert len(posted(server)) < 100


class TestOptions:
    @pytest.mark.parametrize("name", ["model", "model_name"])
    def test_both_names_of_the_model(self, name):
        made = HFRouterEmbedding(**{name: "a/b"})
        assert (made.model, made.model_name) == ("a/b", "a/b")

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({}, "No model"),
            ({"model": "a/b", "model_name": "c/d"}, "two names"),
            ({"model": "a/b", "dimension": 3}, "dimensions"),
            ({"model": "a/b", "api_base": "http://127.0.0.1"}, "base_url"),
            ({"model": "a/b", "timeout": -1}, "timeout|time"),
            ({"model": "a/b", "api_key": 7}, "api_key"),
        ],
        ids=["no model", "two models", "misspelt", "another class's name", "a bad limit", "no token"],
    )
    def test_options_that_cannot_work(self, options, word):
        with pytest.raises(ConfigError, match=word):
            HFRouterEmbedding(**options)

    def test_type_checkers_are_told_every_argument(self):
        from llama_index_hfrouter.embedding_arguments import RouterEmbeddingArguments

        told = set(RouterEmbeddingArguments.__annotations__)
        besides = {"model", "endpoint", "query_prompt", "document_prompt", "http_client", "async_http_client"}
        assert told == set(HFRouterEmbedding.model_fields) - {"model_name"} | besides

    def test_a_server_with_one_model_needs_no_name_for_it(self, server):
        embedding = HFRouterEmbedding(base_url=str(server).removesuffix("/v1"), api_key="")
        assert len(embedding.get_text_embedding("a")) == 384

    def test_a_model_that_nobody_serves_is_a_clear_error(self, server):
        options = at(server, "together") | {"model": "offline/nobody"}
        with pytest.raises(RouterError, match="offline/nobody"):
            HFRouterEmbedding(**options, api_key="").get_text_embedding("a")
