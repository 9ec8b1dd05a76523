"""LangChain's standard suites for every media tool, against the offline router."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

sys.path.insert(0, str(Path(__file__).parent))

from media_models import MAKERS, READERS, here

import langchain_hfrouter as package
from shared_core.media import ArtifactStore

pytestmark = [pytest.mark.pinned_set, pytest.mark.usefixtures("jobs_at_once")]


class _Tool:
    tool_class: ClassVar[type[Any]]
    settings: ClassVar[dict[str, Any]] = {}
    store: ClassVar[ArtifactStore]
    ids: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _world(self, offline_url: Any, small_files: dict[str, bytes]) -> Any:
        kind = type(self)
        kind.store = ArtifactStore()
        kind.settings = here(offline_url, store=kind.store)
        picture, sound = kind.store.add(small_files["png"]), kind.store.add(small_files["wav"])
        kind.ids = {"image_id": picture.id, "audio_id": sound.id}
        yield
        posts = [seen.path for seen in offline_url.requests if seen.method == "POST"]
        for path in posts:
            assert path.startswith(("/fal-ai/", "/replicate/", "/hf-inference/", "/v1/chat/")), path

    @property
    def tool_constructor(self) -> type[Any]:
        return self.tool_class

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return {"model": self.model_and_arguments[0], **self.settings}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        arguments = self.model_and_arguments[1]
        return {key: value or self.ids.get(key, value) for key, value in arguments.items()}

    @property
    def model_and_arguments(self) -> tuple[str, dict[str, Any]]:
        return (MAKERS | READERS)[self.tool_class]

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        # An ambient token is looked up when it is needed, so the field stays empty.
        return {"HF_TOKEN": "hf_from_env"}, {"model": "a/b"}, {"api_key": None}


class TestTextToImageUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFTextToImage


class TestTextToImageCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFTextToImage


class TestImageToImageUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFImageToImage


class TestImageToImageCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFImageToImage


class TestTextToVideoUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFTextToVideo


class TestTextToVideoCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFTextToVideo


class TestImageToVideoUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFImageToVideo


class TestImageToVideoCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFImageToVideo


class TestTextToSpeechUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFTextToSpeech


class TestTextToSpeechCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFTextToSpeech


class TestTextToAudioUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFTextToAudio


class TestTextToAudioCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFTextToAudio


class TestTranscribeUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFTranscribe


class TestTranscribeCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFTranscribe


class TestAskImageUnit(_Tool, ToolsUnitTests):
    tool_class = package.HFAskImage


class TestAskImageCalls(_Tool, ToolsIntegrationTests):
    tool_class = package.HFAskImage
