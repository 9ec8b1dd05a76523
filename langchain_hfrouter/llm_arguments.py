"""What `HFRouterLLM(...)` takes, for type checkers and editors; at run time its fields decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from pydantic import SecretStr

from shared_core.types import Timeouts

__all__ = ["LLMArguments"]


class LLMArguments(TypedDict, total=False):
    """Every argument of `HFRouterLLM`; its docstring describes them."""

    model: str
    model_name: str
    api_key: str | SecretStr | None
    base_url: str | None
    hub_url: str | None
    provider: str | None
    bill_to: str | None
    timeout: float | Timeouts | None
    max_retries: int
    default_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    model_kwargs: Mapping[str, Any] | None
    wait_for_model: bool | float
    max_concurrency: int
    max_tokens: int | None
    max_new_tokens: int | None
    stop: list[str] | None
    stop_sequences: list[str] | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    seed: int | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    do_sample: bool | None
    http_client: Any
    async_http_client: Any
    async_transport: Literal["httpx2", "aiohttp"]

    # LangChain's own
    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
