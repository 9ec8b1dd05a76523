"""LlamaIndex's OpenAILike against the offline router."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.program import LLMTextCompletionProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from shared_core.testing import OfflineRouter, Status, offline_router

pytestmark = [
    # The OpenAI class keeps its HTTP clients open until they are collected.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # An agent looks at all its own attributes, deprecated ones of pydantic too.
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince211"),
]


@pytest.fixture
def serving() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as router:
        yield router


def make(router: OfflineRouter, model: str = "offline/tools") -> OpenAILike:
    return OpenAILike(
        model=model,
        api_base=router,
        api_key="any",
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
        context_window=32768,
    )


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def multiply(a: int, b: int) -> int:
    """Multiply two numbers and return the product."""
    return a * b


HELLO = [ChatMessage(role="user", content="hello there, world")]


def test_a_plain_answer_and_a_completion(serving: OfflineRouter) -> None:
    llm = make(serving, "offline/echo")
    assert llm.chat(HELLO).message.content == "hello there, world"
    assert llm.complete("again").text == "again"


def test_a_stream_grows_to_the_answer(serving: OfflineRouter) -> None:
    seen = list(make(serving, "offline/echo").stream_chat(HELLO))
    assert "".join(item.delta or "" for item in seen) == "hello there, world"
    assert seen[-1].message.content == "hello there, world"


async def test_async_answers_and_streams(serving: OfflineRouter) -> None:
    llm = make(serving, "offline/echo")
    assert (await llm.achat(HELLO)).message.content == "hello there, world"
    seen = [item.delta or "" async for item in await llm.astream_chat(HELLO)]
    assert "".join(seen) == "hello there, world"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_with_its_arguments(serving: OfflineRouter, streamed: bool) -> None:
    llm, tool = make(serving), FunctionTool.from_defaults(multiply)
    if streamed:
        *_, reply = llm.stream_chat_with_tools([tool], user_msg="multiply 6 by 7")
    else:
        reply = llm.chat_with_tools([tool], user_msg="multiply 6 by 7")
    (call,) = llm.get_tool_calls_from_response(reply)
    assert (call.tool_name, call.tool_kwargs) == ("multiply", {"a": 6, "b": 7})


def test_a_structured_prediction_by_tool_call(serving: OfflineRouter) -> None:
    prompt = PromptTemplate("{text}")
    assert make(serving).structured_predict(Person, prompt, text="Alice is 30 years old") == Person(
        name="Alice", age=30
    )


def test_a_structured_prediction_by_a_schema_in_the_text(serving: OfflineRouter) -> None:
    program: Any = LLMTextCompletionProgram.from_defaults(
        output_cls=Person, prompt_template_str="{text}", llm=make(serving, "offline/json")
    )
    assert program(text="Alice is 30 years old") == Person(name="Alice", age=30)


async def test_an_agent_calls_its_tool_and_ends(serving: OfflineRouter) -> None:
    agent = FunctionAgent(tools=[multiply], llm=make(serving))
    reply = await agent.run("multiply 6 by 7")
    assert "42" in str(reply)


def test_an_error_is_the_sdks_own(serving: OfflineRouter) -> None:
    serving.queue(Status(429))
    with pytest.raises(openai.RateLimitError):
        make(serving).chat(HELLO)
