"""What the tests of budgets share: prices, a client within its budgets, and a place where they are kept."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import Budget, BudgetState, HFRouter
from shared_core.catalog import Price

PRICE = Price(Decimal("0.10"), Decimal("0.50"), "ours")
PRICES = {"offline/echo": PRICE, "offline/embed-8": Price(Decimal("0.01"), Decimal(0), "ours")}


@pytest.fixture(params=["memory", "file"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "state.sqlite" if request.param == "file" else None


def only(router: Any) -> BudgetState:
    (told,) = router.budgets()
    return told


def client(url: str, *budgets: Budget, **settings: Any) -> HFRouter:
    return HFRouter(
        "offline/echo", base_url=url, api_key="any", **{"prices": PRICES, "budgets": budgets, **settings}
    )
