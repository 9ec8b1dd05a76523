"""The catalogue as values: who serves which model, with which limits and at which price.

Lives here: the value types and the one tolerant reader of a `/v1/models` reply.
Not here: fetching (the client does that), capabilities as adapters ask for them (`facts`), facts shipped
with the package (`snapshot`).

Tolerant on purpose: of a router entry only provider, status and is_model_author are always there, and plain
OpenAI-compatible servers send little more than ids. A field that is missing or of the wrong type becomes
`None`, which means "unknown" everywhere in this room, because one bad row must not cost the user the whole
list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

# Where servers other than the router say how long a context they serve; the first one found counts.
# Sources: `max_model_len` vLLM and SGLang, `context_length` Together and OpenRouter, `context_window` Groq,
# `max_input_tokens` LiteLLM's proxy. TGI and `transformers serve` 5.23 say nothing.
_CONTEXT_KEYS = ("context_length", "max_model_len", "context_window", "max_input_tokens")
# llama.cpp's `meta`: `n_ctx`, where a build sends it, is what is served, `n_ctx_train` what was trained for.
_LLAMA_CPP_CONTEXT_KEYS = ("n_ctx", "n_ctx_train")
_OUTPUT_KEYS = ("max_output_tokens", "max_completion_tokens")  # the second is Groq's

# The router documents no price for cached tokens; these are the names it would have at models.dev and elsewhere.
_CACHED_KEYS = ("cached_input", "cache_read")

_HIGHEST_PRICE = 10**9  # USD per million tokens; anything above is noise, and bounds the digits we parse
_PRICE_DIGITS = 12  # significant ones; a float's noise begins at the 16th


@dataclass(frozen=True, slots=True)
class ProviderOffer:
    """What one provider offers for one model; `None` is unknown.

    Attributes:
        provider: The provider's name as it stands in a model suffix, such as `"groq"`.
        status: `"live"`, `"error"` or whatever else the router says.
        context_length: Tokens of prompt and answer together.
        input_price: USD per million prompt tokens.
        output_price: USD per million generated tokens.
        cached_input_price: USD per million prompt tokens that the provider had in its cache.
        first_token_latency_ms: Milliseconds, as the router measured it.
        throughput: Tokens per second, as the router measured it.
        is_model_author: Whether the provider made the model.
    """

    provider: str
    status: str | None = None
    context_length: int | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    is_free: bool | None = None
    supports_tools: bool | None = None
    supports_structured_output: bool | None = None
    first_token_latency_ms: float | None = None
    throughput: float | None = None
    is_model_author: bool | None = None
    cached_input_price: Decimal | None = None

    @property
    def is_live(self) -> bool:
        """Whether the router may choose this offer: it says live, or says nothing."""
        return self.status is None or self.status == "live"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One row of a catalogue.

    Attributes:
        id: The model's name as requests spell it, without a suffix.
        created: Unix time in seconds.
        input_modalities: Such as `("text", "image")`; `None` when the server does not say.
        offers: One per provider, in the server's order; empty for a server that is itself the provider.
        context_length: Tokens, where the server states one for the model itself (vLLM, llama.cpp, a
            provider).
        max_output_tokens: Likewise, the most tokens of one answer.
    """

    id: str
    owned_by: str | None = None
    created: int | None = None
    input_modalities: tuple[str, ...] | None = None
    output_modalities: tuple[str, ...] | None = None
    offers: tuple[ProviderOffer, ...] = ()
    context_length: int | None = None
    max_output_tokens: int | None = None

    def offer(self, provider: str) -> ProviderOffer | None:
        """The named provider's offer, a live one first; `None` when it has none."""
        named = [offer for offer in self.offers if offer.provider == provider]
        return next((offer for offer in named if offer.is_live), named[0] if named else None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models of one server at one time. Iterating gives `ModelInfo` in the server's order.

    Attributes:
        models: By id.
        source: Where it came from, for messages and `ModelFacts.source`.
        fetched_at: Unix time in seconds, `None` when unknown.

    Example:
        >>> catalog = parse_catalog([{"id": "org/name"}], source="example", fetched_at=None)
        >>> catalog.get("Org/Name:groq").id
        'org/name'
    """

    models: Mapping[str, ModelInfo]
    source: str
    fetched_at: float | None = None
    _folded: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded: dict[str, str] = {}
        for model_id in self.models:
            folded.setdefault(model_id.casefold(), model_id)
        object.__setattr__(self, "_folded", folded)

    def get(self, model_id: str) -> ModelInfo | None:
        """The model's row: the exact id, else without its suffix, else without regard to case.

        The exact id comes first because on some local servers the colon belongs to the name (`llama3.2:3b`).
        """
        if found := self.models.get(model_id):
            return found
        repo = model_id.partition(":")[0]
        if found := self.models.get(repo):
            return found
        spelled = self._folded.get(model_id.casefold()) or self._folded.get(repo.casefold())
        return self.models[spelled] if spelled is not None else None

    def __contains__(self, model_id: object) -> bool:
        return isinstance(model_id, str) and self.get(model_id) is not None

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self.models.values())

    def __len__(self) -> int:
        return len(self.models)


def parse_catalog(payload: object, *, source: str, fetched_at: float | None) -> Catalog:
    """Read a `/v1/models` reply, of the router or of any OpenAI-compatible server.

    Args:
        payload: Decoded JSON: `{"object": "list", "data": [...]}`, one model's object, or a bare list of
            objects.
        source: Where it came from, such as its URL; kept for messages.
        fetched_at: Unix time in seconds of the reply; `None` when unknown.

    Returns:
        The catalogue. Rows without an id are left out; of two rows with one id the first counts.

    Raises:
        ValueError: The payload is no catalogue at all (an error body, a page of HTML, a number).

    Example:
        >>> reply = {"data": [{"id": "m", "max_model_len": 4096}]}
        >>> parse_catalog(reply, source="example", fetched_at=None).get("m").context_length
        4096
    """
    models: dict[str, ModelInfo] = {}
    for row in _rows(payload, source):
        info = _model(row)
        if info is not None:
            models.setdefault(info.id, info)
    return Catalog(models=models, source=source, fetched_at=fetched_at)


def _rows(payload: object, source: str) -> list[Mapping[str, Any]]:
    rows: object = payload
    if isinstance(payload, Mapping):
        rows = payload.get("data")
        if rows is None and _text(payload.get("id")) is not None:
            rows = [payload]
    if not isinstance(rows, list):
        raise ValueError(f"{source} is not a model catalogue: {_describe(payload)}")
    objects = [row for row in rows if isinstance(row, Mapping)]
    if rows and not objects:
        raise ValueError(f"{source} is not a model catalogue: a list in which no item is an object")
    return objects


def _describe(payload: object) -> str:
    """Shape, not content: an error body may echo what must not reach a log."""
    if isinstance(payload, Mapping):
        keys = ", ".join(sorted(str(key)[:40] for key in list(payload)[:8])) or "none"
        return f'an object with neither a list "data" nor an "id" (its keys: {keys})'
    return f"expected an object or a list, got {type(payload).__name__}"


def _model(row: Mapping[str, Any]) -> ModelInfo | None:
    model_id = _text(row.get("id"))
    if model_id is None:
        return None
    architecture = _mapping(row.get("architecture"))
    providers = row.get("providers")
    offers = (
        [_offer(item) for item in providers if isinstance(item, Mapping)]
        if isinstance(providers, list)
        else []
    )
    return ModelInfo(
        id=model_id,
        owned_by=_text(row.get("owned_by")),
        created=_moment(row.get("created")),
        input_modalities=_words(architecture.get("input_modalities")),
        output_modalities=_words(architecture.get("output_modalities")),
        offers=tuple(offer for offer in offers if offer is not None),
        context_length=_first_count(row, _CONTEXT_KEYS)
        or _first_count(_mapping(row.get("meta")), _LLAMA_CPP_CONTEXT_KEYS),
        max_output_tokens=_first_count(row, _OUTPUT_KEYS),
    )


def _offer(row: Mapping[str, Any]) -> ProviderOffer | None:
    provider = _text(row.get("provider"))
    if provider is None:
        return None
    pricing = _mapping(row.get("pricing"))
    return ProviderOffer(
        provider=provider,
        status=_text(row.get("status")),
        context_length=_count(row.get("context_length")),
        input_price=read_price(pricing.get("input")),
        output_price=read_price(pricing.get("output")),
        is_free=_flag(row.get("is_free")),
        supports_tools=_flag(row.get("supports_tools")),
        supports_structured_output=_flag(row.get("supports_structured_output")),
        first_token_latency_ms=_measure(row.get("first_token_latency_ms")),
        throughput=_measure(row.get("throughput")),
        is_model_author=_flag(row.get("is_model_author")),
        cached_input_price=next(
            (price for key in _CACHED_KEYS if (price := read_price(pricing.get(key))) is not None), None
        ),
    )


def read_price(value: object) -> Decimal | None:
    """USD per million tokens from a JSON number or numeric string; `None` for anything else.

    Rounded to 12 significant digits, which turns the router's float noise (0.9299999999999999) into what was
    meant.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, int) and value > _HIGHEST_PRICE:  # before str(): huge integers refuse to become text
        return None
    price = Context(prec=_PRICE_DIGITS, traps=[]).create_decimal(str(value).strip())
    if not price.is_finite() or not 0 <= price <= _HIGHEST_PRICE or price.adjusted() < -_PRICE_DIGITS:
        return None
    price = price.normalize()
    # normalize() spells 100 as 1E+2, which is right and unreadable
    return price.quantize(Decimal(1)) if price == price.to_integral_value() else price


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    """A whole positive number; zero is how servers spell "not set"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _moment(value: object) -> int | None:
    """Whole unix seconds; `transformers serve` sends a fraction along."""
    seconds = _measure(value)
    return None if seconds is None else int(seconds)


def _first_count(row: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((count for key in keys if (count := _count(row.get(key))) is not None), None)


def _measure(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond any float: noise
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _words(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(word.lower() for word in value if isinstance(word, str) and word) or None
