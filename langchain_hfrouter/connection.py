"""What the remote classes beside the chat model share: a host, an account, and the two routers.

Lives here: those fields under the names that `ChatHFRouter` gives them, their checks, and pickles without the
token. Not here: what is sent (`router_embeddings`, `rerank`), the chat model's fields (`settings`), the routers
(`routers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_serializer,
    model_validator,
)

from langchain_hfrouter.complaints import complaint, unknown_argument
from langchain_hfrouter.errors import ConfigError, as_langchain
from langchain_hfrouter.keys import core_key, is_secret, safe_key, without_secrets
from langchain_hfrouter.routers import CLIENTS, Routers
from shared_core.errors import RouterError
from shared_core.types import Safeguarded, Timeouts, check_state_travels, with_endpoint

__all__ = ["BatchConnection", "Connection"]

_SETTINGS = (
    "model",
    "base_url",
    "provider",
    "bill_to",
    "timeout",
    "max_retries",
    "default_headers",
    "extra_body",
    "wait_for_model",
)


class Connection(Safeguarded, Routers):
    """The fields of remote classes that say where and on whose account."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        protected_namespaces=(),
        hide_input_in_errors=True,  # an error about a bad api_key must not quote it
        allow_inf_nan=False,
        defer_build=True,  # the validator is built with the first object, not with the import
    )

    model: str = ""
    api_key: SecretStr | None = None
    base_url: str | None = None
    provider: str | None = None
    bill_to: str | None = None
    timeout: float | Timeouts | None = None
    max_retries: int | None = Field(default=None, ge=0)
    default_headers: dict[str, str] | None = Field(default=None, repr=False)
    extra_body: dict[str, Any] | None = None
    wait_for_model: bool | float | None = None

    http_client: Any = Field(default=None, exclude=True, repr=False)
    async_http_client: Any = Field(default=None, exclude=True, repr=False)
    async_transport: Literal["httpx2", "aiohttp"] = "httpx2"

    _client_stayed_behind: bool = PrivateAttr(default=False)

    _ALIASES: ClassVar[dict[str, str]] = {"model_name": "model"}
    _INSTEAD: ClassVar[dict[str, str]] = {}

    def __init__(self, model: str | None = None, /, **values: Any) -> None:
        try:
            if model is not None:
                _enter(values, "model", model, "the first argument")
            super().__init__(**values)
        except ValidationError as error:
            raise complaint(error, type(self).__name__) from error
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    # --- checks ---

    @model_validator(mode="before")
    @classmethod
    def _read_names(cls, values: Any) -> Any:
        """Takes other spellings and wraps the token. What is unknown is refused: a misspelt `normalize` that
        went to the host instead would spoil a whole index without a word."""
        if not isinstance(values, dict):
            return values
        values = with_endpoint(values)
        for alias, name in cls._ALIASES.items():
            if alias in values:
                _enter(values, name, values.pop(alias), alias)
        extra = dict(values.get("extra_body") or {})
        for name, value in dict(values.pop("model_kwargs", None) or {}).items():
            (values if name in cls.model_fields else extra).setdefault(name, value)
        if extra:
            values["extra_body"] = extra
        for name in values:
            if name not in cls.model_fields:
                known = (*cls.model_fields, *cls._ALIASES)
                raise unknown_argument(cls.__name__, str(name), known, cls._INSTEAD)
        values["api_key"] = safe_key(values.get("api_key"))
        return values

    @model_validator(mode="after")
    def _check_settings(self) -> Connection:
        """The core's own checks, now rather than at the first call; nothing is read or opened for that."""
        if self._is_remote():
            self._sync()
        return self

    def _is_remote(self) -> bool:
        return True

    @property
    def model_name(self) -> str:
        """`model`, under LangChain's other spelling."""
        return self.model

    def _router_settings(self) -> dict[str, Any]:
        if self._client_stayed_behind:  # going out without its proxy would be worse than an error
            raise ConfigError(
                "This object was pickled, and its http_client was left behind.",
                hint="Build the object where it is used, and pass http_client again.",
            )
        settings = {**{name: getattr(self, name) for name in _SETTINGS}, **self._safeguards()}
        settings["api_key"] = core_key(self.api_key)
        return settings

    # --- what is shown, and what travels ---

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in CLIENTS:
            self._client_stayed_behind = False

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What was chosen, and not what is unset or at its default."""
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            if name is None or name not in fields or value != fields[name].default:
                yield name, value

    def __getstate__(self) -> dict[Any, Any]:
        check_state_travels(self.state, self.chat_cache)
        state = dict(super().__getstate__())
        has_client = any(getattr(self, name) is not None for name in CLIENTS)
        state["__dict__"] = without_secrets({**state["__dict__"], **dict.fromkeys(CLIENTS)})
        state["__pydantic_private__"] = {
            **(state["__pydantic_private__"] or {}),
            **self._NOTHING_MADE,
            "_client_stayed_behind": has_client or self._client_stayed_behind,
        }
        return state

    @field_serializer("default_headers", when_used="unless-none")
    def _mask_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: "**********" if is_secret(name) else value for name, value in headers.items()}


class BatchConnection(Connection):
    """`Connection` for lists that go out in batches: `HFRouterEmbeddings` and `HFReranker`."""

    batch_size: int | None = Field(default=None, ge=1)
    max_concurrency: int = Field(default=8, ge=1)

    _ALIASES: ClassVar[dict[str, str]] = {**Connection._ALIASES, "chunk_size": "batch_size"}


def _enter(values: dict[str, Any], name: str, value: Any, spelling: str) -> None:
    if values.setdefault(name, value) != value:
        raise ConfigError(f"{name} and {spelling} are two spellings of one argument, with different values.")
