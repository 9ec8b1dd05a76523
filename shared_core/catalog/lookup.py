"""Ask for a model's facts or price: loaded catalogue, then snapshot, else unknown. Never the network.

Lives here: the order of sources. Not here: the memory of what was found (`answers`), what the facts of many offers
add up to (`facts`), loading a catalogue (the client).
"""

from __future__ import annotations

from dataclasses import replace

from shared_core.catalog.answers import Answers
from shared_core.catalog.facts import ModelFacts, date_of, facts_from, offers_in_reach
from shared_core.catalog.loaded import ROUTER_URL, SHARED, server_key
from shared_core.catalog.models import ModelInfo
from shared_core.catalog.prices import Price, highest_price
from shared_core.catalog.snapshot import shipped
from shared_core.types import POLICIES, ModelRef

_Key = tuple[str, str | None, str | None]
_answers: Answers[_Key, ModelFacts | None] = Answers()


def lookup(model: str, *, base_url: str | None = None, provider: str | None = None) -> ModelFacts | None:
    """What is known of a model, without asking anybody.

    A catalogue loaded from that server comes first, and what it leaves unknown (it never speaks of reasoning,
    for one) is filled from the snapshot; without the model in a catalogue the snapshot answers alone.

    Args:
        model: With or without a suffix. A provider suffix counts as `provider`, a policy suffix as nothing.
        base_url: The server; `None` is the router.
        provider: A provider's name; goes before the suffix. A policy's name counts as `None`.

    Returns:
        The facts, unknown ones `None`; `None` when nothing at all is known of the model.

    Example:
        >>> lookup("openai/gpt-oss-120b:cerebras").context_window
        131072
        >>> lookup("nobody/knows-me") is None
        True
    """
    return _answers.get((model, base_url, provider), _find)


def list_price(model: str, *, base_url: str | None = None, provider: str | None = None) -> Price | None:
    """List price of a model, for an estimate: of the pinned provider, else the highest of the live offers.

    Args as for `lookup`. The snapshot answers for the router alone: elsewhere other prices hold.

    Returns:
        The price with its source and date; `None` when unknown.
    """
    catalog = SHARED.loaded(base_url)
    info = None if catalog is None else catalog.get(model)
    pinned = pinned_provider(model, provider, info)
    if catalog is not None and info is not None:
        day = date_of(catalog.fetched_at)
        price = highest_price(offers_in_reach(info, pinned), source=catalog.source, date=day)
        if price is not None:
            return price
    if server_key(base_url) != ROUTER_URL:
        return None
    row = shipped().get(model)
    return None if row is None else row.price_for(pinned)


def _find(key: _Key) -> ModelFacts | None:
    model, base_url, provider = key
    catalog = SHARED.loaded(base_url)
    info = None if catalog is None else catalog.get(model)
    pinned = pinned_provider(model, provider, info)
    row = shipped().get(model)
    facts = None if row is None else row.facts(pinned)
    if catalog is not None and info is not None:
        seen = facts_from(info, pinned, source=catalog.source, fetched_at=catalog.fetched_at)
        facts = seen.filled_from(facts)
    return None if facts is None else _within_window(facts)


def pinned_provider(model: str, provider: str | None, info: ModelInfo | None) -> str | None:
    """The provider that a call is bound to; None when the router may choose, be it by a policy."""
    if provider is not None:
        return None if provider in POLICIES else provider
    if info is not None and info.id == model:  # the colon, if any, is part of the name
        return None
    return ModelRef.parse(model).provider


def _within_window(facts: ModelFacts) -> ModelFacts:
    """An answer cannot outgrow the window, whatever two sources say of the one and the other."""
    window, longest = facts.context_window, facts.max_output_tokens
    if window is not None and longest is not None and longest > window:
        return replace(facts, max_output_tokens=window)
    return facts
