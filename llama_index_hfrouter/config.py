"""What an HFRouterLLM can be told.

Lives here: the fields and the constructor. Not here: where calls go (`connection`), copies and pickles
(`component`), calling anything (`llm`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import ConfigDict, SecretStr, field_serializer

from llama_index_hfrouter.connection import Connection
from llama_index_hfrouter.messages import EchoReasoning
from llama_index_hfrouter.targets import ROUTING_FIELDS, check_targets, first_model
from shared_core.errors import ConfigError
from shared_core.types import (
    CHAT_PARAMS,
    ApiKey,
    KeyFunction,
    endpoint_in,
    plain_routing,
    plain_targets,
    with_endpoint,
)

__all__ = ["PARAMS", "RouterConfig", "StructuredWay"]

StructuredWay = Literal["auto", "json_schema", "tool", "text"]

PARAMS = tuple(sorted(CHAT_PARAMS))
"""The chat parameters that are fields here, as the core names them."""


class RouterConfig(Connection, FunctionCallingLLM):
    """The fields of `HFRouterLLM`; see there."""

    # Nobody makes a RouterConfig: building its validator at import would be 20 ms for nothing.
    model_config = ConfigDict(defer_build=True)

    model: str
    reasoning_tags: bool | None = None
    prices: dict[str, Any] | None = None
    reported_cost: str | None = None
    fallback: list[Any] | None = None
    tiers: dict[str, list[Any]] | None = None
    tier: str | None = None
    routing: Any = None
    continue_elsewhere: bool | None = None

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    stream_options: dict[str, Any] | None = None
    reasoning_effort: str | None = None

    context_window: int | None = None
    num_output: int | None = None
    is_function_calling_model: bool | None = None
    strict: bool | None = None
    structured_output: StructuredWay = "auto"
    echo_reasoning: EchoReasoning = "auto"
    reasoning_as_answer: bool = True

    _SHARED: ClassVar[tuple[str, ...]] = (
        *Connection._SHARED,
        "messages_to_prompt",
        "completion_to_prompt",
    )
    _ADVICE: ClassVar[dict[str, str]] = {
        **Connection._ADVICE,
        "audio_config": "Leave it out: speech is made by HFRouter.text_to_speech.",
        "is_chat_model": "Leave it out: this class always chats.",
        "modalities": "Leave it out: answers are text, and speech is made by HFRouter.text_to_speech.",
        "should_use_structured_outputs": 'Write structured_output="json_schema"; "auto" finds out itself.',
        "tokenizer": "Leave it out: the host counts tokens.",
    }

    def __init__(
        self,
        model: str | None = None,
        *,
        model_name: str | None = None,
        api_key: str | SecretStr | ApiKey | KeyFunction | None = None,
        **options: Any,
    ) -> None:
        options = with_endpoint(options)
        name = model if model is not None else model_name
        if not name and endpoint_in(options.get("base_url") or ""):
            name = options["base_url"]  # its own model, which is known when it is found
        elif not name and options.get("tier") is not None:
            name = first_model(options.get("tiers"), options["tier"])
        if not name:
            raise ConfigError(
                "No model was given.", hint='Pass model="org/name", such as "openai/gpt-oss-120b".'
            )
        if isinstance(options.get("prices"), Mapping):
            options["prices"] = _plain(options["prices"])
        check_targets(options)
        super().__init__(model=name, api_key=api_key, **options)

    @field_serializer("fallback", "tiers", when_used="unless-none")
    def _plain_targets(self, value: Any) -> Any:
        return plain_targets(value)

    @field_serializer("routing", when_used="unless-none")
    def _name_routing(self, routing: Any) -> str:
        return plain_routing(routing)

    @property
    def model_name(self) -> str:
        """The model, under the name that LlamaIndex's other classes have for it."""
        return self.model

    def _router_model(self) -> str:
        return self.model

    def _router_settings(self) -> dict[str, Any]:
        own = {
            name: getattr(self, name)
            for name in ("reasoning_tags", "prices", "reported_cost", *ROUTING_FIELDS)
        }
        return {**super()._router_settings(), **own}


def _plain(prices: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Prices in the form that can be saved."""
    from shared_core.catalog import plain_prices

    try:
        return plain_prices(prices)
    except ValueError as error:
        raise ConfigError(f"prices={prices!r} cannot be read: {error}.") from None
