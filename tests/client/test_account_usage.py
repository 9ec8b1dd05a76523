"""What the account has used, read back from the Hub's billing page: from an imitation of it, since no other is here."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared_core import AccountUsage, AsyncHFRouter, ConfigError, HFRouter, MalformedResponse, Unauthorized
from shared_core.testing import OfflineRouter, Status, offline_router

PATH = "/api/settings/billing/usage-v2"
HELLO = [{"role": "user", "content": "one two"}]


def client(url: OfflineRouter, **settings: Any) -> HFRouter:
    return HFRouter("offline/echo:groq", base_url=url, **{"api_key": "hf_a", "hub_url": url.root, **settings})


async def test_both_clients_read_it_back(offline_url: OfflineRouter) -> None:
    with client(offline_url, ledger=True) as router:
        router.models()
        router.chat(HELLO)
        today = datetime.now().astimezone() - timedelta(hours=1)
        usage = router.account_usage(today)
        assert router.ledger is not None
        assert router.ledger.compare(usage, since=today).agrees
    async with AsyncHFRouter(base_url=offline_url, api_key="hf_a", hub_url=offline_url.root) as arouter:
        assert (await arouter.account_usage(today)).used == usage.used
    bill = offline_url.bill
    assert (usage.used_nano_usd, usage.requests, usage.limit_nano_usd) == (bill.nano_usd, 1, None)
    assert usage.used == Decimal(bill.nano_usd).scaleb(-9)
    asked = [seen for seen in offline_url.requests if seen.path == PATH]
    assert asked[0].headers["authorization"] == "Bearer hf_a"
    assert asked[0].query.startswith(f"startDate={int(today.timestamp())}&endDate=")


def test_only_the_period_counts(offline_url: OfflineRouter) -> None:
    router = client(offline_url)
    router.chat(HELLO)
    assert router.account_usage(0, time.time() - 60).requests == 0
    assert router.account_usage(date(2026, 1, 1), date(2100, 1, 1)).requests == 1


@pytest.mark.parametrize("period", [(5, 5), (9, 5), ("now", None), (True, None)], ids=str)
def test_a_period_that_is_none_is_not_sent(offline_url: OfflineRouter, period: Any) -> None:
    with pytest.raises(ConfigError):
        client(offline_url).account_usage(*period)
    assert offline_url.requests == []


def test_without_a_token_or_with_a_wrong_one_it_is_refused(offline_url: OfflineRouter) -> None:
    with pytest.raises(Unauthorized):
        client(offline_url, api_key="").account_usage(0)
    with offline_router(token="hf_right", embedder="words") as url, pytest.raises(Unauthorized):
        client(url, api_key="hf_wrong").account_usage(0)


def test_the_token_of_another_host_is_not_sent_there(offline_url: OfflineRouter) -> None:
    router = HFRouter(base_url="https://gateway.example/v1", api_key="theirs", hub_url=offline_url.root)
    with pytest.raises(Unauthorized):
        router.account_usage(0)
    assert "authorization" not in offline_url.requests[-1].headers


def test_it_is_tried_again_like_any_question(offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}), path=PATH)
    assert client(offline_url).account_usage(0).requests == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"usage": None},
        {"usage": {"inferenceProviders": {}}},
        {"usage": {"inferenceProviders": {"usedNanoUsd": "12"}}},
        {"usage": {"inferenceProviders": {"usedNanoUsd": True}}},
    ],
    ids=str,
)
def test_a_reply_of_another_shape_is_said_to_be_one(offline_url: OfflineRouter, body: Any) -> None:
    with pytest.raises(ValueError, match="usedNanoUsd"):
        AccountUsage.from_reply(body)
    offline_url.queue(Status(200, body), path=PATH)
    with pytest.raises(MalformedResponse, match="is not understood"):
        client(offline_url, max_retries=0).account_usage(0)


def test_all_that_the_reply_says_is_kept() -> None:
    told = {
        "usedNanoUsd": 1,
        "limitNanoUsd": 2,
        "includedNanoUsd": 3,
        "numRequests": 4,
        "periodStart": "2026-11-01",
        "periodEnd": "2026-12-01",
    }
    usage = AccountUsage.from_reply({"usage": {"inferenceProviders": told}})
    assert (usage.used_nano_usd, usage.limit_nano_usd, usage.included_nano_usd, usage.requests) == (
        1,
        2,
        3,
        4,
    )
    assert (usage.period_start, usage.period_end) == ("2026-11-01", "2026-12-01")
