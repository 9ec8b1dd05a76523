"""Embedding models on the same pairs: remote ones, objects of frameworks, failures, caches, what is written down."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
import random
from decimal import Decimal

import numpy as np
import pytest

from shared_core import AsyncHFRouter, Budget, Cost, HFRouter, ReplyMeta, Usage
from shared_core.errors import ConfigError, RateLimited
from shared_core.evaluate import (
    AsyncEvaluator,
    EmbeddingComparison,
    EmbeddingScore,
    Evaluator,
    ObjectEmbedder,
    RouterEmbedder,
)
from shared_core.evaluate.embeddings.judgements import judgements_of
from shared_core.evaluate.embeddings.run import compare_embeddings
from shared_core.evaluate.embeddings.trial import Matter
from shared_core.types import EmbedReply

PAIRS = [
    ("which cat sleeps on the mat", "a cat sleeps on the mat"),
    ("what is the price of bread", ["the price of bread went up", "bread has a price"]),
    ("when does the train leave", "the train leaves at noon"),
]
FURTHER = ["a dog barks at night", "wheat grows in fields", "ships sail the sea"]
WORDS = "offline/no-provider"


class Words:
    """A bag of words, under the names that a framework has for it."""

    def __init__(self, documents="embed_documents", query="embed_query", break_at=None):
        self.asked = []
        setattr(self, documents, lambda texts: [self.vector(text) for text in texts])
        setattr(self, query, self.vector)
        self.break_at = break_at

    def vector(self, text):
        self.asked.append(text)
        if text == self.break_at:
            raise LookupError("out of\nwords")
        vector = [0.0] * 64
        for word in text.split():
            vector[sum(map(ord, word)) % 64] += 1
        return vector


def compare(drive, models, pairs=PAIRS, settings=None, **how) -> EmbeddingComparison:
    how.setdefault("documents", FURTHER)
    return drive(lambda client: compare_embeddings(client, models, pairs, how), **(settings or {}))


def test_what_a_model_is_known_to_want_is_used_told_and_can_be_left_out(drive, offline_url):
    model = "intfloat/multilingual-e5-large-instruct"
    result = compare(drive, {"as trained": model, "bare": {"model": model, "query_prompt": ""}})
    notes = {score.name: score.notes for score in result.models}
    (note,) = notes["as trained"]
    assert note.startswith("'Instruct: Given a web search query")
    assert notes["bare"] == ()
    assert "as trained: 'Instruct" in str(result)
    posted = [seen.json for seen in offline_url.requests if seen.method == "POST"]
    sent = [text for body in posted for text in body["input"]]
    assert sum(text.startswith("Instruct: ") for text in sent) == len(PAIRS)
    assert sum(text in dict(PAIRS) for text in sent) == len(PAIRS)
    assert sum(text in FURTHER for text in sent) == 2 * len(FURTHER), "documents have none"


def test_a_remote_model_an_object_and_one_that_is_not_there_stand_side_by_side(drive):
    result = compare(drive, {"words": WORDS, "bag": Words(), "gone": "no/such"}, k=[1, 3])
    assert {score.name for score in result.models} == {"words", "bag", "gone"}
    assert (result.main, result.queries, result.documents, result.judgements) == ("ndcg@3", 3, 7, 4)
    fine, gone = [score for score in result.models if score.ok], result.models[-1]
    assert fine[0].figures["ndcg@3"].mean >= fine[1].figures["ndcg@3"].mean
    assert (gone.name, gone.error, gone.figures) == ("gone", "ModelNotServed", {})
    assert "\n" not in gone.why
    by_name = {score.name: score for score in fine}
    assert (by_name["words"].dimensions, by_name["bag"].dimensions) == (384, 64)
    assert by_name["bag"].index_bytes == 7 * 64 * 4
    assert by_name["words"].query_s.n == 2
    assert by_name["words"].documents_per_s > 0
    assert by_name["words"].tokens > 0
    assert by_name["bag"].tokens is None


def test_figures_are_the_means_over_queries_in_the_order_of_their_names(drive):
    score = compare(drive, {"bag": Words()}, k=1).models[0]
    # Alphabetically: the price (two relevant, one can be found), the train, the cat.
    assert score.by_query["recall@1"] == (0.5, 1.0, 1.0)
    assert score.by_query["ndcg@1"] == (1.0, 1.0, 1.0)
    assert score.figures["recall@1"].mean == pytest.approx(2.5 / 3)


@pytest.mark.parametrize(
    "names",
    [
        ("embed_documents", "embed_query"),
        ("get_text_embedding_batch", "get_query_embedding"),
        ("encode_document", "encode_query"),
    ],
    ids=["LangChain's", "LlamaIndex's", "sentence-transformers'"],
)
def test_objects_are_known_by_their_methods(drive, names):
    assert compare(drive, [Words(*names)]).models[0].ok


def test_queries_are_sent_as_queries_and_documents_as_documents(drive, offline_url):
    settings = {"model": WORDS}
    models = {"e5": {"model": WORDS, "query_prompt": "query: ", "document_prompt": "passage: "}}
    assert compare(drive, models, settings=settings).models[0].ok
    sent = [request.json["input"] for request in offline_url.requests if request.path.endswith("embeddings")]
    texts = [text for each in sent for text in ([each] if isinstance(each, str) else each)]
    assert sorted(text for text in texts if text.startswith("query: ")) == sorted(
        f"query: {query}" for query, _ in PAIRS
    )
    assert sum(text.startswith("passage: ") for text in texts) == 7
    assert len(texts) == 10


def test_the_order_of_pairs_and_documents_changes_no_figure(drive):
    def mixed(seed):
        pairs, further = list(PAIRS), list(FURTHER)
        random.Random(seed).shuffle(pairs)
        random.Random(seed).shuffle(further)
        result = compare(drive, {"a": Words(), "b": WORDS}, pairs, documents=further, k=[1, 2, 5])
        return [(score.name, score.figures) for score in result.models], result.differences

    assert mixed(1) == mixed(2) == mixed(3)


def test_a_text_that_two_documents_have_is_embedded_once_and_found_as_two(drive):
    bag = Words()
    documents = {"d1": "the same", "d2": "the same", "d3": "another"}
    result = compare(drive, {"bag": bag}, [("the same", ["d1", "d2"])], documents=documents, k=2)
    assert result.models[0].figures["recall@2"].mean == 1
    assert bag.asked.count("the same") == 2  # once as a query
    assert result.models[0].index_bytes == 3 * 64 * 4


def test_what_fails_in_the_midst_is_told_and_the_others_go_on(drive):
    breaks = Words(break_at="a dog barks at night")
    result = compare(drive, {"breaks": breaks, "fine": Words()})
    assert [score.ok for score in result.models] == [True, False]
    assert (result.models[1].error, result.models[1].why) == ("RouterError", "LookupError: out of words")
    assert result.differences == ()
    assert [score.name for score in result.best] == ["fine"]


WRONG_VECTORS = {
    "too few": (lambda texts: [[1.0]], "shape (1, 1) for 7 texts"),
    "of two lengths": (lambda texts: [[1.0] * (1 + n) for n, _ in enumerate(texts)], "no vectors of one length"),
    "none at all": (lambda texts: None, "shape ()"),
    "words": (lambda texts: ["vector"] * len(texts), "no vectors of one length"),
    "no numbers": (lambda texts: [[math.nan]] * len(texts), "no finite number"),
    "of another length than queries": (lambda texts: [[1.0, 2.0]] * len(texts), "Documents have 2 dimensions"),
    "without length": (lambda texts: [[]] * len(texts), "shape (7, 0)"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), WRONG_VECTORS.values(), ids=WRONG_VECTORS.keys())
def test_vectors_that_are_none_are_a_failure(make, said, drive):
    class Wrong:
        def embed_documents(self, texts):
            return make(texts)

        def embed_query(self, text):
            return [1.0]

    (score,) = compare(drive, {"wrong": Wrong()}).models
    assert score.error == "MalformedResponse"
    assert said in score.why


def test_two_models_are_compared_on_the_same_queries(drive):
    class Blind(Words):
        def vector(self, text):
            return [1.0] * 64

    pairs = [(f"where is thing{n} now", f"thing{n} lies in place{n}") for n in range(40)]
    result = compare(drive, {"blind": Blind(), "bag": Words(), "again": Words()}, pairs, k=5)
    assert result.models[-1].name == "blind"
    told = {(each.better, each.worse): each for each in result.differences}
    assert told["bag", "blind"].beyond_chance
    assert not told["bag", "again"].beyond_chance
    assert {score.name for score in result.best} == {"bag", "again"}
    assert "bag is better than blind: +" in str(told["bag", "blind"])
    assert "bag and again cannot be told apart: +0.000" in str(told["bag", "again"])


def test_at_most_50_queries_are_asked_alone_and_none_twice(drive, offline_url):
    pairs = [(f"query {n}", f"document {n}") for n in range(70)]
    (score,) = compare(drive, [WORDS], pairs).models
    assert (score.query_s.n, score.figures["ndcg@10"].n) == (50, 70)
    sent = [request.json["input"] for request in offline_url.requests if request.path.endswith("embeddings")]
    texts = [text for each in sent for text in ([each] if isinstance(each, str) else each)]
    assert sorted(texts) == sorted({*texts})
    assert len(texts) == 70 + 73


def test_documents_go_in_several_long_lists(drive, monkeypatch):
    monkeypatch.setattr("shared_core.evaluate.embeddings.trial._LIST", 2)
    one = compare(drive, {"bag": Words()})
    monkeypatch.undo()
    assert one.models[0].by_query == compare(drive, {"bag": Words()}).models[0].by_query


def test_with_a_cache_nothing_is_asked_twice_nor_timed_again(drive, offline_url, tmp_path):
    settings = {"embedding_cache": tmp_path / "vectors.sqlite"}
    (first,) = compare(drive, [WORDS], settings=settings).models
    asked = len(offline_url.requests)
    (again,) = compare(drive, [WORDS], settings=settings).models
    assert len(offline_url.requests) == asked
    assert again.figures == first.figures
    assert (first.recalled, again.recalled) == (0, 10)
    assert (again.documents_per_s, again.query_s, again.ready_s, again.tokens) == (None, None, None, 0)
    # With more documents only those are asked for, and timed.
    (more,) = compare(drive, [WORDS], settings=settings, documents=[*FURTHER, "a new one"]).models
    assert more.recalled == 10
    assert more.documents_per_s is not None


class Priced:
    """A stand-in for a client whose replies cost something."""

    base_url = "offline"
    model = "org/priced"

    def _embed(self, texts, kind, options):
        usd = Decimal("0.0000001") * len(texts)
        cost = Cost(usd, "reported") if kind == "document" else Cost(usd, "price list", "2026-11-01", "mine")
        vectors = np.eye(16, dtype=np.float32)[[len(text) % 16 for text in texts]]
        return EmbedReply(vectors, Usage(3, 0, 3), ReplyMeta("m", cost=cost))
        yield


def test_costs_are_exact_sums(drive):
    embedder = RouterEmbedder(Priced(), None)
    (score,) = compare(drive, [embedder]).models
    assert score.name == "org/priced"
    assert score.cost == Cost(Decimal("0.0000010"), "price list", "2026-11-01", "mine")
    assert score.as_dict()["cost"] == "0.000001"
    assert score.tokens == 12  # four calls


def test_what_a_model_cost_before_it_failed_is_told(drive):
    class Breaks(Priced):
        def _embed(self, texts, kind, options):
            if kind == "document":
                raise RateLimited("for good")
            return (yield from super()._embed(texts, kind, options))

    failed, gone = compare(drive, {"breaks": RouterEmbedder(Breaks(), None), "gone": "no/such"}).models
    assert (failed.error, failed.cost.usd) == ("RateLimited", Decimal("0.0000001"))
    assert (gone.error, gone.cost.usd) == ("ModelNotServed", 0)


def test_what_is_not_known_stays_unknown(drive):
    scores = {score.name: score for score in compare(drive, {"words": WORDS, "bag": Words()}).models}
    assert scores["words"].cost.usd is None
    assert scores["bag"].as_dict()["cost_known_by"] == "the object does not say what it costs"


def test_progress_is_told_in_texts_and_ends_at_the_total_even_where_a_model_failed(drive):
    told = []
    compare(
        drive, {"bag": Words(), "gone": "no/such"}, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (20, 20)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


REFUSED = {
    "no models": ([], {}, "no models to compare"),
    "a text in place of a list": ("org/name", {}, "no models to compare"),
    "one twice": (["a/b", "a/b"], {}, "'a/b' is there twice"),
    "what is no embedding model": ([object()], {}, "A object is no embedding model"),
    "half an embedding model": ([type("Half", (), {"embed_query": print})()], {}, "A Half is no embedding model"),
    "an option that is none": ([{"model": "a/b", "promt": "x"}], {}, "a/b has no option 'promt'"),
    "a local option that is none": ([{"model": "local:a/b", "batch_size": 1}], {}, "no option 'batch_size'"),
    "settings without a model": ([{"query_prompt": "x"}], {}, "settings lack its id"),
    "a local model without a name": (["local:"], {}, "needs a model"),
    "k of nothing": (["a/b"], {"k": []}, "k=[] is neither"),
    "k of 0": (["a/b"], {"k": 0}, "k=0"),
    "k in words": (["a/b"], {"k": "ten"}, "k='ten' is neither"),
    "progress in words": (["a/b"], {"progress": "yes"}, "progress='yes' is neither"),
    "a similarity that is none": (["a/b"], {"similarity": "near"}, "no similarity 'near'"),
    "a seed that is none": (["a/b"], {"seed": -1}, "seed=-1"),
}  # fmt: skip


@pytest.mark.parametrize(("models", "how", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_work_is_refused_before_anybody_is_asked(models, how, said, drive, offline_url):
    with pytest.raises(ConfigError) as refused:
        compare(drive, models, **how)
    assert said in str(refused.value)
    assert not offline_url.requests


def test_an_argument_that_is_none_is_a_type_error(drive):
    with pytest.raises(TypeError, match="'top_k'"):
        compare(drive, [WORDS], top_k=3)


def test_an_embedder_that_is_given_a_name_keeps_its_own(drive):
    mine = ObjectEmbedder(Words(), "mine")
    assert compare(drive, {"yours": mine, "other": mine}).models[0].ok
    assert mine.name == "mine"


def test_an_interrupt_ends_all_of_it(drive):
    class Stops(Words):
        def vector(self, text):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(drive, {"stops": Stops(), "bag": Words()})


def test_both_faces_give_the_same(offline_url):
    async def on_a_loop():
        async with AsyncHFRouter(base_url=offline_url) as router:
            return await AsyncEvaluator(router).compare_embeddings([WORDS], PAIRS, documents=FURTHER)

    here = Evaluator(HFRouter(base_url=offline_url)).compare_embeddings([WORDS], PAIRS, documents=FURTHER)
    assert here.models[0].figures == asyncio.run(on_a_loop()).models[0].figures


def test_another_client_is_a_model_too(drive, offline_url):
    other = HFRouter(WORDS, base_url=offline_url)
    assert compare(drive, {"own server": other}).models[0].dimensions == 384


def test_the_matter_of_many_documents_keeps_their_order_by_name():
    judged = judgements_of([("q", "b")], {"b": "same", "a": "same", "c": "other"})
    matter = Matter.of(judged, (10,), "cosine", 0)
    assert (matter.texts, matter.names) == (["same", "other"], [["a", "b"], ["c"]])


# -- written down ------------------------------------------------------------------------------------------

HOSTILE = '<script>alert("1")</script> | `x`\n=1+1'


@pytest.fixture(scope="module")
def result(offline_server):
    evaluator = Evaluator(HFRouter(base_url=offline_server))
    return evaluator.compare_embeddings({"bag": Words(), HOSTILE: Words(), "gone": "no/such"}, PAIRS)


def test_rows_have_the_same_keys_and_csv_has_them_too(result):
    rows = result.rows()
    assert len({tuple(row) for row in rows}) == 1
    read = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert [row["model"] for row in read] == [row["model"] for row in rows]
    assert float(read[0]["ndcg@10"]) == rows[0]["ndcg@10"]
    assert read[2]["ndcg@10"] == ""


def test_a_name_that_a_table_program_would_compute_is_text_in_csv(drive):
    assert "'=1+1" in compare(drive, {"=1+1": Words()}).to_csv()


def test_a_budget_holds_the_models_behind_the_client_alone(drive):
    budget = Budget(requests=2, per="total", name="two requests")
    result = compare(drive, {"words": WORDS, "bag": Words()}, budget=budget)
    assert [(score.name, score.error) for score in result.models] == [
        ("bag", ""),
        ("words", "BudgetExceeded"),
    ]


def test_json_holds_all_of_it(result):
    told = json.loads(result.to_json())
    assert told["main"] == "ndcg@10"
    assert told["models"][0]["cost"]["usd"] is None
    assert told["differences"][0]["beyond_chance"] is False


def test_a_name_is_text_in_html_and_stays_in_its_cell_in_markdown(result):
    page = result.to_html()
    assert "<script" not in page
    assert "&lt;script&gt;alert(&quot;1&quot;)" in page
    assert "=1+1" in page
    assert "default-src 'none'" in page
    assert "<script" not in result._repr_html_()
    (line,) = [line for line in result.to_markdown().splitlines() if line.startswith("| &lt;script")]
    assert "\\| \\`x\\` =1+1" in line


def test_a_text_for_a_terminal_has_a_line_for_each_model_and_says_who_differs(result):
    lines = str(result).splitlines()
    head = "model nDCG@10 95 % recall@10 MRR@10 docs/s query ms dims index MB cost"
    assert lines[0].split() == head.split()
    assert any("cannot be told apart" in line for line in lines)
    assert any(line.startswith("gone failed: ModelNotServed") for line in lines)


def test_a_name_reaches_a_terminal_as_one_line_of_text(drive):
    told = str(compare(drive, {"a\x1b[2J\nb\u202e": Words()}))
    assert told.splitlines()[1].startswith("a\ufffd[2J b\ufffd")


@pytest.mark.parametrize("ending", [".csv", ".json", ".md", ".html"])
def test_it_is_saved_in_the_form_of_the_name(result, ending, tmp_path):
    result.save(tmp_path / f"report{ending}")
    kept = (tmp_path / f"report{ending}").read_text(encoding="utf-8")
    assert kept == {".csv": result.to_csv, ".json": result.to_json, ".md": result.to_markdown,
                    ".html": result.to_html}[ending]()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("report.pdf", "names no kind of report"), ("file/report.md", "cannot be written")],
    ids=["another ending", "a file as a folder"],
)
def test_what_cannot_be_saved_says_why(result, name, said, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=said):
        result.save(tmp_path / name)


def test_where_all_failed_there_is_no_table_and_no_best(offline_server):
    evaluator = Evaluator(HFRouter(base_url=offline_server))
    told = evaluator.compare_embeddings(["no/such"], PAIRS)
    assert told.best == ()
    assert "nDCG" not in str(told) + told.to_markdown() + told.to_html()
    assert told.to_csv().startswith("model,cost,cost_known_by,error,why\n")


def test_a_score_without_figures_is_a_failure():
    assert not EmbeddingScore("a", error="RateLimited").ok
