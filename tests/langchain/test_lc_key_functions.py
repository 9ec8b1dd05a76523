"""`api_key=` a function, as ChatOpenAI takes one: asked before each request, and never shown or dumped."""

from __future__ import annotations

import copy
import json
import pickle
from inspect import signature
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps, load
from langchain_core.runnables import ConfigurableField

from langchain_hfrouter import (
    ChatHFRouter,
    HFReranker,
    HFRouterEmbeddings,
    HFRouterLLM,
    HFRouterToolkit,
    HFTextToImage,
)
from langchain_hfrouter import errors as lc_errors
from langchain_hfrouter.errors import ConfigError
from shared_core import ConfigError as CoreConfigError
from shared_core.testing import OfflineRouter, Status

TOKEN = "hf_vault_0123456789"


def vault_token() -> str:
    return TOKEN


async def coming_token() -> str:
    return TOKEN


def tokens_at(host: OfflineRouter) -> set[str | None]:
    return {request.headers.get("authorization") for request in host.requests}


CHATS: dict[str, Any] = {
    "chat": lambda host, key: ChatHFRouter("offline/echo", base_url=str(host), api_key=key),
    "text": lambda host, key: HFRouterLLM(
        "offline/writer:together", base_url=str(host), hub_url=host.root, api_key=key
    ),
}


@pytest.mark.parametrize("make", CHATS.values(), ids=CHATS.keys())
async def test_a_model_asks_a_plain_function_in_every_way(make: Any, offline_url: OfflineRouter) -> None:
    model = make(offline_url, vault_token)
    model.invoke("Hello!")
    assert list(model.stream("Hello!"))
    await model.ainvoke("Hello!")
    assert [piece async for piece in model.astream("Hello!")]
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("make", CHATS.values(), ids=CHATS.keys())
async def test_a_coroutine_function_serves_the_asynchronous_half(
    make: Any, offline_url: OfflineRouter
) -> None:
    model = make(offline_url, coming_token)
    await model.ainvoke("Hello!")
    assert [piece async for piece in model.astream("Hello!")]
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}
    with pytest.raises(ConfigError, match="coroutine function"):
        model.invoke("Hello!")


async def test_embeddings_ask_it(offline_url: OfflineRouter) -> None:
    about = {"model": "offline/embed-16", "base_url": str(offline_url)}
    embeddings = HFRouterEmbeddings(**about, api_key=vault_token)
    embeddings.embed_query("a text")
    await embeddings.aembed_documents(["a text", "another"])
    await HFRouterEmbeddings(**about, api_key=coming_token).aembed_query("a text")
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}


def test_so_do_tools_and_the_toolkit(offline_url: OfflineRouter) -> None:
    about = {"base_url": str(offline_url), "hub_url": offline_url.root, "api_key": vault_token}
    HFTextToImage(model="offline/painter:fal-ai", **about).invoke({"prompt": "a bicycle"})
    kit = HFRouterToolkit(models={"text_to_image": "offline/painter:fal-ai"}, **about)
    next(tool for tool in kit.get_tools() if tool.name == "text_to_image").invoke({"prompt": "a bicycle"})
    posted = [request for request in offline_url.requests if request.method == "POST"]
    assert len(posted) == 2
    assert {request.headers["authorization"] for request in posted} == {f"Bearer {TOKEN}"}


def test_a_token_that_was_rotated_is_asked_for_again(offline_url: OfflineRouter) -> None:
    tokens = iter(["hf_old_00000000", "hf_new_00000000"])
    offline_url.queue(Status(401))
    ChatHFRouter("offline/echo", base_url=str(offline_url), api_key=lambda: next(tokens)).invoke("Hello!")
    assert tokens_at(offline_url) == {"Bearer hf_old_00000000", "Bearer hf_new_00000000"}


