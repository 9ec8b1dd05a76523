"""What `ChatHFRouter(...)` takes, for type checkers and editors; at run time its fields decide.

Lives here: that, and what every class takes that calls a host. Not here: the rest of the remote embedding class and
of the reranker (`embedding_arguments`).

Type checkers would otherwise read the fields themselves, and then refuse a plain string as `api_key` and the
other spellings. A test holds this list and the fields together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import SecretStr

from shared_core.types import ChatParams, KeyFunction, Routing, SafeguardArguments, TargetSpec, Timeouts

__all__ = ["Arguments", "HostArguments"]


class HostArguments(SafeguardArguments, total=False):
    """The arguments that say where and on whose account."""

    model: str
    model_name: str
    api_key: str | SecretStr | KeyFunction | None
    base_url: str | None
    endpoint: str | None
    provider: str | None
    bill_to: str | None
    timeout: float | Timeouts | None
    max_retries: int | None
    default_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    model_kwargs: Mapping[str, Any] | None
    wait_for_model: bool | float | None
    http_client: Any
    async_http_client: Any
    async_transport: Literal["httpx2", "aiohttp"]


class Arguments(HostArguments, ChatParams, total=False):
    """Every argument of `ChatHFRouter`; its docstring describes them."""

    reasoning_tags: bool | None
    fallback: Sequence[TargetSpec] | None
    tiers: Mapping[str, Sequence[TargetSpec]] | None
    tier: str | None
    routing: Routing | None
    continue_elsewhere: bool | None
    prices: Mapping[str, Any] | None
    reported_cost: str | None
    stop_sequences: str | list[str] | None
    streaming: bool | None
    stream_usage: bool
    echo_reasoning: bool
    media_in_tool_messages: bool

    # LangChain's own
    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: ModelProfile | None
