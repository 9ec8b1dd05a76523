"""Models of other makers as whom evaluations ask, at the offline router."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from llama_index.llms.openai_like import OpenAILike

from langchain_hfrouter import LangChainSubject
from llama_index_hfrouter import LlamaIndexSubject
from shared_core import HFRouter
from shared_core.evaluate import Answer
from shared_core.flow.blocking import BlockingRun

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
Ask = Callable[..., Answer]


def langchain(model: str, url: str) -> Any:
    return LangChainSubject(
        ChatOpenAI(base_url=url, api_key="k", model=model, stream_usage=True, max_retries=0)
    )


def llama_index(model: str, url: str) -> Any:
    usage = {"stream_options": {"include_usage": True}}
    llm = OpenAILike(
        model=model,
        api_base=url,
        api_key="k",
        is_chat_model=True,
        is_function_calling_model=True,
        additional_kwargs=usage,
        max_retries=0,
    )
    return LlamaIndexSubject(llm)


@pytest.fixture(params=[langchain, llama_index], ids=["langchain-openai", "OpenAILike"])
def ask(request: pytest.FixtureRequest, offline_url: Any) -> Ask:
    """Asks a model of that maker."""

    def asked(model: str, text: str, **options: Any) -> Answer:
        subject = request.param(model, str(offline_url))
        flow = subject.ask([{"role": "user", "content": text}], options)
        return BlockingRun(flow, HFRouter(base_url=offline_url)._sender()).finish()

    return asked


def test_text_tokens_and_the_first_token_are_told(ask: Ask) -> None:
    answer = ask("offline/tools", "Why is the sky blue, and the sea?")
    assert answer.text
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 2
    assert answer.first_token_s is not None
    assert 0 < answer.first_token_s <= answer.seconds
    assert (answer.finish_reason, answer.cost.usd) == ("stop", None)


def test_tools_reach_the_model_and_its_calls_come_back(ask: Ask) -> None:
    answer = ask("offline/tools", "What is 2 plus 3?", tools=[ADD])
    (call,) = answer.tool_calls
    assert (call.name, call.parsed()) == ("add", {"a": 2, "b": 3})


def test_other_chat_parameters_go_out_with_the_call(ask: Ask, offline_url: Any) -> None:
    ask("offline/echo", "Hello!", temperature=0.25, seed=7)
    sent = offline_url.requests[-1].json
    assert (sent["temperature"], sent["seed"]) == (0.25, 7)


def test_a_schema_for_the_answer_goes_out_too(ask: Ask) -> None:
    assert ask("offline/json", "Paris is a city.", response_format=SCHEMA).text.startswith('{"city"')


def test_its_error_is_a_failure_of_that_question(ask: Ask) -> None:
    answer = ask("offline/none", "Hello!")
    assert not answer.ok
    assert "offline/none" in answer.why
