"""Lists of texts as rows of a ledger: one over all their requests."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, RouterError
from shared_core.testing import OfflineRouter, Stall, Status
from tests.client.ledger.conftest import facts, only

PATH = "*embeddings"
TEXTS = [f"text {number}" for number in range(6)]


class Pass:
    """Stands in a script for a request that nothing befalls."""

    def __new__(cls) -> Any:
        from shared_core.testing import ExtraHeaders

        return ExtraHeaders({})


def test_a_list_of_texts_is_one_row_over_all_its_requests(
    router: HFRouter, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}), path=PATH)
    reply = router.embed(TEXTS, model="offline/embed-8:together", batch_size=2)
    row = only(router)
    assert facts(row, "task", "model", "provider", "attempts") == ("embed", "offline/embed-8", "together", 4)
    assert reply.usage is not None
    assert row.prompt_tokens == reply.usage.prompt_tokens
    assert row.cost.usd == reply.meta.cost.usd == offline_url.bill.nano_usd * Decimal("1e-9")


def test_a_list_that_breaks_off_tells_what_its_answered_part_cost(
    router: HFRouter, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}), Pass(), Status(403), path=PATH)
    with pytest.raises(RouterError):
        router.embed(TEXTS, model="offline/embed-8:together", batch_size=2, max_concurrency=1)
    row = only(router)
    assert facts(row, "outcome", "error", "provider", "attempts") == (
        *("failed", "PermissionDenied", "together", 3),
    )
    assert row.cost.usd == offline_url.bill.nano_usd * Decimal("1e-9") > 0
    assert row.prompt_tokens


async def test_a_list_that_is_cancelled_tells_how_often_it_was_sent(
    settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    offline_url.queue(Pass(), Stall(after=0), path=PATH)
    async with AsyncHFRouter(**settings) as router:
        texts = router.embed(TEXTS, model="offline/embed-8:together", batch_size=2, max_concurrency=1)
        task = asyncio.create_task(texts)
        while len([seen for seen in offline_url.requests if "embeddings" in seen.path]) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        row = only(router)
    assert facts(row, "outcome", "provider", "attempts") == ("cancelled", "together", 2)
    assert row.cost.usd == Decimal(2 * 2 * 20).scaleb(-9)  # two texts of two tokens


def test_texts_that_a_cache_knows_are_remembered_and_cost_nothing(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    with HFRouter(**settings, embedding_cache=tmp_path / "c.sqlite") as router:
        for _ in range(2):
            router.embed(TEXTS, model="offline/embed-8:together")
        again, first = router.ledger.rows() if router.ledger else ()
        assert facts(first, "cached", "attempts") == (False, 1)
        assert facts(again, "cached", "attempts", "prompt_tokens") == (True, 0, None)
        assert again.cost.usd == 0
        assert router.ledger is not None
        assert router.ledger.totals().hit_rate == 0.5


def test_reranking_is_one_row(settings: dict[str, Any]) -> None:
    router = HFRouter("offline/rerank", **{**settings, "embedding_api": "auto"})
    router.rerank("about 7", [f"text about {number}" for number in range(100)])
    row = only(router)
    assert facts(row, "task", "model", "outcome", "attempts") == ("rerank", "offline/rerank", "answered", 2)
    assert row.prompt_tokens
