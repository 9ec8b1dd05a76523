"""Budgets of clients that really call: what is refused, what is charged, what is told."""

from __future__ import annotations

import asyncio
import logging
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared_core import AsyncHFRouter, Budget, BudgetExceeded, BudgetState, ConfigError, HFRouter, RouterError
from shared_core.catalog import Price, UnitPrice
from shared_core.client.tariff import ANSWER_TOKENS
from shared_core.observe.events import BudgetAlert
from shared_core.testing import BadGzip, Cut, OfflineRouter, SlowHead, Stall, Status
from tests.client.conftest import Maker

HELLO = [{"role": "user", "content": "one two three four five six"}]
PRICE = Price(Decimal("0.10"), Decimal("0.50"), "ours")
PRICES = {"offline/echo": PRICE, "offline/embed-8": Price(Decimal("0.01"), Decimal(0), "ours")}
NOT_BILLED = (Status(429, headers={"retry-after": "0"}), Status(400), Status(401), Status(402), Status(503))


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


# -- what is refused -----------------------------------------------------------------------------------


def test_a_call_that_may_cost_more_than_is_left_is_not_sent(
    make_plain: Maker, offline_url: OfflineRouter
) -> None:
    caller = make_plain(
        prices=PRICES, budgets=[Budget(usd="0.0001", per="day", of="tag:user")], usage_tags={"user": "ada"}
    )
    caller.chat(HELLO, max_tokens=50)
    sent = len(offline_url.requests)
    with pytest.raises(BudgetExceeded, match=r"of 'ada'.*Nothing was sent") as caught:
        caller.chat(HELLO, max_tokens=500)
    assert len(offline_url.requests) == sent
    error = caught.value
    assert (error.budget, error.value) == ("usd per day of each user", "ada")
    assert error.need is not None
    assert error.left is not None
    assert error.need > error.left > 0
    assert error.retry_after is not None
    assert 0 <= error.retry_after <= 86400
    assert "Lower max_tokens" in error.hint
    assert pickle.loads(pickle.dumps(error)).need == error.need
    caller.chat(HELLO, max_tokens=20)  # what is cheap enough still goes through
    caller.chat(HELLO, max_tokens=100, usage_tags={"user": "bob"})


@pytest.mark.parametrize(
    "budget",
    [Budget(requests=2, per="hour"), Budget(tokens=700, per="month"), Budget(usd="0.0002", per="total")],
    ids=lambda budget: budget.name,
)
def test_each_unit_has_its_limit(offline_url: str, state: Any, budget: Budget) -> None:
    router = client(offline_url, budget, state=state)

    def spend_it_all() -> None:
        for _ in range(1000):
            router.chat(HELLO, max_tokens=300)

    with pytest.raises(BudgetExceeded):
        spend_it_all()
    told = only(router)
    assert 0 < told.spent <= told.limit
    assert told.reserved == 0


def test_all_budgets_of_a_call_must_have_enough_and_else_none_is_touched(
    offline_url: str, state: Any
) -> None:
    router = client(offline_url, Budget(requests=9, per="day"), Budget(tokens=10, per="day"), state=state)
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match="tokens per day"):
            router.chat(HELLO, max_tokens=5)
    assert [told.reserved for told in router.budgets()] == [0] * len(router.budgets())
    assert {told.spent for told in router.budgets()} == {0}


def test_each_user_has_an_amount_and_a_grant_and_calls_without_a_user_share_one(
    offline_url: str, state: Any
) -> None:
    trial = Budget(requests=1, per="total", of="tag:user", exceptions={"eve": 3}, name="trial")
    router = client(offline_url, trial, state=state)
    router.grant("ada", 1)
    counts = {"ada": 2, "bob": 1, "eve": 3, "": 1}
    for user, count in counts.items():
        tags = {"user": user} if user else {}
        for _ in range(count):
            router.chat(HELLO, usage_tags=tags)
        with pytest.raises(BudgetExceeded):
            router.chat(HELLO, usage_tags=tags)
    assert {told.value: told.spent for told in router.budgets()} == counts
    assert {told.value: told.granted for told in router.budgets()} == {"ada": 1, "bob": 0, "eve": 0, "": 0}


