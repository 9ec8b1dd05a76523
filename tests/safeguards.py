"""Everything that may be counted, limited and remembered, as arguments; both adapters are tested with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared_core import Budget, Concurrency, Limit
from shared_core.cache import ChatCache
from shared_core.observe.ledger import Ledger

TOKEN, PASSWORD = "hf_canary0123456789abcdefghij", "canary-of-redis"
REDIS = f"redis://:{PASSWORD}@cache.invalid:6379/0"
PRICES = {"offline/echo": {"input": "0.10", "output": "0.50"}}


def where_state_is() -> str:
    return REDIS


def hook(event: object) -> None:
    """Hears."""


def everything(folder: Path, **more: Any) -> dict[str, Any]:
    """The arguments; what is kept stands in files of that folder."""
    return {
        "usage_tags": {"user": "ada"},
        "hooks": [hook],
        "ledger": Ledger(folder / "usage.sqlite"),
        "chat_cache": ChatCache(folder / "chats.sqlite", ttl=60),
        "state": folder / "state.sqlite",
        "limits": [Limit(requests=60, of="host")],
        "concurrency": Concurrency(4, of="host"),
        "budgets": [Budget(usd="5.00", per="day", of="tag:user", exceptions={"bob": "7.00"})],
        "hedge": 0.5,
        **more,
    }
