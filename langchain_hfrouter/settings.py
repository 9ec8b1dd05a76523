"""What a `ChatHFRouter` is told: its fields, and everything that is decided from them without a call.

Lives here: fields, their checks, pickles without the token, tracing and cache parameters, the profile.
Not here: messages and calls (`chat_models`), the two routers (`routers`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from langchain_core.language_models import LangSmithParams
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from langchain_hfrouter.complaints import complaint
from langchain_hfrouter.keys import core_key, is_secret, safe_key, without_secrets
from langchain_hfrouter.other_names import refuse_other_names
from langchain_hfrouter.replies import PROVIDER
from langchain_hfrouter.routers import Routers
from langchain_hfrouter.targets import ROUTING_FIELDS, as_plain, checked, first_model
from langchain_hfrouter.token_counts import TokenCounts
from shared_core import __version__
from shared_core.types import (
    CHAT_PARAMS,
    Safeguarded,
    Timeouts,
    check_state_travels,
    endpoint_in,
    plain_routing,
    plain_targets,
    with_endpoint,
)

__all__ = ["RouterSettings", "unknown_parameters"]

_ALIASES = {"model_name": "model", "stop_sequences": "stop"}
_PARAMS = tuple(sorted(CHAT_PARAMS))


class _FoundProfile(dict[str, Any]):
    """A profile from the catalogue, not from the user: `configurable_fields(model=...)` must not keep it."""


class RouterSettings(TokenCounts, Safeguarded, Routers, BaseChatModel):
    """The fields of `ChatHFRouter`; its docstring describes them."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        populate_by_name=True,
        protected_namespaces=(),
        hide_input_in_errors=True,  # an error about a bad api_key must not quote it
        allow_inf_nan=False,
        defer_build=True,  # the validator is built with the first model, not with the import
    )

    model: str = Field(min_length=1)
    api_key: SecretStr | None = Field(default=None)
    base_url: str | None = None
    provider: str | None = None
    bill_to: str | None = None
    timeout: float | Timeouts | None = None
    max_retries: int | None = Field(default=None, ge=0)
    default_headers: dict[str, str] | None = Field(default=None, repr=False)
    extra_body: dict[str, Any] | None = None
    wait_for_model: bool | float | None = None
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
    n: int | None = Field(default=None, ge=1)
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    stream_options: dict[str, Any] | None = None

    # None and not False: LangChain reads an explicit False as "never stream", and copies of a model, such as
    # `configurable_fields` makes, pass every field explicitly.
    streaming: bool | None = None
    stream_usage: bool = True
    echo_reasoning: bool = False
    media_in_tool_messages: bool = False

    http_client: Any = Field(default=None, exclude=True, repr=False)
    async_http_client: Any = Field(default=None, exclude=True, repr=False)
    async_transport: Literal["httpx2", "aiohttp"] = "httpx2"

    _sent: dict[str, Any] | None = PrivateAttr(default=None)

    _NOTHING_MADE: ClassVar[dict[str, None]] = {**Routers._NOTHING_MADE, "_sent": None}

    def __init__(self, model: str | None = None, /, **values: Any) -> None:
        if model is not None:
            values.setdefault("model", model)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise complaint(error, "ChatHFRouter") from error

    # --- checks ---

    @model_validator(mode="before")
    @classmethod
    def _read_names(cls, values: Any) -> Any:
        """Takes other spellings, moves unknown names to `extra_body`, wraps the token."""
        if not isinstance(values, dict):
            return values
        if "endpoint" in values:
            values = with_endpoint(values)
        named = values.get("model") or values.get("model_name")
        if not named and endpoint_in(values.get("base_url") or ""):
            values = {**values, "model": values["base_url"]}  # its own, which is known when it is found
        elif not named and values.get("tier") is not None:
            values = {**values, "model": first_model(values)}
        key = values.get("api_key")
        profile = values.get("profile")
        known = values.keys() <= cls.model_fields.keys()
        if known and key is None and profile is None:
            return values
        values = dict(values)
        if not known:
            _rename(values, cls.model_fields.keys())
        if key is not None:
            values["api_key"] = safe_key(key)
        if isinstance(profile, _FoundProfile):
            del values["profile"]
        return values

    @field_validator("prices", mode="before")
    @classmethod
    def _plain(cls, prices: Any) -> Any:
        """In the form that can be saved."""
        from shared_core.catalog import plain_prices

        return plain_prices(prices) if isinstance(prices, dict) else prices

    @model_validator(mode="after")
    def _complete(self) -> RouterSettings:
        Timeouts.of(self.timeout)  # raises for limits that cannot hold
        checked(self)
        if self.profile is None:  # langchain-core before 1.3 does not ask for it
            self.profile = self._resolve_model_profile()
        add_version = getattr(self, "_add_version", None)  # langchain-core 1.5
        if add_version is not None:
            add_version("hfrouter", __version__)
        return self

    def _resolve_model_profile(self) -> ModelProfile | None:
        from shared_core.catalog import lookup

        facts = lookup(self.model, base_url=self.base_url, provider=self.provider)
        if facts is None:
            return None
        known = {
            "max_input_tokens": facts.context_window,
            "max_output_tokens": facts.max_output_tokens,
            "tool_calling": facts.tools,
            "structured_output": facts.structured_output,
            "reasoning_output": facts.reasoning,
            "text_inputs": True,
            "text_outputs": True,
            "image_inputs": facts.image_input,
            "image_url_inputs": facts.image_input,
            "audio_inputs": facts.audio_input,
            "video_inputs": facts.video_input,
            "pdf_inputs": facts.pdf_input,
        }
        known = {name: value for name, value in known.items() if value is not None}
        return _FoundProfile(known)  # type: ignore[return-value]

    @property
    def model_name(self) -> str:
        """`model`, under LangChain's other spelling."""
        return self.model

    # --- what calls start from ---

    def _router_settings(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "api_key": core_key(self.api_key),
            "base_url": self.base_url,
            "provider": self.provider,
            "bill_to": self.bill_to,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "default_headers": self.default_headers,
            "extra_body": self.extra_body,
            "wait_for_model": self.wait_for_model,
            "reasoning_tags": self.reasoning_tags,
            "prices": self.prices,
            "reported_cost": self.reported_cost,
            **{name: getattr(self, name) for name in ROUTING_FIELDS},
            **self._safeguards(),
        }

    def _params(self) -> dict[str, Any]:
        """The chat parameters that every call starts from; made once, since fields seldom change."""
        sent = self._sent
        if sent is None:
            values = self.__dict__
            sent = {name: values[name] for name in _PARAMS if values[name] is not None}
            if not sent.get("stop", True):
                del sent["stop"]
            self._sent = sent
        return sent

    # --- what is shown, and what travels; LangChain caches `_serialized` in `__dict__` ---

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What was chosen: neither what is unset nor what LangChain notes down for its traces."""
        for name, value in super().__repr_args__():
            if value is not None and name not in ("metadata", "profile"):
                yield name, value

    def _forget(self) -> None:
        self.__dict__.pop("_serialized", None)
        super()._forget()

    def __getstate__(self) -> dict[Any, Any]:
        check_state_travels(self.state, self.chat_cache)
        state = dict(super().__getstate__())
        values = {name: value for name, value in state["__dict__"].items() if name != "_serialized"}
        state["__dict__"] = without_secrets(values)
        state["__pydantic_private__"] = {**(state["__pydantic_private__"] or {}), **self._NOTHING_MADE}
        return state

    # --- serialisation, tracing, cache ---

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        secrets = {"api_key": "HF_TOKEN"}
        for name in self.default_headers or {}:
            if is_secret(name):
                secrets[f"default_headers.{name}"] = "HFROUTER_HEADER_" + name.upper().replace("-", "_")
        return secrets

    @field_serializer("default_headers", when_used="json-unless-none")
    def _mask_headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: "**********" if is_secret(name) else value for name, value in headers.items()}

    @field_serializer("fallback", "tiers", when_used="unless-none")
    def _plain_targets(self, value: Any) -> Any:
        return plain_targets(value)

    @field_serializer("routing", when_used="unless-none")
    def _name_routing(self, routing: Any) -> str:
        return plain_routing(routing)

    @property
    def lc_attributes(self) -> dict[str, Any]:
        limits = self.timeout
        plain = {**as_plain(self), **self._plain_given()}
        if not isinstance(limits, Timeouts):
            return plain
        names = ("total", "connect", "first_token", "gap")
        return {**plain, "timeout": {name: getattr(limits, name) for name in names}}

    @property
    def _llm_type(self) -> str:
        return "hfrouter-chat"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        """What tells two models apart: model, host, route and every parameter; never the token."""
        about = {
            "model": self.model,
            "base_url": self.base_url,
            "provider": self.provider,
            "bill_to": self.bill_to,
            "extra_body": self.extra_body,
            "reasoning_tags": self.reasoning_tags or None,
            **as_plain(self),
            "echo_reasoning": self.echo_reasoning or None,
            "media_in_tool_messages": self.media_in_tool_messages or None,
        }
        return {**{name: value for name, value in about.items() if value is not None}, **self._params()}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        # Written out, because LangChain's own way through the deprecated `dict()` juggles warning filters.
        return {
            **self._identifying_params,
            "_type": self._llm_type,
            "stop": stop or self.stop or None,
            **kwargs,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        model = kwargs.get("model")
        params = LangSmithParams(
            ls_provider=PROVIDER,
            ls_model_name=model if isinstance(model, str) else self.model,
            ls_model_type="chat",
        )
        temperature = kwargs.get("temperature", self.temperature)
        if isinstance(temperature, int | float):
            params["ls_temperature"] = temperature
        max_tokens = kwargs.get("max_tokens", self.max_tokens)
        if isinstance(max_tokens, int):
            params["ls_max_tokens"] = max_tokens
        ends = stop or self.stop
        if isinstance(ends, str):
            ends = [ends]
        if ends and isinstance(ends, Sequence):  # what is neither is the server's to refuse
            params["ls_stop"] = list(ends)
        return params

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Tokens of messages: as `get_num_tokens`, plus three a message; media count a fixed sum.

        Args:
            messages: The conversation.
            tools: Counted too where langchain-core can estimate them (from 1.3 on).
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(messages, tools)
        if tools is None:
            return count_tokens_approximately(messages)
        try:
            return count_tokens_approximately(messages, tools=list(tools))
        except TypeError:  # an older langchain-core, without `tools`
            return count_tokens_approximately(messages)


def _rename(values: dict[str, Any], fields: Any) -> None:
    for alias, name in _ALIASES.items():
        if alias in values:
            values.setdefault(name, values.pop(alias))
    extra = dict(values.get("extra_body") or {})
    more = dict(values.pop("model_kwargs", None) or {})
    refuse_other_names("ChatHFRouter", [name for name in more if name not in fields], fields)
    for name, value in more.items():
        target = values if name in fields else extra
        target.setdefault(name, value)
    unknown = sorted(name for name in values if name not in fields)
    if unknown:
        refuse_other_names("ChatHFRouter", unknown, fields)
        warnings.warn(unknown_parameters(unknown, fields), UserWarning, stacklevel=6)
    for name in unknown:
        extra[name] = values.pop(name)
    if extra:
        values["extra_body"] = extra


def unknown_parameters(names: Iterable[str], known: Iterable[str]) -> str:
    """The warning for parameters that go to the provider unchecked, with what may have been meant."""
    import difflib

    guesses = {name: difflib.get_close_matches(name, known, n=1) for name in names}
    listed = ", ".join(
        f"{name} (did you mean {near[0]}?)" if near else name for name, near in sorted(guesses.items())
    )
    return f"ChatHFRouter has no parameter {listed}; sent as part of extra_body. Pass extra_body={{...}} to say so."
