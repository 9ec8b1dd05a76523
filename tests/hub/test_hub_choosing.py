"""Comparing, recommending and pricing: arithmetic by hand, properties of the ranking, honest gaps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import HFRouter
from shared_core.catalog import Price, ProviderOffer
from shared_core.errors import ConfigError, ModelNotServed
from shared_core.hub import Hub
from shared_core.hub.cards import HubModel
from shared_core.hub.compare import CRITERIA, Row, compared, dominates
from shared_core.hub.cost_report import cost_report
from shared_core.hub.filters import fitting
from shared_core.hub.joined import FoundModel, checked_usage, offer_cost
from shared_core.hub.recommend import PREFERENCES, recommended
from shared_core.providers import Served
from shared_core.testing import OfflineRouter

Ask = Callable[..., Any]


def model(name: str, *offers: ProviderOffer, parameters: int | None = None, likes: int = 0) -> FoundModel:
    return FoundModel(HubModel(name, parameters=parameters, likes=likes), offers)


def offer(provider: str, cost: str | None = None, **more: Any) -> ProviderOffer:
    price = None if cost is None else Decimal(cost)
    return ProviderOffer(provider, "live", input_price=price, output_price=price, **more)


CHEAP = offer("cheap", "0.1", throughput=40.0, first_token_latency_ms=900.0, context_length=8_000)
FAST = offer("fast", "1.2", throughput=400.0, first_token_latency_ms=150.0, context_length=32_000)
WORSE = offer("worse", "2.0", throughput=30.0, first_token_latency_ms=950.0, context_length=4_000)
SILENT = offer("silent")


def test_the_price_of_a_usage_is_exact() -> None:
    offers = ProviderOffer("a", "live", input_price=Decimal("0.15"), output_price=Decimal("0.6"))
    row = compared([(model("o/m", offers), None)], {"input": 1_234_567, "output": 89_012}).rows[0]
    assert row.cost == Decimal("0.15") * 1_234_567 / 10**6 + Decimal("0.6") * 89_012 / 10**6
    assert row.cost == Decimal("0.23859225")


def test_the_best_of_each_column_is_named_and_the_front_is_marked() -> None:
    comparison = compared([(model("o/m", CHEAP, FAST, WORSE, SILENT), None)])
    assert {name: row.provider for name, row in comparison.best.items()} == {
        "cost": "cheap",
        "speed": "fast",
        "latency": "fast",
        "context": "fast",
        "overall": "fast",
    }
    assert {row.provider for row in comparison.rows if row.on_front} == {"cheap", "fast"}


def test_what_nobody_publishes_is_a_gap_and_no_zero() -> None:
    comparison = compared([(model("o/m", CHEAP, SILENT), None), (model("o/unserved"), None)])
    assert comparison.gaps == (
        "o/m at silent: no price, no throughput, no time to the first token, no context published",
        "o/unserved, which nobody serves now: no price, no throughput, no time to the first token, "
        "no context published",
    )
    assert comparison.rows[-1].score is None


def test_weights_are_shown_and_can_be_chosen() -> None:
    comparison = compared([(model("o/m", CHEAP, FAST), None)], weights={"cost": 2})
    assert comparison.weights == {"cost": 1.0}
    assert comparison.best["overall"].provider == "cheap"


@pytest.mark.parametrize(
    "weights",
    [
        *({"beauty": 1.0}, {"cost": -1}, {"cost": 0}, {}, {"cost": True}, {"cost": "much"}, {1: 1}),
        *({"cost": 1e400}, {"speed": float("nan")}, {"cost": 10**400}, {"cost": 1e308, "speed": 1e308}),
        *(["cost"], "cost", 1),
    ],
    ids=lambda weights: str(weights)[:30],
)
def test_weights_that_mean_nothing_are_refused(weights: Any) -> None:
    with pytest.raises(ConfigError):
        compared([(model("o/m", CHEAP), None)], weights=weights)


figures = st.none() | st.integers(0, 5)
rows = st.builds(
    Row, model=st.sampled_from("abc"), cost=figures, speed=figures, latency=figures, context=figures
)


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=8))
def test_the_front_is_what_nobody_dominates(found: list[Row]) -> None:
    for row in found:
        assert not dominates(row, row)
    for one in found:
        for other in found:
            assert not (dominates(one, other) and dominates(other, one))


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 9)] * 4), min_size=1, max_size=6))
def test_somebody_is_on_the_front_and_the_first_row_is_the_best_overall(
    values: list[tuple[int, ...]],
) -> None:
    offers = [
        offer(
            f"p{number}",
            str(cost),
            throughput=float(speed),
            first_token_latency_ms=float(latency),
            context_length=context,
        )
        for number, (cost, speed, latency, context) in enumerate(values)
    ]
    comparison = compared([(model("o/m", *offers), None)])
    assert any(row.on_front for row in comparison.rows)
    assert comparison.rows[0] == comparison.best["overall"]
    assert comparison.rows[0].on_front or len({row.score for row in comparison.rows}) < len(values)
    assert all(0 <= (row.score or 0.0) <= 1.0 + 1e-9 for row in comparison.rows)


SMALL = model("o/small", CHEAP, parameters=8_000_000_000, likes=10)
LARGE = model("o/large", FAST, parameters=70_000_000_000, likes=900)


@pytest.mark.parametrize(
    ("prefer", "first"),
    [("cost", "o/small:cheap"), ("speed", "o/large:fast"), ("quality", "o/large:fast")],
)
def test_a_recommendation_follows_what_is_preferred(prefer: str, first: str) -> None:
    found = recommended([SMALL, LARGE], prefer)
    assert found.ranked[0].model == first
    assert found.ranked[0].reasons
    assert [each.score for each in found.ranked] == sorted(
        (each.score for each in found.ranked), reverse=True
    )


def test_alternatives_say_what_would_be_cheaper_faster_and_larger() -> None:
    found = recommended([SMALL, LARGE], "cost")
    assert found.cheaper is None
    assert (found.faster.provider, found.larger.model) == ("fast", "o/large")  # type: ignore[union-attr]
    assert recommended([SMALL, LARGE], "speed").cheaper.provider == "cheap"  # type: ignore[union-attr]


def test_quality_says_that_it_goes_by_a_proxy() -> None:
    reasons = recommended([SMALL, LARGE], "quality").ranked[0].reasons
    assert "70 billion weights, as a proxy of quality" in reasons


def served(name: str, *providers: str, likes: int = 0) -> FoundModel:
    """A model that the Hub says is served, of which the router's catalogue knows nothing."""
    mapping = tuple(Served(provider, name, "live", "text-to-image") for provider in providers)
    return FoundModel(HubModel(name, likes=likes, served=mapping))


