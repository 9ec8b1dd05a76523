"""What adapters want to know of a model, in one small value.

Lives here: `ModelFacts`, and how a catalogue row with many providers becomes one set of facts.
Not here: finding the row (`lookup`), the shipped facts (`snapshot`).

`None` is "unknown", never "no": LangChain's `profile` leaves such keys out, LlamaIndex's `metadata` takes its
default.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from shared_core.catalog.models import ModelInfo, ProviderOffer

_PDF_WORDS = frozenset({"pdf", "file", "document"})


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Limits and capabilities of a model; `None` is unknown.

    Attributes:
        id: The model's name without a suffix, in the catalogue's spelling.
        context_window: Tokens of prompt and answer together.
        max_output_tokens: The most tokens of one answer.
        tools: Whether it calls tools.
        structured_output: Whether it keeps to a JSON schema (`response_format` json_schema).
        reasoning: Whether it can think before answering.
        source: Where this comes from; two names when gaps of the first were filled from the second.
        date: ISO date of the (first) source.
    """

    id: str
    context_window: int | None = None
    max_output_tokens: int | None = None
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    image_input: bool | None = None
    audio_input: bool | None = None
    video_input: bool | None = None
    pdf_input: bool | None = None
    source: str = ""
    date: str | None = None

    def filled_from(self, other: ModelFacts | None) -> ModelFacts:
        """These facts, with each unknown one taken from `other`; the source then names both."""
        if other is None:
            return self
        gaps = {
            item.name: getattr(other, item.name)
            for item in fields(self)
            if getattr(self, item.name) is None
            and item.name != "date"
            and getattr(other, item.name) is not None
        }
        return replace(self, **gaps, source=f"{self.source}; gaps: {other.source}") if gaps else self


def facts_from(
    info: ModelInfo,
    provider: str | None = None,
    *,
    source: str = "",
    fetched_at: float | None = None,
) -> ModelFacts:
    """Facts of a catalogue row, for one provider or for whichever the router may choose.

    With a provider, its own offer counts and nothing is borrowed from others: contexts differ up to 15-fold
    between providers of one model. A provider that the row does not list leaves the offer's facts unknown.

    Without one, the router may choose any live offer (if all are down: any), so:
    - context: the smallest that is stated, since a longer prompt fails on that route;
    - structured output: True when every offer that says anything says True, else False. A wrong True is a
      failed call, a wrong False only takes the way round by tools or text;
    - tools: True or False when the offers agree, unknown when they differ. There is no way round for tools,
      and a False would make agents refuse a model that most of its providers serve well.

    Args:
        info: The row.
        provider: A provider's name, never a policy; `None` for automatic choice.
        source: Kept in the result.
        fetched_at: Unix time in seconds; becomes the ISO date (UTC).

    Example:
        >>> offers = (ProviderOffer("a", context_length=8192), ProviderOffer("b", context_length=131072))
        >>> facts_from(ModelInfo("org/name", offers=offers)).context_window
        8192
    """
    offers = offers_in_reach(info, provider)
    inputs = info.input_modalities
    contexts = [offer.context_length for offer in offers if offer.context_length is not None]
    tools = {offer.supports_tools for offer in offers} - {None}
    structured = {offer.supports_structured_output for offer in offers} - {None}
    return ModelFacts(
        id=info.id,
        # The row's own limit is stated by servers that are themselves the provider, and by the snapshot.
        context_window=min(contexts, default=info.context_length),
        max_output_tokens=info.max_output_tokens,
        tools=tools.pop() if len(tools) == 1 else None,
        structured_output=structured == {True} if structured else None,
        image_input=_accepts(inputs, {"image"}),
        audio_input=_accepts(inputs, {"audio"}),
        video_input=_accepts(inputs, {"video"}),
        # The router's lists never speak of files, so their silence says nothing about them.
        pdf_input=_accepts(inputs, _PDF_WORDS) or None,
        source=source,
        date=date_of(fetched_at),
    )


def date_of(moment: float | None) -> str | None:
    """ISO date (UTC) of unix seconds."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).date().isoformat()


def offers_in_reach(info: ModelInfo, provider: str | None) -> tuple[ProviderOffer, ...]:
    """The offers that may serve a call: the pinned provider's, else the live ones (all, if none is live)."""
    if provider is not None:
        offer = info.offer(provider)
        return () if offer is None else (offer,)
    return tuple(offer for offer in info.offers if offer.is_live) or info.offers


def _accepts(modalities: tuple[str, ...] | None, wanted: Iterable[str]) -> bool | None:
    return None if modalities is None else not set(wanted).isdisjoint(modalities)
