"""What replies say they cost: chat, streams, vectors, scores, media, sync and async, and where it comes from."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared_core import ConfigError, HFRouter, StreamInterrupted
from shared_core.catalog import ROUTER_URL, SHARED, Price, UnitPrice, parse_catalog, remember
from shared_core.testing import Cut, EmbedQuirks, ExtraHeaders, OfflineRouter, Quirks, Status
from shared_core.types import Cost

HELLO = [{"role": "user", "content": "one two three four five six"}]
GROQ = "offline/echo:groq"
MINE = Price(Decimal("1"), Decimal("2"), "my contract", "2026-11-01")


def by_hand(usage: Any, read: str, written: str) -> Decimal:
    return (usage.prompt_tokens * Decimal(read) + usage.completion_tokens * Decimal(written)) / 10**6


# -- chat ------------------------------------------------------------------------------------------------


def test_a_reply_costs_what_the_provider_that_served_asks(make: Any) -> None:
    caller = make(model=GROQ)
    caller.models()
    reply = caller.chat()
    assert reply.meta.cost.usd == by_hand(reply.usage, "0.1", "0.5") > 0
    assert (reply.meta.cost.basis, reply.meta.cost.note) == ("price list", "")
    assert reply.meta.cost.source == f"{caller.router.base_url}/models"


def test_a_stream_costs_the_same_as_the_plain_reply(make: Any) -> None:
    caller = make(model=GROQ)
    caller.models()
    _, stream = caller.stream()
    assert stream.reply.meta.cost == caller.chat().meta.cost


def test_the_call_itself_fetches_no_catalogue_and_without_one_nothing_is_known(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    reply = make_plain(model=GROQ).chat()
    assert reply.meta.cost == Cost(note="no price of groq is known for this model")
    assert [request.path for request in offline_url.requests] == ["/v1/chat/completions"]


def test_the_header_counts_before_the_suffix(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain(model=GROQ)
    caller.models()
    offline_url.queue(ExtraHeaders({"x-inference-provider": "novita"}))
    reply = caller.chat()
    assert reply.meta.cost.usd == by_hand(reply.usage, "0.42", "3")


def test_a_provider_that_nobody_names_has_no_price(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain(model="offline/echo")
    caller.models()
    offline_url.queue(ExtraHeaders({"x-inference-provider": ""}))
    cost = caller.chat().meta.cost
    assert (cost.usd, cost.basis) == (None, "unknown")
    assert "names the provider" in cost.note


def test_a_reply_without_counts_has_no_sum(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain(model=GROQ)
    caller.models()
    offline_url.queue(Quirks(usage="never"), times=2)
    assert caller.chat().meta.cost.note == "the reply counts no tokens"
    _, stream = caller.stream()
    assert stream.reply.meta.cost.note == "the reply counts no tokens"


@pytest.mark.parametrize(
    ("provider", "read", "recalled"),
    [("groq", "0.1", "0.05"), ("novita", "0.42", None)],
    ids=["a price", "none"],
)
def test_cached_tokens_have_their_own_price_or_the_full_one_and_a_note(
    make_plain: Any, offline_url: OfflineRouter, provider: str, read: str, recalled: str | None
) -> None:
    caller = make_plain(model=f"offline/echo:{provider}")
    caller.models()
    full = caller.chat().meta.cost
    offline_url.queue(Quirks(cached_tokens=4))
    less = caller.chat().meta.cost
    saved = 4 * (Decimal(read) - Decimal(recalled or read)) / 10**6
    assert full.usd - less.usd == saved
    assert less.note == ("" if recalled else "4 cached tokens at the full price: the list has none for them")


def test_an_answer_that_breaks_off_has_an_unknown_cost(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain(model=GROQ, max_retries=0)
    caller.models()
    offline_url.queue((Quirks(usage="cumulative"), Cut(after=4, chunks=True)))
    with pytest.raises(StreamInterrupted) as caught:
        caller.stream()
    assert "broke off" in caught.value.partial.meta.cost.note


def test_a_try_that_failed_is_not_in_the_sum(make_plain: Any, offline_url: OfflineRouter) -> None:
    caller = make_plain(model=GROQ)
    caller.models()
    alone = caller.chat().meta.cost
    offline_url.queue(Status(503, headers={"retry-after": "0"}))
    reply = caller.chat()
    assert (reply.meta.attempts, reply.meta.cost) == (2, alone)


def test_an_answer_that_broke_on_the_way_and_was_asked_for_again_is_paid_as_the_server_says(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    caller = make_plain(model=GROQ)
    caller.models()
    offline_url.queue(Cut(after=10))
    reply = caller.chat()
    assert offline_url.wait_idle()
    assert reply.meta.attempts == 2
    assert reply.meta.cost.usd == Decimal(offline_url.bill.nano_usd).scaleb(-9)
    assert [*offline_url.bill.entries] == [reply.meta.request_id]


# -- where it comes from ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [GROQ, "offline/echo"], ids=["with its provider", "without"])
def test_the_user_s_own_price_goes_before_the_catalogue(make_plain: Any, name: str) -> None:
    caller = make_plain(model=GROQ, prices={name: MINE})
    caller.models()
    reply = caller.chat()
    assert reply.meta.cost.usd == by_hand(reply.usage, "1", "2")
    assert str(reply.meta.cost).endswith("(price list of 2026-11-01)")


def test_the_price_of_one_provider_is_not_another_s(make_plain: Any) -> None:
    caller = make_plain(model="offline/echo:novita", prices={GROQ: MINE})
    assert caller.chat().meta.cost.usd is None


@pytest.mark.parametrize(
    ("place", "quirk", "usd"),
    [
        pytest.param(
            "X-LiteLLM-Response-Cost", ExtraHeaders({"x-litellm-response-cost": "1.25e-06"}), "0.00000125"
        ),
        pytest.param("x-cost", ExtraHeaders({"x-cost": "0"}), "0"),
    ],
    ids=["a number with an exponent", "nothing"],
)
def test_what_a_header_reports_wins(
    make_plain: Any, offline_url: OfflineRouter, place: str, quirk: Any, usd: str
) -> None:
    caller = make_plain(model=GROQ, reported_cost=place, prices={GROQ: MINE})
    offline_url.queue(quirk)
    cost = caller.chat().meta.cost
    assert (cost.usd, cost.basis, cost.source) == (Decimal(usd), "reported", place.lower())


def test_what_the_usage_reports_wins_in_streams_too(make_plain: Any, offline_url: OfflineRouter) -> None:
    counted = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0.000123}
    caller = make_plain(model=GROQ, reported_cost="usage.cost")
    offline_url.queue(Quirks(usage="never", extra={"usage": counted}), times=2)
    _, stream = caller.stream()
    assert caller.chat().meta.cost == stream.reply.meta.cost
    assert str(stream.reply.meta.cost) == "$0.000123 (reported)"


@pytest.mark.parametrize("said", ["", "free", "-1", "nan", "inf", "1e400", "1" * 60], ids=str)
def test_a_report_that_is_no_sum_is_passed_over(
    make_plain: Any, offline_url: OfflineRouter, said: str
) -> None:
    caller = make_plain(model=GROQ, reported_cost="x-cost", prices={GROQ: MINE})
    offline_url.queue(ExtraHeaders({"x-cost": said}))
    assert caller.chat().meta.cost.source == "my contract"


def test_a_report_is_looked_for_where_it_was_said_to_be_and_nowhere_else(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offline_url.queue(ExtraHeaders({"x-litellm-response-cost": "1"}))
    assert make_plain(model=GROQ).chat().meta.cost.usd is None


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"prices": {GROQ: 0.1}}, "no price"),
        ({"prices": {GROQ: Price(0.1, Decimal(1), "mine")}}, "Decimal"),  # type: ignore[arg-type]
        ({"prices": {GROQ: Price(Decimal(-1), Decimal(1), "mine")}}, "Decimal"),
        ({"prices": {GROQ: UnitPrice(Decimal("NaN"), "call", "mine")}}, "Decimal"),
        ({"prices": [MINE]}, "dictionary"),
        ({"reported_cost": "usage."}, "no place"),
        ({"reported_cost": "a b"}, "no place"),
        ({"reported_cost": 3}, "no place"),
    ],
    ids=str,
)
def test_a_price_or_place_that_cannot_work_is_refused_at_once(settings: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        HFRouter(**settings)


@pytest.mark.parametrize(
    "again", [copy.copy, lambda router: pickle.loads(pickle.dumps(router))], ids=["copy", "pickle"]
)
def test_prices_travel_with_copies_and_pickles(
    offline_url: OfflineRouter, again: Callable[[Any], Any]
) -> None:
    router = HFRouter(GROQ, base_url=offline_url, api_key="", prices={GROQ: MINE}, reported_cost="x-cost")
    with again(router) as same:
        offline_url.queue(ExtraHeaders({"x-cost": "3"}), times=1)
        assert same.chat(HELLO).meta.cost.basis == "reported"
        assert same.chat(HELLO).meta.cost.source == "my contract"


# -- vectors, scores, media ------------------------------------------------------------------------------


def vectors(make: Any, offline_url: OfflineRouter, provider: str, **settings: Any) -> Any:
    model = f"offline/embed-8:{provider}"
    return make(model=model, embedding_api="router", hub_url=offline_url.root, **settings)


def test_the_batches_of_an_embedding_are_summed(make: Any, offline_url: OfflineRouter) -> None:
    price = Price(Decimal("0.1"), Decimal(0), "my contract", "2026-11-01")
    caller = vectors(make, offline_url, "scaleway", prices={"offline/embed-8:scaleway": price})
    reply = caller.embed([f"text number {number}" for number in range(20)], batch_size=3)
    assert offline_url.wait_idle()
    bill = offline_url.bill
    assert len(bill) == 7
    assert reply.meta.cost.usd == Decimal(bill.nano_usd).scaleb(-9) == by_hand(reply.usage, "0.1", "0")


def test_one_batch_that_counts_nothing_makes_the_whole_unknown(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    caller = vectors(make_plain, offline_url, "scaleway", prices={"offline/embed-8": MINE})
    offline_url.queue(EmbedQuirks(usage=False), path="*embeddings")
    assert caller.embed(["a", "b", "c"], batch_size=1).meta.cost.usd is None


def test_an_embedding_s_price_is_found_in_the_catalogue_by_the_hub_s_name(
    make_plain: Any, offline_url: OfflineRouter
) -> None:
    offers = [{"provider": "scaleway", "pricing": {"input": 0.1, "output": 0}}]
    listed = parse_catalog(
        [{"id": "Qwen/Qwen3-Embedding-8B", "providers": offers}], source="list", fetched_at=0.0
    )
    remember(offline_url, listed)
    caller = make_plain(model="Qwen/Qwen3-Embedding-8B", embedding_api="router", hub_url=offline_url.root)
    reply = caller.embed(["a b c"])
    assert reply.meta.cost.usd == by_hand(reply.usage, "0.1", "0")
    assert reply.meta.cost.date == "1970-01-01"


def test_the_header_counts_for_vectors_as_well(make_plain: Any, offline_url: OfflineRouter) -> None:
    other = Price(Decimal("7"), Decimal(0), "another's contract")
    prices = {"offline/embed-8:scaleway": MINE, "offline/embed-8:together": other}
    caller = vectors(make_plain, offline_url, "scaleway", prices=prices)
    offline_url.queue(ExtraHeaders({"x-inference-provider": "together"}), path="*embeddings")
    assert caller.embed(["a"]).meta.cost.source == "another's contract"


def test_vectors_from_the_cache_and_empty_lists_cost_nothing(
    make_plain: Any, offline_url: OfflineRouter, tmp_path: Any
) -> None:
    caller = vectors(
        make_plain,
        offline_url,
        "scaleway",
        prices={"offline/embed-8": MINE},
        embedding_cache=tmp_path / "cache",
    )
    assert caller.embed(["a", "b"]).meta.cost.usd > 0
    for reply in (caller.embed(["b", "a"]), caller.embed([])):
        assert (reply.meta.cost.usd, reply.meta.cost.note) == (0, "nothing was sent")
    assert caller.embed(["b", "new"]).meta.cost.usd == Decimal("0.000001")


def test_scores_are_charged_by_the_user_s_own_price(make_plain: Any) -> None:
    caller = make_plain(model="offline/rerank", prices={"offline/rerank": MINE})
    reply = caller.rerank("cats", ["cats sit", "dogs run", "birds fly"], batch_size=2)
    assert reply.meta.cost.usd == by_hand(reply.usage, "1", "0") > 0
    assert make_plain(model="offline/rerank").rerank("cats", ["a"]).meta.cost.usd is None
    assert caller.rerank("cats", []).meta.cost.usd == 0


def painter(offline_url: OfflineRouter, **settings: Any) -> HFRouter:
    where = {"base_url": offline_url, "hub_url": offline_url.root, "embedding_api": "router"}
    return HFRouter(api_key="hf_test", **where, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("price", "usd"),
    [
        (UnitPrice(Decimal("0.003"), "file", "my contract", "2026-11-01"), "0.003"),
        (UnitPrice(Decimal("0.01"), "call", "my contract", "2026-11-01"), "0.01"),
    ],
    ids=["by the picture", "by the call"],
)
def test_a_picture_costs_the_user_s_own_price_by_unit(
    offline_url: OfflineRouter, price: UnitPrice, usd: str
) -> None:
    with painter(offline_url, prices={"offline/painter": price}) as router:
        reply = router.text_to_image("a red bicycle", model="offline/painter:fal-ai")
    assert (reply.meta.cost.usd, reply.meta.cost.date) == (Decimal(usd), "2026-11-01")


def test_a_picture_s_price_is_unknown_until_somebody_knows_it(offline_url: OfflineRouter) -> None:
    by_second = UnitPrice(Decimal("0.01"), "second", "mine")
    for settings, why in (({}, "no price"), ({"prices": {"offline/painter": by_second}}, "how many units")):
        with painter(offline_url, **settings) as router:
            cost = router.text_to_image("a red bicycle", model="offline/painter:fal-ai").meta.cost
        assert cost.usd is None
        assert why in cost.note


def test_a_transcript_costs_the_price_of_the_call(offline_url: OfflineRouter) -> None:
    price = UnitPrice(Decimal("0.002"), "call", "mine")
    with painter(offline_url, prices={"offline/listener": price}) as router:
        sound = router.text_to_speech("Hello.", model="offline/speaker:fal-ai").data
        reply = router.transcribe(sound, model="offline/listener:hf-inference")
    assert reply.meta.cost.usd == Decimal("0.002")


# -- before the call -------------------------------------------------------------------------------------


def estimate(caller: Any, *arguments: Any, **options: Any) -> Any:
    return caller._wait(caller.router.estimate_cost(*arguments, **options))


@pytest.mark.parametrize(
    "text", ["Hello!", "naïve 你好 🎉", "a b c d e f g h " * 50], ids=["short", "signs", "long"]
)
def test_the_real_cost_lies_in_the_estimated_range(make_plain: Any, text: str) -> None:
    caller = make_plain(model=GROQ)
    told = estimate(caller, text, max_tokens=300, refresh=True)
    reply = caller.chat([{"role": "user", "content": text}], max_tokens=300)
    assert told.low.usd <= reply.meta.cost.usd <= told.high.usd
    assert told.prompt_tokens[0] <= reply.usage.prompt_tokens <= told.prompt_tokens[1]
    assert told.low.date is not None


def test_an_estimate_sends_nothing_unless_it_may_fetch_the_catalogue(
    make: Any, offline_url: OfflineRouter
) -> None:
    caller = make(model=GROQ)
    assert estimate(caller, "Hello!", max_tokens=5).low.usd is None
    assert not offline_url.requests
    for _ in range(2):
        assert estimate(caller, "Hello!", max_tokens=5, refresh=True).low.usd is not None
    assert [request.path for request in offline_url.requests] == ["/v1/models"]


def test_texts_to_embed_have_no_answer_to_pay_for(make_plain: Any) -> None:
    caller = make_plain(model="offline/embed-8", prices={"offline/embed-8": MINE})
    told = estimate(caller, ["one", "two"])
    assert (told.completion_tokens, told.high.usd) == ((0, 0), Decimal(told.prompt_tokens[1]) / 10**6)


def test_an_answer_is_no_longer_than_the_model_s_window(make_plain: Any) -> None:
    caller = make_plain(model=GROQ)
    told = estimate(caller, "Hello!", refresh=True)
    assert told.completion_tokens[1] == 32768
    assert estimate(caller, "Hello!", max_tokens=10**9).completion_tokens[1] == 32768


def test_a_picture_in_a_message_leaves_the_upper_end_open(make_plain: Any) -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    told = estimate(make_plain(model=GROQ), [{"role": "user", "content": parts}], max_tokens=5, refresh=True)
    assert told.low.usd is not None
    assert "image_url" in told.high.note


@pytest.mark.parametrize("content", [[], b"bytes", 3, [1], None], ids=str)
def test_what_cannot_be_sent_cannot_be_estimated(content: Any) -> None:
    with pytest.raises(ConfigError):
        HFRouter(GROQ).estimate_cost(content)


def test_the_router_s_own_prices_are_not_those_of_another_server(make_plain: Any) -> None:
    listed = parse_catalog(
        [{"id": "offline/echo", "providers": [{"provider": "groq", "pricing": {"input": 1, "output": 1}}]}],
        source="the router",
        fetched_at=0.0,
    )
    SHARED.remember(ROUTER_URL, listed)
    assert make_plain(model=GROQ).chat().meta.cost.usd is None
