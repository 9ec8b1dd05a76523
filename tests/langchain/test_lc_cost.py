"""What LangChain's messages say a call cost: once, as plain JSON, in streams too."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import AIMessage, messages_from_dict, messages_to_dict

from langchain_hfrouter import ChatHFRouter
from langchain_hfrouter.errors import ConfigError
from shared_core import HFRouter
from shared_core.catalog import SHARED, Price
from shared_core.testing import ExtraHeaders
from shared_core.types import Cost


@pytest.fixture(autouse=True)
def no_catalogue_is_loaded() -> Iterator[None]:
    SHARED.clear()
    yield
    SHARED.clear()


@pytest.fixture
def chat(offline_url: Any) -> ChatHFRouter:
    HFRouter(base_url=offline_url, api_key="any").models()
    return ChatHFRouter("offline/reasoner:novita", base_url=str(offline_url), api_key="any")


def charged(offline_url: Any, message: AIMessage) -> Decimal:
    """What the server charged for this message, in USD."""
    assert offline_url.wait_idle()
    request_id = message.response_metadata["request_id"]
    return Decimal(offline_url.bill.entries[request_id].nano_usd).scaleb(-9)


def cost_of(message: AIMessage) -> Cost:
    return Cost.from_dict(message.response_metadata["cost"])


def test_a_message_says_what_the_server_charged(chat: ChatHFRouter, offline_url: Any) -> None:
    message = chat.invoke("Why is the sky blue?")
    cost = cost_of(message)
    assert cost.usd == charged(offline_url, message) > 0
    assert (cost.basis, cost.source) == ("price list", f"{offline_url}/models")


def test_a_stream_says_it_once_and_the_sum_of_its_chunks_says_it_too(
    chat: ChatHFRouter, offline_url: Any
) -> None:
    chunks = list(chat.stream("Why is the sky blue?"))
    assert sum("cost" in chunk.response_metadata for chunk in chunks) == 1
    whole: Any = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert cost_of(whole).usd == charged(offline_url, whole) > 0


async def test_the_asynchronous_calls_say_it_as_well(chat: ChatHFRouter, offline_url: Any) -> None:
    message = await chat.ainvoke("Why is the sky blue?")
    assert cost_of(message).usd == charged(offline_url, message)
    told = [
        chunk.response_metadata["cost"]
        async for chunk in chat.astream("Hi")
        if "cost" in chunk.response_metadata
    ]
    assert [one["basis"] for one in told] == ["price list"]


def test_it_survives_langchain_s_own_serialisation(chat: ChatHFRouter) -> None:
    message = chat.invoke("Hi")
    (again,) = messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))
    assert isinstance(again, AIMessage)
    assert cost_of(again) == cost_of(message)


def test_what_is_unknown_says_so(offline_url: Any) -> None:
    message = ChatHFRouter("offline/echo:groq", base_url=str(offline_url), api_key="any").invoke("Hi")
    told = message.response_metadata["cost"]
    assert (told["usd"], told["basis"]) == (None, "unknown")
    assert "groq" in told["note"]


MINE = {"offline/echo:groq": Price(Decimal("1"), Decimal("2"), "my contract", "2026-11-01")}


def test_the_user_s_own_prices_are_an_argument_and_survive_being_saved(offline_url: Any) -> None:
    chat = ChatHFRouter("offline/echo:groq", base_url=str(offline_url), prices=MINE)
    saved = json.loads(json.dumps(chat.prices))
    again = ChatHFRouter("offline/echo:groq", base_url=str(offline_url), prices=saved)
    for one in (chat, again, pickle.loads(pickle.dumps(chat)), chat.model_copy()):
        message = one.invoke("Hi")
        counted: Any = message.usage_metadata
        assert cost_of(message).usd == Decimal(counted["input_tokens"] + 2 * counted["output_tokens"]) / 10**6
        assert cost_of(message).date == "2026-11-01"


def test_a_reported_cost_is_found_where_it_was_said_to_be(offline_url: Any) -> None:
    chat = ChatHFRouter("offline/echo", base_url=str(offline_url), api_key="any", reported_cost="x-cost")
    offline_url.queue(ExtraHeaders({"x-cost": "0.5"}))
    assert cost_of(chat.invoke("Hi")) == Cost(Decimal("0.5"), "reported", source="x-cost")


def test_a_price_that_is_none_is_refused_by_the_constructor() -> None:
    with pytest.raises(ConfigError, match="write it as a text"):
        ChatHFRouter("offline/echo", prices={"offline/echo": {"input": 0.1, "output": 0.1}})
