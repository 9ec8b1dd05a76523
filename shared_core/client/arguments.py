"""The arguments of both clients, for type checkers; `RouterBase` explains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shared_core.catalog import Price, UnitPrice
from shared_core.types import ApiKey, KeyFunction, Routing, SafeguardArguments, TargetSpec, Timeouts

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache
    from shared_core.client.named_models import NamedModel

__all__ = ["EmbeddingApi", "RouterArguments"]

EmbeddingApi = Literal["auto", "openai", "tei", "router"]
"""What an address speaks when texts are embedded."""


class RouterArguments(SafeguardArguments, total=False):
    """The keyword arguments of both clients; explained at `RouterBase`."""

    api_key: str | ApiKey | KeyFunction | None
    base_url: str | None
    endpoint: str | None
    provider: str | None
    bill_to: str | None
    timeout: float | Timeouts | None
    max_retries: int | None
    default_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    wait_for_model: bool | float | None
    reasoning_tags: bool | None
    embedding_cache: EmbeddingCache | str | Path | bool | None
    embedding_api: EmbeddingApi | None
    hub_url: str | None
    endpoints_url: str | None
    task_models: Mapping[str, str] | None
    prices: Mapping[str, Price | UnitPrice | Mapping[str, str]] | None
    reported_cost: str | None
    fallback: Sequence[TargetSpec] | None
    tiers: Mapping[str, Sequence[TargetSpec]] | None
    tier: str | None
    routing: Routing | None
    continue_elsewhere: bool | None
    models: Mapping[str, NamedModel | Mapping[str, Any]] | None
