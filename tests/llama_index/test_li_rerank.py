"""`HFReranker`: nodes in, the best out, on this machine and on servers."""

from __future__ import annotations

import copy
import pickle

import pytest
from li_embeddings import Events
from llama_index.core import Document, QueryBundle, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from llama_index_hfrouter import HFReranker
from shared_core.errors import ConfigError, NoRoute, RateLimited
from shared_core.testing import Status

QUERY = "where do cats sit"
TEXTS = ["bread is food", "cats sit on mats", "cats"]


def found():
    """Nodes as a retriever gives them."""
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=0.5) for text in TEXTS]


def as_plain(nodes):
    return [node.to_dict() for node in nodes]


@pytest.fixture(params=["tei", "openai"])
def make_reranker(request, server):
    """A reranker on each kind of server."""
    base_url = server.removesuffix("/v1") if request.param == "tei" else str(server)

    def make(**options):
        return HFReranker("offline/rerank", **{"base_url": base_url, "api_key": "", **options})

    return make


@pytest.fixture
def reranked():
    """The dispatcher's events of one test."""

    class Reranked(Events):
        def handle(self, event, **_):
            if isinstance(event, ReRankStartEvent | ReRankEndEvent):
                self.seen.append(event)

    handler = Reranked()
    handlers = get_dispatcher("root").event_handlers
    handlers.append(handler)
    yield handler
    handlers.remove(handler)


class TestNodes:
    async def test_the_best_come_first_and_those_that_went_in_stay_as_they_were(self, make_reranker):
        nodes = found()
        before = copy.deepcopy(as_plain(nodes))
        reranker = make_reranker(top_n=2)
        assert isinstance(reranker, BaseNodePostprocessor)
        best = reranker.postprocess_nodes(nodes, query_str=QUERY)
        assert [node.text for node in best] == ["cats sit on mats", "cats"]
        assert best[0].score > best[1].score
        assert type(best[0].score) is float
        assert not {id(node) for node in best} & {id(node) for node in nodes}
        assert as_plain(nodes) == before
        assert as_plain(await reranker.apostprocess_nodes(nodes, QueryBundle(QUERY))) == as_plain(best)

    async def test_nothing_costs_nothing_and_no_number_keeps_all(self, make_reranker, server):
        assert make_reranker().postprocess_nodes([], query_str=QUERY) == []
        assert await make_reranker().apostprocess_nodes([], query_str=QUERY) == []
        assert server.requests == []
        assert len(make_reranker().postprocess_nodes(found(), query_str=QUERY)) == 3

    def test_the_retriever_s_score_can_be_kept_in_a_copy(self, make_reranker):
        nodes = found()
        best = make_reranker(keep_retrieval_score=True).postprocess_nodes(nodes, query_str=QUERY)
        assert [node.metadata for node in best] == [{"retrieval_score": 0.5}] * 3
        assert [node.metadata for node in nodes] == [{}] * 3
        assert best[0].node_id == "cats sit on mats"

    def test_no_prompt_and_no_model_reads_that_score(self, make_reranker):
        best = make_reranker(keep_retrieval_score=True).postprocess_nodes(found(), query_str=QUERY)[0]
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            assert best.node.get_content(mode) == "cats sit on mats"

    def test_the_model_reads_what_embedding_models_read(self, make_reranker, server):
        node = TextNode(text="cats", metadata={"title": "Pets", "path": "/secret"})
        node.excluded_embed_metadata_keys = ["path"]
        make_reranker().postprocess_nodes([NodeWithScore(node=node)], query_str=QUERY)
        body = server.requests[0].json
        assert body.get("documents", body.get("texts")) == ["title: Pets\n\ncats"]

    def test_batches_give_the_same_order(self, make_reranker, server):
        nodes = found() * 3
        whole = make_reranker().postprocess_nodes(nodes, query_str=QUERY)
        parts = make_reranker(batch_size=2).postprocess_nodes(nodes, query_str=QUERY)
        assert [node.text for node in parts] == [node.text for node in whole]
        assert [node.score for node in parts] == pytest.approx([node.score for node in whole], abs=1e-5)
        assert len(server.requests) == 6

    def test_without_a_query_there_is_nothing_to_rank_for(self, make_reranker):
        with pytest.raises(ConfigError, match="query"):
            make_reranker().postprocess_nodes(found())

    async def test_it_works_behind_a_retriever(self, make_reranker):
        index = VectorStoreIndex.from_documents(
            [Document(text=text) for text in TEXTS], embed_model=MockEmbedding(embed_dim=4)
        )
        from llama_index.core.llms import MockLLM

        engine = index.as_query_engine(
            llm=MockLLM(), similarity_top_k=3, node_postprocessors=[make_reranker(top_n=1)]
        )
        for response in (engine.query(QUERY), await engine.aquery(QUERY)):
            assert [node.text for node in response.source_nodes] == ["cats sit on mats"]

    @pytest.mark.parametrize("way", ["sync", "async"])
    async def test_both_event_systems_hear_of_it(self, make_reranker, reranked, canary, way):
        debug = LlamaDebugHandler(print_trace_on_end=False)
        reranker = make_reranker(top_n=1, api_key=canary, callback_manager=CallbackManager([debug]))
        if way == "sync":
            best = reranker.postprocess_nodes(found(), query_str=QUERY)
        else:
            best = await reranker.apostprocess_nodes(found(), query_str=QUERY)
        start, end = reranked.seen
        assert (start.query, len(start.nodes), start.top_n) == (QUERY, 3, 1)
        assert start.model_name == "offline/rerank"
        assert as_plain(end.nodes) == as_plain(best)
        ((before, after),) = debug.get_event_pairs(CBEventType.RERANKING)
        assert before.payload[EventPayload.QUERY_STR] == QUERY
        assert after.payload[EventPayload.NODES] == best
        assert canary not in str([start, end, before, after])


