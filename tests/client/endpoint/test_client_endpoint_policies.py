"""An endpoint beside other targets, under policies, and in the settings."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import HFRouter, Target
from shared_core.client.costing import Costing
from shared_core.errors import (
    AllRoutesFailed,
    ConfigError,
    RouterError,
    Unauthorized,
)
from shared_core.testing import OfflineRouter, Status
from tests.client.endpoint.conftest import HELLO, KEY, Ask, paths

# -- beside other targets -----------------------------------------------------------------------------------------


def test_a_paused_endpoint_is_stood_in_for_by_the_router(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFROUTER_BASE_URL", str(host))
    host.deploy("resting", "offline/echo", state="paused")
    reply = ask("chat", HELLO, of={"endpoint": "resting", "fallback": ["offline/tools"]})
    assert (reply.meta.model, reply.meta.url, reply.meta.moves) == ("offline/tools", str(host), 1)


@pytest.mark.parametrize("state", ["paused", "running"])
def test_texts_go_on_to_another_host_of_the_same_model(ask: Ask, host: OfflineRouter, state: str) -> None:
    host.deploy("vectors", "offline/embed-8", state=state, image="tei")
    spare = Target(model="offline/embed-8", base_url=str(host), api_key="")
    of = {"endpoint": "vectors", "model": "offline/embed-8", "fallback": [spare]}
    reply = ask("embed", ["one", "two"], of=of)
    assert len(reply.vectors) == 2
    asked = "/dedicated/offline/vectors/embed" if state == "running" else "/v1/embeddings"
    assert host.requests[-1].path == asked
    assert (host.requests[-1].headers.get("authorization") is None) == (state == "paused")


def test_an_endpoint_stands_in_for_the_router(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("spare", "offline/echo")
    host.queue(Status(503))
    spare = Target(base_url="endpoint://spare", api_key=KEY)
    reply = ask("chat", HELLO, of={"base_url": str(host), "model": "offline/tools", "fallback": [spare]})
    assert (reply.meta.model, reply.meta.moves) == ("offline/echo", 1)


def test_the_client_s_own_token_is_not_for_an_endpoint_that_stands_in(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("spare", "offline/echo")
    host.queue(Status(503))
    of = {"base_url": str(host), "model": "offline/tools", "fallback": ["endpoint://offline/spare"]}
    with pytest.raises(AllRoutesFailed):
        ask("chat", HELLO, of=of)
    sent = [one.headers for one in host.requests if one.path.startswith(("/v2", "/dedicated"))]
    assert sent
    assert all("authorization" not in headers for headers in sent)


def test_a_name_of_ones_own_may_stand_for_an_endpoint(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    models = {"own": {"base_url": "endpoint://mine", "api_key": KEY, "temperature": 0}}
    reply = ask(
        "chat", HELLO, of={"base_url": str(host), "model": "offline/tools", "models": models}, model="own"
    )
    assert reply.meta.model == "offline/echo"


def test_a_name_of_ones_own_stands_in_where_the_endpoint_rests(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("resting", "offline/echo", state="paused")
    models = {"spare": {"model": "offline/tools", "base_url": str(host), "api_key": KEY}}
    reply = ask("chat", HELLO, of={"endpoint": "resting", "models": models, "fallback": ["spare"]})
    assert (reply.meta.model, reply.meta.url) == ("offline/tools", str(host))


def test_limits_and_budgets_count_an_endpoint_by_its_name(about: dict[str, Any], host: OfflineRouter) -> None:
    from shared_core import Budget, Limit

    host.deploy("mine", "offline/echo")
    bounds = {
        "limits": [Limit(requests=100, per="minute", of="host")],
        "budgets": [Budget(requests=2, per="total")],
    }
    router = HFRouter(endpoint="mine", **about, **bounds)
    router.chat(HELLO)
    router.chat(HELLO)
    with pytest.raises(RouterError, match="may"):
        router.chat(HELLO)
    assert router.estimate_cost("Hello!").low.usd is None


def test_answers_of_an_endpoint_are_remembered_by_its_name(ask: Ask, host: OfflineRouter) -> None:
    host.deploy("mine", "offline/echo")
    from shared_core import ChatCache

    cache = ChatCache(True)
    for _ in range(2):
        reply = ask("chat", HELLO, of={"endpoint": "mine", "chat_cache": cache}, temperature=0)
    assert reply.meta.cached
    assert paths(host).count("/dedicated/offline/mine/v1/chat/completions") == 1


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("https://abc.us-east-1.aws.endpoints.huggingface.cloud/v1", "paid for by the hour"),
        ("http://localhost:8000/v1", "neither the request nor the reply"),
    ],
)
def test_what_a_call_of_an_endpoint_costs_is_told_by_the_hour(url: str, note: str) -> None:
    cost = Costing().of("offline/echo", None, None, {}, url)
    assert (cost.usd, note in cost.note) == (None, True)


def test_the_ledger_knows_an_endpoint_by_its_name(ask: Ask, host: OfflineRouter) -> None:
    from shared_core import Ledger

    ledger = Ledger()
    host.deploy("mine", "offline/echo")
    ask("chat", HELLO, of={"endpoint": "mine", "ledger": ledger})
    assert [row.url for row in ledger.rows()] == ["endpoint://mine"]


# -- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoint": "mine", "base_url": "https://a.example/v1"}, "both say where calls go"),
        ({"endpoint": "mine", "provider": "groq"}, "an endpoint has none"),
        ({"endpoint": "mine", "bill_to": "acme"}, "paid for by its namespace"),
        ({"endpoint": "mine", "embedding_api": "router"}, "an endpoint is none"),
        ({"base_url": "endpoint://mine", "provider": "groq"}, "an endpoint has none"),
        ({"endpoint": "https://mine.example"}, "is not the name of an endpoint"),
        ({"endpoint": "mine", "fallback": ["http://localhost:8000/v1"]}, "names no model"),
        ({"endpoint": "mine", "endpoints_url": "no address"}, "endpoints_url"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_contradictions_are_found_when_the_client_is_made(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        HFRouter(**settings)


def test_the_environment_may_name_the_endpoint(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.deploy("mine", "offline/echo")
    monkeypatch.setenv("HFROUTER_ENDPOINT", "mine")
    assert ask("chat", HELLO, of={}).meta.model == "offline/echo"


def test_an_endpoint_as_an_argument_goes_before_a_host_and_a_model_in_the_environment(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.deploy("mine", "offline/echo")
    for name, value in (("BASE_URL", "http://127.0.0.1:9"), ("MODEL", "a/b"), ("PROVIDER", "groq")):
        monkeypatch.setenv(f"HFROUTER_{name}", value)
    assert ask("chat", HELLO, of={"endpoint": "mine"}).meta.model == "offline/echo"


def test_a_host_and_an_endpoint_in_one_place_are_a_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFROUTER_ENDPOINT", "mine")
    monkeypatch.setenv("HFROUTER_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="both say where calls go"):
        HFRouter().chat(HELLO)


def test_a_token_for_another_host_is_not_sent_to_the_endpoint(
    host: OfflineRouter, about: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFROUTER_BASE_URL", "https://gateway.example/v1")
    monkeypatch.setenv("HFROUTER_API_KEY", "key-of-the-gateway")
    del about["api_key"]
    with pytest.raises(Unauthorized):
        HFRouter(endpoint="offline/mine", **about).chat(HELLO)
    assert all("authorization" not in one.headers for one in host.requests)
