"""Tools that judge texts and pictures: labels with scores for the model, and as values for the program."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from media_models import called, here

from langchain_hfrouter import HFClassifyImage, HFClassifyText
from shared_core.media import ArtifactStore

TEXT = "offline/text-classification:hf-inference"
IMAGE = "offline/image-classification:hf-inference"


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_text_is_judged(way: str, offline_url: Any) -> None:
    tool = HFClassifyText(TEXT, **here(offline_url))
    call = called(tool, {"text": "I love this, it is wonderful."})
    message = await tool.ainvoke(call) if way == "ainvoke" else tool.invoke(call)
    best = message.artifact[0]
    assert message.content.splitlines()[0] == f"{best.label}: {best.score:.3f}"
    assert [each.score for each in message.artifact] == sorted(
        (e.score for e in message.artifact), reverse=True
    )
    assert offline_url.requests[-1].json["inputs"] == "I love this, it is wonderful."


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_picture_is_judged_by_its_id(
    way: str, offline_url: Any, small_files: dict[str, bytes]
) -> None:
    store = ArtifactStore()
    picture = store.add(small_files["png"])
    tool = HFClassifyImage(IMAGE, **here(offline_url, store=store))
    call = called(tool, {"image_id": picture.id})
    message = await tool.ainvoke(call) if way == "ainvoke" else tool.invoke(call)
    best = message.artifact[0]
    assert message.content.splitlines()[0] == f"{best.label}: {best.score:.3f}"
    assert store.used == (0, 0, 0)


def test_a_judgement_spends_money_too(offline_url: Any) -> None:
    store = ArtifactStore(most_usd=0.01, prices={"text-classification": 0.01})
    tool = HFClassifyText(TEXT, **here(offline_url, store=store))
    tool.invoke({"text": "I love it."})
    assert "may spend 0.01 USD" in tool.invoke({"text": "I love it."})


if find_spec("langchain_tests"):
    from langchain_tests.integration_tests import ToolsIntegrationTests
    from langchain_tests.unit_tests import ToolsUnitTests

    class _Tool:
        tool_class: ClassVar[type[Any]]
        model: ClassVar[str]
        settings: ClassVar[dict[str, Any]] = {}
        arguments: ClassVar[dict[str, Any]] = {}

        @pytest.fixture(autouse=True)
        def _world(self, offline_url: Any, small_files: dict[str, bytes]) -> None:
            kind, store = type(self), ArtifactStore()
            kind.settings = here(offline_url, store=store)
            picture = store.add(small_files["png"]).id
            kind.arguments = {"text": "I love it."} if kind.model == TEXT else {"image_id": picture}

        @property
        def tool_constructor(self) -> type[Any]:
            return self.tool_class

        @property
        def tool_constructor_params(self) -> dict[str, Any]:
            return {"model": self.model, **self.settings}

        @property
        def tool_invoke_params_example(self) -> dict[str, Any]:
            return self.arguments

    class TestClassifyTextUnit(_Tool, ToolsUnitTests):
        tool_class, model = HFClassifyText, TEXT

    class TestClassifyTextCalls(_Tool, ToolsIntegrationTests):
        tool_class, model = HFClassifyText, TEXT

    class TestClassifyImageUnit(_Tool, ToolsUnitTests):
        tool_class, model = HFClassifyImage, IMAGE

    class TestClassifyImageCalls(_Tool, ToolsIntegrationTests):
        tool_class, model = HFClassifyImage, IMAGE
