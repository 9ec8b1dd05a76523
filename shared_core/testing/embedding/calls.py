"""From a request body to a checked `EmbedCall`, or to the refusal that the real thing would answer with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from shared_core.testing.record import Received
from shared_core.testing.refusals import Refusal, bad_shape
from shared_core.testing.validate import decode_body, json_type

from .models import EmbeddingModel
from .quirks import EmbedQuirks
from .refusals import OpenAIDialect, TeiDialect, payload_too_large

__all__ = [
    "Dialect",
    "EmbedCall",
    "Limits",
    "check_size",
    "flag",
    "read_bare",
    "read_body",
    "read_openai",
    "refuse_unknown",
    "sound",
    "text_list",
]

Dialect = TeiDialect | OpenAIDialect


@dataclass(frozen=True, slots=True)
class Limits:
    """What a route takes at a time.

    Attributes:
        texts: Texts in one request, None for any number.
        status: Status of the refusal when there are more.
        bytes: Size of the body.
    """

    texts: int | None = None
    status: int = 413
    bytes: int = 2_000_000


@dataclass(frozen=True, slots=True)
class EmbedCall:
    """A checked request for vectors.

    Attributes:
        model: The model that answers.
        texts: Prompts already in place.
        alone: Whether one text was sent by itself, not in a list.
        normalize: Whether vectors get length 1.
        truncate: Whether long texts are cut rather than refused.
        left: Whether cutting takes away the beginning.
        dimensions: Length that vectors are cut to, None for the model's own.
        base64: Whether vectors are packed.
    """

    model: EmbeddingModel
    texts: Sequence[str]
    alone: bool = False
    normalize: bool = True
    truncate: bool = False
    left: bool = False
    dimensions: int | None = None
    base64: bool = False


def read_body(received: Received, limits: Limits) -> dict[str, Any]:
    """The body as an object, or the refusal it deserves."""
    if len(received.raw) > limits.bytes:
        raise payload_too_large()
    return received.json if isinstance(received.json, dict) else decode_body(received.raw)


def read_bare(body: dict[str, Any], model: EmbeddingModel) -> EmbedCall:
    """A body of TEI or hf-inference: `{"inputs": ...}` with the options flat beside it."""
    texts, alone = _inputs(body, "inputs", "Input")
    normalize = flag(body, "normalize")
    return EmbedCall(
        model,
        _prompted(body, texts, model, TeiDialect()),
        alone,
        True if normalize is None else normalize,
        bool(flag(body, "truncate")),
        _left(body),
        _dimensions(body, model, TeiDialect()),
    )


def read_openai(body: dict[str, Any], model: EmbeddingModel, quirks: EmbedQuirks) -> EmbedCall:
    """A body of an OpenAI-like server: `{"model": ..., "input": ...}`."""
    dialect = OpenAIDialect()
    texts, alone = _inputs(body, "input", "Input")
    wanted = body.get("encoding_format") or "float"
    if wanted not in ("float", "base64"):
        raise dialect.invalid(f"'encoding_format' must be float or base64, not {wanted!r}.")
    if wanted == "base64" and quirks.base64 == "refuse":
        raise dialect.invalid("encoding_format=base64 is not supported.")
    dimensions = _dimensions(body, model, dialect)
    if dimensions not in (None, model.dimensions) and not model.matryoshka:
        text = f'Model "{model.id}" does not support matryoshka representation.'
        raise dialect.invalid(text)
    base64 = wanted == "base64" and quirks.base64 == "yes"
    return EmbedCall(model, texts, alone, True, False, False, dimensions, base64)


def check_size(texts: Sequence[str], dialect: Dialect, limits: Limits, quirks: EmbedQuirks) -> None:
    """Refuse too many, too much, nothing, and the one text that is not taken."""
    if not texts:
        raise dialect.nothing()
    own = quirks.max_texts is not None
    limit, status = (quirks.max_texts, quirks.over_status) if own else (limits.texts, limits.status)
    if limit is not None and len(texts) > limit:
        raise dialect.too_many(len(texts), limit, status)
    if quirks.max_characters is not None:
        characters = sum(map(len, texts))
        if characters > quirks.max_characters:
            raise dialect.too_large(characters, quirks.max_characters, quirks.over_status)
    if dialect.refuses_empty if quirks.refuse_empty is None else quirks.refuse_empty:
        for index, text in enumerate(texts):
            if not text:
                raise dialect.empty(index)
    if quirks.refuse_marker:
        for index, text in enumerate(texts):
            if quirks.refuse_marker in text:
                raise dialect.bad_text(index if quirks.name_index else None, quirks.refuse_status)


def flag(body: dict[str, Any], key: str) -> bool | None:
    """A boolean, or None where it is absent or null."""
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise bad_shape(f"{key}: invalid type: {json_type(value)}, expected a boolean at line 1 column 0")
    return value


def sound(text: str) -> str:
    """The text, unless half a surrogate pair is in it, at which Rust's JSON parsers stop."""
    try:
        text.encode()
    except UnicodeEncodeError:
        where = "lone leading surrogate in hex escape at line 1 column 0"
        raise Refusal(400, f"Failed to parse the request body as JSON: {where}") from None
    return text


def text_list(value: object) -> TypeGuard[list[str]]:
    """Whether a value is a list of strings alone."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _inputs(body: dict[str, Any], key: str, name: str) -> tuple[list[str], bool]:
    if key not in body:
        raise bad_shape(f"missing field `{key}` at line 1 column 0")
    value = body[key]
    if isinstance(value, str):
        return [sound(value)], True
    if not text_list(value):
        # Token ids end here too: neither TEI before 1.6 nor most providers take them.
        raise bad_shape(f"{key}: data did not match any variant of untagged enum {name} at line 1 column 0")
    return [sound(text) for text in value], False


def _left(body: dict[str, Any]) -> bool:
    value = body.get("truncation_direction")
    if value not in (None, "Left", "Right"):
        text = f"unknown variant `{value}`, expected `Left` or `Right` at line 1 column 0"
        raise bad_shape(f"truncation_direction: {text}")
    return bool(value == "Left")


def _dimensions(body: dict[str, Any], model: EmbeddingModel, dialect: Dialect) -> int | None:
    value = body.get("dimensions")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_shape(f"dimensions: invalid type: {json_type(value)}, expected usize at line 1 column 0")
    if not 1 <= value <= model.dimensions:
        raise dialect.invalid(f"`dimensions` must be between 1 and {model.dimensions}. Given: {value}")
    return value


def _prompted(
    body: dict[str, Any], texts: list[str], model: EmbeddingModel, dialect: Dialect
) -> Sequence[str]:
    name = body.get("prompt_name")
    if name is None:
        return texts
    if not isinstance(name, str) or name not in model.prompts:
        raise dialect.invalid(f"`prompt_name` {name!r} is not among the model's prompts: {[*model.prompts]}")
    prompt = model.prompts[name]
    # An empty text stays empty, and is refused as such.
    return [prompt + text if text else text for text in texts]


def refuse_unknown(name: object) -> Refusal:
    """404 in vLLM's words for a model that is not served."""
    text = f"The model `{name}` does not exist."
    return Refusal(404, {"error": {"message": text, "type": "NotFoundError", "param": "model", "code": 404}})
