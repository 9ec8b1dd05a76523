"""The openai SDK against the offline router: a client that nobody here wrote judges the server."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from shared_core.testing import Cut, OfflineRouter, Status, StreamError, offline_router

HELLO: list[Any] = [{"role": "user", "content": "hello there, world"}]


@pytest.fixture
def client(router: OfflineRouter) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=router, api_key="any", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(router: OfflineRouter) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=router, api_key="any", max_retries=0) as made:
        yield made


def test_the_catalogue_can_be_listed_and_one_model_retrieved(client: openai.OpenAI) -> None:
    assert "offline/tools" in [model.id for model in client.models.list()]
    assert client.models.retrieve("offline/echo").id == "offline/echo"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("offline/nothing")


def test_a_plain_answer(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="offline/echo", messages=HELLO, logprobs=True, top_logprobs=2
    )
    assert reply.choices[0].message.content == "hello there, world"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.choices[0].logprobs.content[0].token == "hello"
    assert reply.usage.completion_tokens == 4
    assert reply._request_id.startswith("Root=1-")


async def test_a_plain_answer_async(async_client: openai.AsyncOpenAI) -> None:
    reply = await async_client.chat.completions.create(model="offline/echo", messages=HELLO)
    assert reply.choices[0].message.content == "hello there, world"


def test_a_stream_with_usage(client: openai.OpenAI) -> None:
    options = {"include_usage": True}
    with client.chat.completions.create(
        model="offline/echo", messages=HELLO, stream=True, stream_options=options
    ) as stream:
        seen = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in seen if c.choices) == "hello there, world"
    assert [c.usage.completion_tokens for c in seen if c.usage] == [4]


async def test_a_stream_async(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(model="offline/echo", messages=HELLO, stream=True)
    seen = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(seen) == "hello there, world"


def test_its_own_accumulator_joins_two_streamed_calls(
    client: openai.OpenAI, weather_tool: dict[str, Any]
) -> None:
    with client.chat.completions.stream(
        model="offline/tools",
        messages=[{"role": "user", "content": "weather in Rome and Oslo"}],
        tools=[weather_tool],
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == [
        {"location": "Rome"},
        {"location": "Oslo"},
    ]


def test_a_tool_conversation_comes_to_its_end(client: openai.OpenAI, weather_tool: dict[str, Any]) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Rome?"}]
    first = client.chat.completions.create(model="offline/tools", messages=messages, tools=[weather_tool])
    call = first.choices[0].message.tool_calls[0]
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "30 degrees"}]
    last = client.chat.completions.create(model="offline/tools", messages=messages, tools=[weather_tool])
    assert "30 degrees" in last.choices[0].message.content
    assert last.choices[0].finish_reason == "stop"


class Person(BaseModel):
    name: str
    age: int
    nickname: str | None = None


@pytest.mark.parametrize("model", ["offline/json", "offline/tools"])
def test_structured_output_is_parsed_by_the_sdk(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": "Alice is 30 years old"}], response_format=Person
    )
    assert reply.choices[0].message.parsed == Person(name="Alice", age=30)


def test_an_image_arrives_as_it_was_sent(client: openai.OpenAI, router: OfflineRouter) -> None:
    png = b"\x89PNG\r\n\x1a\n1234"
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    content: Any = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}]
    reply = client.chat.completions.create(
        model="offline/tools", messages=[{"role": "user", "content": content}]
    )
    assert "image/png" in reply.choices[0].message.content
    assert router.requests[0].media == [("image/png", png)]


ERRORS: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize(("status", "kind"), ERRORS.items())
def test_each_status_is_the_sdks_own_error(
    client: openai.OpenAI, router: OfflineRouter, status: int, kind: type[openai.APIStatusError]
) -> None:
    router.queue(Status(status))
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model="offline/echo", messages=HELLO)
    assert caught.value.status_code == status
    assert caught.value.request_id.startswith("Root=1-")


def test_an_unknown_model_has_its_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="nobody/nothing", messages=HELLO)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_wrong_token_is_an_authentication_error() -> None:
    with (
        offline_router(token="hf_right") as url,
        openai.OpenAI(base_url=url, api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(model="offline/echo", messages=HELLO)
    assert caught.value.response.json() == {"error": "Invalid username or password."}


def test_its_retries_meet_the_script(router: OfflineRouter) -> None:
    router.queue(Status(503, headers={"retry-after-ms": "1"}), Status(429, headers={"retry-after-ms": "1"}))
    with openai.OpenAI(base_url=router, api_key="any", max_retries=2) as client:
        client.chat.completions.create(model="offline/echo", messages=HELLO)
    assert [request.status for request in router.requests] == [503, 429, 200]


def test_an_error_in_a_stream_is_raised(client: openai.OpenAI, router: OfflineRouter) -> None:
    router.queue(StreamError(2, "openai", "boom"))
    with pytest.raises(openai.APIError, match="boom"):
        list(client.chat.completions.create(model="offline/echo", messages=HELLO, stream=True))


async def test_a_cut_stream_is_a_broken_connection_to_it(
    async_client: openai.AsyncOpenAI, router: OfflineRouter
) -> None:
    router.queue(Cut(after=2, chunks=True))
    stream = await async_client.chat.completions.create(model="offline/echo", messages=HELLO, stream=True)
    # openai 2 lets the error of httpx through, openai 3 wraps it.
    with pytest.raises((httpx.RemoteProtocolError, openai.APIConnectionError)):
        [chunk async for chunk in stream]
