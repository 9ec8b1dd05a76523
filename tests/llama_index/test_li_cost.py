"""What LlamaIndex's responses say a call cost: in `raw` and `additional_kwargs`, as plain JSON, in streams too."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.llms import ChatMessage

from llama_index_hfrouter import HFRouterLLM
from shared_core import HFRouter
from shared_core.catalog import SHARED, Price
from shared_core.errors import ConfigError
from shared_core.testing import ExtraHeaders
from shared_core.types import Cost

QUESTION = [ChatMessage("Why is the sky blue?")]


@pytest.fixture(autouse=True)
def no_catalogue_is_loaded() -> Iterator[None]:
    SHARED.clear()
    yield
    SHARED.clear()


@pytest.fixture
def llm(make_llm: Any, server: Any) -> Any:
    HFRouter(base_url=server, api_key="any").models()
    return make_llm("reasoner", provider="novita")


def check(response: Any, server: Any) -> None:
    """Both places say what the server charged."""
    assert server.wait_idle()
    cost = Cost.from_dict(response.additional_kwargs["cost"])
    line = server.bill.entries[response.additional_kwargs["request_id"]]
    assert cost.usd == Decimal(line.nano_usd).scaleb(-9) > 0
    assert cost.basis == "price list"
    assert response.raw["cost"] == response.additional_kwargs["cost"]
    assert json.loads(json.dumps(response.additional_kwargs)) == response.additional_kwargs


async def test_chat_and_completion_say_what_the_server_charged(llm: Any, server: Any) -> None:
    for response in (
        llm.chat(QUESTION),
        await llm.achat(QUESTION),
        llm.complete("Hello"),
        await llm.acomplete("Hello"),
    ):
        check(response, server)


async def test_only_the_last_chunk_of_a_stream_says_it(llm: Any, server: Any) -> None:
    for chunks in (
        list(llm.stream_chat(QUESTION)),
        [chunk async for chunk in await llm.astream_chat(QUESTION)],
        list(llm.stream_complete("Hello")),
    ):
        *early, last = chunks
        assert not any("cost" in chunk.additional_kwargs for chunk in early)
        check(last, server)


def test_it_survives_serialisation(llm: Any) -> None:
    response = llm.chat(QUESTION)
    again = ChatResponse.model_validate_json(response.model_dump_json())
    assert Cost.from_dict(again.additional_kwargs["cost"]) == Cost.from_dict(
        response.additional_kwargs["cost"]
    )


def test_what_is_unknown_says_so(make_llm: Any) -> None:
    told = make_llm("echo", provider="groq").chat(QUESTION).additional_kwargs["cost"]
    assert (told["usd"], told["basis"]) == (None, "unknown")
    assert "groq" in told["note"]


MINE = {"offline/echo": Price(Decimal("1"), Decimal("2"), "my contract", "2026-11-01")}


def test_the_user_s_own_prices_are_an_argument_and_survive_being_saved(make_llm: Any) -> None:
    llm = make_llm("echo", prices=MINE)
    again = HFRouterLLM.from_dict(json.loads(json.dumps(llm.to_dict())))
    for one in (llm, again, pickle.loads(pickle.dumps(llm))):
        told = one.chat(QUESTION).additional_kwargs
        cost = Cost.from_dict(told["cost"])
        assert cost.usd == Decimal(told["prompt_tokens"] + 2 * told["completion_tokens"]) / 10**6
        assert cost.date == "2026-11-01"


def test_a_reported_cost_is_found_where_it_was_said_to_be(make_llm: Any, server: Any) -> None:
    server.queue(ExtraHeaders({"x-cost": "0.5"}))
    told = make_llm("echo", reported_cost="x-cost").chat(QUESTION).additional_kwargs["cost"]
    assert Cost.from_dict(told) == Cost(Decimal("0.5"), "reported", source="x-cost")


def test_a_price_that_is_none_is_refused_by_the_constructor(make_llm: Any) -> None:
    with pytest.raises(ConfigError, match="write it as a text"):
        make_llm("echo", prices={"offline/echo": {"input": 0.1, "output": 0.1}})
