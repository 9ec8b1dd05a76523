"""Tasks and films as rows of a ledger: a film is one row, however often it is asked after."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, Job, RouterError
from shared_core.testing import MediaQuirks, OfflineRouter
from tests.client.ledger.conftest import facts, only


def test_a_text_that_is_streamed_is_told_as_a_stream(router: HFRouter) -> None:
    router.text_generation("The cat", model="offline/writer:together")
    with router.stream_text("The cat", model="offline/writer:together") as stream:
        list(stream)
    streamed, plain = router.ledger.rows() if router.ledger else ()
    assert facts(plain, "task", "streamed", "first_token_s") == ("text-generation", False, None)
    assert facts(streamed, "streamed", "provider") == (True, "together")
    assert streamed.first_token_s is not None
    assert streamed.completion_tokens == plain.completion_tokens


def test_a_classic_task_and_a_transcript_are_rows(router: HFRouter) -> None:
    sound = router.text_to_speech("Hello.", model="offline/speaker:fal-ai").data
    router.transcribe(sound, model="offline/listener:hf-inference")
    router.sentence_similarity("a", ["b"], model="offline/sentence-similarity:hf-inference")
    assert router.ledger is not None
    assert [row.task for row in router.ledger.rows()] == [
        "sentence-similarity",
        "automatic-speech-recognition",
        "text-to-speech",
    ]
    assert {row.outcome for row in router.ledger.rows()} == {"answered"}


def test_a_film_is_one_row_with_its_price(router: HFRouter) -> None:
    router.text_to_video("a boat", model="offline/animator:fal-ai")
    row = only(router)
    assert facts(row, "task", "provider", "outcome", "attempts") == ("text-to-video", "fal-ai", "answered", 1)
    assert row.job is not None
    assert row.cost.usd == Decimal("0.25")


def test_a_film_that_is_submitted_and_fetched_later_is_one_row(router: HFRouter) -> None:
    job = router.submit(
        "text_to_video", "a boat", model="offline/animator:fal-ai", usage_tags={"user": "ada"}
    )
    submitted = only(router)
    assert facts(submitted, "outcome", "provider", "attempts") == ("submitted", "fal-ai", 1)
    assert router.ledger is not None
    assert router.ledger.totals().unknown_costs == 1
    router.resume(job)
    row = only(router)
    assert facts(row, "number", "id", "at") == facts(submitted, "number", "id", "at")
    assert facts(row, "outcome", "attempts", "tags") == ("answered", 1, {"user": "ada"})
    assert row.cost.usd == Decimal("0.25")
    assert row.seconds > submitted.seconds
    router.resume(job)  # fetched twice, it was still made once
    assert only(router).cost.usd == Decimal("0.25")


def test_a_film_that_was_late_and_is_fetched_after_all_is_one_row(
    router: HFRouter, offline_url: OfflineRouter
) -> None:
    offline_url.queue(MediaQuirks(polls=3), path="/fal-ai/*")
    job = router.submit("text_to_video", "a boat", model="offline/animator:fal-ai")
    with pytest.raises(RouterError) as caught:
        router.resume(Job.from_json(job.to_json()), timeout=1e-9)
    assert caught.value.job == job
    failed = only(router)
    assert facts(failed, "outcome", "error") == ("failed", "TimedOut")
    router.resume(job)
    assert facts(only(router), "outcome", "error") == ("answered", None)


def test_a_film_that_was_made_stays_made_when_it_is_asked_for_too_late(
    router: HFRouter, offline_url: OfflineRouter
) -> None:
    job = router.submit("text_to_video", "a boat", model="offline/animator:fal-ai")
    router.resume(job)
    offline_url.forget()
    with pytest.raises(RouterError):
        router.resume(job)
    assert facts(only(router), "outcome", "error") == ("answered", None)


def test_a_film_that_another_ledger_ordered_is_a_row_here_too(
    router: HFRouter, settings: dict[str, Any]
) -> None:
    job = router.submit("text_to_video", "a boat", model="offline/animator:fal-ai")
    other = HFRouter(**settings)
    other.resume(job)
    row = only(other)
    assert facts(row, "task", "model", "provider", "outcome", "attempts") == (
        *("text-to-video", "offline/animator", "fal-ai", "answered", 0),
    )
    assert row.cost.usd == Decimal("0.25")


async def test_a_film_whose_task_is_cancelled_keeps_its_job(
    settings: dict[str, Any], offline_url: OfflineRouter
) -> None:
    offline_url.queue(MediaQuirks(never=True), path="/fal-ai/*")
    async with AsyncHFRouter(**settings) as router:
        film = asyncio.create_task(router.text_to_video("a boat", model="offline/animator:fal-ai"))
        while not offline_url.jobs or not offline_url.jobs[0].polls:
            await asyncio.sleep(0.001)
        film.cancel()
        with pytest.raises(asyncio.CancelledError):
            await film
        row = only(router)
    assert facts(row, "outcome", "provider") == ("cancelled", "fal-ai")
    assert row.job is not None
