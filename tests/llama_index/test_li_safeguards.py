"""Limits, budgets, ledger, caches and hooks as arguments of the LlamaIndex classes: they count, and travel."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import shared_core
from llama_index_hfrouter import HFRouterEmbedding, HFRouterLLM
from shared_core import Budget, BudgetExceeded, HFRouter, Limit, LimitReached
from shared_core.observe.ledger import Ledger, open_ledger
from shared_core.testing import OfflineRouter
from tests.safeguards import PASSWORD, PRICES, REDIS, TOKEN, everything, where_state_is


def llm(url: str, folder: Path, **more: Any) -> HFRouterLLM:
    return HFRouterLLM(
        "offline/echo",
        base_url=str(url),
        prices=PRICES,
        fallback=["offline/tools"],
        **{"api_key": "", **everything(folder, **more)},
    )


COPIES = {
    "deep copy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "to_dict": lambda model: HFRouterLLM.from_dict(model.to_dict(), api_key=""),
    "to_json": lambda model: HFRouterLLM.from_dict(json.loads(model.to_json()), api_key=""),
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_counts_in_the_same_places(way: str, offline_url: OfflineRouter, tmp_path: Path) -> None:
    model = llm(offline_url, tmp_path)
    model.complete("one two", temperature=0)
    twin = COPIES[way](model)
    twin.complete("one two", temperature=0)
    twin.complete("three", usage_tags={"user": "bob"})
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
    "str": str,
    "to_dict": lambda model: str(model.to_dict()),
    "to_json": lambda model: model.to_json(),
    "model_dump": lambda model: str(model.model_dump()),
    "metadata": lambda model: str(model.metadata),
}


@pytest.mark.parametrize("way", SAID)
def test_no_password_and_no_token_is_written(way: str, tmp_path: Path) -> None:
    model = llm("http://127.0.0.1:9/v1", tmp_path, api_key=TOKEN, state=REDIS, chat_cache=REDIS)
    said = SAID[way](model)
    assert PASSWORD not in said
    assert TOKEN not in said


def test_no_pickle_holds_a_password(tmp_path: Path) -> None:
    for given in ({"state": REDIS}, {"chat_cache": REDIS}):
        model = llm("http://127.0.0.1:9/v1", tmp_path, **given)
        with pytest.raises(shared_core.ConfigError, match="password"):
            pickle.dumps(model)


@pytest.mark.parametrize("name", ["state", "chat_cache"])
def test_a_function_is_left_out_and_not_taken_for_a_path(name: str, tmp_path: Path) -> None:
    model = llm("http://127.0.0.1:9/v1", tmp_path, **{name: where_state_is})
    assert model.to_dict()[name] is None
    assert getattr(HFRouterLLM.from_dict(model.to_dict(), api_key=""), name) is None


@pytest.mark.parametrize(
    "given",
    [
        ({"budgets": [Budget(requests=1, per="hour")]}, BudgetExceeded),
        ({"limits": [Limit(requests=1, per="hour", burst=0)]}, LimitReached),
    ],
    ids=["budget", "limit"],
)
@pytest.mark.parametrize("kind", [HFRouterLLM, HFRouterEmbedding])
def test_a_refusal_is_told_at_once(kind: type[Any], given: Any, offline_url: OfflineRouter) -> None:
    settings, refused = given
    model = "offline/embed-8" if kind is HFRouterEmbedding else "offline/echo"
    made = kind(model, base_url=str(offline_url), api_key="any", timeout=5, **settings)
    call = made.get_text_embedding if kind is HFRouterEmbedding else made.complete
    call("one")
    with pytest.raises(refused, match="Nothing was sent") as caught:
        call("two")
    assert "retry" not in caught.value.reactions
    assert len(offline_url.requests) == 1


async def test_calls_and_streams_have_tags_of_their_own(offline_url: OfflineRouter) -> None:
    ledger = Ledger()
    model = HFRouterLLM(
        "offline/echo", base_url=str(offline_url), api_key="any", ledger=ledger, usage_tags={"user": "ada"}
    )
    model.complete("one", usage_tags={"step": "a"})
    list(model.stream_complete("two", usage_tags={"user": "bob"}))
    await model.acomplete("three")
    async for _ in await model.astream_complete("four", usage_tags={"user": "eve"}):
        pass
    assert sorted(str(row.tags) for row in ledger.rows()) == sorted(
        map(str, [{"user": "ada", "step": "a"}, {"user": "bob"}, {"user": "ada"}, {"user": "eve"}])
    )
