"""`RouterSettings`: everything that a client can be told, wherever it is written.

Lives here: the settings, their checks, their printed form, the arguments that they mean. Not here: where they are
looked for (`environment`, `config_file`), what a model's name stands for (`named_models`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from shared_core.client.checks import (
    checked_bill_to,
    checked_body,
    checked_headers,
    checked_hedge,
    checked_patience,
    checked_tags,
    checked_url,
)
from shared_core.client.config_file import ConfigFile, check_keys, refuse_unknown
from shared_core.client.costing import checked_costing
from shared_core.client.environment import DEFAULT, Layered, Origin, layers_of
from shared_core.client.lineup import checked_routing, checked_targets
from shared_core.client.masks import Shown, shown
from shared_core.client.named_models import key_from, named_models
from shared_core.client.settings import ambient_source
from shared_core.client.strangers import check_host, check_variable
from shared_core.errors import ConfigError
from shared_core.routing import ENDPOINTS_URL, HUB_URL, ROUTER_URL
from shared_core.types import SECRET_HEADERS, ApiKey, Target, Timeouts, endpoint_address

__all__ = ["RouterSettings"]

_Open = bool | int | float | str | dict[str, Any]
"""What the client itself checks: a switch, a number, a place, or a table of further words."""

_NOT_ARGUMENTS = frozenset({"config", "origins", "endpoint", "api_key", "api_key_env"})
_NOT_IN_FILES = frozenset({"config", "api_key"})
_BY_DEFAULT: Mapping[str, Any] = {
    "base_url": ROUTER_URL,
    "hub_url": HUB_URL,
    "endpoints_url": ENDPOINTS_URL,
    "timeout": 120.0,
    "max_retries": 2,
    "wait_for_model": False,
    "reasoning_tags": False,
    "routing": "fallback",
    "continue_elsewhere": False,
    "embedding_api": "auto",
}
"""What a client does where nothing is said, to be shown."""


class RouterSettings(Layered):
    """Every setting of a client that can be written down, from the nearest place that says it.

    Arguments, then the environment (`HFROUTER_TIMEOUT=30`; lists and tables as JSON), then a `.env` in the current
    folder, then `hfrouter.toml`, then the client's own defaults. The file is the one that `config` or
    `HFROUTER_CONFIG` names; else the one in the current folder, in a folder above it up to the project's root (where
    `.git` is), or the user's own (`~/.config/hfrouter/hfrouter.toml`). Of several, the first alone counts. `models` is
    put together by name; any other setting is taken whole.

    Clients read all this by themselves with their first call; `HFRouter.from_settings` takes what was loaded before.
    Keys of the file that nobody knows are errors. Paths in it are as seen from the current folder.

        model = "coder"
        timeout = {total = 60, first_token = 10}
        fallback = ["local"]

        [models.coder]
        model = "Qwen/Qwen3-Coder-480B-A35B-Instruct:cheapest"
        temperature = 0.1
        system = "Answer in code."

        [models.local]
        model = "my-model"
        base_url = "http://localhost:8000/v1"
        api_key_env = "HFROUTER_KEY_LOCAL"

    A file holds no token: it names the variable that does (`api_key_env`). Files in a project may be a stranger's.
    They may name variables called `HFROUTER_KEY_...` alone, and their `base_url` is not sent a key that was given
    elsewhere, unless it is a host of Hugging Face's or this machine.

    Args:
        config: The file to read, in place of looking for one.
        api_key: Token for `base_url`, as an argument (also a function that gives it) or `HFROUTER_API_KEY`; None is the
            ambient one, for hosts of Hugging Face's.
        api_key_env: The variable that holds the token for `base_url`.
        models: What stands for a model under names of your own, see `RouterBase`.
        origins: Where each value comes from; filled in.

    All others are arguments of `HFRouter`, under the same names.

    Raises:
        ConfigError: A file, a variable or a value cannot be read; it says which, and where it stands.

    Example:
        >>> settings = RouterSettings(timeout=30, api_key="hf_secret")
        >>> settings.timeout, str(settings.origins["timeout"]), settings.api_key
        (30.0, 'argument', SecretStr('**********'))
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        protected_namespaces=(),
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
    )

    config: Path | None = None
    model: str | None = None
    base_url: str | None = None
    endpoint: str | None = None
    api_key: SecretStr | Callable[[], Any] | None = None
    api_key_env: str | None = None
    provider: str | None = None
    bill_to: str | None = None
    hub_url: str | None = None
    endpoints_url: str | None = None
    timeout: float | dict[str, float] | None = None
    max_retries: int | None = Field(default=None, ge=0)
    wait_for_model: _Open | None = None
    default_headers: dict[str, str] | None = None
    extra_body: dict[str, Any] | None = None
    reasoning_tags: bool | None = None
    models: dict[str, Any] | None = None
    fallback: list[str | dict[str, Any] | Target] | None = None
    tiers: dict[str, list[str | dict[str, Any] | Target]] | None = None
    tier: str | None = None
    routing: str | None = None
    continue_elsewhere: bool | None = None
    task_models: dict[str, str] | None = None
    embedding_api: Literal["auto", "openai", "tei", "router"] | None = None
    embedding_cache: _Open | None = None
    chat_cache: _Open | None = None
    limits: list[Any] | None = None
    concurrency: _Open | list[Any] | None = None
    budgets: list[Any] | None = None
    hedge: _Open | None = None
    ledger: _Open | None = None
    state: _Open | None = None
    usage_tags: dict[str, str] | None = None
    prices: dict[str, Any] | None = None
    reported_cost: str | None = None
    origins: dict[str, Origin] = Field(default_factory=dict, repr=False, exclude=True)

    def __init__(self, **arguments: Any) -> None:
        known = type(self).model_fields.keys() - {"origins"}
        refuse_unknown(arguments, known, "RouterSettings")
        values, origins, file = layers_of(type(self), arguments)
        if file is not None:
            check_keys(file, known - _NOT_IN_FILES)
        tables = _all_models(values, file, origins)
        try:
            super().__init__(**{**values, "models": tables, "origins": origins})
        except ValidationError as error:
            raise _in_words(error, origins) from None
        self._check()

    @classmethod
    def load(cls, config: str | os.PathLike[str] | None = None, **arguments: Any) -> Self:
        """The settings that count here and now.

        Args:
            config: The file to read, in place of looking for one.
            arguments: Settings that come before all others.

        Raises:
            ConfigError: As for the class.
        """
        return cls(config=config, **arguments)

    @field_validator("max_retries", "timeout", mode="before")
    @classmethod
    def _no_switch(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("Input should be a number, not a switch")
        return value

    def origin(self, name: str) -> Origin:
        """Where a value comes from."""
        if (
            name == "api_key"
            and self.api_key is None
            and self.api_key_env is None
            and (found := ambient_source())
        ):
            return Origin(f"{found}, for hosts of Hugging Face's alone", 1)
        return self.origins.get(name, DEFAULT)

    def arguments(self) -> dict[str, Any]:
        """What was said, as the arguments of a client.

        Raises:
            ConfigError: A variable that `api_key_env` names is not set.
        """
        found = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in _NOT_ARGUMENTS and getattr(self, name) is not None
        }
        if (url := self._endpoint_url()) is not None:
            found["base_url"] = url
        if isinstance(self.timeout, dict):
            found["timeout"] = _limits(self.timeout)
        if "fallback" in found:
            found["fallback"] = [_as_target(spec) for spec in found["fallback"]]
        if "tiers" in found:
            found["tiers"] = {
                name: [_as_target(spec) for spec in specs] for name, specs in found["tiers"].items()
            }
        if self.api_key is not None:
            found["api_key"] = _key(self.api_key)
        elif (key := key_from(self.api_key_env)) is not None:
            found["api_key"] = key
        return found

    def check_host(self, key: Origin) -> None:
        """Whether a token may go to `base_url`, whoever named that.

        Args:
            key: Where the token comes from.

        Raises:
            ConfigError: A file that may be a stranger's names the host, and the token comes from elsewhere.
        """
        host = self.origin("base_url")
        if self.base_url and host.doubtful and host.distance > key.distance:
            check_host(self.base_url, str(host))

    def _endpoint_url(self) -> str | None:
        """The address that `endpoint` stands for, unless a nearer `base_url` says where calls go."""
        if self.endpoint is None:
            return None
        nearer = self.origin("base_url").distance - self.origin("endpoint").distance
        if self.base_url is not None and nearer == 0:
            raise ConfigError(
                f"endpoint and base_url ({self.origin('endpoint')}) both say where calls go.",
                hint="Keep one.",
            )
        return None if self.base_url is not None and nearer < 0 else endpoint_address(self.endpoint)

    def _check(self) -> None:
        for name, check in _CHECKS.items():
            if (value := getattr(self, name)) is not None:
                try:
                    check(value)
                except ConfigError as error:
                    raise ConfigError(
                        f"{name} ({self.origin(name)}): {error.message}", hint=error.hint
                    ) from None
        for name, named in self._variables():
            check_variable(named, trusted=not self.origin(name).doubtful)
        if self.api_key is not None:
            self.check_host(self.origin("api_key"))
        elif self.api_key_env is not None:
            self.check_host(self.origin("api_key_env"))
        headers = {name.lower() for name in self.default_headers or ()}
        if headers & SECRET_HEADERS and self.origin("default_headers").distance > 1:
            raise ConfigError(
                f"default_headers ({self.origin('default_headers')}): {min(headers & SECRET_HEADERS)} is a secret.",
                hint="Name the variable of a token as api_key_env, or pass the header as an argument.",
            )

    def _variables(self) -> Iterator[tuple[str, Any]]:
        """The variables that hold tokens, and the setting that names each."""
        yield "api_key_env", self.api_key_env
        for name, specs in [("fallback", self.fallback or [])] + [
            ("tiers", specs) for specs in (self.tiers or {}).values()
        ]:
            for spec in specs:
                if isinstance(spec, dict):
                    yield name, spec.get("api_key_env")

    # -- what is shown, and what travels: never a token ---------------------------------------------------------------

    def __str__(self) -> str:
        rows = [(name, shown(value), str(self.origin(name))) for name, value in self._values()]
        rows += [
            (f"models.{name}", shown(model), model.found_in or "")
            for name, model in (self.models or {}).items()
        ]
        names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
        return "\n".join(
            f"{name:<{names}}  {value:<{min(values, 60)}}  {said}".rstrip() for name, value, said in rows
        )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name in type(self).model_fields:
            if name in self.origins:
                yield name, Shown(shown(getattr(self, name)))

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        key = self.api_key if callable(self.api_key) and ApiKey(self.api_key).travels else None
        state["__dict__"] = {**state["__dict__"], "api_key": key}
        return state

    def _values(self) -> Iterator[tuple[str, Any]]:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name == "api_key" and value is None and self.api_key_env is None and ambient_source():
                yield name, SecretStr("ambient")
            elif name not in ("origins", "models"):
                yield name, _BY_DEFAULT.get(name) if value is None else value