class TestOptions:
    def test_copies_rank_as_the_first_one(self, make_reranker):
        made = make_reranker(top_n=1)
        copies = [pickle.loads(pickle.dumps(made)), copy.deepcopy(made)]
        copies.append(HFReranker.from_dict(made.to_dict()))
        for again in copies:
            assert again.to_dict() == made.to_dict()
            assert again.postprocess_nodes(found(), query_str=QUERY)[0].text == "cats sit on mats"

    def test_no_form_holds_the_token_and_a_pickle_misses_it_loudly(self, make_reranker, canary):
        made = make_reranker(api_key=canary, default_headers={"Cookie": canary})
        forms = [made.to_dict(), made.to_json(), repr(made), str(made), pickle.dumps(made)]
        assert canary not in str(forms)
        with pytest.raises(ConfigError, match="left behind"):
            pickle.loads(pickle.dumps(made)).postprocess_nodes(found(), query_str=QUERY)

    def test_errors_are_the_core_s(self, make_reranker, server):
        server.queue(Status(429), path="*")
        with pytest.raises(RateLimited):
            make_reranker(max_retries=0).postprocess_nodes(found(), query_str=QUERY)

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({}, "needs a model"),
            ({"model": "a/b", "model_name": "c/d"}, "two names"),
            ({"model": "a/b", "top_k": 3}, "top_n"),
            ({"model": "a/b", "timeout": 3}, "on a server"),
            ({"model": "a/b", "api_key": "hf_x"}, "on a server"),
            ({"model": "a/b", "base_url": "http://127.0.0.1:9", "device": "cpu"}, "on this machine"),
            ({"model": "a/b", "trust_remote_code": True}, "revision"),
        ],
        ids=["no model", "two models", "another's name", "there only", "a token here", "here only", "trust"],
    )
    def test_options_that_cannot_work(self, options, word):
        with pytest.raises(ConfigError, match=word):
            HFReranker(**options)

    def test_the_router_reranks_nothing_and_says_so(self):
        with pytest.raises(NoRoute, match="reranks"):
            HFReranker("a/b", base_url="https://router.huggingface.co/v1").rerank("a", ["b"])

    def test_type_checkers_are_told_every_argument(self):
        from llama_index_hfrouter.embedding_arguments import RerankerArguments

        told = set(RerankerArguments.__annotations__)
        besides = {"model_name", "endpoint", "http_client", "async_http_client"}
        assert told == set(HFReranker.model_fields) - {"model"} | besides


@pytest.mark.pinned_set
class TestHere:
    @pytest.fixture
    def folder(self, tmp_path_factory):
        import tiny_models

        return tiny_models.cross_encoder(tmp_path_factory.mktemp("reranker"))

    async def test_a_cross_encoder_on_this_machine_ranks_as_sentence_transformers(self, folder):
        from sentence_transformers import CrossEncoder

        reranker = HFReranker(str(folder), device="cpu")
        best = reranker.postprocess_nodes(found(), query_str=QUERY)
        theirs = CrossEncoder(str(folder), device="cpu").predict([(QUERY, text) for text in TEXTS])
        assert {node.text: node.score for node in best} == pytest.approx(
            dict(zip(TEXTS, map(float, theirs), strict=True)), abs=1e-5
        )
        scores = [node.score for node in best]
        assert scores == sorted(scores, reverse=True)
        again = pickle.loads(pickle.dumps(reranker))
        assert as_plain(await again.apostprocess_nodes(found(), query_str=QUERY)) == as_plain(best)

    def test_a_setting_that_changes_takes_effect(self, folder):
        reranker = HFReranker(str(folder), device="cpu")
        first = reranker.rerank(QUERY, ["cats " * 50]).scores
        reranker.max_tokens = 8
        assert abs(reranker.rerank(QUERY, ["cats " * 50]).scores - first) > 1e-6