def test_where_nobody_publishes_figures_the_hubs_order_is_left_and_the_reason_says_so() -> None:
    found = recommended([served("o/b", "fal-ai"), served("o/a", "replicate")], "cost")
    assert [each.model for each in found.ranked] == ["o/b:fal-ai", "o/a:replicate"]
    assert found.ranked[1].reasons == ("number 2 in the Hub's order; nobody publishes its price or speed",)


def test_who_serves_without_being_in_the_catalogue_is_a_gap_and_not_nobody() -> None:
    comparison = compared([(served("o/a", "fal-ai", "replicate"), None)])
    assert [row.provider for row in comparison.rows] == ["fal-ai", "replicate"]
    assert all("which nobody serves" not in gap for gap in comparison.gaps)
    assert compared([(served("o/a", "fal-ai", "replicate"), "replicate")]).rows[0].provider == "replicate"


def test_a_report_names_also_those_that_the_catalogue_does_not_know() -> None:
    report = cost_report([served("o/a", "fal-ai"), model("o/none")], {"input": 1})
    assert report.rows == ()
    assert report.unpriced == ("o/a at fal-ai", "o/none, which nobody serves now")


HAND_WORKED: dict[str, tuple[str, str, float | int | Decimal, float | int | Decimal, str]] = {
    "a million each": ("0.1", "0.5", 1_000_000, 1_000_000, "0.6"),
    "input alone": ("0.01", "9", 1_000_000_000, 0, "10"),
    "one token": ("0.15", "0.6", 1, 0, "0.00000015"),
    "a price with many digits": ("0.123456789", "0", 3, 0, "0.000000370370367"),
    "thirty billion at a third of a cent": ("0.0033", "0.0099", 30 * 10**9, 10 * 10**9, "198"),
    "half tokens, as averages have": ("2", "4", 0.5, Decimal("1.5"), "0.000007"),
    "what floats cannot add": ("0.1", "0.2", 1_000_000, 1_000_000, "0.3"),
}


