"""What everything but a chat is charged with: texts to embed, documents to rank, pictures, films, sounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared_core import Budget, BudgetExceeded, HFRouter, RouterError
from shared_core.catalog import UnitPrice
from shared_core.testing import OfflineRouter, Status
from tests.client.budget.conftest import PRICE, PRICES, client, only
from tests.client.conftest import HELLO, Maker


def painter(url: OfflineRouter, *budgets: Budget, **settings: Any) -> HFRouter:
    price = {"offline/painter": UnitPrice(Decimal("0.04"), "file", "ours")}
    return HFRouter(
        base_url=url, api_key="any", hub_url=url.root, embedding_api="router",
        **{"prices": price, "budgets": budgets, **settings},
    )  # fmt: skip


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