def test_each_token_has_its_own(offline_url: str) -> None:
    budget = Budget(requests=1, per="total", of="key")
    one, other = (
        HFRouter("offline/echo", base_url=offline_url, api_key=key, budgets=[budget])
        for key in ("first-key", "second")
    )
    one.chat(HELLO)
    other.chat(HELLO)
    with pytest.raises(BudgetExceeded):
        one.chat(HELLO)
    told = one.budgets()
    assert len(told) == 2  # budgets of one name share a place
    assert "first-key" not in repr(told)


def test_a_call_without_a_price_is_refused_and_the_error_says_what_to_do(offline_url: str) -> None:
    budget = Budget(usd="5", per="day")
    with pytest.raises(BudgetExceeded, match="No price of offline/echo is known") as caught:
        client(offline_url, budget, prices=None).chat(HELLO)
    assert "prices=" in caught.value.hint
    assert 'unpriced="allow"' in caught.value.hint


@pytest.mark.parametrize("mode", [{"unpriced": "allow"}, {"mode": "warn"}], ids=str)
def test_a_call_without_a_price_may_be_let_through(offline_url: str, mode: Any) -> None:
    router = client(offline_url, Budget(usd="5", per="day", **mode), prices=None)
    router.chat(HELLO)
    assert only(router).spent == 0


def test_what_a_reply_reports_is_counted_where_no_list_has_a_price(offline_url: OfflineRouter) -> None:
    from shared_core.testing import ExtraHeaders

    offline_url.queue(ExtraHeaders({"x-cost": "0.25"}), path="*")
    budget = Budget(usd="0.25", per="day", unpriced="allow")
    router = client(offline_url, budget, prices=None, reported_cost="x-cost")
    router.chat(HELLO)
    assert only(router).spent == Decimal("0.25")
    with pytest.raises(BudgetExceeded):
        router.chat(HELLO)


def test_a_budget_that_warns_refuses_nothing(offline_url: str) -> None:
    router = client(offline_url, Budget(requests=1, per="day", mode="warn"))
    for _ in range(3):
        router.chat(HELLO)
    assert (only(router).spent, only(router).left) == (3, 0)


def test_without_max_tokens_a_bounded_share_is_set_aside_and_the_hint_says_so(offline_url: str) -> None:
    router = client(offline_url, Budget(tokens=ANSWER_TOKENS, per="day"))
    with pytest.raises(BudgetExceeded) as caught:
        router.chat(HELLO)
    assert "Pass max_tokens" in caught.value.hint
    assert caught.value.need is not None
    assert caught.value.need > ANSWER_TOKENS
    router.chat(HELLO, max_tokens=10)


def test_tools_and_pictures_in_a_prompt_are_set_aside_for(offline_url: str) -> None:
    router = client(offline_url, Budget(tokens=2000, per="day"))
    tool = {"type": "function", "function": {"name": "look", "description": "x" * 2000, "parameters": {}}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    for options in ({"tools": [tool]}, {"messages": [{"role": "user", "content": [picture]}]}):
        with pytest.raises(BudgetExceeded):
            router.chat(**{"messages": HELLO, "max_tokens": 5, **options})  # type: ignore[arg-type]


# -- what is charged -----------------------------------------------------------------------------------


def test_what_was_really_used_takes_the_place_of_what_was_set_aside(make_plain: Maker, state: Any) -> None:
    budgets = [Budget(usd="1", per="day"), Budget(tokens=10**6, per="day"), Budget(requests=10, per="day")]
    caller = make_plain(prices=PRICES, budgets=budgets, state=state)
    reply = caller.chat(HELLO)
    usd, tokens, requests = caller._wait(caller.router.budgets())
    assert usd.spent == reply.meta.cost.usd
    assert tokens.spent == reply.usage.total_tokens  # type: ignore[union-attr]
    assert requests.spent == 1
    assert {usd.reserved, tokens.reserved, requests.reserved, usd.unconfirmed} == {0}


@pytest.mark.parametrize("fault", NOT_BILLED, ids=repr)
def test_what_surely_did_not_run_costs_nothing(
    make_plain: Maker, offline_url: OfflineRouter, state: Any, fault: Any
) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(usd="1", per="day")], state=state, max_retries=0)
    offline_url.queue(fault, path="*chat/completions")
    with pytest.raises(RouterError):
        caller.chat(HELLO)
    (told,) = caller._wait(caller.router.budgets())
    assert (told.spent, told.reserved) == (0, 0)