_CHECKS: Mapping[str, Any] = {
    "base_url": checked_url,
    "hub_url": lambda url: checked_url(url, "hub_url"),
    "endpoint": endpoint_address,
    "endpoints_url": lambda url: checked_url(url, "endpoints_url"),
    "bill_to": checked_bill_to,
    "timeout": lambda limits: _limits(limits),
    "wait_for_model": checked_patience,
    "default_headers": lambda headers: checked_headers(headers, "default_headers"),
    "extra_body": checked_body,
    "usage_tags": checked_tags,
    "fallback": lambda specs: checked_targets([_bare(spec) for spec in specs], "fallback"),
    "tiers": lambda tiers: [
        checked_targets([_bare(spec) for spec in specs], f"tiers.{name}") for name, specs in tiers.items()
    ],
    "routing": checked_routing,
    "prices": lambda prices: checked_costing(prices, None),
    "reported_cost": lambda place: checked_costing(None, place),
    "api_key": lambda given: _key(given),
    "limits": lambda limits: _bounds().checked_limits(limits),
    "concurrency": lambda given: _bounds().Concurrency.read(given),
    "budgets": lambda budgets: [_budget_from(budget) for budget in budgets],
    "hedge": checked_hedge,
    "chat_cache": lambda given: _cache_of(given),
    "state": lambda state: _opened_state(state),
}
"""The client's own checks of what pydantic lets pass."""


