"""Embeddings: texts to JSON, and the replies of all hosts to one float32 array.

Two dialects. "openai" is `{"input", "model"}` to `data[].embedding`, as numbers or as base64 of little-endian
float32. "feature-extraction" is `{"inputs"}` to a bare array: TEI's `/embed` and hf-inference.

Numbers are read by pydantic's parser and handed to numpy whole: 64 vectors of 384 take 1.5 ms, and 0.3 ms
where the host can send base64 (the standard library's parser alone takes 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from shared_core.errors import MalformedResponse
from shared_core.types import ApiKey, EmbedRequest, HttpRequest, Target, Usage
from shared_core.wire.errors import classify_body
from shared_core.wire.post import post
from shared_core.wire.usage import parse_usage
from shared_core.wire.vectors import averaged, cut_to, nesting, of_base64, of_numbers, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AVERAGED", "CUT", "Dialect", "Embedded", "encode", "parse", "usage_of_headers"]

Dialect = Literal["openai", "feature-extraction"]

AVERAGED = (
    "The host sent a vector for each token; they were averaged here, special tokens included. "
    "A model that pools otherwise needs a host that pools."
)
CUT = "The host took no notice of `dimensions`; its vectors were cut here."


_LONGEST_COUNT = 20
"""Digits: what is longer counts nothing, and Python refuses to read thousands of them."""


class Embedded(NamedTuple):
    """One reply, read.

    Args:
        vectors: float32, shape (texts, dimensions).
        usage: Tokens read; None when the host did not say.
        model: The model in the host's words; "" when it did not say.
        notes: What the caller should know.
        shared: Whether an identical request at the same time was answered, and none was sent.
    """

    vectors: NDArray[np.float32]
    usage: Usage | None
    model: str
    notes: tuple[str, ...]
    shared: bool = False


def encode(
    request: EmbedRequest,
    dialect: Dialect,
    url: str,
    target: Target,
    key: ApiKey,
    user_agent: str,
    *,
    base64: bool,
) -> HttpRequest:
    """The POST for one batch.

    Args:
        base64: Whether to ask an OpenAI-style host for base64.

    Raises:
        BadRequest: Something cannot be written as JSON.
        InputTooLong: The body exceeds 64 MiB.
    """
    body: dict[str, Any]
    if dialect == "openai":
        # `model` first: the router reads it from a small prefix of the body (huggingface_hub issue 4618).
        body = {
            "model": request.model,
            "input": request.texts,
            "dimensions": request.dimensions,
            "encoding_format": "base64" if base64 else None,
        }
    else:
        body = {
            "inputs": request.texts,
            "normalize": request.normalize,
            "truncate": request.truncate,
            "prompt_name": request.prompt_name,
            "dimensions": request.dimensions,
        }
    return post(url, {**body, **request.extra_body}, target, key, user_agent)


def parse(value: Any, request: EmbedRequest, dialect: Dialect, headers: Mapping[str, str]) -> Embedded:
    """The reply to a batch, checked to be one sound vector a text.

    Args:
        value: The JSON value of a reply with status 200.
        request: What was asked.
        dialect: How it was asked.
        headers: The reply's headers, names in lower case.

    Raises:
        MalformedResponse: Too few or too many vectors, vectors of different lengths or shorter than asked for,
            or something that is no finite number; names the text.
        RouterError: The reply is an error in the guise of a success.
    """
    if isinstance(value, Mapping) and (value.get("error") or value.get("object") == "error"):
        raise classify_body(value)
    usage, model = None, ""
    rows: Any
    if dialect == "openai" or (isinstance(value, Mapping) and "data" in value):
        rows = _in_order(value, request)
        usage, model = parse_usage(value), value.get("model")
    else:
        # Hugging Face's own inference toolkit wraps the array.
        rows = value.get("embeddings") if isinstance(value, Mapping) else value
        usage = usage_of_headers(headers)
    vectors, pooled = _matrix(rows, request)
    notes: tuple[str, ...] = (AVERAGED,) if pooled else ()
    vectors, was_cut = _fit(vectors, request)
    if was_cut:
        notes += (CUT,)
    if request.normalize and (pooled or was_cut or dialect == "openai"):
        vectors = unit(vectors)
    return Embedded(vectors, usage, model if isinstance(model, str) else "", notes)


def _in_order(value: Any, request: EmbedRequest) -> list[Any]:
    """The embeddings of an OpenAI-style reply in the order of the texts: `index` counts, not the position."""
    data = value.get("data") if isinstance(value, Mapping) else None
    if not isinstance(data, list) or not all(isinstance(entry, Mapping) for entry in data):
        raise MalformedResponse(
            "The reply holds no list `data` of embeddings.",
            hint="Check that `base_url` is an OpenAI-style embeddings API; for TEI's own routes "
            'pass embedding_api="tei".',
        )
    _check_number(len(data), request)
    indices = [entry.get("index", position) for position, entry in enumerate(data)]
    rows = [entry.get("embedding") for entry in data]
    if indices == list(range(len(rows))):
        return rows
    if sorted(index for index in indices if type(index) is int) != list(range(len(rows))):
        raise MalformedResponse(
            f"The reply numbers its vectors {indices[:8]!r}, so it is unknown whose they are."
        )
    placed = dict(zip(indices, rows, strict=True))
    return [placed[index] for index in range(len(rows))]


def _matrix(rows: Any, request: EmbedRequest) -> tuple[NDArray[np.float32], bool]:
    """The vectors, and whether they had to be averaged over tokens."""
    depth = nesting(rows)
    if depth == 1 and rows and len(request.texts) == 1 and not isinstance(rows[0], str):
        rows, depth = [rows], 2
    if not isinstance(rows, list):
        raise MalformedResponse(
            f"The reply is a JSON {type(rows).__name__}, not vectors.",
            hint="Check `base_url`, and whether `embedding_api` names what it speaks.",
        )
    _check_number(len(rows), request)
    if depth == 1 and all(isinstance(row, str) for row in rows):
        return of_base64(rows, request.place), False
    if depth == 4:  # transformers' pipeline keeps a batch dimension of one in each text's answer
        rows, depth = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in rows], 3
    if depth == 3:
        return averaged(rows, request.place), True
    return of_numbers(rows, request.place), False


def _check_number(found: int, request: EmbedRequest) -> None:
    if found != len(request.texts):
        raise MalformedResponse(
            f"The reply holds {found} vectors for {len(request.texts)} texts "
            f"(from text {request.place(0)} on)."
        )


def _fit(vectors: NDArray[np.float32], request: EmbedRequest) -> tuple[NDArray[np.float32], bool]:
    """The vectors in the length that was asked for, and whether they were cut."""
    asked, given = request.dimensions, vectors.shape[1]
    if asked is None or asked == given:
        return vectors, False
    if given < asked:
        raise MalformedResponse(
            f"The vectors have {given} dimensions, not the {asked} that were asked for.",
            hint="Leave `dimensions` out, or choose a smaller number.",
            reactions=(),
        )
    return cut_to(vectors, asked), True


def usage_of_headers(headers: Mapping[str, str]) -> Usage | None:
    """TEI counts tokens in a header. Source: text-embeddings-inference, `ResponseMetadata`."""
    for name in ("x-compute-tokens", "x-prompt-tokens"):
        count = headers.get(name, "")
        if count.isascii() and count.isdigit() and len(count) < _LONGEST_COUNT:
            return Usage(int(count), 0, int(count), raw={name: count})
    return None
