"""Copies, pickles and dumps of remote embeddings and rerankers know the settings and never the token."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from langchain_core.load import dumps

from langchain_hfrouter import HFReranker, HFRouterEmbeddings
from langchain_hfrouter.errors import ConfigError
from shared_core.testing import Status

CANARY = "hf_canary0123456789abcdefghij"
COOKIE = "canary-of-a-cookie"

SAID: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "dumps": dumps,
    "JSON": lambda it: it.model_dump_json(),
    "dump": lambda it: str(it.model_dump()),
    "pickle": lambda it: pickle.dumps(it).decode("latin-1"),
    "deep copy": lambda it: str(pickle.dumps(vars(copy.deepcopy(it)))),
    "the key field": lambda it: f"{it.api_key!r} {it.api_key}",
}


@pytest.mark.parametrize("cls", [HFRouterEmbeddings, HFReranker])
@pytest.mark.parametrize("way", SAID)
def test_the_token_shows_nowhere(way: str, cls: Any) -> None:
    made = cls("a/b", base_url="http://localhost:1", api_key=CANARY, default_headers={"Cookie": COOKIE})
    said = SAID[way](made)
    assert said
    assert CANARY not in said
    assert COOKIE not in said


def test_the_token_shows_in_no_error(offline_url: Any) -> None:
    offline_url.queue(Status(401, {"error": f"wrong token {CANARY}"}), path="/v1/embeddings")
    embeddings = HFRouterEmbeddings("offline/embed-4", base_url=str(offline_url), api_key=CANARY)
    with pytest.raises(Exception, match="wrong token") as caught:
        embeddings.embed_query("x")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "travel", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy], ids=["pickle", "copy"]
)
@pytest.mark.parametrize("secret", ["key", "header"])
def test_an_explicit_token_stays_behind_and_is_missed_at_the_first_call(
    travel: Any, secret: str, offline_url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    settings: dict[str, Any] = (
        {"api_key": "hf_mine"} if secret == "key" else {"default_headers": {"X-Api-Key": "s"}}
    )
    embeddings = HFRouterEmbeddings("offline/embed-4", base_url=str(offline_url), **settings)
    embeddings.embed_query("x")
    arrived = travel(embeddings)
    assert arrived.model == "offline/embed-4"
    with pytest.raises(ConfigError, match="api_key"):
        arrived.embed_query("x")
    assert len(offline_url.requests) == 1


def test_one_without_a_token_travels_whole(offline_url: Any) -> None:
    made = HFRouterEmbeddings("offline/embed-4", base_url=str(offline_url), api_key="", dimensions=2)
    for arrived in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), made.model_copy()):
        assert arrived.model_dump() == made.model_dump()
        assert arrived.embed_query("x") == made.embed_query("x")


def test_a_client_of_the_users_own_stays_behind_and_is_missed(offline_url: Any) -> None:
    with httpx2.Client() as client:
        made = HFRouterEmbeddings(
            "offline/embed-4", base_url=str(offline_url), api_key="", http_client=client
        )
        assert len(copy.deepcopy(made).embed_query("x")) == 4
        arrived = pickle.loads(pickle.dumps(made))
    with pytest.raises(ConfigError, match="http_client"):
        arrived.embed_query("x")
    with pytest.raises(ConfigError, match="http_client"):
        pickle.loads(pickle.dumps(arrived)).embed_query("x")
    arrived.http_client = None
    assert len(arrived.embed_query("x")) == 4
