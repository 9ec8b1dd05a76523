"""LangChain's ChatOpenAI against the offline router, judged by LangChain's own standard suite.

Where the suite passes with a client and tests that nobody here wrote, the server answers as a real provider would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.integration_tests import chat_models as suite

from shared_core.testing import OfflineRouter

pytestmark = [
    # ChatOpenAI caches its async HTTP client over event loops and never closes it.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # ChatOpenAI on pydantic v1 schemas, parsed values and files without a name.
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore:OpenAI may require a filename:UserWarning"),
]

MEDIA = {
    "png": b"\x89PNG\r\n\x1a\n of our own",
    "jpg": b"\xff\xd8\xff\xe0 of our own",
    "pdf": b"%PDF-1.7 of our own",
    "wav": b"RIFF\x10\x00\x00\x00WAVEfmt of our own",
}


class Fetched:
    """What the suite takes from the web, given from here."""

    def __init__(self, url: str) -> None:
        ending = url.rpartition(".")[2].lower().replace("jpeg", "jpg")
        self.content = MEDIA[ending if ending in MEDIA else "wav"]


@pytest.fixture(autouse=True)
def served(router: OfflineRouter, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of its own for each test: ChatOpenAI keeps one async client a URL, whatever the event loop."""
    monkeypatch.setattr(suite.httpx, "get", lambda url, **_: Fetched(url))
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "offline")
    monkeypatch.setenv("OPENAI_BASE_URL", router)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    yield
    for received in router.requests:
        for _, data in received.media:
            assert data in MEDIA.values()


class TestChatOpenAI(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[ChatOpenAI]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        base_url = os.environ["OPENAI_BASE_URL"]  # given by hand, it is part of the key of ChatOpenAI's cache
        return {"model": "offline/tools", "base_url": base_url, "stream_usage": True, "max_retries": 0}

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "offline/echo"

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": ["reasoning_output", "cache_read_input"], "stream": ["reasoning_output"]}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        model = ChatOpenAI(**self.chat_model_params, reasoning_effort="high")
        if not stream:
            return model.invoke("What is 2 + 3?")
        first, *rest = model.stream("What is 2 + 3?")
        return sum(rest, first)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return ChatOpenAI(**self.chat_model_params).invoke("What is 2 + 3?")


def test_an_unknown_model_is_an_error_to_it() -> None:
    with pytest.raises(openai.BadRequestError, match="does not exist"):
        ChatOpenAI(model="nobody/nothing", max_retries=0).invoke("hi")
