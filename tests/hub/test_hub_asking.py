"""How the Hub is asked: page by page, by one for all, and what is given when it is slow, limited or broken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter
from shared_core.catalog import SHARED
from shared_core.errors import MalformedResponse, ModelNotServed, RateLimited, RouterError, Unauthorized
from shared_core.hub import AsyncHub, Hub
from shared_core.hub.memory import ANSWERS, Answers
from shared_core.policy.stores.flights import FLIGHTS
from shared_core.testing import (
    ExtraHeaders,
    HubLimited,
    HubQuirks,
    OfflineRouter,
    Raw,
    SlowHead,
    Status,
    offline_router,
)

Ask = Callable[..., Any]
LIST = "/api/models"


def lists(host: OfflineRouter) -> int:
    return sum(one.path == LIST for one in host.requests)


def about(host: OfflineRouter, **more: Any) -> dict[str, Any]:
    return {"base_url": str(host), "hub_url": host.root, "api_key": "k", "max_retries": 0, **more}


# -- page by page -----------------------------------------------------------------------------------------


def test_a_filter_of_ours_reads_on_only_until_enough_is_found(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(page=100, crowd=600), path=LIST, times=-1)
    found = ask("search_models", task="text-generation", allow_licenses="permissive", limit=20)
    assert len(found) == 20
    assert (lists(host), found.looked_through) == (1, 100)


def test_what_is_rare_is_looked_for_in_five_hundred_models_and_it_is_said_that_there_are_more(
    ask: Ask, host: OfflineRouter
) -> None:
    host.queue(HubQuirks(page=100, crowd=600), path=LIST, times=-1)
    found = ask("search_models", task="text-generation", allow_licenses=["apache-2.0"], limit=20)
    assert {model.id for model in found} == {"offline/tools", "offline/extractive"}
    assert (lists(host), found.looked_through) == (5, 500)
    assert "only its first 500 models were looked through" in found.notes[-1]


def test_nobody_is_looked_for_whom_the_catalogue_does_not_know(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(page=100, crowd=600), path=LIST, times=-1)
    found = ask("search_models", task="text-generation", capability="tools", limit=20)
    assert [model.id for model in found] == ["offline/tools"]
    assert lists(host) == 1
    assert found.notes == ("capability='tools' is no filter of the Hub: it was applied here to 100 models.",)


def test_without_the_catalogue_the_list_is_read_as_far_as_it_may(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(page=100, crowd=600), path=LIST, times=-1)
    host.queue(Status(500), path="/v1/models", times=-1)
    assert not ask("search_models", task="text-generation", capability="tools")
    assert lists(host) == 5


def test_another_filter_over_the_same_list_asks_for_nothing_again(ask: Ask, host: OfflineRouter) -> None:
    ask("search_models", task="text-generation", capability="tools")
    asked = len(host.requests)
    ask("search_models", task="text-generation", min_context=1, max_price="1")
    assert len(host.requests) == asked


def test_a_link_may_leave_out_the_host(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(next="relative"), path=LIST, times=-1)
    assert len(ask("search_models", limit=12)) == 12


def test_a_link_whose_address_holds_commas_is_followed(ask: Ask, host: OfflineRouter) -> None:
    link = f'<{host.root}/api/models?num_parameters=min:1B,max:90B&cursor=5&limit=7>; rel="next"'
    host.queue(ExtraHeaders({"link": link}), path=LIST)
    ask("search_models", size="min:1B,max:90B", limit=12)
    assert "num_parameters=min:1B,max:90B" in [one.query for one in host.requests if one.path == LIST][1]


@pytest.mark.parametrize(
    "link",
    [
        '<http://elsewhere.invalid/api/models?cursor=5>; rel="next"',
        '<https://{host}/api/models?cursor=5>; rel="next"',
        '<http://{host}.elsewhere.invalid/api/models?cursor=5>; rel="next"',
        '<http://k@elsewhere.invalid/{host}/api/models?cursor=5>; rel="next"',
        '<//elsewhere.invalid/api/models?cursor=5>; rel="next"',
        '<http://{host}/api/models?cursor=5>; rel="prev"',
        "http://{host}/api/models?cursor=5; rel=next",
        "<>; rel=next",
    ],
)
def test_a_link_to_another_host_is_not_followed(ask: Ask, host: OfflineRouter, link: str) -> None:
    address = host.root.removeprefix("http://")
    host.queue(ExtraHeaders({"link": link.format(host=address)}), path=LIST, times=-1)
    assert 0 < len(ask("search_models", limit=12)) <= 12
    assert lists(host) <= 2


def test_a_page_that_leads_to_itself_is_read_once(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(next="itself"), path=LIST, times=-1)
    assert len(ask("search_models", limit=500)) == 5
    assert lists(host) == 1


def test_pages_that_lead_to_each_other_are_read_once_each(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(), path=LIST)
    host.queue(ExtraHeaders({"link": '</api/models?cursor=9>; rel="next"'}), path=LIST, times=-1)
    found = ask("search_models", limit=500)
    assert lists(host) == 3
    assert len({model.id for model in found}) == len(found)


@pytest.mark.parametrize("page", [b"[]", b'[null, 3, {"id": 4}]', b'[{"id": "offline/echo"}]'], ids=repr)
def test_pages_that_say_nothing_new_are_not_read_for_ever(ask: Ask, host: OfflineRouter, page: bytes) -> None:
    for cursor in range(20):
        link = ExtraHeaders({"link": f'</api/models?cursor=e{cursor}>; rel="next"'})
        host.queue((Raw(page, "application/json"), link), path=LIST)
    found = ask("search_models", limit=500)
    assert lists(host) <= 2
    assert len(found) <= 1


def test_names_that_redirect_to_each_other_end_in_an_error(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubQuirks(moves=("offline/a", "offline/b")), path="/api/models/*", times=-1)
    with pytest.raises(RouterError):
        ask("model_info", "offline/a")
    assert len([one for one in host.requests if one.path.startswith("/api/models/")]) == 3


def test_a_list_is_asked_only_for_what_the_hub_tells_of_lists(ask: Ask, host: OfflineRouter) -> None:
    ask("search_models", limit=1)
    ask("model_info", "offline/echo")
    listed, one = [one.query for one in host.requests if one.path.startswith(LIST)]
    assert "usedStorage" not in listed
    assert "baseModels" not in listed
    assert "usedStorage" in one


# -- trouble ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble", [HubLimited(), Status(503), Raw(b'[{"id": "a', "application/json")], ids=repr
)
def test_what_breaks_off_in_the_middle_leaves_what_was_read_and_says_why(
    ask: Ask, host: OfflineRouter, trouble: Any
) -> None:
    host.queue(HubQuirks(), path=LIST)
    host.queue(trouble, path=LIST, times=-1)
    found = ask("search_models", limit=12)
    assert len(found) == 5
    assert found.notes[-1].startswith("The Hub's list broke off after 5 models: ")
    host.forget()
    assert len(ask("search_models", limit=12)) == 12  # half a list was not remembered as a whole one


def test_a_limit_of_the_hubs_is_waited_for_as_it_asks(ask: Ask, host: OfflineRouter) -> None:
    host.queue(HubLimited(seconds=55), path=LIST, times=-1)
    with pytest.raises(RateLimited) as caught:
        ask("search_models")
    assert caught.value.retry_after == 55


@pytest.mark.parametrize("body", ['{"error": "maintenance"}', "null", '"a"', "7"])
def test_a_list_that_is_none_is_an_error_and_not_remembered_as_an_empty_one(
    ask: Ask, host: OfflineRouter, body: str
) -> None:
    host.queue(Raw(body.encode(), "application/json"), path=LIST)
    with pytest.raises(MalformedResponse):
        ask("search_models", limit=3)
    assert len(ask("search_models", limit=3)) == 3


def test_an_old_answer_is_given_rather_than_waiting_out_a_limit(
    host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.forget()
    ANSWERS.clear()
    hub = Hub(HFRouter(**about(host, max_retries=5)))
    first = hub.search_models(limit=3)
    monkeypatch.setattr(ANSWERS, "_fresh", 0.0)
    host.queue(HubLimited(seconds=30), path=LIST, times=-1)
    asked = lists(host)
    assert hub.search_models(limit=3).models == first.models
    assert hub.search_models(limit=3).models == first.models
    assert lists(host) == asked + 1  # for a quarter of a minute nobody asks again


def test_an_old_catalogue_is_given_rather_than_waiting_out_a_limit(host: OfflineRouter) -> None:
    host.forget()
    ANSWERS.clear()
    SHARED.clear()
    hub = Hub(HFRouter(**about(host, max_retries=5)))
    first = hub.search_models("tools")
    known = SHARED.loaded(str(host))
    assert known is not None
    SHARED.remember(str(host), known, 0.0)
    host.queue(Status(429, headers={"retry-after": "30"}), path="/v1/models", times=-1)
    assert hub.search_models("tools").models[0].offers == first.models[0].offers
    assert sum(one.path == "/v1/models" for one in host.requests) == 2  # asked again once, and not waited for


def test_an_old_answer_is_not_given_to_a_token_that_was_withdrawn(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("search_models", limit=3)
    monkeypatch.setattr(ANSWERS, "_fresh", 0.0)
    host.queue(Status(401), path=LIST, times=-1)
    with pytest.raises(Unauthorized):
        ask("search_models", limit=3)


def test_a_model_that_is_gone_is_not_given_from_memory(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("model_info", "offline/echo")
    monkeypatch.setattr(ANSWERS, "_fresh", 0.0)
    host.queue(Status(404), path="/api/models/*", times=-1)
    with pytest.raises(ModelNotServed):
        ask("model_info", "offline/echo")


A, B, C = ("hub", "account", "/a"), ("hub", "account", "/b"), ("hub", "other", "/a")


def test_an_answer_grows_old() -> None:
    answers: Answers[str] = Answers(fresh=300)
    answers.keep(A, "A", 100)
    found = [answers.fresh(A, now) for now in (100, 399, 400, 99)]
    assert found == ["A", "A", None, None]
    assert answers.stale(A, 400) == ("A", 100)


def test_what_was_true_yesterday_is_no_answer() -> None:
    answers: Answers[str] = Answers(fresh=300, oldest=1000)
    answers.keep(A, "A", 0)
    answers.keep(B, "B", 900)
    answers.failed(B, 1500)
    assert [answers.stale(A, now) for now in (999, 1000)] == [("A", 0), None]
    assert [answers.fresh(key, 1500) for key in (A, B)] == [None, "B"]
    assert answers.stale(A, -5000) == ("A", 0)  # the clock was set back: nobody knows how old it is


def test_a_hub_that_is_away_for_a_day_is_an_error_in_the_end(
    ask: Ask, host: OfflineRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("search_models", limit=3)
    monkeypatch.setattr(ANSWERS, "_fresh", 0.0)
    host.queue(Status(503), path=LIST, times=-1)
    assert len(ask("search_models", limit=3)) == 3
    monkeypatch.setattr(ANSWERS, "_oldest", 0.0)
    with pytest.raises(RouterError):
        ask("search_models", limit=3)


def test_after_a_failure_all_old_answers_of_that_hub_and_account_are_given() -> None:
    answers: Answers[str] = Answers(fresh=300, rest=15)
    for key in (A, B, C):
        answers.keep(key, key[2], 0)
    answers.failed(A, 1000)
    assert [answers.fresh(key, 1014) for key in (A, B, C)] == ["/a", "/b", None]
    assert [answers.fresh(key, 1015) for key in (A, B, C)] == [None, None, None]
    answers.failed(A, 1000)
    answers.keep(B, "new", 1001)
    assert answers.fresh(A, 1002) is None


def test_a_failure_where_nothing_is_known_changes_nothing() -> None:
    answers: Answers[str] = Answers()
    answers.failed(A, 0)
    assert answers.fresh(A, 0) is None


def test_the_answer_that_came_first_is_dropped_where_there_are_too_many() -> None:
    answers: Answers[str] = Answers(most=2)
    for key in (A, B, C):
        answers.keep(key, key[2], 0)
    assert [answers.stale(key, 0) is None for key in (A, B, C)] == [True, False, False]


# -- one for all ------------------------------------------------------------------------------------------


@pytest.fixture
def fresh() -> Any:
    """A host of its own, and nothing remembered."""
    ANSWERS.clear()
    SHARED.clear()
    with offline_router(embedder="words") as host:
        yield host
    assert not len(FLIGHTS)


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What so many threads make of it, all begun at once."""
    start, found = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        start.wait()
        try:
            found[number] = work(number)
        except RouterError as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


