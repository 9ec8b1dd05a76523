"""Limits, budgets, ledger, caches and hooks as arguments of the LangChain classes: they count, and travel."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from langchain_core.exceptions import LangChainException
from langchain_core.load import dumpd, dumps, load

import shared_core
from langchain_hfrouter import ChatHFRouter, HFRouterEmbeddings, HFRouterLLM
from langchain_hfrouter.errors import BudgetExceeded, LimitReached
from shared_core import Budget, HFRouter, Limit
from shared_core.observe.ledger import Ledger, open_ledger
from shared_core.testing import OfflineRouter
from tests.safeguards import PASSWORD, PRICES, REDIS, TOKEN, everything, where_state_is


class OwnStore:
    """A cache of the user's."""

    def get_many(self, keys: Any) -> list[None]:
        return [None for _ in keys]

    def put_many(self, items: Any) -> None:
        """Forgets them."""

    def close(self) -> None:
        """Is closed."""


def chat(url: str, folder: Path, **more: Any) -> ChatHFRouter:
    return ChatHFRouter(
        "offline/echo",
        base_url=str(url),
        prices=PRICES,
        fallback=["offline/tools"],
        **{"api_key": TOKEN, **everything(folder, **more)},
    )


def again_from_json(model: ChatHFRouter) -> ChatHFRouter:
    told = json.loads(dumps(model))
    # Older releases of langchain-core allow what is in a named package, newer ones the named classes.
    allowed = {"allowed_objects": [ChatHFRouter]} if "allowed_objects" in str(signature(load)) else {}
    twin = load(told, valid_namespaces=["langchain_hfrouter"], secrets_map={"HF_TOKEN": ""}, **allowed)
    assert isinstance(twin, ChatHFRouter)
    return twin


COPIES = {
    "deep copy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(deep=True),
    "LangChain's JSON": again_from_json,
    "its fields": lambda model: ChatHFRouter(
        **{
            name: value
            for name, value in model.model_dump(exclude_none=True).items()
            if name in ("model", "base_url", "prices", "fallback", *everything(Path()))
        },
        api_key="",
    ),
}


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_counts_in_the_same_places(way: str, offline_url: OfflineRouter, tmp_path: Path) -> None:
    model = chat(offline_url, tmp_path, api_key="")
    model.invoke("one two", temperature=0)
    twin = COPIES[way](model)
    assert twin.invoke("one two", temperature=0).response_metadata["cached"] is True
    twin.invoke("three", usage_tags={"user": "bob"})
    assert len(offline_url.requests) == 2
    model.ledger.flush()
    told = [(row.tags, row.cached) for row in open_ledger(tmp_path / "usage.sqlite").rows()]
    assert sorted(told, key=str) == [
        ({"user": "ada"}, False),
        ({"user": "ada"}, True),
        ({"user": "bob"}, False),
    ]
    with HFRouter("offline/echo", **everything(tmp_path, hedge=None)) as core:
        assert {state.value: bool(state.spent) for state in core.budgets()} == {"ada": True, "bob": True}


SAID = {
    "repr": repr,
    "dumps": dumps,
    "dumpd": lambda model: str(dumpd(model)),
    "model_dump": lambda model: str(model.model_dump(exclude={"profile"})),
    "model_dump_json": lambda model: model.model_dump_json(exclude={"profile"}),
    "identifying parameters": lambda model: str(model._identifying_params),
    "cache key": lambda model: model._get_llm_string(),
}


