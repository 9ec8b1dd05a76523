"""Where texts are taken, what they are asked for in, and how many at a time: facts, with their sources.

Not here: which provider serves a model (`mapping`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from shared_core.wire.embeddings import Dialect

__all__ = ["EMBED_ROUTES", "Limits", "Route", "RouteRow", "route_by_row", "route_by_url"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold.

    Args:
        texts: Texts at most.
        size: Bytes of text in UTF-8 at most; a single longer text is sent alone.
        tokens: Tokens of all texts at most, estimated at three bytes each, which is more than most have.
    """

    texts: int
    size: int
    tokens: int

    @property
    def bytes(self) -> int:
        """The stricter of the two limits on size, in bytes."""
        return min(self.size, 3 * self.tokens)


_TEI = Limits(texts=32, size=1_900_000, tokens=1_000_000)
"""TEI's defaults, `max_client_batch_size` 32 and `payload_limit` 2,000,000 bytes, less room for JSON. It cuts a
request into batches of its own, so that tokens have no limit but the body's.
Source: text-embeddings-inference 1.8, `text-embeddings-router --help` (2025-06)."""

_OPENAI = Limits(texts=64, size=4_000_000, tokens=250_000)
"""OpenAI takes 2,048 texts and 300,000 tokens a request (its API reference, 2026-08), other hosts fewer: 64 is
what most accept, and with several requests at once larger ones gain nothing (`benchmarks/README.md`)."""

_DEEPINFRA = Limits(texts=256, size=4_000_000, tokens=250_000)
"""1,024 texts at most, as its API reference has it (docs.deepinfra.com, 2026-11); a quarter keeps the progress of
a long run visible."""


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One provider's route for embeddings behind the router.

    Args:
        path: What follows the router's root; `{model}` is the Hub's id, `{pid}` the provider's.
        dialect: What is spoken there.
        limits: What one request may hold.
        base64: Whether it documents `encoding_format: "base64"`.
        source: Where this was read.
        date: When, as an ISO date.
    """

    path: str
    dialect: Dialect
    limits: Limits
    base64: bool
    source: str
    date: str


_HUB = "huggingface_hub 2.4.0, inference/_providers"

EMBED_ROUTES: Mapping[str, RouteRow] = {
    "hf-inference": RouteRow(
        "/hf-inference/models/{model}/pipeline/feature-extraction",
        "feature-extraction",
        _TEI,
        False,
        f"{_HUB}/hf_inference.py",
        "2026-11-20",
    ),
    "deepinfra": RouteRow(
        "/deepinfra/v1/openai/embeddings",
        "openai",
        _DEEPINFRA,
        True,
        f"{_HUB}/deepinfra.py; docs.deepinfra.com/api-reference/openai-embeddings-1",
        "2026-11-20",
    ),
    "scaleway": RouteRow(
        "/scaleway/v1/embeddings", "openai", _OPENAI, False, f"{_HUB}/scaleway.py", "2026-11-20"
    ),
    "together": RouteRow(
        "/together/v1/embeddings", "openai", _OPENAI, False, f"{_HUB}/together.py", "2026-11-20"
    ),
}
"""The providers that huggingface_hub knows embeddings of. Another one is reached by its own `base_url`."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where one model's texts go.

    Args:
        root: The beginning of the address, for which the token was given.
        url: The whole address.
        dialect: What is spoken there.
        model: The model's name in that place.
        limits: What one request may hold.
        base64: Whether to ask for base64 first.
        provider: Who answers; None behind a `base_url`.
        notes: What the caller should know of this choice.
    """

    root: str
    url: str
    dialect: Dialect
    model: str
    limits: Limits
    base64: bool = False
    provider: str | None = None
    notes: tuple[str, ...] = ()


def route_by_row(
    root: str, provider: str, model: str, provider_id: str, notes: tuple[str, ...] = ()
) -> Route:
    """The route of a provider in `EMBED_ROUTES`.

    Args:
        root: The router's address without `/v1`.
        provider: Its name.
        model: The model's id on the Hub.
        provider_id: The provider's own name for it.
        notes: What the caller should know of this choice.
    """
    row = EMBED_ROUTES[provider]
    path = row.path.format(model=quote(model, safe="/"), pid=quote(provider_id, safe="/"))
    name = model if row.dialect == "feature-extraction" else provider_id
    return Route(root, root + path, row.dialect, name, row.limits, row.base64, provider, notes)


def route_by_url(
    base_url: str,
    api: Literal["auto", "openai", "tei"],
    model: str,
    task: Literal["embed", "rerank"] = "embed",
) -> Route:
    """The route of a server of one's own.

    Args:
        base_url: Its address, without a slash at its end.
        api: What it speaks. "auto" takes an address whose path begins or ends with /v1 for OpenAI-style, any
            other for TEI.
        model: The model's name; TEI needs none.
        task: Whether texts are embedded, or documents reranked.

    Example:
        >>> route_by_url("http://localhost:8080", "auto", "").url
        'http://localhost:8080/embed'
        >>> route_by_url("http://localhost:8000/v1", "auto", "m").url
        'http://localhost:8000/v1/embeddings'
    """
    if api == "openai" or (api == "auto" and "v1" in urlsplit(base_url).path.split("/")):
        path = "embeddings" if task == "embed" else "rerank"
        return Route(base_url, f"{base_url}/{path}", "openai", model, _OPENAI, base64=True)
    return Route(base_url, f"{base_url}/{task}", "feature-extraction", model, _TEI)
