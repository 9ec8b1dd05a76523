"""Streams in the spelling of every known provider give the same message through the adapter."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core.testing import PROVIDER_QUIRKS


def get_weather(city: str) -> str:
    """Current weather of a city."""
    return city


def merged(chunks: Any) -> Any:
    first, *rest = chunks
    return sum(rest, first)


@pytest.mark.parametrize("provider", sorted(PROVIDER_QUIRKS))
async def test_text_usage_and_metadata_survive(provider: str, make: Any, router: Any) -> None:
    quirks = PROVIDER_QUIRKS[provider]
    router.queue(quirks, quirks)
    model = make()
    for chunks in (
        list(model.stream("one two three")),
        [chunk async for chunk in model.astream("one two three")],
    ):
        full = merged(chunks)
        assert full.text == "one two three"
        assert full.response_metadata["finish_reason"] == "stop"
        assert full.response_metadata["model_name"] == "offline/echo"
        if full.usage_metadata is not None:  # some providers never count in streams
            assert full.usage_metadata["output_tokens"] == 3


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("provider", sorted(PROVIDER_QUIRKS))
def test_tool_calls_survive(provider: str, version: str | None, make: Any, router: Any) -> None:
    router.queue(PROVIDER_QUIRKS[provider])
    bound = make("tools", output_version=version).bind_tools([get_weather])
    full = merged(bound.stream("What is the weather in Paris and in Rome?"))
    assert [(call["name"], call["args"]) for call in full.tool_calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Rome"}),
    ]
    assert len({call["id"] for call in full.tool_calls}) == 2
    assert all(call["id"] for call in full.tool_calls)


@pytest.mark.parametrize("provider", sorted(PROVIDER_QUIRKS))
def test_reasoning_survives(provider: str, make: Any, router: Any) -> None:
    router.queue(PROVIDER_QUIRKS[provider])
    full = merged(make("reasoner", reasoning_tags=True).stream("What is 2+2?"))
    assert full.text == "2+2 = 4"
    assert full.content_blocks[0]["reasoning"].startswith("The user's message")
