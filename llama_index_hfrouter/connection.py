"""A host, an account and the way there: the fields that every remote class has.

Lives here: those fields, their checks, and serialised forms without the token. Not here: building routers
(`clients`), what is sent over them.

The token is in no form that leaves the process: what travels is where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
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
from llama_index_hfrouter.component import Component
from shared_core.errors import ConfigError
from shared_core.types import ApiKey, KeyFunction, Safeguarded, Timeouts, check_state_travels, with_endpoint

__all__ = ["Connection"]

_SECRET_WORDS = ("auth", "cookie", "key", "token", "secret", "password")

_SETTINGS = (
    "base_url",
    "provider",
    "bill_to",
    "timeout",
    "max_retries",
    "default_headers",
    "extra_body",
    "wait_for_model",
)


class Connection(Component, Safeguarded):
    """The fields that say where calls go and on whose account; the classes' docstrings explain them."""

    # Nobody makes a Connection: building its validator at import would be 20 ms for nothing.
    model_config = ConfigDict(defer_build=True)

    api_key: Annotated[ApiKey, WithJsonSchema({"type": "string"})] = Field(exclude=True, repr=False)
    base_url: str | None = None
    provider: str | None = None
    bill_to: str | None = None
    timeout: float | Timeouts | None = None
    max_retries: int | None = None
    default_headers: dict[str, str] | None = Field(default=None, repr=False)
    extra_body: dict[str, Any] | None = None
    wait_for_model: bool | float | None = None
    async_transport: Literal["httpx2", "aiohttp"] | None = None

    _SHARED: ClassVar[tuple[str, ...]] = (*Component._SHARED, "hooks", "ledger", "chat_cache")

    _clients: Clients = PrivateAttr(default_factory=Clients)

    _ELSEWHERE: ClassVar[dict[str, str]] = {
        "api_base": "base_url",
        "token": "api_key",
        "additional_kwargs": "extra_body",
        "headers": "default_headers",
    }
    _ADVICE: ClassVar[dict[str, str]] = {
        "api_version": "Leave it out: that is Azure's.",
        "async_openai_client": "Pass a client of httpx2 or httpx as async_http_client=.",
        "cookies": 'Write default_headers={"cookie": "name=value"}.',
        "openai_client": "Pass a client of httpx2 or httpx as http_client=.",
        "reuse_client": "Leave it out: connections are shared and survive what is under way.",
        "task": "Leave it out: the class says what is asked for.",
    }
    _HINT: ClassVar[str] = "Keys of the request that are no option here go into extra_body={...}."

    def __init__(
        self,
        *,
        api_key: str | SecretStr | ApiKey | KeyFunction | None = None,
        http_client: Any = None,
        async_http_client: Any = None,
        **options: Any,
    ) -> None:
        options = with_endpoint(options)
        source = options.pop("key_source", None)
        timeout = options.get("timeout")
        if isinstance(timeout, dict):
            options["timeout"] = Timeouts(**timeout)
        elif timeout is not None:
            Timeouts.of(timeout)  # says what is wrong with it, before pydantic does in its own words
        super().__init__(api_key=_api_key(api_key, source), **options)
        if http_client is not None or async_http_client is not None:
            self._clients = Clients(http_client, async_http_client)

    def _router_model(self) -> str:
        """The model that routers are made for."""
        raise NotImplementedError

    def _router_settings(self) -> dict[str, Any]:
        """What a router is built from, besides the model and the token; compared with each call, so that a
        changed setting takes effect."""
        state = self.__dict__
        settings = {name: state[name] for name in _SETTINGS}
        for name in ("default_headers", "extra_body"):  # the caller may go on to change them
            settings[name] = settings[name] and dict(settings[name])
        return {**settings, **self._safeguards()}

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

    def __getstate__(self) -> dict[str, Any]:
        check_state_travels(self.state, self.chat_cache)
        state = super().__getstate__()
        if headers := state["__dict__"].get("default_headers"):
            state["__dict__"]["default_headers"] = self._without_secrets(headers)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        private = state.get("__pydantic_private__") or {}
        self._clients = private.get("_clients", self._clients)


def _api_key(value: str | SecretStr | ApiKey | KeyFunction | None, source: str | None) -> ApiKey:
    """A token in any form, or what `key_source` says about one that was left behind."""
    if isinstance(value, ApiKey):
        return value
    if isinstance(value, SecretStr):
        return ApiKey(value.get_secret_value())
    if value is None and source == "none":
        return ApiKey("")
    if value is not None and not isinstance(value, str) and not callable(value):
        raise ConfigError(
            f"The api_key is a {type(value).__name__}, not a text.",
            hint='Pass the token itself, a function that gives it, None to look for one, or "" for none.',
        )
    key = ApiKey(value)
    if value is None and source in ("argument", "function", "left behind"):
        key.source = "left behind"
    return key
