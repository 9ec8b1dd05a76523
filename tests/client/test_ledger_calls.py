"""Which calls make a row in the ledger, and that each row tells the truth: one a call, one a film."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, Job, Ledger, RouterError
from shared_core.catalog import SHARED, Price, UnitPrice
from shared_core.observe.ledger import LedgerRow
from shared_core.providers import MAPPINGS
from shared_core.testing import Cut, MediaQuirks, OfflineRouter, Stall, Status

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


# -- chats -----------------------------------------------------------------------------------------------


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


# -- lists -----------------------------------------------------------------------------------------------

PATH = "*embeddings"
TEXTS = [f"text {number}" for number in range(6)]


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


# -- tasks -----------------------------------------------------------------------------------------------


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


# -- clients ---------------------------------------------------------------------------------------------


def test_one_ledger_serves_several_clients(settings: dict[str, Any]) -> None:
    ledger = Ledger()
    for user in ("ada", "bob"):
        router = HFRouter("offline/echo", **{**settings, "ledger": ledger, "usage_tags": {"user": user}})
        router.chat(MESSAGES)
    assert {line.name: line.calls for line in ledger.by("tag:user")} == {"ada": 1, "bob": 1}


def test_clients_that_name_one_file_share_one_ledger(settings: dict[str, Any], tmp_path: Path) -> None:
    one, other = (HFRouter("offline/echo", **{**settings, "ledger": tmp_path / "u.sqlite"}) for _ in range(2))
    assert one.ledger is other.ledger is not None
    with one:
        one.chat(MESSAGES)
    assert (tmp_path / "u.sqlite").stat().st_mode & 0o777 == 0o600
    one.ledger.close()


@pytest.mark.parametrize(
    "copied", [copy.copy, lambda router: pickle.loads(pickle.dumps(router))], ids=["copy", "pickle"]
)
def test_a_copy_of_a_client_goes_on_with_the_file(
    settings: dict[str, Any], tmp_path: Path, copied: Callable[[HFRouter], HFRouter]
) -> None:
    router = HFRouter("offline/echo", **{**settings, "ledger": tmp_path / "u.sqlite", "api_key": None})
    twin = copied(router)
    assert twin.ledger is router.ledger is not None
    assert copied(HFRouter(ledger=True)).ledger is not None
    router.ledger.close()


def test_a_copy_within_the_process_shares_the_memory(settings: dict[str, Any]) -> None:
    router = HFRouter(**settings)
    assert copy.copy(router).ledger is router.ledger
    assert copy.deepcopy(router.ledger) is router.ledger


def test_without_a_ledger_there_is_none_and_nothing_is_loaded_for_it(offline_url: OfflineRouter) -> None:
    assert HFRouter(ledger=False).ledger is HFRouter(ledger=None).ledger is HFRouter().ledger is None


@pytest.mark.parametrize("ledger", [7, object(), ["u.sqlite"]], ids=str)
def test_what_is_no_ledger_is_refused(ledger: Any) -> None:
    with pytest.raises(ConfigError, match="is no ledger"):
        HFRouter(ledger=ledger)


def test_content_is_kept_where_that_was_asked_for_and_a_token_never(offline_url: OfflineRouter) -> None:
    kept, plain = Ledger(store_content=True), Ledger()
    for ledger in (kept, plain):
        router = HFRouter("offline/echo", **settings_for(offline_url, ledger=ledger))
        router.chat(MESSAGES)
        router.embed(["a text"], model="offline/embed-8:together")
        router.text_to_speech("spoken", model="offline/speaker:fal-ai")
    spoken, embedded, said = kept.rows()
    assert (said.request, said.reply) == ('[{"role": "user", "content": "open sesame"}]', "open sesame")
    assert (embedded.request, embedded.reply) == ('["a text"]', None)
    assert spoken.request is not None
    assert '"inputs": "spoken"' in spoken.request
    everything = "".join(map(repr, plain.rows()))
    assert not [word for word in ("sesame", "a text", "spoken", "hf_canary") if word in everything]
    assert "hf_canary" not in "".join(map(repr, kept.rows()))


class Pass:
    """Stands in a script for a request that nothing befalls."""

    def __new__(cls) -> Any:
        from shared_core.testing import ExtraHeaders

        return ExtraHeaders({})