def test_where_nobody_listens_nothing_is_charged() -> None:
    router = client("http://127.0.0.1:9/v1", Budget(usd="1", per="day"), max_retries=0)
    with pytest.raises(RouterError):
        router.chat(HELLO)
    assert (only(router).spent, only(router).reserved) == (0, 0)


@pytest.mark.parametrize("fault", [Status(500), Status(504), Cut(after=9), BadGzip()], ids=repr)
def test_what_may_have_run_is_charged_with_what_it_may_have_cost(
    make_plain: Maker, offline_url: OfflineRouter, fault: Any
) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(tokens=10**6, per="day")], max_retries=0)
    offline_url.queue(fault, path="*chat/completions")
    with pytest.raises(RouterError):
        caller.chat(HELLO, max_tokens=100)
    (told,) = caller._wait(caller.router.budgets())
    assert told.spent == told.unconfirmed == 271  # 27 bytes, a frame of 16, a preamble of 128, and the answer
    assert told.reserved == 0


@pytest.mark.parametrize(("status", "times"), [(500, 3), (429, 1)], ids=["may have run", "refused"])
def test_retries_are_one_request_and_those_that_may_have_run_are_charged_like_the_answer(
    offline_url: OfflineRouter, status: int, times: int
) -> None:
    router = client(offline_url, Budget(requests=10, per="day"), Budget(tokens=10**6, per="day"))
    for _ in range(2):
        offline_url.queue(Status(status, headers={"retry-after": "0"}), path="*chat/completions")
    reply = router.chat(HELLO)
    assert reply.meta.attempts == 3
    requests, tokens = router.budgets()
    assert (requests.spent, requests.unconfirmed) == (1, 0)
    once = reply.usage.total_tokens  # type: ignore[union-attr]
    assert (tokens.spent, tokens.unconfirmed) == (times * once, (times - 1) * once)


def test_a_stream_that_is_read_whole_costs_what_it_counts(make_plain: Maker, state: Any) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(usd="1", per="day")], state=state)
    _, stream = caller.stream(HELLO)
    (told,) = caller._wait(caller.router.budgets())
    assert told.spent == stream.reply.meta.cost.usd
    assert (told.reserved, told.unconfirmed) == (0, 0)


@pytest.mark.parametrize("end", ["left", "cut"])
def test_a_stream_that_is_left_or_cut_costs_the_prompt_and_what_arrived(
    make_plain: Maker, offline_url: OfflineRouter, state: Any, end: str
) -> None:
    caller = make_plain(prices=PRICES, budgets=[Budget(tokens=10**6, per="day")], state=state, max_retries=0)
    if end == "cut":
        offline_url.queue(Cut(after=4, chunks=True, how="reset"), path="*chat/completions")
        with pytest.raises(RouterError):
            caller.stream(HELLO, max_tokens=1000)
    else:
        caller.stream(HELLO, max_tokens=1000, leave_after=3)
    (told,) = caller._wait(caller.router.budgets())
    assert 171 < told.spent == told.unconfirmed <= 171 + 27
    assert told.reserved == 0


