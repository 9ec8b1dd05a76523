"""Searching for models: the Hub's filters, ours, what is told besides, and when somebody does not answer."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared_core.errors import ConfigError, ModelNotServed, RouterError
from shared_core.hub.memory import ANSWERS
from shared_core.testing import HubQuirks, OfflineRouter, Status

Ask = Callable[..., Any]


def test_a_search_joins_the_hub_with_the_routers_prices(ask: Ask) -> None:
    found = ask("search_models", "tools", task="text-generation")
    (model,) = found
    assert model.id == "offline/tools"
    assert model.card.license_kind == "permissive"
    assert model.card.parameters == 70_000_000_000
    assert model.card.size_bytes == 140_000_000_000
    assert model.card.results[0].value == 71.5
    assert "groq" in model.providers
    offer, cost = model.cheapest({"input": 1_000_000, "output": 200_000})
    assert (offer.provider, cost) == ("offline", Decimal(0))
    assert model.fastest().provider == "offline"
    assert (model.can("tools"), model.can("json"), model.can("vision")) == (True, True, True)


def test_a_long_list_is_read_page_by_page(ask: Ask, host: OfflineRouter) -> None:
    found = ask("search_models", limit=12)
    assert len(found) == 12
    lists = [one for one in host.requests if one.path == "/api/models"]
    assert len(lists) == 3


def test_what_the_hub_cannot_filter_is_filtered_here_and_says_so(ask: Ask) -> None:
    found = ask("search_models", task="text-generation", capability=["tools"], allow_licenses=["permissive"])
    assert [model.id for model in found] == ["offline/tools"]
    assert any(note.startswith("capability='tools' is no filter of the Hub") for note in found.notes)
    assert any(note.startswith("allow_licenses is no filter of the Hub") for note in found.notes)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"allow_licenses": ["permissive"]}, {"offline/extractive", "offline/tools", "offline/json"}),
        ({"allow_licenses": ["llama3.3"]}, {"offline/reasoner"}),
        ({"max_price": "0", "capability": ["json"]}, {"offline/tools", "offline/json"}),
        ({"min_context": 10**7}, set()),
        ({"language": "zh"}, {"offline/reasoner"}),
        ({"license": "cc-by-nc-4.0"}, {"offline/echo"}),
        ({"provider": "groq", "query": "echo"}, {"offline/echo"}),
        ({"allow_licenses": "llama3.3"}, {"offline/reasoner"}),
        ({"capability": "json", "tags": "conversational"}, {"offline/tools", "offline/json"}),
        ({"served": False, "query": "archived"}, {"offline/archived-7b"}),
    ],
    ids=str,
)
def test_each_filter_keeps_what_it_should(ask: Ask, options: dict[str, Any], expected: set[str]) -> None:
    asked = {"task": "text-generation", "query": None, **options}
    found = ask("search_models", asked.pop("query"), **asked)
    assert {model.id for model in found} == expected


def test_of_a_provider_that_was_asked_for_all_figures_are_its_own(ask: Ask) -> None:
    found = ask("search_models", "tools", task="text-generation", provider="groq")
    assert [model.providers for model in found] == [("groq",)]
    assert found.models[0].cheapest()[0].provider == found.models[0].fastest().provider == "groq"
    assert not len(ask("search_models", task="text-generation", provider="groq", max_price="0"))
    assert len(ask("search_models", "tools", task="text-generation", provider="all").models[0].providers) > 3


@pytest.mark.parametrize(
    ("sort", "first"),
    [("downloads", "offline/minilm"), ("likes", "offline/minilm"), ("size", "offline/minilm")],
)
def test_the_order_is_the_one_asked_for(ask: Ask, sort: str, first: str) -> None:
    assert ask("search_models", sort=sort, limit=50).models[0].id == first


@pytest.mark.parametrize("sort", ["price", "speed", "latency", "context"])
def test_an_order_of_ours_ends_the_search_when_all_that_have_a_figure_were_seen(
    ask: Ask, host: OfflineRouter, sort: str
) -> None:
    host.queue(HubQuirks(page=100, crowd=600), path="/api/models", times=-1)
    found = ask("search_models", task="text-generation", sort=sort, limit=60)
    assert len(found) == 60
    assert found.models[0].id in (
        "offline/tools",
        "offline/extractive",
        "offline/echo",
        "offline/json",
        "offline/reasoner",
    )
    assert len([one for one in host.requests if one.path == "/api/models"]) == 1


def test_insights_tell_what_would_narrow_the_search(ask: Ask) -> None:
    insights = ask("search_models", limit=50).insights
    assert ("text-generation", 6) in insights.tasks
    assert insights.trending[0] == "offline/tools"
    assert any(row[:2] == ("license", "apache-2.0") for row in insights.narrowing)


def test_an_answer_is_remembered(ask: Ask, host: OfflineRouter) -> None:
    first = ask("search_models", limit=3)
    asked = len(host.requests)
    assert ask("search_models", limit=3) == first
    assert len(host.requests) == asked


def test_an_old_answer_is_better_than_none(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask("search_models", limit=3)
    monkeypatch.setattr(ANSWERS, "_fresh", 0.0)
    host.queue(Status(503), path="/api/models", times=-1)
    assert ask("search_models", limit=3).models == first.models


def test_a_hub_that_fails_is_an_error_where_nothing_is_remembered(ask: Ask, host: OfflineRouter) -> None:
    host.queue(Status(503), path="/api/models", times=-1)
    with pytest.raises(RouterError):
        ask("search_models")


def test_without_the_catalogue_the_rest_still_holds(ask: Ask, host: OfflineRouter) -> None:
    host.queue(Status(500), path="/v1/models", times=-1)
    found = ask("search_models", "tools")
    assert found.models[0].offers == ()
    assert "groq" in found.models[0].providers
    assert "there are no prices" in found.notes[-1]


def test_a_renamed_model_is_found_under_its_new_name(ask: Ask) -> None:
    assert ask("model_info", "old-offline/echo").id == "offline/echo"


def test_a_card_that_says_nothing_leaves_everything_unknown(ask: Ask) -> None:
    card = ask("model_info", "offline/no-card").card
    assert (card.license, card.license_kind, card.parameters, card.languages) == (None, "none", None, ())


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../whoami-v2", "a/b/c", "org/", "/name", "org/..", " /name"], ids=repr
)
def test_what_can_be_no_models_id_is_not_asked_for(ask: Ask, host: OfflineRouter, name: str) -> None:
    with pytest.raises(ConfigError):
        ask("model_info", name)
    assert not [one for one in host.requests if one.path != "/v1/models"]


def test_an_odd_id_stays_one_part_of_the_address(ask: Ask, host: OfflineRouter) -> None:
    with pytest.raises(ModelNotServed):
        ask("model_info", "org/na?me#x y")
    (asked,) = [one for one in host.requests if one.path.startswith("/api/")]
    assert asked.path == "/api/models/org/na%3Fme%23x%20y"


def test_a_model_that_is_not_there_says_so(ask: Ask) -> None:
    with pytest.raises(ModelNotServed, match="There is no model 'no/such'"):
        ask("model_info", "no/such")


@pytest.mark.parametrize(
    "options",
    [
        {"sort": "beauty"},
        {"limit": 0},
        {"capability": ["flying"]},
        {"max_price": "cheap"},
        {"colour": "red"},
        {"capability": "flying"},
        {"min_context": "100k"},
        {"min_context": 0},
        {"tags": 3},
        {"capability": 3},
        {"allow_licenses": [None]},
        {"language": ["de"]},
        {"license": ["mit", "apache-2.0"]},
        {"provider": ["groq"]},
        {"size": "8B"},
        {"served": "no"},
        {"query": 5},
    ],
    ids=str,
)
def test_what_cannot_be_searched_for_is_said_before_anything_is_sent(
    ask: Ask, host: OfflineRouter, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        ask("search_models", **options)
    assert not host.requests


def test_half_a_character_is_in_nobodys_name(ask: Ask) -> None:
    assert not ask("search_models", "\ud800").models
