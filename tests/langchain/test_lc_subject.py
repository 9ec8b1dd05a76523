"""LangChain's models, chains and agents as whom evaluations ask: what goes in, what is read, what is refused."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel, FakeListLLM, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from langchain_hfrouter import ChatHFRouter, LangChainSubject
from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import Answer, AsyncEvaluator, Evaluator
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


def ask(model: Any, messages: Any = HELLO, **options: Any) -> Answer:
    subject = model if isinstance(model, LangChainSubject) else LangChainSubject(model)
    with HFRouter(base_url="http://127.0.0.1:1") as nobody:
        return BlockingRun(subject.ask(messages, options), nobody._sender()).finish()


def test_a_model_of_ours_tells_text_tokens_cost_and_who_served(offline_url):
    answer = ask(ChatHFRouter(model="offline/echo:groq", base_url=offline_url))
    assert (answer.text, answer.provider, answer.finish_reason) == ("Hello!", "groq", "stop")
    assert answer.usage.completion_tokens == 2
    assert answer.model
    assert answer.cost.usd is not None or answer.cost.note


def test_tools_reach_the_model_and_its_calls_come_back(offline_url):
    model = ChatHFRouter(model="offline/tools", base_url=offline_url)
    answer = ask(model, [{"role": "user", "content": "What is 2 plus 3?"}], tools=[ADD], tool_choice="auto")
    (call,) = answer.tool_calls
    assert (call.name, call.parsed()) == ("add", {"a": 2, "b": 3})
    assert answer.finish_reason == "tool_calls"


def test_other_chat_parameters_go_out_with_the_call(offline_url):
    ask(ChatHFRouter(model="offline/echo", base_url=offline_url), temperature=0.25, seed=7)
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
    ask(ChatHFRouter(model="offline/tools", base_url=offline_url), talk)
    sent = offline_url.requests[-1].json["messages"]
    assert [one["role"] for one in sent] == ["system", "user", "assistant", "tool", "user"]
    assert sent[1]["content"][1]["image_url"]["url"].endswith("AAAA")
    assert sent[2]["tool_calls"][0]["function"]["name"] == "add"
    assert sent[3]["content"] == "2"


def test_one_piece_has_no_time_to_the_first():
    assert ask(FakeListChatModel(responses=["x"])).first_token_s is None
    assert ask(GenericFakeChatModel(messages=iter([AIMessage("a b c")]))).first_token_s is not None


@pytest.mark.parametrize(
    ("runnable", "text"),
    [
        (RunnableLambda(lambda messages: messages[-1].text.upper()), "HELLO!"),
        (RunnableLambda(lambda messages: AIMessage("said")), "said"),
        (RunnableLambda(lambda messages: {"messages": [*messages, AIMessage("an agent's")]}), "an agent's"),
        (FakeListLLM(responses=["a text model's"]), "a text model's"),
        (FakeListChatModel(responses=["parsed"]) | StrOutputParser(), "parsed"),
    ],
    ids=["a text", "a message", "the state of an agent", "a text model", "a chain"],
)
def test_whatever_gives_a_text_or_a_message_can_be_asked(runnable, text):
    assert ask(runnable).text == text


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


class Total(BaseModel):
    """What came out."""

    total: int


@pytest.mark.pinned_set
def test_an_agent_tells_the_calls_the_tokens_and_the_cost_of_its_whole_run(offline_url):
    from langchain.agents import create_agent

    about = {"input": "1", "output": "2", "source": "a contract", "date": "2026-11-01"}
    model = ChatHFRouter(model="offline/tools", base_url=offline_url, prices={"offline/tools": about})
    before = len(offline_url.requests)
    answer = ask(create_agent(model, [add]), [{"role": "user", "content": "What is 2 plus 3?"}])
    counts = [received.json["messages"] for received in offline_url.requests[before:]]
    assert [len(messages) for messages in counts] == [1, 3]
    assert answer.text == "add says: 5"
    assert [(call.name, call.parsed()) for call in answer.tool_calls] == [("add", {"a": 2, "b": 3})]
    usage, cost = answer.usage, answer.cost
    assert cost.usd * 10**6 == usage.prompt_tokens + 2 * usage.completion_tokens
    last = ask(model, counts[1], tools=[ADD])
    assert usage.total_tokens > last.usage.total_tokens


@pytest.mark.pinned_set
def test_what_an_agent_said_before_is_not_counted_again(offline_url):
    from langchain.agents import create_agent

    model = ChatHFRouter(model="offline/tools", base_url=offline_url)
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 1}'}}
    talk = [
        {"role": "user", "content": "What is 1 plus 1?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "What is 2 plus 3?"},
    ]
    (made,) = ask(create_agent(model, [add]), talk).tool_calls
    assert made.parsed() == {"a": 2, "b": 3}


@pytest.mark.pinned_set
def test_an_agent_s_structured_response_is_its_answer(offline_url):
    from langchain.agents import create_agent
    from langchain.agents.structured_output import ToolStrategy

    model = ChatHFRouter(model="offline/tools", base_url=offline_url)
    agent = create_agent(model, [], response_format=ToolStrategy(Total))
    assert ask(agent, [{"role": "user", "content": "It is 7."}]).text == '{"total":7}'


@pytest.mark.pinned_set
def test_an_agent_that_keeps_conversations_begins_one_with_each_question(offline_url):
    from langchain.agents import create_agent
    from langgraph.checkpoint.memory import InMemorySaver

    model = ChatHFRouter(model="offline/echo", base_url=offline_url)
    subject = LangChainSubject(create_agent(model, [], checkpointer=InMemorySaver()), "agent")
    for _ in range(2):
        assert ask(subject).text == "Hello!"
        assert len(offline_url.requests[-1].json["messages"]) == 1


def test_tokens_of_a_run_are_unknown_where_one_message_does_not_tell_them():
    counted = AIMessage("one", usage_metadata={"input_tokens": 1, "output_tokens": 1, "total_tokens": 2})
    run = RunnableLambda(lambda messages: {"messages": [*messages, counted, AIMessage("two")]})
    answer = ask(run)
    assert (answer.text, answer.usage) == ("two", None)


def test_a_chain_of_a_text_is_given_the_last_message():
    chain = ChatPromptTemplate.from_template("Say {it}") | FakeListChatModel(responses=["done"])
    seen = RunnableLambda(lambda text: {"it": text}) | chain
    assert ask(LangChainSubject(seen, "chain", takes_text=True)).text == "done"


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (RunnableLambda(lambda messages: "x"), {"temperature": 0}, "temperature cannot be passed on"),
        (FakeListChatModel(responses=["x"]), {"n": 2}, "n cannot be passed on"),
        (FakeListChatModel(responses=["x"]), {"extra_body": {}}, "extra_body cannot be passed on"),
        (FakeListChatModel(responses=["x"]), {"tools": [ADD]}, "takes no tools"),
        (RunnableLambda(lambda messages: 7), {}, "gave int, and no text"),
    ],
    ids=["a chain's temperature", "several answers", "what is no chat parameter", "tools", "a number"],
)
def test_what_cannot_be_passed_on_is_an_error_and_not_left_out(model, options, said):
    answer = ask(model, **options)
    assert answer.error == "ConfigError"
    assert said in answer.why


def test_an_error_of_ours_and_of_another_is_a_failure_of_that_question(offline_url):
    ours = ask(ChatHFRouter(model="offline/none", base_url=offline_url, max_retries=0))
    assert "ModelNotServed" in ours.error
    assert "Next:" not in ours.why

    def fails(messages):
        raise LookupError("not there")

    assert ask(RunnableLambda(fails)).error == "LookupError"


def test_what_is_no_runnable_is_refused_at_once():
    with pytest.raises(ConfigError, match="A object is no model or runnable"):
        LangChainSubject(object())


async def test_models_are_asked_beside_an_event_loop_and_not_in_it(offline_url):
    threads = []

    def slow(messages):
        threads.append(threading.current_thread())
        return "done"

    case = {"prompt": "a", "checks": [{"equals": "done"}]}
    async with AsyncHFRouter(base_url=offline_url) as router:
        results = await AsyncEvaluator(router).run_cases(
            [case], [LangChainSubject(RunnableLambda(slow), "slow")]
        )
    assert results.ok
    assert threading.main_thread() not in threads


def test_a_model_is_tested_by_cases_beside_one_of_the_router(offline_url):
    with HFRouter(base_url=offline_url) as router:
        results = Evaluator(router).run_cases(
            [{"prompt": "Paris", "checks": [{"contains": "Paris"}, {"max-first-token": 5}]}],
            ["offline/echo", LangChainSubject(FakeListChatModel(responses=["Paris"]), "fake")],
        )
    assert [result.outcome for result in results.results] == ["passed", "passed"]


@pytest.mark.parametrize("cost", [0.01, {"total": 1}, {"usd": 1, "basis": "reported"}, "free"])
def test_what_another_maker_calls_cost_or_provider_is_no_failure(cost: Any) -> None:
    about = {"cost": cost, "provider": {"name": "a"}, "finish_reason": ["stop"]}
    message = AIMessage("Hi.", response_metadata=about)
    answer = ask(RunnableLambda(lambda messages: message))
    assert (answer.error, answer.text, answer.cost.usd) == ("", "Hi.", None)
    assert (answer.provider, answer.finish_reason) == (None, None)
