"""LlamaIndex's LLMs and engines as whom evaluations ask: what goes in, what is read, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import CustomQueryEngine

from llama_index_hfrouter import HFRouterLLM, LlamaIndexSubject
from shared_core import HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, Evaluator
from shared_core.flow.blocking import BlockingRun

HELLO = [{"role": "user", "content": "Hello!"}]
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


class Shouting(CustomQueryEngine):
    """A query engine without an index."""

    def custom_query(self, query_str: str) -> str:
        return query_str.upper()


def ask(llm: Any, messages: Any = HELLO, **options: Any) -> Answer:
    with HFRouter(base_url="http://127.0.0.1:1") as nobody:
        return BlockingRun(LlamaIndexSubject(llm).ask(messages, options), nobody._sender()).finish()


def test_an_llm_of_ours_tells_text_tokens_cost_and_who_served(offline_url):
    answer = ask(HFRouterLLM(model="offline/echo:groq", base_url=offline_url))
    assert (answer.text, answer.provider, answer.finish_reason) == ("Hello!", "groq", "stop")
    assert answer.usage.completion_tokens == 2
    assert answer.cost.usd is not None or answer.cost.note


def test_tools_reach_the_llm_and_its_calls_come_back(offline_url):
    llm = HFRouterLLM(model="offline/tools", base_url=offline_url)
    answer = ask(llm, [{"role": "user", "content": "What is 2 plus 3?"}], tools=[ADD], tool_choice="required")
    (call,) = answer.tool_calls
    assert (call.name, call.parsed()) == ("add", {"a": 2, "b": 3})
    sent = offline_url.requests[-1].json
    assert sent["tools"][0]["function"]["parameters"]["required"] == ["a", "b"]
    assert sent["tool_choice"] == "required"


def test_other_chat_parameters_go_out_with_the_call(offline_url):
    ask(HFRouterLLM(model="offline/echo", base_url=offline_url), temperature=0.25, seed=7)
    sent = offline_url.requests[-1].json
    assert (sent["temperature"], sent["seed"]) == (0.25, 7)


def test_a_conversation_with_calls_and_pictures_arrives_as_it_was(offline_url):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 1}'}}
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "user", "content": "And now?"},
    ]
    ask(HFRouterLLM(model="offline/tools", base_url=offline_url), talk)
    sent = offline_url.requests[-1].json["messages"]
    assert [one["role"] for one in sent] == ["system", "user", "assistant", "tool", "user"]
    assert sent[1]["content"][1]["image_url"]["url"].endswith("AAAA")
    assert sent[2]["tool_calls"][0]["function"]["arguments"] == '{"a": 1, "b": 1}'
    assert (sent[3]["tool_call_id"], sent[3]["content"]) == ("c1", "2")


def test_an_llm_that_streams_in_pieces_has_a_time_to_the_first():
    answer = ask(MockLLM(max_tokens=3))
    assert answer.text
    assert answer.first_token_s is not None
    assert answer.usage is None


def test_a_query_engine_answers_one_question():
    assert ask(Shouting()).text == "HELLO!"


def test_a_chat_engine_starts_each_time_from_the_messages_it_is_given(offline_url):
    llm = HFRouterLLM(model="offline/echo", base_url=offline_url)
    # Without a memory of ours, LlamaIndex makes one in a database that it never closes.
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=ChatMemoryBuffer.from_defaults(token_limit=1000))
    subject = LlamaIndexSubject(engine)
    for text in ("one", "two"):
        flow = subject.ask([{"role": "user", "content": text}], {})
        assert BlockingRun(flow, HFRouter(base_url=offline_url)._sender()).finish().text == text
    assert len(offline_url.requests[-1].json["messages"]) == 1


@pytest.mark.parametrize(
    ("llm", "messages", "options", "said"),
    [
        (Shouting(), HELLO, {"temperature": 0}, "temperature cannot be passed on"),
        (Shouting(), [*HELLO, *HELLO], {}, "takes one question"),
        (MockLLM(), HELLO, {"tools": [ADD]}, "takes no tools"),
        (MockLLM(), HELLO, {"n": 2}, "n cannot be passed on"),
        (
            MockLLM(),
            [{"role": "user", "content": [{"type": "input_audio"}]}],
            {},
            "'input_audio' cannot be passed",
        ),
    ],
    ids=["an engine's temperature", "a conversation", "tools", "several answers", "sound"],
)
def test_what_cannot_be_passed_on_is_an_error_and_not_left_out(llm, messages, options, said):
    answer = ask(llm, messages, **options)
    assert answer.error == "ConfigError"
    assert said in answer.why


def test_a_chosen_tool_cannot_be_passed_on(offline_url):
    llm = HFRouterLLM(model="offline/tools", base_url=offline_url)
    answer = ask(llm, tools=[ADD], tool_choice={"type": "function", "function": {"name": "add"}})
    assert "tool_choice" in answer.why


def test_an_error_of_ours_and_of_another_is_a_failure_of_that_question(offline_url):
    ours = ask(HFRouterLLM(model="offline/none", base_url=offline_url, max_retries=0))
    assert "ModelNotServed" in ours.error

    class Failing(MockLLM):
        def stream_chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            raise LookupError("not there")

    assert ask(Failing()).error == "LookupError"


@pytest.mark.parametrize("cost", [0.01, {"total": 1}, {"usd": 1, "basis": "reported"}, "free"])
def test_what_another_maker_calls_cost_or_provider_is_no_failure(cost: Any) -> None:
    class Other(MockLLM):
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            about = {"cost": cost, "provider": {"name": "a"}, "finish_reason": ["stop"]}
            yield ChatResponse(message=ChatMessage(content="Hi."), delta="Hi.", additional_kwargs=about)

    answer = ask(Other())
    assert (answer.error, answer.text, answer.cost.usd) == ("", "Hi.", None)
    assert (answer.provider, answer.finish_reason) == (None, None)


def test_what_is_no_llm_is_refused_at_once():
    with pytest.raises(ConfigError, match="A PromptTemplate is no LLM or engine"):
        LlamaIndexSubject(PromptTemplate("x"))


def test_an_llm_is_tested_by_cases_beside_one_of_the_router(offline_url):
    with HFRouter(base_url=offline_url) as router:
        results = Evaluator(router).run_cases(
            [{"prompt": "Paris", "checks": [{"icontains": "paris"}]}],
            ["offline/echo", LlamaIndexSubject(Shouting(), "shouting")],
        )
    assert [result.outcome for result in results.results] == ["passed", "passed"]