@pytest.mark.parametrize("way", SAID)
def test_no_password_and_no_token_is_written(way: str, tmp_path: Path) -> None:
    said = SAID[way](chat("http://127.0.0.1:9/v1", tmp_path, state=REDIS, chat_cache=REDIS))
    assert PASSWORD not in said
    assert TOKEN not in said


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
@pytest.mark.parametrize(
    "given",
    [{"state": where_state_is}, {"chat_cache": OwnStore()}, {"chat_cache": where_state_is}],
    ids=["a function for the state", "a store for the cache", "a function for the cache"],
)
def test_what_cannot_be_written_is_left_out_and_not_taken_for_a_path(
    given: dict[str, Any], tmp_path: Path
) -> None:
    model = chat("http://127.0.0.1:9/v1", tmp_path, **given)
    (name,) = given
    assert model.model_dump()[name] is None
    twin = again_from_json(model)
    assert getattr(twin, name) is None


def test_a_pickle_works_and_one_with_a_password_is_refused(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    model = ChatHFRouter(
        "offline/echo", base_url=str(offline_url), api_key="", **everything(tmp_path, hedge=None)
    )
    model.budgets = [Budget(requests=9, per="day")]
    twin = pickle.loads(pickle.dumps(model))
    assert twin.invoke("hello").content == "hello"
    assert twin.state == tmp_path / "state.sqlite"
    for given in ({"state": REDIS}, {"chat_cache": REDIS}, {"chat_cache": {"store": REDIS}}):
        with pytest.raises(shared_core.ConfigError, match="password"):
            pickle.dumps(chat(str(offline_url), tmp_path, **given))


@pytest.mark.parametrize(
    "given",
    [
        ({"budgets": [Budget(requests=1, per="hour")]}, BudgetExceeded, shared_core.BudgetExceeded),
        ({"limits": [Limit(requests=1, per="hour", burst=0)]}, LimitReached, shared_core.LimitReached),
    ],
    ids=["budget", "limit"],
)
@pytest.mark.parametrize("kind", [ChatHFRouter, HFRouterLLM, HFRouterEmbeddings])
def test_a_refusal_is_ours_and_langchains_and_not_retried(
    kind: type[Any], given: Any, offline_url: OfflineRouter
) -> None:
    settings, theirs, ours = given
    models = {HFRouterEmbeddings: "offline/embed-8", HFRouterLLM: "offline/writer:together"}
    model = models.get(kind, "offline/echo")
    root = {"hub_url": offline_url.root} if kind is HFRouterLLM else {}
    made = kind(model=model, base_url=str(offline_url), api_key="any", timeout=5, **root, **settings)
    call = made.embed_query if kind is HFRouterEmbeddings else made.invoke
    call("one")
    with pytest.raises(theirs) as caught:
        call("two")
    assert isinstance(caught.value, ours)
    assert isinstance(caught.value, LangChainException)
    assert not getattr(caught.value, "is_retryable", False)
    sent = len(offline_url.requests)
    with pytest.raises(theirs):
        call("three")
    assert len(offline_url.requests) == sent


def test_with_fallbacks_another_model_takes_over_from_an_empty_budget(offline_url: OfflineRouter) -> None:
    settings = {"base_url": str(offline_url), "api_key": "any"}
    poor = ChatHFRouter("offline/echo", budgets=[Budget(requests=0, per="hour")], **settings)
    both = poor.with_fallbacks(
        [ChatHFRouter("offline/echo", **settings)], exceptions_to_handle=(BudgetExceeded,)
    )
    assert both.invoke("hello").content == "hello"


async def test_calls_and_streams_have_tags_of_their_own(offline_url: OfflineRouter) -> None:
    ledger = Ledger()
    model = ChatHFRouter(
        "offline/echo", base_url=str(offline_url), api_key="any", ledger=ledger, usage_tags={"user": "ada"}
    )
    model.invoke("one", usage_tags={"step": "a"})
    list(model.stream("two", usage_tags={"user": "bob"}))
    await model.ainvoke("three")
    async with contextlib.aclosing(model.astream("four", usage_tags={"user": "eve"})) as stream:
        async for _ in stream:
            break
    assert sorted(str(row.tags) for row in ledger.rows()) == sorted(
        map(str, [{"user": "ada", "step": "a"}, {"user": "bob"}, {"user": "ada"}, {"user": "eve"}])
    )