async def test_a_call_that_is_cancelled_on_its_way_is_charged_and_one_that_was_not_sent_is_not(
    offline_url: OfflineRouter, state: Any
) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        api_key="any",
        budgets=[Budget(requests=10, per="day")],
        state=state,
    )
    await router.chat(HELLO)
    offline_url.queue(Stall(after=0), path="*chat/completions")
    task = asyncio.create_task(router.chat(HELLO))
    while len(offline_url.requests) < 2:
        await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (told,) = await router.budgets()
    assert (told.spent, told.unconfirmed, told.reserved) == (2, 1, 0)
    unborn = asyncio.create_task(router.chat(HELLO))
    await asyncio.sleep(0)
    unborn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unborn
    (told,) = await router.budgets()
    assert (told.spent, told.reserved) == (2, 0)
    await router.close()


async def test_a_call_that_is_cancelled_while_the_file_is_busy_leaves_nothing_behind(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        budgets=[Budget(requests=10, per="day")],
        state=tmp_path / "state.db",
    )
    await router.chat(HELLO)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tasks = [asyncio.create_task(router.chat(HELLO)) for _ in range(5)]
    for turn, task in enumerate(tasks):
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    other.execute("ROLLBACK")
    other.close()
    assert (await router.chat(HELLO)).text
    give_up = time.monotonic() + 10
    while (told := (await router.budgets())[0]).reserved and time.monotonic() < give_up:
        await asyncio.sleep(0.005)  # threads that asked for the others still find out that they are over
    assert (told.spent, told.reserved) == (2, 0)
    await router.close()


def test_batches_of_texts_are_charged_one_by_one(make_plain: Maker, state: Any) -> None:
    budgets = [Budget(requests=100, per="day"), Budget(usd="1", per="day"), Budget(tokens=10**6, per="day")]
    caller = make_plain(
        model="offline/embed-8", embedding_api="openai", prices=PRICES, budgets=budgets, state=state
    )
    reply = caller.embed([f"text number {place}" for place in range(20)], batch_size=3)
    requests, usd, tokens = caller._wait(caller.router.budgets())
    assert requests.spent == 7
    assert tokens.spent == reply.usage.total_tokens  # type: ignore[union-attr]
    assert usd.spent == Decimal(tokens.spent) / 10**8
    assert {requests.reserved, usd.reserved, tokens.reserved} == {0}


def test_a_list_of_texts_that_is_too_dear_ends_where_the_budget_does(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=3, per="day"), embedding_api="openai")
    with pytest.raises(BudgetExceeded):
        router.embed(
            [f"text {place}" for place in range(20)], batch_size=2, max_concurrency=1, model="offline/embed-8"
        )
    assert only(router).spent == 3
    assert len(offline_url.requests) == 3


def test_an_answer_that_is_remembered_costs_nothing(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=1, per="day"), chat_cache=True)
    for _ in range(3):
        router.chat(HELLO, temperature=0)
    assert only(router).spent == len(offline_url.requests) == 1


def test_documents_to_rank_are_charged_by_what_is_counted(make_plain: Maker, state: Any) -> None:
    caller = make_plain(
        model="offline/rerank",
        prices={"offline/rerank": PRICE},
        budgets=[Budget(requests=10, per="day"), Budget(usd="1", per="day")],
        state=state,
    )
    reply = caller.rerank("seven", [f"about {place}" for place in range(6)], batch_size=2)
    requests, usd = caller._wait(caller.router.budgets())
    assert (requests.spent, requests.reserved, usd.reserved) == (3, 0, 0)
    assert usd.spent == reply.meta.cost.usd if reply.meta.cost.usd is not None else usd.spent > 0


