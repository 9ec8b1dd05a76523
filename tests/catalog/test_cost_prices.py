"""Whose price counts: that of the provider that served, from the loaded catalogue, else from the snapshot."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared_core.catalog import (
    ROUTER_URL,
    SHARED,
    Price,
    Sizes,
    UnitPrice,
    estimate,
    list_price,
    parse_catalog,
    plain_prices,
    price_from,
    price_served,
    remember,
)
from shared_core.catalog.refresh import dumps, rebuild
from shared_core.catalog.snapshot import read_snapshot, shipped, shipped_document

LOCAL = "http://localhost:8000/v1"
QWEN = "Qwen/Qwen3.8-27B"
V4 = "deepseek-ai/DeepSeek-V4-Pro"


@pytest.fixture(autouse=True)
def nothing_is_loaded() -> Iterator[None]:
    SHARED.clear()
    yield
    SHARED.clear()


def load(*offers: dict[str, Any], url: str = ROUTER_URL, model: str = QWEN) -> None:
    payload = {"data": [{"id": model, "providers": list(offers)}]}
    remember(url, parse_catalog(payload, source=f"{url}/models", fetched_at=1_790_000_000.0))


def offer(provider: str, read: float, written: float, **more: Any) -> dict[str, Any]:
    return {"provider": provider, "status": "live", "pricing": {"input": read, "output": written, **more}}


def test_the_price_is_that_of_the_provider_that_served_and_no_other() -> None:
    load(offer("dear", 10, 20), offer("cheap", 0.1, 0.2), {"provider": "silent", "status": "live"})
    cheap = price_served(QWEN, provider="cheap")
    assert cheap == Price(Decimal("0.1"), Decimal("0.2"), f"{ROUTER_URL}/models", "2026-09-21")
    assert price_served(QWEN, provider="silent") is None
    assert price_served(QWEN, provider="stranger") is None
    assert price_served("nobody/knows-me", provider="cheap") is None


def test_suffix_and_letter_case_do_not_matter() -> None:
    load(offer("cheap", 0.1, 0.2))
    for name in (QWEN, f"{QWEN}:cheapest", f"{QWEN.lower()}:cheap"):
        assert price_served(name, provider="cheap") is not None


def test_float_noise_of_the_catalogue_is_taken_for_what_was_meant() -> None:
    load(offer("noisy", 0.9299999999999999, 1.2))
    price = price_served(QWEN, provider="noisy")
    assert price is not None
    assert price.input == Decimal("0.93")


@pytest.mark.parametrize("key", ["cached_input", "cache_read"])
def test_a_price_for_cached_tokens_is_read_where_the_list_has_one(key: str) -> None:
    load(offer("recalls", 0.95, 4, **{key: 0.16}))
    price = price_served(QWEN, provider="recalls")
    assert price is not None
    assert price.cached_input == Decimal("0.16")


def test_cached_tokens_may_be_free() -> None:
    load(offer("recalls", 0.95, 4, cached_input=0))
    price = price_served(QWEN, provider="recalls")
    assert price is not None
    assert price.cached_input == 0


def test_an_offer_that_says_it_is_free_has_a_price_and_half_a_price_is_none() -> None:
    load({"provider": "gift", "is_free": True}, {"provider": "half", "pricing": {"input": 1}})
    price = price_served(QWEN, provider="gift")
    assert price is not None
    assert (price.input, price.output) == (0, 0)
    assert price_served(QWEN, provider="half") is None


def test_without_a_catalogue_the_snapshot_answers_with_its_row_for_that_provider() -> None:
    price = price_served(QWEN, provider="novita")
    assert price == Price(Decimal("0.42"), Decimal("3"), "snapshot: third party 2026-09", "2026-09-26")
    assert price_served(QWEN, provider="featherless-ai") is None


def test_a_sample_price_of_the_model_s_maker_charges_nobody() -> None:
    assert list_price(V4) is not None
    assert price_served(V4, provider="novita") is None


def test_a_loaded_catalogue_has_the_last_word_over_the_snapshot() -> None:
    load(offer("cerebras", 1, 2))
    assert price_served(QWEN, provider="novita") is None
    assert price_served(QWEN, provider="cerebras") is not None


def test_another_server_than_the_router_has_no_price_but_its_own() -> None:
    assert price_served(QWEN, provider="novita", base_url=LOCAL) is None
    load(offer("novita", 5, 6), url=LOCAL)
    price = price_served(QWEN, provider="novita", base_url=f"{LOCAL}/")
    assert price is not None
    assert (price.input, price.source) == (5, f"{LOCAL}/models")


def test_a_new_catalogue_replaces_what_was_answered_from_the_old_one() -> None:
    load(offer("cheap", 1, 2))
    assert price_served(QWEN, provider="cheap").input == 1  # type: ignore[union-attr]
    load(offer("cheap", 3, 4))
    assert price_served(QWEN, provider="cheap").input == 3  # type: ignore[union-attr]


# -- the snapshot ----------------------------------------------------------------------------------------


def test_every_price_of_the_snapshot_has_a_source_with_a_date() -> None:
    document = shipped_document()
    dates = {source["id"]: source["date"] for source in document["sources"]}
    sources = [row["price_from"] for row in document["models"] if "price" in row]
    sources += [
        row["offers_from"]
        for row in document["models"]
        if any("price" in offer for offer in row.get("offers", ()))
    ]
    assert len(sources) >= 10
    for source in sources:
        assert datetime.date.fromisoformat(dates[source]) <= datetime.date.fromisoformat(document["date"])
    assert all(source["what"] for source in document["sources"])


def test_what_the_snapshot_answers_says_where_it_is_from_and_of_when() -> None:
    found = 0
    for row in shipped().rows.values():
        for one in row.info.offers:
            price = price_served(row.info.id, provider=one.provider)
            if price is not None:
                found += 1
                assert price.source.startswith("snapshot: ")
                assert datetime.date.fromisoformat(price.date or "")
    assert found >= 2


def test_a_price_without_its_source_is_no_snapshot() -> None:
    document = {"date": "2026-11-20", "sources": [], "models": [{"id": "m", "price": ["1", "2"]}]}
    with pytest.raises(KeyError):
        read_snapshot(document)


def test_prices_for_cached_tokens_survive_a_refresh() -> None:
    rows = [{"id": QWEN, "providers": [offer("recalls", 0.95, 4, cached_input=0.16), offer("other", 1, 2)]}]
    made = rebuild(rows, date="2026-11-20", previous={"date": "2026-01-01", "sources": [], "models": []})
    row = read_snapshot(json.loads(dumps(made))).get(QWEN)
    assert row is not None
    assert [one.cached_input_price for one in row.info.offers] == [Decimal("0.16"), None]


# -- estimates -------------------------------------------------------------------------------------------


def test_an_estimate_reaches_from_the_cheapest_live_offer_to_the_dearest() -> None:
    load(
        offer("cheap", 1, 10),
        offer("dear", 2, 40),
        {**offer("down", 99, 99), "status": "error"},
        {"provider": "silent"},
    )
    told = estimate(QWEN, Sizes(1000, 1), (0, 100))
    assert told.prompt_tokens == (100, 1144)
    assert told.low.usd == Decimal("0.0001")
    assert told.high.usd == Decimal("0.002288") + Decimal("0.004")
    assert (told.low.date, told.low.source) == ("2026-09-21", f"{ROUTER_URL}/models")
    assert "1 of 3 providers state no price" in told.note


def test_a_pinned_provider_leaves_only_its_price() -> None:
    load(offer("cheap", 1, 10), offer("dear", 2, 40))
    told = estimate(f"{QWEN}:dear", Sizes(1000, 1), (0, 0))
    assert (told.low.usd, told.high.usd) == (Decimal("0.0002"), Decimal("0.002288"))


@pytest.mark.parametrize(
    ("model", "sizes", "completion", "why"),
    [
        pytest.param("nobody/knows-me", Sizes(10, 1), (0, 5), "no price", id="no price"),
        pytest.param(QWEN, Sizes(10, 1, "image_url"), (0, 5), "image_url", id="a picture"),
        pytest.param(QWEN, Sizes(10, 1), (0, None), "max_tokens", id="an answer without limit"),
    ],
)
def test_an_upper_end_that_nobody_knows_is_unknown(
    model: str, sizes: Sizes, completion: tuple[int, int | None], why: str
) -> None:
    load(offer("cheap", 1, 10))
    told = estimate(model, sizes, completion)
    assert told.high.usd is None
    assert why in told.high.note


def test_a_sample_price_estimates_and_says_that_it_is_one() -> None:
    told = estimate(V4, Sizes(1000, 1), (0, 10))
    assert told.high.usd is not None
    assert "sample price" in told.note
    assert estimate(V4, Sizes(1000, 1), (0, 10), base_url=LOCAL).low.usd is None


# -- the plain form of the user's own prices -------------------------------------------------------------


@pytest.mark.parametrize(
    "price",
    [
        Price(Decimal("0.15"), Decimal("0.60"), "my contract", "2026-11-01", Decimal("0.015")),
        Price(Decimal("0.15"), Decimal("0.60"), ""),
        UnitPrice(Decimal("0.025"), "file", "mine"),
    ],
    ids=str,
)
def test_a_price_survives_its_plain_form(price: Price | UnitPrice) -> None:
    plain = json.loads(json.dumps(plain_prices({"m": price})))
    assert price_from(plain["m"]) == price
    assert plain_prices(plain) == plain


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"input": 0.15, "output": "1"}, "write it as a text"),
        ({"input": "dear", "output": "1"}, "not a sum"),
        ({"input": True, "output": "1"}, "not a sum"),
        ({"input": "1"}, "`input` and `output`"),
        ({"input": "1", "output": "1", "per": "file"}, "`input` and `output`"),
        ({"usd": "1", "per": "dozen"}, "dozen"),
        ({}, "nothing"),
        (3, "not a price"),
    ],
    ids=str,
)
def test_what_is_no_price_is_not_taken_for_one(told: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        price_from(told)
