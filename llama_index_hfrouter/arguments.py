"""What `HFRouterLLM(...)` takes, for type checkers and editors; at run time its fields decide.

Lives here: that, and what every class takes that calls a host. Not here: the rest of the embedding classes and of
the reranker (`embedding_arguments`). A test holds this list and the fields together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import BaseOutputParser, PydanticProgramMode
from pydantic import SecretStr

from shared_core.types import (
    ApiKey,
    ChatParams,
    KeyFunction,
    Routing,
    SafeguardArguments,
    TargetSpec,
    Timeouts,
)

__all__ = ["Arguments", "HostArguments"]


class HostArguments(SafeguardArguments, total=False):
    """The arguments that say where and on whose account."""

    api_key: str | SecretStr | ApiKey | KeyFunction | None
    base_url: str | None
    endpoint: str | None
    provider: str | None
    bill_to: str | None
    timeout: float | Timeouts | None
    max_retries: int | None
    default_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    wait_for_model: bool | float | None
    http_client: Any
    async_http_client: Any
    async_transport: Literal["httpx2", "aiohttp"] | None
    callback_manager: CallbackManager | None


class Arguments(HostArguments, ChatParams, total=False):
    """Every keyword argument of `HFRouterLLM`; its docstring describes them."""

    model_name: str | None
    reasoning_tags: bool | None
    fallback: Sequence[TargetSpec] | None
    tiers: Mapping[str, Sequence[TargetSpec]] | None
    tier: str | None
    routing: Routing | None
    continue_elsewhere: bool | None
    context_window: int | None
    num_output: int | None
    is_function_calling_model: bool | None
    strict: bool | None
    structured_output: Literal["auto", "json_schema", "tool", "text"]
    echo_reasoning: Literal["auto"] | bool
    reasoning_as_answer: bool
    prices: Mapping[str, Any] | None
    reported_cost: str | None

    # LlamaIndex's own
    rate_limiter: Any
    system_prompt: str | None
    messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None
    completion_to_prompt: Callable[[str], str] | None
    output_parser: BaseOutputParser | None
    pydantic_program_mode: PydanticProgramMode
    query_wrapper_prompt: BasePromptTemplate | None