def test_a_text_that_is_gone_on_with_is_charged(offline_url: OfflineRouter) -> None:
    router = HFRouter(
        "offline/writer:featherless-ai",
        base_url=offline_url,
        api_key="any",
        embedding_api="router",
        hub_url=offline_url.root,
        prices={"offline/writer": PRICE},
        budgets=[Budget(usd="1", per="day"), Budget(tokens=10**6, per="day")],
    )
    reply = router.text_generation("The cat sat on the mat", max_new_tokens=9)
    usd, tokens = router.budgets()
    assert tokens.spent == reply.usage.total_tokens  # type: ignore[union-attr]
    assert usd.spent == reply.meta.cost.usd
    with router.stream_text("The cat sat on the mat", max_new_tokens=9) as pieces:
        next(iter(pieces))
    assert router.budgets()[1].reserved == 0
    assert router.budgets()[1].spent > tokens.spent


def test_a_transcript_is_charged_by_the_call(offline_url: OfflineRouter) -> None:
    price = {
        name: UnitPrice(Decimal("0.002"), "call", "ours") for name in ("offline/listener", "offline/speaker")
    }
    router = painter(offline_url, Budget(usd="0.10", per="day"), prices=price)
    sound = router.text_to_speech("Hello.", model="offline/speaker:fal-ai").data
    router.transcribe(sound, model="offline/listener:hf-inference")
    assert (only(router).spent, only(router).unconfirmed, only(router).reserved) == (Decimal("0.004"), 0, 0)


def test_a_picture_that_fails_on_its_way_is_charged_and_one_that_is_refused_is_not(
    offline_url: OfflineRouter,
) -> None:
    router = painter(offline_url, Budget(usd="1", per="day"), max_retries=0)
    for fault, spent in ((Status(429), "0"), (Status(500), "0.04")):
        offline_url.queue(fault, path="/fal-ai/*")
        with pytest.raises(RouterError):
            router.text_to_image("a cat", model="offline/painter:fal-ai")
        assert (only(router).spent, only(router).reserved) == (Decimal(spent), 0)


def painter(url: OfflineRouter, *budgets: Budget, **settings: Any) -> HFRouter:
    price = {"offline/painter": UnitPrice(Decimal("0.04"), "file", "ours")}
    return HFRouter(
        base_url=url, api_key="any", hub_url=url.root, embedding_api="router",
        **{"prices": price, "budgets": budgets, **settings},
    )  # fmt: skip


@pytest.mark.parametrize("model", ["offline/painter:fal-ai", "offline/painter:replicate"])
def test_a_picture_is_charged_by_the_file_and_questions_about_its_job_are_free(
    offline_url: OfflineRouter, state: Any, model: str
) -> None:
    router = painter(offline_url, Budget(usd="0.10", per="day"), Budget(requests=10, per="day"), state=state)
    router.text_to_image("a red bicycle", model=model)
    usd, requests = router.budgets()
    assert (usd.spent, usd.reserved, usd.unconfirmed) == (Decimal("0.04"), 0, 0)
    assert (requests.spent, requests.reserved) == (1, 0)
    router.text_to_image("a red bicycle", model=model)
    with pytest.raises(BudgetExceeded):
        router.text_to_image("a red bicycle", model=model)
    assert router.budgets()[0].spent == Decimal("0.08")


def test_a_job_that_is_submitted_is_charged_with_what_it_may_cost(offline_url: OfflineRouter) -> None:
    router = painter(offline_url, Budget(usd="0.10", per="day"))
    router.submit("text-to-image", "a red bicycle", model="offline/painter:replicate")
    assert (only(router).spent, only(router).unconfirmed, only(router).reserved) == (
        Decimal("0.04"),
        Decimal("0.04"),
        0,
    )


def test_a_task_without_a_price_is_refused_by_a_budget_in_dollars_alone(offline_url: OfflineRouter) -> None:
    with pytest.raises(BudgetExceeded, match="No price"):
        painter(offline_url, Budget(usd="1", per="day"), prices=None).text_to_image(
            "a cat", model="offline/painter:fal-ai"
        )
    counted = painter(offline_url, Budget(requests=1, per="day"), prices=None)
    counted.text_to_image("a cat", model="offline/painter:fal-ai")
    assert only(counted).spent == 1