def test_threads_that_ask_the_same_share_one_fetch(fresh: OfflineRouter) -> None:
    fresh.queue(SlowHead(0.2), path="*", times=-1)
    found = together(6, lambda _: Hub(HFRouter(**about(fresh))).search_models(limit=3))
    assert all(each == found[0] for each in found)
    assert sorted(one.path for one in fresh.requests) == ["/api/models", "/v1/models"]


def test_event_loops_that_ask_the_same_share_one_fetch(fresh: OfflineRouter) -> None:
    fresh.queue(SlowHead(0.2), path="*", times=-1)

    async def twice() -> list[Any]:
        async with AsyncHFRouter(**about(fresh)) as router:
            return await asyncio.gather(*(AsyncHub(router).search_models(limit=3) for _ in range(2)))

    found = together(2, lambda _: asyncio.run(twice()))
    assert found[0] == found[1]
    assert sorted(one.path for one in fresh.requests) == ["/api/models", "/v1/models"]


def test_accounts_do_not_share(fresh: OfflineRouter) -> None:
    fresh.queue(SlowHead(0.05), path="*", times=-1)
    together(2, lambda number: Hub(HFRouter(**about(fresh, api_key=f"k{number}"))).search_models(limit=3))
    assert sorted(one.path for one in fresh.requests) == [
        "/api/models",
        "/api/models",
        "/v1/models",
        "/v1/models",
    ]


async def test_who_is_cancelled_takes_nobody_with_it(fresh: OfflineRouter) -> None:
    fresh.queue(SlowHead(0.2), path=LIST, times=-1)
    async with AsyncHFRouter(**about(fresh)) as router:
        hub = AsyncHub(router)
        leader = asyncio.create_task(hub.search_models(limit=3))
        while not lists(fresh):
            await asyncio.sleep(0.005)
        follower = asyncio.create_task(hub.search_models(limit=3))
        await asyncio.sleep(0.02)
        leader.cancel()
        assert len(await follower) == 3
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert lists(fresh) == 2
    assert await asyncio.to_thread(fresh.wait_closed)


def test_each_of_those_who_share_has_the_error_of_a_hub_that_is_away(fresh: OfflineRouter) -> None:
    fresh.queue((Status(503), SlowHead(0.1)), path=LIST, times=-1)
    found = together(4, lambda _: Hub(HFRouter(**about(fresh))).search_models(limit=3))
    assert {type(each).__name__ for each in found} == {"Overloaded"}
