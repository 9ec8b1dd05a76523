"""Chats as rows of a ledger: one a call, and each row tells the truth."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, RouterError
from shared_core.testing import Cut, OfflineRouter, Stall, Status
from tests.client.ledger.conftest import MESSAGES, facts, only


def test_a_chat_is_a_row_with_its_tokens_and_its_cost(router: HFRouter, offline_url: OfflineRouter) -> None:
    reply = router.chat(MESSAGES, model="offline/echo:groq", usage_tags={"user": "ada"})
    row = only(router)
    assert facts(row, "task", "model", "provider", "url", "streamed", "outcome", "error") == (
        *("chat", "offline/echo", "groq", str(offline_url), False, "answered", None),
    )
    assert reply.usage is not None
    assert facts(row, "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens") == (
        reply.usage[0],
        reply.usage[1],
        *reply.usage[3:5],
    )
    assert row.cost.usd == reply.meta.cost.usd is not None
    assert (row.cost.basis, row.cost.date) == (reply.meta.cost.basis, reply.meta.cost.date)
    assert (row.request_id, row.attempts, row.tags) == (reply.meta.request_id, 1, {"user": "ada"})
    assert (row.request, row.reply, row.cached, row.job) == (None, None, False, None)


def test_a_retry_is_an_attempt_and_no_row(router: HFRouter, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}))
    router.chat(MESSAGES, model="offline/echo:groq")
    assert facts(only(router), "outcome", "attempts") == ("answered", 2)


def test_a_chat_that_moved_on_is_the_row_of_who_answered(
    settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    router = HFRouter("offline/echo:groq", **settings, fallback=["offline/reasoner:novita"])
    offline_url.queue(Status(400), match="offline/echo:groq")
    offline_url.queue(Status(429), Status(429), match="offline/echo:groq")
    with pytest.raises(RouterError):
        router.chat(MESSAGES)
    router.chat(MESSAGES)
    moved, failed = router.ledger.rows() if router.ledger else ()
    assert facts(failed, "model", "provider", "outcome", "moves") == ("offline/echo", "groq", "failed", 0)
    assert facts(moved, "model", "provider", "outcome", "moves") == (
        *("offline/reasoner", "novita", "answered", 1),
    )


def test_a_stream_tells_of_its_first_token(router: HFRouter) -> None:
    with router.stream(MESSAGES, model="offline/echo:groq") as stream:
        list(stream)
    row = only(router)
    assert facts(row, "streamed", "outcome", "attempts") == (True, "answered", 1)
    assert row.first_token_s is not None
    assert row.first_token_s <= row.seconds
    assert row.cost.usd == stream.reply.meta.cost.usd is not None


def test_a_stream_that_is_never_begun_is_no_row(router: HFRouter) -> None:
    with router.stream(MESSAGES, model="offline/echo:groq"):
        pass
    assert router.ledger is not None
    assert router.ledger.totals().calls == 0


def test_a_stream_that_is_left_was_cancelled_and_costs_nobody_knows_what(router: HFRouter) -> None:
    with router.stream([{"role": "user", "content": "a " * 40}], model="offline/echo:groq") as stream:
        next(stream)
    row = only(router)
    assert facts(row, "outcome", "error", "provider", "attempts") == ("cancelled", None, "groq", 1)
    assert row.cost.usd is None
    assert router.ledger is not None
    assert router.ledger.totals().unknown_costs == 1


def test_a_stream_that_is_cut_failed_after_its_first_token(
    router: HFRouter, offline_url: OfflineRouter
) -> None:
    offline_url.queue(Cut(after=3, chunks=True, how="reset"))
    with pytest.raises(RouterError), router.stream(MESSAGES, model="offline/echo:groq") as stream:
        list(stream)
    row = only(router)
    assert facts(row, "outcome", "error", "provider") == ("failed", "StreamInterrupted", "groq")
    assert row.first_token_s is not None
    assert router.ledger is not None
    assert (router.ledger.totals().failures, router.ledger.totals().unknown_costs) == (1, 1)


def test_a_host_that_cannot_be_reached_is_told_by_the_name_that_was_asked_for(
    settings: dict[str, Any],
) -> None:
    router = HFRouter(**{**settings, "base_url": "http://127.0.0.1:9/v1", "max_retries": 0})
    with pytest.raises(RouterError):
        router.chat(MESSAGES, model="offline/echo:groq")
    assert facts(only(router), "outcome", "error", "provider", "attempts") == (
        *("failed", "ConnectionLost", "groq", 1),
    )


def test_what_fails_before_anything_is_sent_costs_nothing(settings: dict[str, Any]) -> None:
    router = HFRouter(**settings)
    with pytest.raises(RouterError):
        router.submit("text_to_image", "a boat", model="offline/painter:hf-inference")
    row = only(router)
    assert facts(row, "outcome", "error", "attempts") == ("failed", "ConfigError", 0)
    assert row.cost.usd == 0


async def test_a_chat_whose_task_is_cancelled_is_a_row(
    settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    offline_url.queue(Stall(after=0))
    async with AsyncHFRouter(**settings) as router:
        task = asyncio.create_task(router.chat(MESSAGES, model="offline/echo:groq"))
        while not offline_url.in_flight:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert facts(only(router), "outcome", "provider", "attempts") == ("cancelled", "groq", 1)


def test_an_answer_that_was_remembered_is_a_row_that_cost_nothing(
    settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    router = HFRouter("offline/echo:groq", **settings, chat_cache=True)
    router.models()
    for _ in range(2):
        router.chat(MESSAGES, temperature=0)
    again, first = router.ledger.rows() if router.ledger else ()
    assert facts(first, "cached", "attempts") == (False, 1)
    assert facts(again, "cached", "attempts", "provider", "prompt_tokens") == (True, 0, "groq", None)
    assert (again.cost.usd, again.outcome) == (0, "answered")
    assert router.ledger is not None
    assert router.ledger.totals().hit_rate == 0.5
    assert router.ledger.compare(router.account_usage(0)).agrees


def test_warming_a_model_up_is_a_call(router: HFRouter, offline_url: OfflineRouter) -> None:
    router.warm("offline/echo:groq")
    assert only(router).completion_tokens == 1
    assert router.ledger is not None
    assert router.ledger.compare(router.account_usage(0)).agrees


def test_catalogues_and_status_are_no_calls(router: HFRouter) -> None:
    router.status("offline/echo")
    router.account_usage(0)
    assert router.ledger is not None
    assert router.ledger.rows() == []