def test_looking_things_up_costs_nothing(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=0, per="total"))
    router.models()
    router.status("offline/echo")


# -- other targets -------------------------------------------------------------------------------------


def test_a_target_that_is_too_dear_leaves_the_call_to_a_cheaper_one(offline_url: OfflineRouter) -> None:
    prices = {
        "offline/echo:groq": PRICE,
        "offline/echo:novita": Price(Decimal("0.01"), Decimal("0.01"), "ours"),
    }
    router = HFRouter(
        "offline/echo:groq",
        base_url=offline_url,
        api_key="any",
        fallback=["offline/echo:novita"],
        prices=prices,
        budgets=[Budget(usd="0.0001", per="day")],
    )
    reply = router.chat(HELLO, max_tokens=300)
    assert (reply.meta.provider, reply.meta.moves) == ("novita", 1)
    assert len(offline_url.requests) == 1
    with pytest.raises(BudgetExceeded) as caught:
        router.chat(HELLO, max_tokens=30_000)
    assert "offline/echo:groq" in "".join(caught.value.__notes__)


def test_what_is_the_same_everywhere_is_not_asked_elsewhere(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=0, per="day"), fallback=["offline/echo:groq"])
    with pytest.raises(BudgetExceeded):
        router.chat(HELLO)
    assert not offline_url.requests


def test_each_target_is_set_aside_for_anew(offline_url: OfflineRouter) -> None:
    router = client(offline_url, Budget(requests=5, per="day"), fallback=["offline/echo:groq"], max_retries=0)
    offline_url.queue(Status(500), path="*chat/completions")
    router.chat(HELLO)
    assert (only(router).spent, only(router).unconfirmed) == (2, 1)


def test_a_call_that_is_hedged_is_set_aside_for_at_both_targets(offline_url: OfflineRouter) -> None:
    offline_url.queue(SlowHead(0.5), path="*chat/completions")
    router = client(
        offline_url, Budget(requests=5, per="day"), fallback=["offline/echo:groq"], hedge=0.05, max_retries=0
    )
    router.chat(HELLO)
    give_up = time.monotonic() + 10
    while only(router).reserved and time.monotonic() < give_up:
        time.sleep(0.005)
    assert (only(router).spent, only(router).unconfirmed, only(router).reserved) == (2, 1, 0)


# -- what is told --------------------------------------------------------------------------------------


