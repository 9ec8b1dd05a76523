"""What a program has left behind, made by hand: a ledger of some days, a state, caches."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "observe"))
from ended_calls import ended

from shared_core import Ledger
from shared_core.types import Cost, Usage

__all__ = ["NOON", "a_ledger", "ended"]

NOON = 1_795_780_800.0  # of 2026-11-27
_DAY = 86_400
_MODELS = (
    ("openai/gpt-oss-120b", "groq", "0.60"),
    ("Qwen/Qwen3-32B", "cerebras", "0.40"),
    ("deepseek-ai/DeepSeek-V3.1", "novita", None),
)


def a_ledger(path: Path) -> Path:
    """Two weeks of calls, the same each time: some fail, one model has no price, and on two days nothing happens."""
    with Ledger(path) as ledger:
        for number in range(140):
            day, place = divmod(number, 10)
            model, provider, price = _MODELS[(0, 0, 0, 0, 1, 1, 1, 0, 1, 2 if day % 3 == 0 else 0)[place]]
            if day in (4, 9):
                continue
            read, written = 400 + 37 * number % 900, 50 + 13 * number % 300
            failed = number % 47 == 3
            usd = None if price is None else Decimal(price) * (read + 3 * written) / 1_000_000
            ledger(
                ended(
                    id=str(number),
                    at=NOON - _DAY * day - number,
                    model=model,
                    provider=provider,
                    task="embed" if place == 8 else "chat",
                    streamed=place < 5,
                    seconds=0.4 + number % 7 * 0.31,
                    first_token_s=0.12 + number % 5 * 0.04 if place < 5 else None,
                    usage=None if failed else Usage(read, written, read + written, read // 4, 0),
                    cost=Cost() if failed or usd is None else Cost(usd, "price list", "2026-11-01"),
                    outcome="failed" if failed else "answered",
                    error="RateLimited" if failed else "",
                    cached=place == 6 and not failed,
                    usage_tags={"user": ("ada", "bob", "eve")[number % 3], "project": "search"},
                )
            )
    return path
