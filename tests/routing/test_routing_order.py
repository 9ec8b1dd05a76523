"""Whom to ask first, who cannot be asked, and who shares an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from random import Random
from typing import Any

import pytest

from shared_core.catalog import SHARED, parse_catalog
from shared_core.client.lineup import Lineup, Plan, checked_targets
from shared_core.errors import ConfigError
from shared_core.policy.state import Health
from shared_core.routing.abilities import lacks, needs_of
from shared_core.routing.order import in_order
from shared_core.routing.passing_on import account_of
from shared_core.types import ApiKey, Call, ChatRequest, Figures, Progress, Target, Timeouts, Waits

URL = "https://h/v1"


def call_for(request: ChatRequest | None = None) -> Call:
    waits = Waits(Timeouts(), lambda: 0.0, streamed=False)
    return Call(request or ChatRequest([], "m/a"), Target(URL), waits, Progress(0.0))


def offer(provider: str, **about: Any) -> dict[str, Any]:
    return {"provider": provider, "status": "live", **about}


@pytest.fixture(autouse=True)
def catalogue() -> Iterator[None]:
    """Three models, as their host describes them."""
    rows = [
        {
            "id": "m/a",
            "providers": [
                offer(
                    "slow",
                    first_token_latency_ms=900,
                    throughput=20,
                    pricing={"input": 1, "output": 1},
                    context_length=8192,
                    supports_tools=False,
                )
            ],
        },
        {
            "id": "m/b",
            "providers": [
                offer(
                    "fast",
                    first_token_latency_ms=100,
                    throughput=300,
                    pricing={"input": 3, "output": 9},
                    context_length=32768,
                    supports_tools=True,
                )
            ],
        },
        {
            "id": "m/c",
            "architecture": {"input_modalities": ["text"]},
            "providers": [
                offer(
                    "mid",
                    first_token_latency_ms=400,
                    throughput=90,
                    pricing={"input": 0.1, "output": 0.2},
                    supports_structured_output=False,
                )
            ],
        },
    ]
    SHARED.remember(URL, parse_catalog({"data": rows}, source="test", fetched_at=0.0), 0.0)
    yield
    SHARED.clear()


A, B, C = (Target(URL, model=name) for name in ("m/a", "m/b", "m/c"))
UNKNOWN = Target(URL, model="m/unknown")


def order(
    routing: Any, *targets: Target, seen: dict[str, Figures] | None = None, request: Any = None
) -> list[str]:
    seen = seen or {}
    ordered = in_order(
        routing,
        call_for(request),
        targets,
        lambda target: seen.get(target.model, Figures()),
        Random(0).random,
    )
    return [target.model for target in ordered]


def test_fallback_keeps_the_order() -> None:
    assert order("fallback", C, A, B) == ["m/c", "m/a", "m/b"]


def test_throughput_puts_the_fastest_first_and_takes_the_unknown_for_average() -> None:
    assert order("throughput", A, UNKNOWN, B, C) == ["m/b", "m/unknown", "m/c", "m/a"]


def test_latency_puts_the_shortest_time_first() -> None:
    assert order("latency", A, B, C) == ["m/b", "m/c", "m/a"]
    assert order("latency", A, B, C, request=ChatRequest([], "m/a", stream=True)) == ["m/b", "m/c", "m/a"]


def test_what_was_seen_outweighs_the_catalogue_in_time() -> None:
    streamed = ChatRequest([], "m/a", stream=True)
    once = {"m/b": Figures(first_token=2.0, seen=1)}
    often = {"m/b": Figures(first_token=2.0, seen=200)}
    assert order("latency", A, B, seen=once, request=streamed) == ["m/b", "m/a"]
    assert order("latency", A, B, seen=often, request=streamed) == ["m/a", "m/b"]


def test_without_a_catalogue_what_was_seen_decides() -> None:
    SHARED.clear()
    seen = {"m/a": Figures(whole=3.0, seen=1), "m/b": Figures(whole=1.0, seen=1)}
    assert order("latency", A, B, seen=seen) == ["m/b", "m/a"]


def test_cost_puts_the_lowest_price_first_and_unknown_ones_last() -> None:
    assert order("cost", UNKNOWN, A, B, C) == ["m/c", "m/a", "m/b", "m/unknown"]


def test_weights_are_shares_of_the_first_places() -> None:
    dice = Random(1)
    targets = [replace(A, weight=3.0), B]
    firsts = Counter(
        in_order("weighted", call_for(), targets, lambda target: Figures(), dice.random)[0].model
        for _ in repeat(None, 4000)
    )
    assert 0.72 < firsts["m/a"] / 4000 < 0.78


def test_a_function_chooses_by_the_call() -> None:
    def by_size(call: Call, targets: Any) -> Any:
        large = sum(len(message["content"]) for message in call.request.messages) > 10  # type: ignore[union-attr]
        return [target for target in targets if (target.model == "m/b") is large]

    assert order(by_size, A, B, request=ChatRequest([{"content": "short"}], "m/a")) == ["m/a"]
    assert order(by_size, A, B, request=ChatRequest([{"content": "a long question"}], "m/a")) == ["m/b"]


@pytest.mark.parametrize("chosen", [[], None, [Target("https://elsewhere/v1", model="x")], ["m/a"]])
def test_a_function_that_chooses_nobody_or_a_stranger_is_told(chosen: Any) -> None:
    with pytest.raises(ConfigError, match="routing function chose"):
        order(lambda call, targets: chosen, A, B)


IMAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
NEEDS = {
    "tools": ({"tools": [{}]}, [], {"tools"}),
    "no tools after all": ({"tools": [{}], "tool_choice": "none"}, [], set()),
    "a schema": ({"response_format": {"type": "json_schema"}}, [], {"structured_output"}),
    "any JSON": ({"response_format": {"type": "json_object"}}, [], set()),
    "an image": ({}, [IMAGE], {"image_input"}),
    "nothing": (
        {"temperature": 0},
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None}],
        set(),
    ),
}


@pytest.mark.parametrize(("params", "messages", "needs"), NEEDS.values(), ids=NEEDS)
def test_what_a_request_needs(params: Any, messages: Any, needs: set[str]) -> None:
    assert needs_of(ChatRequest(messages, "m", params)) == needs


def test_who_is_known_to_lack_it_is_skipped_and_unknown_counts_as_able() -> None:
    tools, image = frozenset({"tools"}), frozenset({"image_input"})
    assert lacks(A, tools) == "calls no tools"
    assert lacks(C, image) == "sees no images"
    assert lacks(B, tools) == lacks(UNKNOWN, tools) == lacks(A, image) == ""


def plan(routing: Any = "fallback", params: Any = None, **health: Any) -> tuple[list[str], list[str]]:
    lineup = Lineup((B, C), routing)
    choice = Plan(lineup, health=Health(), draw=Random(0).random)(
        call_for(ChatRequest([], "m/a", params or {}))
    )
    return [target.model for target in choice.targets], [
        f"{each.target.model}: {each.why}" for each in choice.skipped
    ]


def test_a_plan_has_the_calls_own_model_first_and_skips_who_cannot() -> None:
    assert plan() == (["m/a", "m/b", "m/c"], [])
    assert plan(params={"tools": [{}]}) == (["m/b", "m/c"], ["m/a: known to be unfit: calls no tools"])
    assert plan("throughput") == (["m/b", "m/c", "m/a"], [])


def test_where_nobody_can_all_are_asked() -> None:
    lineup = Lineup((Target(URL, model="m/a:slow"),))
    choice = Plan(lineup)(call_for(ChatRequest([], "m/a", {"tools": [{}]})))
    assert [target.model for target in choice.targets] == ["m/a", "m/a:slow"]


# --- what a target takes over from its client ---

OWN = Target("https://router.huggingface.co/v1", ApiKey("hf_mine"), "acme", {"x-mine": "1"})


def places(*specs: Any, own: Target = OWN, model: str = "org/name:groq") -> list[Target]:
    return Lineup(checked_targets(specs, "fallback")).places(own, model)[1:]


def test_a_model_is_asked_at_the_clients_own_host_and_account() -> None:
    [place] = places("other/model:novita")
    assert place == replace(OWN, model="other/model:novita")


def test_an_address_gets_the_same_model_without_provider_and_nothing_else() -> None:
    [place] = places("http://localhost:8000/v1/")
    assert place == Target("http://localhost:8000/v1", ApiKey(""), model="org/name")


def test_a_target_elsewhere_gets_no_token_no_payer_and_no_header_of_the_client() -> None:
    [place] = places(Target(model="x", base_url="https://elsewhere/v1"))
    assert (place.key.source, place.bill_to, place.headers) == ("ambient", None, {})


def test_a_target_at_the_same_host_keeps_them_and_its_own_go_before() -> None:
    [place] = places(Target(model="x", base_url=OWN.base_url, bill_to="beta", headers={"X-Mine": "2"}))
    assert (place.key, place.bill_to, place.headers) == (OWN.key, "beta", {"x-mine": "2"})


def test_another_key_is_not_billed_to_the_clients_payer() -> None:
    [place] = places(Target(model="x", api_key="hf_other"))
    assert (place.key.reveal(), place.bill_to) == ("hf_other", None)


def test_a_provider_alone_means_the_calls_model_there() -> None:
    [place] = places(Target(provider="novita"))
    assert place.model == "org/name:novita"


def test_each_target_is_asked_once() -> None:
    assert [place.model for place in places("org/name:groq", "b", "b")] == ["b"]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (7, "not 7"),
        ("", "not ''"),
        (Target(), "names neither"),
        ("org/name with blanks", "holds blanks"),
        (Target(base_url="ftp://x"), "not an absolute address"),
        ({"modell": "x"}, "has no 'modell'"),
    ],
)
def test_what_is_no_target_is_told(spec: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        checked_targets([spec], "fallback")


@pytest.mark.parametrize("weight", [0, -1, True, "2", float("nan")])
def test_a_weight_is_a_number_above_zero(weight: Any) -> None:
    with pytest.raises(ConfigError, match="weight"):
        Target(model="x", weight=weight)


def test_a_single_string_is_no_list_of_targets() -> None:
    with pytest.raises(ConfigError, match="must be a list"):
        checked_targets("org/name", "fallback")  # type: ignore[arg-type]


def test_all_hosts_of_hugging_face_have_one_purse() -> None:
    router, endpoint = OWN, replace(OWN, base_url="https://x.endpoints.huggingface.cloud/v1", model="y")
    assert account_of(router) == account_of(endpoint)
    assert account_of(router) != account_of(replace(router, bill_to=None))
    assert account_of(router) != account_of(replace(router, base_url="https://elsewhere/v1"))


def test_an_unknown_tier_or_routing_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="no tier 'fats'") as caught:
        Lineup.of((), {"fast": ["a"]}, "fats", "fallback")
    assert "fast" in caught.value.hint
    with pytest.raises(ConfigError, match="no routing 'cheap'"):
        Lineup.of((), {}, None, "cheap")
