"""MTEB's own evaluation over our vectors, on a task that is written down here. `make test-mteb` runs it.

Its scores must be our figures: two programs that share no line say the same of one model.
"""

from __future__ import annotations

import mteb
import pytest
from datasets import Dataset
from mteb.abstasks import AbsTaskRetrieval
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.models_protocols import EncoderProtocol

from shared_core import HFRouter
from shared_core.evaluate import Evaluator, Judgements, MTEBEncoder

pytestmark = pytest.mark.filterwarnings("ignore")  # those of MTEB and of what it uses are theirs

DOCUMENTS = {
    "d1": "a cat sleeps on the mat",
    "d2": "the price of bread went up",
    "d3": "forty miles to the sea",
    "d4": "the train leaves at noon",
    "d5": "wheat grows in wide fields",
    "d6": "a dog sleeps at night",
    "d7": "the price of wheat at noon",
}
QUERIES = {
    "q1": "which pet sleeps on a mat",
    "q2": "what is the price of bread",
    "q3": "how many miles is the sea away",
    "q4": "the noon of the price of wheat",
}
RELEVANT = {"q1": {"d1": 2, "d6": 1}, "q2": {"d2": 2, "d7": 1}, "q3": {"d3": 1}, "q4": {"d7": 1, "d4": 2}}


class OwnRetrieval(AbsTaskRetrieval):
    """The judgements above as a task."""

    metadata = TaskMetadata(
        name="OwnRetrieval",
        description="Four queries.",
        type="Retrieval",
        dataset={"path": "own/retrieval", "revision": "1"},
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
    )

    def load_data(self, **_):
        self.dataset = {
            "default": {
                "test": RetrievalSplitData(
                    queries=Dataset.from_list([{"id": name, "text": text} for name, text in QUERIES.items()]),
                    corpus=Dataset.from_list(
                        [{"id": name, "text": text, "title": ""} for name, text in DOCUMENTS.items()]
                    ),
                    relevant_docs=RELEVANT,
                    top_ranked=None,
                )
            }
        }
        self.data_loaded = True


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_mteb_takes_the_encoder_and_its_scores_are_our_figures(offline_url, similarity):
    client = HFRouter("offline/no-provider", base_url=offline_url)
    encoder = MTEBEncoder(client, name="offline/words", revision="1", similarity=similarity)
    assert isinstance(encoder, EncoderProtocol)
    result = mteb.evaluate(encoder, [OwnRetrieval()], cache=None, show_progress_bar=False)
    assert (result.model_name, result.model_revision) == ("offline/words", "1")
    (scores,) = result.task_results[0].scores["test"]
    ours = Evaluator(client).compare_embeddings(
        [client], Judgements(QUERIES, DOCUMENTS, RELEVANT), k=[1, 3, 10], similarity=similarity
    )
    for name, figure in ours.models[0].figures.items():
        assert scores[name.replace("@", "_at_")] == pytest.approx(figure.mean, abs=1e-5), name
    assert 0.5 < scores["main_score"] < 1
