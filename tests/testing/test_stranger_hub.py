"""huggingface_hub's clients against the offline router."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient, constants
from huggingface_hub.errors import HfHubHTTPError

from shared_core.testing import OfflineRouter, Status

HELLO = [{"role": "user", "content": "hello there, world"}]


@pytest.fixture(autouse=True)
def may_use_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test run sets HF_HUB_OFFLINE, under which this client refuses loopback too."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def client(router: OfflineRouter) -> Iterator[InferenceClient]:
    with InferenceClient(base_url=router, api_key="any") as made:
        yield made


def test_a_plain_answer(client: InferenceClient) -> None:
    reply = client.chat_completion(HELLO, model="offline/echo")
    assert reply.choices[0].message.content == "hello there, world"
    assert reply.usage.completion_tokens == 4


def test_a_stream_with_usage(client: InferenceClient) -> None:
    options = {"include_usage": True}
    seen = list(client.chat_completion(HELLO, model="offline/echo", stream=True, stream_options=options))
    assert "".join(c.choices[0].delta.content or "" for c in seen if c.choices) == "hello there, world"
    assert [c.usage.completion_tokens for c in seen if c.usage] == [4]


def test_reasoning_arrives_under_the_specifications_name(client: InferenceClient) -> None:
    reply = client.chat_completion([{"role": "user", "content": "1 + 1"}], model="offline/reasoner")
    assert reply.choices[0].message.reasoning.startswith("The user's message")


async def test_async_answers_and_streams(router: OfflineRouter) -> None:
    async with AsyncInferenceClient(base_url=router, api_key="any") as client:
        reply = await client.chat_completion(HELLO, model="offline/echo")
        stream = await client.chat_completion(HELLO, model="offline/echo", stream=True)
        seen = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert reply.choices[0].message.content == "".join(seen) == "hello there, world"


@pytest.mark.parametrize("choice", ["auto", "required", {"function": {"name": "get_weather"}}])
def test_a_tool_is_called_whatever_the_spelling_of_the_choice(
    client: InferenceClient, weather_tool: dict[str, Any], choice: Any
) -> None:
    reply = client.chat_completion(
        [{"role": "user", "content": "weather in Rome"}],
        model="offline/tools",
        tools=[weather_tool],
        tool_choice=choice,
    )
    (call,) = reply.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"location": "Rome"})


def test_structured_output(client: InferenceClient) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    reply = client.chat_completion(
        [{"role": "user", "content": "Alice is here"}],
        model="offline/json",
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}},
    )
    assert json.loads(reply.choices[0].message.content) == {"name": "Alice"}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 503])
def test_each_status_is_an_http_error(client: InferenceClient, router: OfflineRouter, status: int) -> None:
    router.queue(Status(status))
    with pytest.raises(HfHubHTTPError) as caught:
        client.chat_completion(HELLO, model="offline/echo")
    assert caught.value.response.status_code == status


def test_an_unknown_model_says_so(client: InferenceClient) -> None:
    with pytest.raises(HfHubHTTPError, match="does not exist"):
        client.chat_completion(HELLO, model="nobody/nothing")