@pytest.mark.parametrize(
    ("input_price", "output_price", "read", "written", "usd"), HAND_WORKED.values(), ids=HAND_WORKED.keys()
)
def test_costs_are_those_worked_by_hand(
    input_price: str, output_price: str, read: Any, written: Any, usd: str
) -> None:
    one = ProviderOffer("a", "live", input_price=Decimal(input_price), output_price=Decimal(output_price))
    assert offer_cost(one, checked_usage({"input": read, "output": written})) == Decimal(usd)
    report = cost_report([model("o/m", one)], {"input": read, "output": written})
    assert report.rows[0].usd == Decimal(usd)


def test_local_embeddings_pay_from_as_many_tokens_on_as_their_machine_costs() -> None:
    # 0.02 USD a million, input alone: 30 USD a month are 1.5 billion tokens.
    remote = ProviderOffer("a", "live", input_price=Decimal("0.02"))
    report = cost_report([model("o/embed", remote)], {"input": 10**6}, "30")
    assert report.rows[0].usd == Decimal("0.02")
    assert report.rows[0].break_even_tokens == 1_500_000_000


@settings(deadline=None)
@given(
    st.decimals("0.000001", "100", places=6), st.integers(1, 10**12), st.decimals("0.01", "10000", places=2)
)
def test_the_break_even_is_the_first_number_of_tokens_that_costs_at_least_the_machine(
    price: Decimal, tokens: int, machine: Decimal
) -> None:
    one = ProviderOffer("a", "live", input_price=price)
    even = cost_report([model("o/m", one)], {"input": tokens}, str(machine)).rows[0].break_even_tokens
    assert even is not None
    assert Fraction(price) * even >= Fraction(machine) * 10**6 > Fraction(price) * (even - 1)


def test_the_break_even_goes_by_no_decimal_context_of_the_programs_own() -> None:
    offers = ProviderOffer("a", "live", input_price=Decimal("0.3"), output_price=Decimal("0.7"))
    usage = {"input": 123456789, "output": 987654321}
    usual = cost_report([model("o/m", offers)], usage, "4900.25").rows
    with localcontext(Context(prec=3, traps=[Inexact])):
        assert cost_report([model("o/m", offers)], usage, "4900.25").rows == usual


@settings(deadline=None)
@given(st.permutations([CHEAP, FAST, WORSE, SILENT]))
def test_the_ranking_does_not_depend_on_the_order_of_the_offers(offers: list[ProviderOffer]) -> None:
    comparison = compared([(model("o/m", *offers), None)])
    assert [row.provider for row in comparison.rows] == ["fast", "cheap", "worse", "silent"]


def test_a_recommendation_has_as_many_as_were_asked_for_and_no_other_number(ask: Ask) -> None:
    assert len(ask("recommend", limit=2).ranked) == 2
    with pytest.raises(ConfigError, match="limit=0"):
        ask("recommend", limit=0)