def _all_models(
    values: Mapping[str, Any], file: ConfigFile | None, origins: dict[str, Origin]
) -> dict[str, Any] | None:
    """The named models of all places: nearer ones hide those of the same name in the file."""
    near = values.get("models") if origins.get("models", DEFAULT).distance < 3 else None
    found = {}
    if near is not None:
        origin = origins["models"]
        found = named_models(near, f"models ({origin})", str(origin) if origin.doubtful else "")
    if file is not None and "models" in file.values:
        place = str(file.path)
        listed = named_models(file.values["models"], f"{place}: models", "" if file.trusted else place)
        found = {**listed, **found}
        if near is not None:
            origins["models"] = Origin(f"{origins['models']}, {place}", 3, not file.trusted)
    return found or None


def _in_words(error: ValidationError, origins: Mapping[str, Origin]) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    name, *inner = (str(part) for part in first["loc"])
    place = ".".join(
        [name, *(part for part in inner if not re.search(r"[\[(]|^(bool|int|float|str)$", part))]
    )
    return ConfigError(
        f"{place} ({origins.get(name, DEFAULT)}) cannot be read: {first['msg']}.",
        hint="See the docstring of HFRouter for what it may be.",
    )


def _key(given: SecretStr | Callable[[], Any]) -> ApiKey:
    return ApiKey(given.get_secret_value() if isinstance(given, SecretStr) else given)


# What few clients ask for is loaded where one does.


def _bounds() -> Any:
    from shared_core.client import limiting

    return limiting


def _budget_from(told: Any) -> object:
    from shared_core.types.budget import budget_from

    return budget_from(told)


def _cache_of(given: Any) -> object:
    from shared_core.cache import ChatCache

    return given is False or ChatCache.of(given)


def _opened_state(state: Any) -> object:
    from shared_core.policy.stores.opening import open_state

    return open_state(state)  # which connects to nothing yet


def _limits(limits: float | dict[str, float]) -> Timeouts:
    if not isinstance(limits, dict):
        return Timeouts.of(limits)
    refuse_unknown(limits, [item.name for item in fields(Timeouts)], "a table of time limits")
    return Timeouts(**limits)


def _bare(spec: str | dict[str, Any] | Target) -> Any:
    """A target without its token, whose variable need not be set until it is asked."""
    return (
        {name: value for name, value in spec.items() if name != "api_key_env"}
        if isinstance(spec, dict)
        else spec
    )


def _as_target(spec: str | dict[str, Any] | Target) -> Any:
    """A target with the token that it names a variable for."""
    if not isinstance(spec, dict) or "api_key_env" not in spec:
        return spec
    rest = {name: value for name, value in spec.items() if name != "api_key_env"}
    return {**rest, "api_key": key_from(spec["api_key_env"])}
