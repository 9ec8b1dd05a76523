"""What an HFRouterLLM can be told, and how it is stored.

Lives here: the fields, the constructor, copies and serialised forms.
Not here: calling anything (`llm`), building routers (`clients`).

LlamaIndex rebuilds objects by calling the constructor with the fields, so every option is a field. The
token is none of them in any form that leaves the process: what travels is where it came from.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    field_serializer,
    model_serializer,
)

from llama_index_hfrouter.clients import Clients
from llama_index_hfrouter.messages import EchoReasoning
from shared_core.errors import ConfigError
from shared_core.types import CHAT_PARAMS, ApiKey, Timeouts

__all__ = ["PARAMS", "RouterConfig", "StructuredWay"]

StructuredWay = Literal["auto", "json_schema", "tool", "text"]

PARAMS = tuple(sorted(CHAT_PARAMS))
"""The chat parameters that are fields here, as the core names them."""

_SHARED = ("callback_manager", "rate_limiter", "messages_to_prompt", "completion_to_prompt")
"""Fields that belong to this process: deep copies share them, pickles carry them where that is possible."""

_ELSEWHERE = {"api_base": "base_url", "token": "api_key", "additional_kwargs": "extra_body"}
"""What LlamaIndex's own classes for served models call our options, where no likeness would lead there."""

_SECRET_WORDS = ("auth", "cookie", "key", "token", "secret", "password")


class RouterConfig(FunctionCallingLLM):
    """The fields of `HFRouterLLM`; see there."""

    # Nobody makes a RouterConfig: building its validator at import would be 20 ms for nothing.
    model_config = ConfigDict(defer_build=True)

    model: str
    api_key: Annotated[ApiKey, WithJsonSchema({"type": "string"})] = Field(exclude=True, repr=False)
    base_url: str | None = None
    provider: str | None = None
    bill_to: str | None = None
    timeout: float | Timeouts | None = None
    max_retries: int = 2
    default_headers: dict[str, str] | None = Field(default=None, repr=False)
    extra_body: dict[str, Any] | None = None
    wait_for_model: bool | float = False
    reasoning_tags: bool = False
    async_transport: Literal["httpx2", "aiohttp"] | None = None

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

    _clients: Clients = PrivateAttr(default_factory=Clients)

    def __init__(
        self,
        model: str | None = None,
        *,
        model_name: str | None = None,
        api_key: str | SecretStr | ApiKey | None = None,
        http_client: Any = None,
        async_http_client: Any = None,
        **options: Any,
    ) -> None:
        name = model if model is not None else model_name
        if not name:
            raise ConfigError(
                "No model was given.", hint='Pass model="org/name", such as "openai/gpt-oss-120b".'
            )
        source = options.pop("key_source", None)
        if options.get("callback_manager", self) is None:
            del options["callback_manager"]  # LlamaIndex's own classes take None for "the default"
        self._check_names(options)
        timeout = options.get("timeout")
        if isinstance(timeout, dict):
            options["timeout"] = Timeouts(**timeout)
        elif timeout is not None:
            Timeouts.of(timeout)  # says what is wrong with it, before pydantic does in its own words
        super().__init__(model=name, api_key=_api_key(api_key, source), **options)
        if http_client is not None or async_http_client is not None:
            self._clients = Clients(http_client, async_http_client)

    @property
    def model_name(self) -> str:
        """The model, under the name that LlamaIndex's other classes have for it."""
        return self.model

    @classmethod
    def _check_names(cls, options: dict[str, Any]) -> None:
        for name in options:
            if name in cls.model_fields:
                continue
            import difflib

            known = _ELSEWHERE.get(name)
            near = [known] if known else difflib.get_close_matches(name, cls.model_fields, n=1)
            raise ConfigError(
                f"{cls.__name__} has no option {name!r}.",
                hint=f"Did you mean {near[0]!r}?"
                if near
                else "Keys of the request that are no option here go into extra_body={...}.",
            )

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _api_key(value, None) if name == "api_key" else value)

    # -- copies and serialised forms -------------------------------------------------------------------------------

    @field_serializer("default_headers")
    def _without_secrets(self, headers: dict[str, str] | None) -> dict[str, str] | None:
        return headers and {
            name: value
            for name, value in headers.items()
            if not any(word in name.lower() for word in _SECRET_WORDS)
        }

    @model_serializer(mode="wrap")
    def custom_model_dump(
        self,
        handler: SerializerFunctionWrapHandler,
        info: SerializationInfo,  # noqa: ARG002  (part of pydantic's signature)
    ) -> dict[str, Any]:
        """The fields as plain values, and in `key_source` where the token came from."""
        data: dict[str, Any] = handler(self)
        data["class_name"] = self.class_name()
        if self.api_key.source != "ambient":
            data["key_source"] = self.api_key.source
        return data

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with other values for some fields; see pydantic."""
        if update and "api_key" in update:
            update = {**update, "api_key": _api_key(update["api_key"], None)}
        return super().model_copy(update=update, deep=deep)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for name in _SHARED:  # a limiter has locks, and limits only while it is one
            value = getattr(self, name, None)
            memo[id(value)] = value
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[str, Any]:
        # Not LlamaIndex's own: it warns about what cannot be pickled and drops it. Here nothing is dropped
        # but what belongs to one process: a limiter's locks, a callback manager's handlers.
        state: dict[str, Any] = BaseModel.__getstate__(self)
        state["__dict__"] = {
            name: value for name, value in state["__dict__"].items() if _travels(name, value)
        }
        if headers := state["__dict__"].get("default_headers"):
            state["__dict__"]["default_headers"] = self._without_secrets(headers)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        private = state.get("__pydantic_private__") or {}
        self.__init__(**state["__dict__"])  # type: ignore[misc]
        self._clients = private.get("_clients", self._clients)


def _travels(name: str, value: Any) -> bool:
    if name not in _SHARED:
        return True
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  (pickling may raise anything, and the answer is the same)
        return False
    return True


def _api_key(value: str | SecretStr | ApiKey | None, source: str | None) -> ApiKey:
    """A token in any form, or what `key_source` says about one that was left behind."""
    if isinstance(value, ApiKey):
        return value
    if isinstance(value, SecretStr):
        return ApiKey(value.get_secret_value())
    if value is None and source == "none":
        return ApiKey("")
    if value is not None and not isinstance(value, str):
        raise ConfigError(
            f"The api_key is a {type(value).__name__}, not a text.",
            hint='Pass the token itself, None to look for one, or "" for none.',
        )
    key = ApiKey(value)
    if value is None and source in ("argument", "left behind"):
        key.source = "left behind"
    return key