def test_each_threshold_is_told_once_in_a_window(
    offline_url: str, state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    budget = Budget(requests=4, per="day", of="tag:user", mode="warn", alert_at=(0.5, 1.0))
    router = client(offline_url, budget, hooks=[heard.append], usage_tags={"user": "ada"}, state=state)
    with caplog.at_level(logging.WARNING, "hfrouter"):
        for _ in range(6):
            router.chat(HELLO)
    alerts = [event for event in heard if isinstance(event, BudgetAlert)]
    assert [(alert.share, alert.spent, alert.limit, alert.value) for alert in alerts] == [
        (0.5, 2, 4, "ada"),
        (1.0, 4, 4, "ada"),
    ]
    assert alerts[0].id
    assert caplog.text.count("of a budget is spent") == 2
    assert (
        "50 % of a budget is spent; budget 'requests per day of each user' of 'ada': 2 requests of 4"
        in caplog.text
    )


# -- many at once --------------------------------------------------------------------------------------


def test_a_new_window_begins_by_itself_and_a_clock_that_jumps_back_does_not_reopen_an_old_one(
    offline_url: str, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_764_288_000.0]
    monkeypatch.setattr("shared_core.client.safeguards.time", SimpleNamespace(time=lambda: now[0]))
    router = client(offline_url, Budget(requests=1, per="hour"), state=state)
    for seconds, allowed in (
        (0, True),
        (3599, False),
        (3600, True),
        (1800, False),
        (3700, False),
        (7200, True),
    ):
        now[0] = 1_764_288_000.0 + seconds
        if allowed:
            router.chat(HELLO)
        else:
            with pytest.raises(BudgetExceeded):
                router.chat(HELLO)
    assert only(router).until == "2025-11-28T03:00Z"


def test_fifty_threads_do_not_overspend_one_hard_budget(offline_url: OfflineRouter, state: Any) -> None:
    budgets = [Budget(requests=30, per="total"), Budget(usd="0.01", per="total", name="money")]
    routers = [client(offline_url, *budgets, state=state) for _ in range(5)]
    refused: list[BudgetExceeded] = []

    def work(router: HFRouter) -> None:
        for _ in range(3):
            try:
                router.chat(HELLO, max_tokens=100)
            except BudgetExceeded as error:
                refused.append(error)

    threads = [threading.Thread(target=work, args=(routers[place % 5],)) for place in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    requests, money = routers[0].budgets()
    assert requests.spent == 30
    assert len(refused) == 120
    assert len(offline_url.requests) == 30
    assert (requests.reserved, money.reserved) == (0, 0)


def test_two_event_loops_after_one_another_share_what_is_spent(offline_url: str, state: Any) -> None:
    router = AsyncHFRouter(
        "offline/echo",
        base_url=offline_url,
        api_key="any",
        budgets=[Budget(requests=9, per="day")],
        state=state,
    )

    async def some() -> int:
        await asyncio.gather(*(router.chat(HELLO) for _ in range(3)))
        (told,) = await router.budgets()
        await router.close()
        return int(told.spent)

    assert [asyncio.run(some()), asyncio.run(some())] == [3, 6]


# -- settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "budgets",
    [
        [Budget(usd="1", per="day"), Budget(usd="5", per="day")],
        ["5 dollars"],
        {"usd": "1", "per": "day"},
        [{"usd": "1"}],
    ],
    ids=["two of one name", "a text", "no list", "no window"],
)
def test_budgets_that_cannot_work_are_found_when_the_client_is_made(budgets: Any) -> None:
    with pytest.raises(ConfigError):
        HFRouter("offline/echo", budgets=budgets)


def test_budgets_travel_with_a_pickled_client_and_may_be_plain(offline_url: str, tmp_path: Path) -> None:
    plain = {"requests": 2, "per": "day", "name": "calls"}
    router = HFRouter("offline/echo", base_url=offline_url, budgets=[plain], state=tmp_path)
    router.chat(HELLO)
    twin = pickle.loads(pickle.dumps(router))
    twin.chat(HELLO)
    with pytest.raises(BudgetExceeded):
        router.chat(HELLO)


@pytest.mark.parametrize(
    ("budgets", "value", "amount", "name"),
    [
        ([], "ada", 1, None),
        ([Budget(requests=1, per="day"), Budget(tokens=1, per="day")], "ada", 1, None),
        ([Budget(requests=1, per="day")], "ada", 1, "other"),
        ([Budget(requests=1, per="day")], "ada", -1, None),
        ([Budget(usd="1", per="day")], "ada", 0.5, None),
        ([Budget(usd="1", per="day")], "ada", "5", None),
    ],
    ids=["none", "which", "unknown", "negative", "float", "to one of a budget of all"],
)
def test_a_grant_that_makes_no_sense_is_refused(budgets: Any, value: str, amount: Any, name: Any) -> None:
    with pytest.raises(ConfigError):
        HFRouter("offline/echo", budgets=budgets).grant(value, amount, budget=name)


def test_a_client_without_budgets_loads_nothing_of_them() -> None:
    code = (
        "import sys; from shared_core import HFRouter; HFRouter('org/name');"
        "print([name for name in sys.modules if 'budgets' in name or 'tariff' in name or name.endswith('.holds')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
