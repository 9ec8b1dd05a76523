"""RAG: query engines in every response mode, chat engines, routers, evaluators, ingestion, memory blocks."""

from __future__ import annotations

import pytest
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import CorrectnessEvaluator, FaithfulnessEvaluator, RelevancyEvaluator
from llama_index.core.extractors import (
    KeywordExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer, FactExtractionMemoryBlock
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel, Field

FACTS = (
    "The Rhine rises in the Swiss Alps.",
    "The Danube flows into the Black Sea.",
    "The Thames passes through London.",
)
QUESTION = "Where does the Danube flow into?"
TREE_MODES = [mode for mode in ResponseMode if mode not in (ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY)]


class River(BaseModel):
    """A river."""

    name: str = Field(description="The river's name.")


class RagSuite:
    @pytest.fixture
    def index(self):
        return VectorStoreIndex.from_documents(
            [Document(text=fact) for fact in FACTS], embed_model=MockEmbedding(embed_dim=4)
        )

    @pytest.fixture
    def engine_tools(self, make_llm):
        llm = make_llm("extractive")
        engines = [
            SummaryIndex.from_documents([Document(text=fact)]).as_query_engine(llm=llm) for fact in FACTS[:2]
        ]
        return [
            QueryEngineTool.from_defaults(engine, name=name, description=f"about the {name}")
            for engine, name in zip(engines, ("Rhine", "Danube"), strict=True)
        ]

    @pytest.mark.parametrize("mode", TREE_MODES, ids=lambda mode: mode.value)
    @pytest.mark.parametrize("use_async", [False, True], ids=["sync", "async"])
    async def test_every_response_mode_answers(self, make_llm, index, mode, use_async):
        engine = index.as_query_engine(
            llm=make_llm("extractive"), response_mode=mode, similarity_top_k=3, use_async=False
        )
        response = await engine.aquery(QUESTION) if use_async else engine.query(QUESTION)
        assert str(response).strip()

    def test_the_answer_comes_from_the_documents(self, make_llm, index):
        engine = index.as_query_engine(llm=make_llm("extractive"), similarity_top_k=3)
        assert "Black Sea" in str(engine.query(QUESTION))

    def test_a_long_context_is_not_cut_into_many_calls(self, make_llm, server):
        documents = [Document(text=" ".join(FACTS) * 20) for _ in range(3)]
        SummaryIndex.from_documents(documents).as_query_engine(llm=make_llm("extractive")).query(QUESTION)
        assert len(server.requests) == 1

    def test_a_query_streams(self, make_llm, index):
        engine = index.as_query_engine(llm=make_llm("extractive"), streaming=True, similarity_top_k=3)
        pieces = list(engine.query(QUESTION).response_gen)
        assert len(pieces) > 3
        assert "Black Sea" in "".join(pieces)

    async def test_a_query_streams_asynchronously(self, make_llm, index):
        engine = index.as_query_engine(llm=make_llm("extractive"), streaming=True, similarity_top_k=3)
        response = await engine.aquery(QUESTION)
        assert "Black Sea" in "".join([piece async for piece in response.async_response_gen()])

    def test_a_query_fills_an_output_class(self, make_llm, index):
        engine = index.as_query_engine(llm=make_llm("tools"), output_cls=River, similarity_top_k=1)
        assert isinstance(engine.query("Which river is the Danube?").response, River)

    @pytest.mark.parametrize("mode", ["simple", "context", "condense_question", "condense_plus_context"])
    async def test_chat_engines_talk(self, make_llm, index, mode):
        memory = ChatMemoryBuffer.from_defaults(token_limit=3000)  # the default one never closes its database
        engine = index.as_chat_engine(chat_mode=mode, llm=make_llm("extractive"), memory=memory)
        assert engine.chat(QUESTION).response
        assert (await engine.achat("And the Thames?")).response
        assert "".join(engine.stream_chat("And the Rhine?").response_gen)
        assert len(engine.chat_history) == 6

    async def test_a_router_picks_an_engine_by_a_tool_call(self, make_llm, engine_tools):
        selector = PydanticSingleSelector.from_defaults(llm=make_llm("tools"))
        router = RouterQueryEngine(selector, engine_tools, llm=make_llm("extractive"))
        response = await router.aquery("choice 2: " + QUESTION)
        assert response.metadata["selector_result"].selections

    def test_a_router_picks_an_engine_by_text(self, make_llm, engine_tools, say):
        selector = LLMSingleSelector.from_defaults(llm=make_llm("echo"))
        router = RouterQueryEngine(selector, engine_tools, llm=make_llm("extractive"))
        say('[{"choice": 2, "reason": "It is about the Danube."}]')
        assert "Black Sea" in str(router.query(QUESTION))

    def test_sub_questions_are_asked(self, make_llm, engine_tools, say):
        llm = make_llm("extractive")
        engine = SubQuestionQueryEngine.from_defaults(
            engine_tools, llm=llm, question_gen=LLMQuestionGenerator.from_defaults(llm=llm), use_async=False
        )
        say('[{"sub_question": "Where does the Danube flow into?", "tool_name": "Danube"}]')
        response = engine.query("Compare the rivers: where do they flow into?")
        assert any("Black Sea" in node.text for node in response.source_nodes)

    @pytest.mark.parametrize(
        "evaluator", [FaithfulnessEvaluator, RelevancyEvaluator], ids=lambda kind: kind.__name__
    )
    async def test_evaluators_judge(self, make_llm, evaluator):
        verdict = await evaluator(llm=make_llm("echo")).aevaluate(
            query=QUESTION, response="Into the Black Sea.", contexts=[FACTS[1]]
        )
        assert verdict.passing is not None

    async def test_an_evaluator_that_scores(self, make_llm):
        judge = CorrectnessEvaluator(llm=make_llm("echo"), parser_function=lambda text: (4.0, text[:20]))
        verdict = await judge.aevaluate(query=QUESTION, response="The Black Sea.", reference=FACTS[1])
        assert verdict.score == 4.0

    async def test_an_ingestion_pipeline_extracts(self, make_llm):
        llm = make_llm("extractive")
        pipeline = IngestionPipeline(
            transformations=[
                SentenceSplitter(chunk_size=64, chunk_overlap=0),
                TitleExtractor(llm=llm, num_workers=1),
                KeywordExtractor(llm=llm, keywords=2, num_workers=1),
                QuestionsAnsweredExtractor(llm=llm, questions=1, num_workers=1),
                SummaryExtractor(llm=llm, num_workers=1),
            ]
        )
        nodes = await pipeline.arun(documents=[Document(text=" ".join(FACTS))], show_progress=False)
        wanted = {
            "document_title",
            "excerpt_keywords",
            "questions_this_excerpt_can_answer",
            "section_summary",
        }
        assert wanted <= set(nodes[0].metadata)

    async def test_fusion_asks_several_questions(self, make_llm, index, server):
        fusion = QueryFusionRetriever(
            [index.as_retriever(similarity_top_k=2)], llm=make_llm("echo"), num_queries=2, use_async=False
        )
        assert fusion.retrieve(QUESTION)
        assert len(server.requests) == 1

    def test_the_llm_reranks(self, make_llm, index):
        nodes = index.as_retriever(similarity_top_k=3).retrieve(QUESTION)
        rerank = LLMRerank(
            llm=make_llm("echo"),
            top_n=1,
            parse_choice_select_answer_fn=lambda answer, count: (
                ([2], [9.0]) if "Danube" in answer else ([], [])
            ),
        )
        assert len(rerank.postprocess_nodes(nodes, query_str=QUESTION)) == 1

    async def test_a_memory_block_extracts_facts(self, make_llm):
        block = FactExtractionMemoryBlock(llm=make_llm("echo"), max_facts=5)
        await block.aput([ChatMessage("<facts><fact>Ann likes tea</fact></facts>")])
        assert block.facts

    def test_settings_hand_it_to_everything(self, make_llm, index):
        Settings.llm = make_llm("extractive")
        try:
            assert "Black Sea" in str(index.as_query_engine(similarity_top_k=3).query(QUESTION))
        finally:
            Settings._llm = None
