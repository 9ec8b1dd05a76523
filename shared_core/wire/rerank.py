"""Reranking: a query and documents to JSON, and the replies to one score a document.

Two dialects, as for embeddings. "openai" is what Cohere, Jina, vLLM and Infinity have in common (OpenAI itself
offers none): `{"model", "query", "documents", "top_n"}` to `results[].relevance_score`. "feature-extraction" is
TEI's: `{"query", "texts"}` to a bare list of `{"index", "score"}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_core.errors import MalformedResponse
from shared_core.types import ApiKey, HttpRequest, RerankRequest, Target, Usage
from shared_core.wire.embeddings import Dialect, usage_of_headers
from shared_core.wire.errors import classify_body
from shared_core.wire.post import post
from shared_core.wire.usage import parse_usage
from shared_core.wire.vectors import LARGEST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Ranked", "encode", "parse"]


class Ranked(NamedTuple):
    """One reply, read.

    Args:
        scores: float32, shape (documents,), in the order of the documents.
        usage: Tokens read; None when the host did not say.
        model: The model in the host's words; "" when it did not say.
    """

    scores: NDArray[np.float32]
    usage: Usage | None
    model: str


def encode(
    request: RerankRequest, dialect: Dialect, url: str, target: Target, key: ApiKey, user_agent: str
) -> HttpRequest:
    """The POST for one batch of documents.

    `top_n` is always their number: a host that left some out would leave their scores unknown.

    Raises:
        BadRequest: Something cannot be written as JSON.
        InputTooLong: The body exceeds 64 MiB.
    """
    body: dict[str, Any]
    if dialect == "openai":
        body = {
            "model": request.model,
            "query": request.query,
            "documents": request.texts,
            "top_n": len(request.texts),
        }
    else:
        body = {
            "query": request.query,
            "texts": request.texts,
            "raw_scores": request.raw_scores,
            "truncate": request.truncate,
        }
    return post(url, {**body, **request.extra_body}, target, key, user_agent)


def parse(value: Any, request: RerankRequest, headers: Mapping[str, str]) -> Ranked:
    """The reply to a batch, checked to be one finite score a document.

    Args:
        value: The JSON value of a reply with status 200.
        request: What was asked.
        headers: The reply's headers, names in lower case.

    Raises:
        MalformedResponse: A score is missing, doubled, or no number; names the document.
        RouterError: The reply is an error in the guise of a success.
    """
    import numpy as np

    usage = usage_of_headers(headers)
    model: object = ""
    if isinstance(value, Mapping):
        if value.get("error") or value.get("object") == "error":
            raise classify_body(value)
        usage, model = parse_usage(value) or usage, value.get("model")
        entries = value.get("results", value.get("data"))
    else:
        entries = value
    if not isinstance(entries, list):
        raise MalformedResponse(
            f"The reply is a JSON {type(value).__name__} without a list of scores.",
            hint="Check `base_url`, and whether `embedding_api` names what it speaks.",
        )
    scores = np.full(len(request.texts), np.nan, dtype=np.float32)
    for entry in entries:
        position, score = _read(entry)
        if position >= len(scores) or not np.isnan(scores[position]):
            raise MalformedResponse(
                f"The reply scores document {position} of {len(scores)} "
                + ("twice." if position < len(scores) else "documents.")
            )
        scores[position] = score
    if np.isnan(scores).any():
        missing = int(np.flatnonzero(np.isnan(scores))[0])
        raise MalformedResponse(f"The reply has no score for document {request.place(missing)}.")
    return Ranked(scores, usage, model if isinstance(model, str) else "")


def _read(entry: Any) -> tuple[int, float]:
    """(position, score) of one entry."""
    position = entry.get("index") if isinstance(entry, Mapping) else None
    if type(position) is not int or position < 0:
        raise MalformedResponse("The reply holds a score without the number of its document.")
    score = entry.get("relevance_score", entry.get("score"))
    if type(score) not in (int, float) or not abs(score) <= LARGEST:
        raise MalformedResponse(
            f"The score of document {position} of a batch is {str(score)[:40]!r}, which is no number."
        )
    return position, float(score)
