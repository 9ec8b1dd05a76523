"""What the tests of ledgers share: a client that keeps one, and a look at its rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared_core import HFRouter
from shared_core.catalog import SHARED, Price, UnitPrice
from shared_core.observe.ledger import LedgerRow
from shared_core.providers import MAPPINGS
from shared_core.testing import OfflineRouter

MESSAGES = [{"role": "user", "content": "open sesame"}]
FILM = UnitPrice(Decimal("0.25"), "file", "my contract", "2026-11-01")
EMBED = Price(Decimal("0.02"), Decimal(0), "ours", "2026-11-01")


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("shared_core.client.jobs._LONGEST_WAIT", 0.0)
    MAPPINGS.clear()
    yield
    MAPPINGS.clear()
    SHARED.clear()


def settings_for(url: OfflineRouter, **more: Any) -> dict[str, Any]:
    return {
        "base_url": url,
        "api_key": "hf_canary",
        "embedding_api": "router",
        "hub_url": url.root,
        "max_retries": 1,
        "prices": {"offline/animator": FILM, "offline/embed-8": EMBED},
        "ledger": True,
        **more,
    }


@pytest.fixture
def settings(offline_url: OfflineRouter) -> Iterator[dict[str, Any]]:
    yield settings_for(offline_url)
    assert offline_url.wait_idle()  # what a test has left would be charged in the next one's bill


@pytest.fixture
def router(settings: dict[str, Any]) -> HFRouter:
    router = HFRouter(**settings)
    router.models()
    return router


def only(router: Any) -> LedgerRow:
    (row,) = router.ledger.rows()
    return row


def facts(row: LedgerRow, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)
