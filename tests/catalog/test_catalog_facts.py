"""From offers to facts and prices, for a pinned provider and for automatic choice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared_core.catalog import ModelFacts, ModelInfo, ProviderOffer, facts_from
from shared_core.catalog.facts import offers_in_reach
from shared_core.catalog.prices import Price, highest_price


def facts(*offers: ProviderOffer, provider: str | None = None, **row: object) -> ModelFacts:
    return facts_from(ModelInfo("m", offers=offers, **row), provider)


def offer(name: str, status: str | None = "live", **fields: object) -> ProviderOffer:
    return ProviderOffer(name, status, **fields)


SMALL = offer("small", context_length=65536)
LARGE = offer("large", context_length=1_000_000)
BARE = offer("bare")
DOWN = offer("down", "error", context_length=1024)


@pytest.mark.parametrize(
    ("offers", "provider", "context"),
    [
        pytest.param((LARGE, SMALL, BARE), None, 65536, id="automatic: the smallest stated"),
        pytest.param((LARGE, SMALL, DOWN), None, 65536, id="automatic: an offer that is down does not count"),
        pytest.param((DOWN,), None, 1024, id="automatic: all down, so all count"),
        pytest.param((BARE,), None, None, id="automatic: nobody says"),
        pytest.param((LARGE, SMALL), "large", 1_000_000, id="pinned: its own"),
        pytest.param((LARGE, DOWN), "down", 1024, id="pinned: its own, though down"),
        pytest.param((LARGE, BARE), "bare", None, id="pinned: nothing borrowed from others"),
        pytest.param((LARGE,), "stranger", None, id="pinned: a provider that is not listed"),
        pytest.param((), None, None, id="no offers"),
    ],
)
def test_the_context_is_one_that_every_possible_route_can_hold(offers, provider, context):
    assert facts(*offers, provider=provider).context_window == context


def test_a_server_that_is_itself_the_provider_states_its_own_limits():
    assert facts(context_length=4096, max_output_tokens=512) == ModelFacts(
        "m", context_window=4096, max_output_tokens=512
    )


@pytest.mark.parametrize(
    ("claims", "tools", "structured"),
    [
        pytest.param([True, True, None], True, True, id="all who speak say yes"),
        pytest.param([False, None], False, False, id="all who speak say no"),
        pytest.param([True, False], None, False, id="they differ"),
        pytest.param([None, None], None, None, id="nobody speaks"),
    ],
)
def test_capabilities_merge_with_care(claims, tools, structured):
    merged = facts(
        *(
            offer(f"p{n}", supports_tools=claim, supports_structured_output=claim)
            for n, claim in enumerate(claims)
        )
    )
    assert (merged.tools, merged.structured_output) == (tools, structured)


def test_a_pinned_provider_answers_for_itself():
    can, cannot = offer("can", supports_tools=True), offer("cannot", supports_tools=False)
    assert facts(can, cannot, provider="can").tools is True
    assert facts(can, cannot, provider="cannot").tools is False


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param(None, (None, None, None, None), id="not said"),
        pytest.param(("text",), (False, False, False, None), id="text alone says nothing of files"),
        pytest.param(("text", "image", "video"), (True, False, True, None), id="image and video"),
        pytest.param(("text", "audio", "file"), (False, True, False, True), id="audio and file"),
    ],
)
def test_inputs_follow_from_modalities(inputs, expected):
    seen = facts(input_modalities=inputs)
    assert (seen.image_input, seen.audio_input, seen.video_input, seen.pdf_input) == expected


def test_the_moment_of_fetching_becomes_a_date():
    assert facts_from(ModelInfo("m"), source="s", fetched_at=1_795_000_000.0).date == "2026-11-18"
    assert facts_from(ModelInfo("m")).date is None


def test_gaps_are_filled_and_both_sources_named():
    first = ModelFacts("m", context_window=10, structured_output=False, source="live", date="2026-11-18")
    second = ModelFacts(
        "m", context_window=99, structured_output=True, reasoning=True, source="old", date="2026-01-01"
    )
    assert first.filled_from(second) == ModelFacts(
        "m",
        context_window=10,
        structured_output=False,
        reasoning=True,
        source="live; gaps: old",
        date="2026-11-18",
    )


def test_facts_without_gaps_to_fill_stay_as_they_are():
    first = ModelFacts("m", context_window=10, source="live")
    assert first.filled_from(None) is first
    assert first.filled_from(ModelFacts("m", context_window=99, source="old", date="2026-01-01")) is first


def test_the_price_of_an_automatic_choice_is_the_highest_of_the_live_offers():
    cheap = offer("a", input_price=Decimal("0.42"), output_price=Decimal(3))
    dear = offer("b", input_price=Decimal("0.99"), output_price=Decimal("1.49"))
    half = offer("c", input_price=Decimal(50))
    down = offer("d", "error", input_price=Decimal(70), output_price=Decimal(70))
    info = ModelInfo("m", offers=(cheap, dear, half, down))

    def price(provider: str | None) -> Price | None:
        return highest_price(offers_in_reach(info, provider), source="s", date=None)

    assert price(None) == Price(Decimal("0.99"), Decimal(3), "s")
    assert price("b") == Price(Decimal("0.99"), Decimal("1.49"), "s")
    assert price("c") is None