def test_what_it_raises_is_an_error_of_this_package(offline_url: OfflineRouter) -> None:
    def down() -> str:
        raise ConnectionError("no vault")

    with pytest.raises(lc_errors.Unauthorized, match=r"down\(\) was asked for the token") as caught:
        ChatHFRouter("offline/echo", base_url=str(offline_url), api_key=down).invoke("Hello!")
    assert isinstance(caught.value.__cause__, ConnectionError)


SAID = {
    "repr": repr,
    "str": str,
    "dumps": dumps,
    "JSON of the model": lambda model: model.model_dump_json(exclude={"profile"}),
    "pickle": lambda model: pickle.dumps(model).decode("latin-1"),
    "deep copy": lambda model: repr(copy.deepcopy(model)),
    "cache key": lambda model: model._get_llm_string(),
}


@pytest.mark.parametrize("way", SAID)
@pytest.mark.parametrize("key", [vault_token, lambda: TOKEN], ids=["a function", "a lambda"])
def test_the_token_shows_nowhere(way: str, key: Any) -> None:
    said = SAID[way](ChatHFRouter("offline/echo", api_key=key))
    assert said
    assert TOKEN not in said


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_what_is_dumped_is_loaded_with_a_token_from_outside(offline_url: OfflineRouter) -> None:
    model = ChatHFRouter("offline/echo", base_url=str(offline_url), api_key=vault_token)
    dumped = dumpd(model)
    assert dumped["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": ["HF_TOKEN"]}
    json.dumps(dumped)
    allowed: Any = {"allowed_objects": [ChatHFRouter]} if "allowed_objects" in str(signature(load)) else {}
    loaded = load(
        dumped,
        secrets_map={"HF_TOKEN": "hf_outside_00000000"},
        valid_namespaces=["langchain_hfrouter"],
        **allowed,
    )
    loaded.invoke("Hello!")
    assert tokens_at(offline_url) == {"Bearer hf_outside_00000000"}


TRAVELS = {"pickled": lambda model: pickle.loads(pickle.dumps(model)), "deep-copied": copy.deepcopy}


@pytest.mark.parametrize("travel", TRAVELS.values(), ids=TRAVELS.keys())
def test_a_function_of_a_module_travels(travel: Any, offline_url: OfflineRouter) -> None:
    travel(ChatHFRouter("offline/echo", base_url=str(offline_url), api_key=vault_token)).invoke("Hello!")
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}


def test_a_lambda_stays_behind(offline_url: OfflineRouter) -> None:
    model = ChatHFRouter("offline/echo", base_url=str(offline_url), api_key=lambda: TOKEN)
    with pytest.raises(ConfigError, match="left behind"):
        pickle.loads(pickle.dumps(model)).invoke("Hello!")


def test_it_can_be_set_later_and_chosen_for_one_call(offline_url: OfflineRouter) -> None:
    model = ChatHFRouter("offline/echo", base_url=str(offline_url), api_key="hf_first_00000000")
    model.api_key = vault_token  # type: ignore[assignment]
    model.invoke("Hello!")
    chosen = model.configurable_fields(api_key=ConfigurableField("key"))
    chosen.invoke("Hello!", {"configurable": {"key": lambda: "hf_chosen_00000000"}})
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}", "Bearer hf_chosen_00000000"}


def test_the_field_gives_the_token_to_who_asks_for_it() -> None:
    model = ChatHFRouter("offline/echo", api_key=vault_token)
    assert model.api_key is not None
    assert model.api_key.get_secret_value() == TOKEN
    assert ChatHFRouter("offline/echo", api_key=vault_token) == model
    with pytest.raises(CoreConfigError, match="coroutine function"):
        ChatHFRouter("offline/echo", api_key=coming_token).api_key.get_secret_value()  # type: ignore[union-attr]


def test_a_reranker_on_a_server_asks_it(offline_url: OfflineRouter) -> None:
    reranker = HFReranker(base_url=offline_url.root, api_key=vault_token, model="offline/rerank")
    reranker.rerank("which?", ["one", "two"])
    assert tokens_at(offline_url) == {f"Bearer {TOKEN}"}