def test_a_preference_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="no preference 'beauty'"):
        recommended([SMALL], "beauty")
    assert all(name in CRITERIA for weights in PREFERENCES.values() for name in weights)


def test_a_month_is_priced_for_each_provider_and_a_machine_pays_from_some_tokens_on() -> None:
    report = cost_report([model("o/m", CHEAP, FAST, SILENT)], {"input": 10**9}, "60")
    assert [(row.provider, row.usd) for row in report.rows] == [
        ("cheap", Decimal(100)),
        ("fast", Decimal(1200)),
    ]
    assert [row.break_even_tokens for row in report.rows] == [600_000_000, 50_000_000]
    assert report.unpriced == ("o/m at silent",)


@pytest.mark.parametrize(
    "machine", ["much", "-1", "1e3", "", "9" * 5000, Decimal("NaN"), Decimal(-1)], ids=repr
)
def test_a_machine_has_a_price_in_dollars(machine: Any) -> None:
    with pytest.raises(ConfigError):
        cost_report([], {"input": 1}, machine)


def test_a_machine_may_cost_any_decimal() -> None:
    assert cost_report([], {"input": 1}, Decimal("1E+3")).machine_usd == 1000


@pytest.mark.parametrize(
    "count",
    [-1, True, "7", None, 10**18, float("nan"), Decimal("NaN"), Decimal("sNaN"), Decimal("1e-999999")],
    ids=repr,
)
def test_a_usage_is_a_number_of_tokens(count: Any) -> None:
    with pytest.raises(ConfigError, match="no number of tokens"):
        checked_usage({"input": count})


def test_a_free_offer_without_a_price_has_none_in_json() -> None:
    free = ProviderOffer("free", "live", is_free=True)
    cheap = ProviderOffer("cheap", "live", input_price=Decimal("1E-7"), output_price=Decimal("2E+1"))
    assert model("o/m", free).as_dict()["input_price"] is None
    told = model("o/m", cheap).as_dict()
    assert (told["input_price"], told["output_price"]) == ("0.0000001", "20")


# -- asked of the offline Hub ------------------------------------------------------------------------------


def test_models_are_compared_over_the_wire(ask: Ask) -> None:
    comparison = ask("compare_models", ["offline/tools:groq", "offline/echo"], {"input": 1e6, "output": 2e5})
    assert {row.provider for row in comparison.rows if row.model == "offline/tools"} == {"groq"}
    assert len({row.provider for row in comparison.rows if row.model == "offline/echo"}) > 3
    assert next(row for row in comparison.rows if row.provider == "groq").cost == Decimal("0.2")
    assert comparison.priced_on is not None
    assert comparison.as_dict()["best"]["cost"].endswith(":offline")


def test_a_recommendation_is_made_of_what_the_hub_lists(ask: Ask) -> None:
    found = ask("recommend", prefer="cost", capability=["tools"], limit=2)
    assert [each.model for each in found.ranked] == ["offline/tools:offline"]


def test_who_is_recommended_fulfils_every_constraint_alone(ask: Ask) -> None:
    found = ask("recommend", prefer="speed", provider="groq")
    assert {row.provider for row in found.comparison.rows} == {"groq"}
    assert all(each.model.endswith(":groq") for each in found.ranked)


def test_a_cheap_offer_does_not_speak_for_a_dear_one() -> None:
    both = model("o/m", CHEAP, FAST, SILENT)
    assert [each.provider for each in fitting(both, {"max_price": "1"}).offers] == ["cheap"]  # type: ignore[union-attr]
    assert [each.provider for each in fitting(both, {"min_context": 9_000}).offers] == ["fast"]  # type: ignore[union-attr]
    assert fitting(both, {"max_price": "1", "min_context": 9_000}) is None
    assert fitting(both, {"allow_licenses": ["permissive"]}) is both


def test_a_model_that_is_named_twice_is_compared_once(ask: Ask) -> None:
    comparison = ask("compare_models", ["offline/echo", "offline/echo:groq"])
    assert len([row for row in comparison.rows if row.provider == "groq"]) == 1


