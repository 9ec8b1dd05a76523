"""Models on this machine in a comparison of embedding models: by name, by object, with prompts and a cache."""

from __future__ import annotations

import asyncio

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.evaluate import AsyncEvaluator, Evaluator
from shared_core.local import LocalEmbedder

PAIRS = [
    ("Which pet is asleep?", "A cat naps on the mat."),
    ("What costs more now?", "The price of bread went up."),
    ("How far is the ocean?", "It is forty miles to the sea."),
]
FURTHER = ["The dog barks.", "Wheat grows in fields.", "The train leaves at noon."]


@pytest.fixture(scope="module")
def evaluator():
    return Evaluator(HFRouter())  # nobody is asked


def test_a_local_model_finds_by_meaning_and_costs_what_nobody_here_knows(evaluator, minilm):
    (score,) = evaluator.compare_embeddings([f"local:{minilm}"], PAIRS, documents=FURTHER, k=1).models
    assert score.name == f"local:{minilm}"
    assert score.figures["recall@1"].mean == 1
    assert (score.dimensions, score.provider, score.cost.usd) == (384, "local", None)
    assert score.tokens > 40
    assert score.ready_s > 0


def test_an_object_with_settings_of_its_own_and_a_mapping_of_settings_are_the_same(evaluator, minilm):
    prompts = {"query_prompt": "query: ", "document_prompt": "passage: "}
    models = {
        "object": LocalEmbedder(str(minilm), **prompts),
        "mapping": {"model": f"local:{minilm}", **prompts},
    }
    one, other = evaluator.compare_embeddings(models, PAIRS, documents=FURTHER).models
    assert one.by_query == other.by_query
    assert one.tokens == other.tokens


def test_a_cache_of_the_embedder_is_told_and_not_timed(evaluator, minilm, tmp_path):
    embedder = LocalEmbedder(str(minilm), cache=tmp_path / "vectors.sqlite")
    (first,) = evaluator.compare_embeddings([embedder], PAIRS, documents=FURTHER).models
    (again,) = evaluator.compare_embeddings([embedder], PAIRS, documents=FURTHER).models
    assert (first.recalled, again.recalled) == (0, 9)
    assert (again.documents_per_s, again.query_s, again.ready_s) == (None, None, None)
    assert first.figures == again.figures


def test_texts_that_the_model_cut_are_counted(evaluator, minilm):
    long = "A cat naps on the mat. " * 200
    result = evaluator.compare_embeddings([f"local:{minilm}"], [("Which pet is asleep?", long)])
    assert result.models[0].truncated == 1
    assert "did not read 1 texts to the end" in str(result)


def test_a_folder_without_a_model_is_a_failure_of_that_one_alone(evaluator, minilm, tmp_path):
    models = [f"local:{tmp_path}", f"local:{minilm}"]
    fine, gone = evaluator.compare_embeddings(models, PAIRS).models
    assert fine.ok
    assert (gone.error, str(tmp_path) in gone.why) == ("ConfigError", True)


def test_an_event_loop_goes_on_while_a_local_model_computes(minilm):
    async def run():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        async with AsyncHFRouter() as router:
            evaluator = AsyncEvaluator(router)
            result = await evaluator.compare_embeddings([f"local:{minilm}"], PAIRS, documents=FURTHER)
        ticking.cancel()
        return result, ticks

    result, ticks = asyncio.run(run())
    assert result.models[0].ok
    assert ticks > 5


def test_the_classes_of_frameworks_and_sentence_transformers_find_the_same(evaluator, minilm):
    from sentence_transformers import SentenceTransformer

    from langchain_hfrouter import HFLocalEmbeddings
    from llama_index_hfrouter import HFLocalEmbedding

    models = {
        "ours": f"local:{minilm}",
        "LangChain": HFLocalEmbeddings(model=str(minilm)),
        "LlamaIndex": HFLocalEmbedding(str(minilm)),
        "sentence-transformers": SentenceTransformer(str(minilm), device="cpu"),
    }
    result = evaluator.compare_embeddings(models, PAIRS, documents=FURTHER)
    assert {score.by_query["ndcg@10"] for score in result.models} == {(1.0, 1.0, 1.0)}
    assert [score.dimensions for score in result.models] == [384] * 4
