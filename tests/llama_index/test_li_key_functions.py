"""`api_key=` a function: asked before each request, in no form that is stored."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage

from llama_index_hfrouter import HFRouterEmbedding, HFRouterLLM, HFRouterToolSpec
from shared_core.errors import ConfigError, Unauthorized
from shared_core.testing import OfflineRouter, Status

TOKEN = "hf_vault_0123456789"
HELLO = [ChatMessage(content="Hello!")]


def vault_token() -> str:
    return TOKEN


async def coming_token() -> str:
    return TOKEN


def tokens_at(host: OfflineRouter) -> set[str | None]:
    return {request.headers.get("authorization") for request in host.requests}


def llm_at(host: OfflineRouter, key: Any) -> HFRouterLLM:
    return HFRouterLLM("offline/echo", base_url=str(host), api_key=key)


async def test_an_llm_asks_a_plain_function_in_every_way(offline_url: OfflineRouter) -> None:
    llm = llm_at(offline_url, vault_token)
    llm.chat(HELLO)
    assert list(llm.stream_chat(HELLO))
    await llm.achat(HELLO)
    assert [piece async for piece in await llm.astream_chat(HELLO)]
    assert len(offline_url.requests) == 4
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}


async def test_a_coroutine_function_serves_the_asynchronous_half(offline_url: OfflineRouter) -> None:
    llm = llm_at(offline_url, coming_token)
    await llm.achat(HELLO)
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}
    with pytest.raises(ConfigError, match="coroutine function"):
        llm.chat(HELLO)


async def test_embeddings_and_tools_ask_it(offline_url: OfflineRouter) -> None:
    about = {"base_url": str(offline_url), "api_key": vault_token}
    embedding = HFRouterEmbedding("offline/embed-16", **about)
    embedding.get_text_embedding("a text")
    await embedding.aget_query_embedding("a query")
    models = {"text_to_image": "offline/painter:fal-ai"}
    HFRouterToolSpec(models=models, hub_url=offline_url.root, **about).text_to_image("a bicycle")
    sent = {each.headers.get("authorization") for each in offline_url.requests if each.method == "POST"}
    assert sent == {f"Bearer {TOKEN}"}


def test_a_token_that_was_rotated_is_asked_for_again(offline_url: OfflineRouter) -> None:
    tokens = iter(["hf_old_00000000", "hf_new_00000000"])
    offline_url.queue(Status(401))
    llm_at(offline_url, lambda: next(tokens)).chat(HELLO)
    assert tokens_at(offline_url) == {"Bearer hf_old_00000000", "Bearer hf_new_00000000"}


def test_its_failure_is_an_error_that_names_it(offline_url: OfflineRouter) -> None:
    def down() -> str:
        raise ConnectionError("no vault")

    with pytest.raises(Unauthorized, match=r"down\(\) was asked for the token"):
        llm_at(offline_url, down).chat(HELLO)


@pytest.mark.parametrize("key", [vault_token, lambda: TOKEN], ids=["a function", "a lambda"])
def test_no_stored_form_holds_it_or_its_token(key: Any) -> None:
    llm = HFRouterLLM("offline/echo", api_key=key)
    stored = llm.to_dict()
    assert stored["key_source"] == "function"
    assert "api_key" not in stored
    assert TOKEN not in json.dumps(stored) + llm.to_json() + repr(llm) + pickle.dumps(llm).decode("latin-1")
    with pytest.raises(ConfigError, match="left behind"):
        HFRouterLLM.from_dict(stored).chat(HELLO)


TRAVELS = {"pickled": lambda llm: pickle.loads(pickle.dumps(llm)), "deep-copied": copy.deepcopy}


@pytest.mark.parametrize("travel", TRAVELS.values(), ids=TRAVELS.keys())
def test_a_function_of_a_module_travels(travel: Any, offline_url: OfflineRouter) -> None:
    travel(llm_at(offline_url, vault_token)).chat(HELLO)
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}


def test_a_lambda_stays_behind(offline_url: OfflineRouter) -> None:
    with pytest.raises(ConfigError, match="left behind"):
        pickle.loads(pickle.dumps(llm_at(offline_url, lambda: TOKEN))).chat(HELLO)


def test_it_can_be_set_later(offline_url: OfflineRouter) -> None:
    llm = llm_at(offline_url, "hf_first_00000000")
    llm.chat(HELLO)
    llm.api_key = vault_token  # type: ignore[assignment]
    llm.chat(HELLO)
    assert tokens_at(offline_url) == {"Bearer hf_first_00000000", f"Bearer {TOKEN}"}