def test_tokens_are_told_by_their_kind(ask: Ask) -> None:
    with pytest.raises(ConfigError, match="no number of tokens by kind"):
        ask("cost_report", ["offline/echo"], 10**6)


def test_a_report_names_who_has_no_price(ask: Ask) -> None:
    report = ask("cost_report", ["offline/echo"], {"input": 10**7, "output": 10**6})
    assert report.rows[0].provider == "offline"
    assert "offline/echo at featherless-ai" in report.unpriced


EMBEDDING_PRICES = {
    "Qwen/Qwen3-Embedding-8B:scaleway": {
        "input": "0.10",
        "output": "0",
        "source": "mine",
        "date": "2026-11-01",
    }
}


def test_embeddings_at_providers_are_set_against_a_machine_by_prices_of_ones_own(
    offline_url: OfflineRouter,
) -> None:
    hub = Hub(HFRouter(base_url=offline_url, hub_url=offline_url.root, prices=EMBEDDING_PRICES))
    models = ["Qwen/Qwen3-Embedding-8B", "Qwen/Qwen3-Embedding-0.6B", "offline/minilm:together"]
    report = hub.cost_report(models, {"input": 10**9}, machine_usd="60")
    (row,) = report.rows
    assert (row.model, row.provider, row.usd) == ("Qwen/Qwen3-Embedding-8B", "scaleway", Decimal(100))
    # 60 USD at 0.10 for a million: 600 million tokens a month.
    assert (row.break_even_tokens, row.source) == (600_000_000, "mine of 2026-11-01")
    assert report.unpriced == ("Qwen/Qwen3-Embedding-0.6B at deepinfra", "offline/minilm at together")


def test_ones_own_price_goes_before_the_catalogues() -> None:
    own = Price(Decimal("0.05"), Decimal(0), source="my contract")
    report = cost_report([model("o/m", CHEAP)], {"input": 10**9}, "60", {"o/m:cheap": own}.get)
    assert [(row.usd, row.source) for row in report.rows] == [(Decimal(50), "my contract")]


def test_a_model_that_nobody_serves_is_not_passed_over() -> None:
    assert cost_report([model("o/m")], {"input": 1}).unpriced == ("o/m, which nobody serves now",)


def test_a_model_that_is_not_there_is_named(ask: Ask) -> None:
    with pytest.raises(ModelNotServed, match="no/such"):
        ask("compare_models", ["offline/echo", "no/such"])


@pytest.mark.parametrize(
    "name", [None, 5, ["a"], b"a/b", "\ud800", "a\0b", "a\nb", "", "../x", "a/b/c"], ids=ascii
)
def test_what_is_no_models_id_is_not_asked_after(ask: Ask, host: OfflineRouter, name: Any) -> None:
    for method, arguments in (("model_info", (name,)), ("compare_models", ([name],))):
        with pytest.raises(ConfigError, match="is no model's id"):
            ask(method, *arguments)
    assert not [one for one in host.requests if one.path.startswith("/api/models")]


@pytest.mark.parametrize("models", [5, None, [], "offline/echo"], ids=repr)
def test_models_that_are_no_list_are_refused(ask: Ask, models: Any) -> None:
    with pytest.raises(ConfigError, match="no models to look at"):
        ask("compare_models", models)


def test_a_model_that_is_named_twice_is_priced_once(ask: Ask) -> None:
    once = ask("cost_report", ["offline/echo"], {"input": 1})
    assert ask("cost_report", ["offline/echo", "offline/echo:groq", "offline/echo"], {"input": 1}) == once


@pytest.mark.parametrize("prefer", ["beauty", None, [], 3], ids=repr)
def test_there_are_four_preferences(prefer: Any) -> None:
    with pytest.raises(ConfigError, match="no preference"):
        recommended([model("o/m", CHEAP)], prefer)
