"""LangChain's standard suites for embeddings: every remote route against the offline router, every backend here."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_hfrouter import HFLocalEmbeddings, HFRouterEmbeddings

pytestmark = pytest.mark.pinned_set


class TestUnitRouter(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[HFRouterEmbeddings]:
        return HFRouterEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "BAAI/bge-m3:deepinfra"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        # An ambient token is looked up when it is needed, so the field stays empty.
        return {"HF_TOKEN": "hf_from_env"}, self.embedding_model_params, {"api_key": None}


class _Remote(EmbeddingsIntegrationTests):
    settings: ClassVar[dict[str, Any]]
    path: ClassVar[str]
    root = ""

    @pytest.fixture(autouse=True)
    def _address(self, offline_url: Any) -> Any:
        """The route that a class names must be the one that was taken."""
        type(self).root = offline_url.removesuffix("/v1")
        yield
        posts = [seen.path for seen in offline_url.requests if seen.method == "POST"]
        assert set(posts) <= {self.path}

    @property
    def embeddings_class(self) -> type[HFRouterEmbeddings]:
        return HFRouterEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"api_key": "hf_offline", **self.settings}


class _BehindRouter(_Remote):
    @property
    def embedding_model_params(self) -> dict[str, Any]:
        here = {"base_url": self.root + "/v1", "hub_url": self.root, "embedding_api": "router"}
        return {**super().embedding_model_params, **here}


class TestHFInference(_BehindRouter):
    settings: ClassVar = {"model": "offline/minilm:hf-inference"}
    path = "/hf-inference/models/offline/minilm/pipeline/feature-extraction"


class TestDeepInfra(_BehindRouter):
    settings: ClassVar = {"model": "offline/minilm:deepinfra"}
    path = "/deepinfra/v1/openai/embeddings"


class TestScaleway(_BehindRouter):
    settings: ClassVar = {"model": "offline/minilm", "provider": "scaleway"}
    path = "/scaleway/v1/embeddings"


class TestTogether(_BehindRouter):
    settings: ClassVar = {"model": "offline/minilm:together"}
    path = "/together/v1/embeddings"


class TestTEI(_Remote):
    settings: ClassVar = {}
    path = "/embed"

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {**super().embedding_model_params, "base_url": self.root}


class TestOpenAIStyle(_Remote):
    settings: ClassVar = {"model": "offline/minilm"}
    path = "/v1/embeddings"

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {**super().embedding_model_params, "base_url": self.root + "/v1"}


class TestUnitLocal(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[HFLocalEmbeddings]:
        return HFLocalEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "sentence-transformers/all-MiniLM-L6-v2"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        # Nothing is read from the environment; the standard test then checks what the arguments became.
        return {"HF_HUB_OFFLINE": "1"}, {"model_name": "org/name"}, {"model": "org/name", "device": None}


class _Local(EmbeddingsIntegrationTests):
    backend: ClassVar[str]
    folder = ""

    @pytest.fixture(autouse=True)
    def _weights(self, minilm: str) -> None:
        type(self).folder = minilm

    @property
    def embeddings_class(self) -> type[HFLocalEmbeddings]:
        return HFLocalEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": self.folder, "backend": self.backend, "device": "cpu"}


class TestTorch(_Local):
    backend = "torch"


class TestOnnx(_Local):
    backend = "onnx"


class TestOpenVINO(_Local):
    backend = "openvino"
