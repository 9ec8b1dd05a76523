"""Models by names of the user's own: `[models.coder]` in `hfrouter.toml`, or `models={"coder": {...}}`.

Lives here: what may stand under a name, its checks, what a chat takes over from it. Not here: where names are
written (`router_settings`), which client a name means (`base`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_core.client.checks import checked_bill_to, checked_body, checked_params, checked_url
from shared_core.client.settings import TOKEN_VARIABLES, variable
from shared_core.client.strangers import check_variable
from shared_core.errors import ConfigError
from shared_core.routing import wire_model
from shared_core.types import CHAT_PARAMS, ApiKey, Message, ModelRef, Target

__all__ = ["NamedModel", "key_from", "named_models"]

_OWN = ("model", "provider", "base_url", "bill_to", "api_key", "api_key_env", "system", "extra_body")
_INSTRUCTIONS = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What a name stands for.

    Args:
        model: Its id; "" for a server that has but one.
        provider: Provider or policy, in place of the id's suffix.
        base_url: Its host; None is the client's own.
        bill_to: Organisation that pays; None is the client's own, where the host is.
        api_key: The token for its host; None is found as for any target.
        api_key_env: The variable that holds the token.
        system: A message that stands before conversations which have none of its kind.
        extra_body: Further keys of the request's body.
        params: Chat parameters of calls that do not set them.
        found_in: The file that says so, where its author may be a stranger; "" for the user's own word.
    """

    model: str = ""
    provider: str | None = None
    base_url: str | None = None
    bill_to: str | None = None
    api_key: ApiKey | None = None
    api_key_env: str | None = None
    system: str | None = field(default=None, repr=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    found_in: str = ""

    @classmethod
    def of(cls, table: NamedModel | Mapping[str, Any], place: str, found_in: str = "") -> NamedModel:
        """What was written, checked.

        Args:
            table: As it was written.
            place: Where, for errors.
            found_in: As above.

        Raises:
            ConfigError: It cannot work.
        """
        if isinstance(table, NamedModel):
            return table
        if not isinstance(table, Mapping):
            raise ConfigError(f"{place} is {table!r}, not a table.", hint='Write {"model": "org/name", ...}.')
        if unknown := table.keys() - CHAT_PARAMS - set(_OWN):
            name = min(unknown)
            near = difflib.get_close_matches(name, (*_OWN, *CHAT_PARAMS), n=1)
            raise ConfigError(
                f"{place} has an unknown key {name!r}.",
                hint=f"Did you mean {near[0]!r}?"
                if near
                else f"It may have {', '.join(_OWN)} and chat parameters.",
            )
        model, url, system, key = (table.get(name) for name in ("model", "base_url", "system", "api_key"))
        try:
            if model or not url:
                wire_model(model, table.get("provider"))
            if not isinstance(system, str | None):
                raise ConfigError(f"system is a {type(system).__name__}, not a text.")
            check_variable(table.get("api_key_env"), trusted=not found_in)
            return cls(
                model or "",
                table.get("provider"),
                None if url is None else checked_url(url),
                checked_bill_to(table.get("bill_to")),
                key if isinstance(key, ApiKey | None) else ApiKey(key),
                table.get("api_key_env"),
                system,
                checked_body(table.get("extra_body")),
                checked_params({name: value for name, value in table.items() if name in CHAT_PARAMS}),
                found_in,
            )
        except ConfigError as error:
            raise ConfigError(f"{place}: {error.message}", hint=error.hint) from None

    def __repr__(self) -> str:
        own = {name: getattr(self, name) for name in _OWN if name != "system"}
        shown = [f"{name}={value!r}" for name, value in {**own, **self.params}.items() if value]
        return f"NamedModel({', '.join(shown)})"

    def key(self) -> ApiKey | None:
        """The token that it names; None where it names none.

        Raises:
            ConfigError: Its variable is not set.
        """
        return self.api_key or key_from(self.api_key_env)

    def target(self) -> Target:
        """It as a target: no parameters, which stay those of the call."""
        return Target(
            self.base_url or "",
            self.key() or ApiKey(None),
            self.bill_to,
            model=self.model,
            provider=self.provider,
        )

    def chooses_provider(self) -> bool:
        """Whether it says who serves it."""
        return self.provider is not None or bool(ModelRef.parse(self.model).suffix)

    def messages(self, messages: Sequence[Message]) -> Sequence[Message]:
        """A conversation, with its own `system` where that has no instructions yet."""
        if self.system is None or any(message.get("role") in _INSTRUCTIONS for message in messages):
            return messages
        return [{"role": "system", "content": self.system}, *messages]


def named_models(
    tables: Mapping[str, NamedModel | Mapping[str, Any]], place: str = "models", found_in: str = ""
) -> dict[str, NamedModel]:
    """All that was written, by name.

    Raises:
        ConfigError: One of them cannot work.
    """
    if not isinstance(tables, Mapping):
        raise ConfigError(
            f"{place} is {tables!r}, not a table.", hint='Write {"coder": {"model": "org/name"}}.'
        )
    for name in tables:
        if not isinstance(name, str) or not name or not name.isprintable() or set(name) & set("/: "):
            raise ConfigError(
                f"{place} holds the name {name!r}.",
                hint="A name has no slash, colon or blank: those stand in ids.",
            )
    return {name: NamedModel.of(table, f"{place}.{name}", found_in) for name, table in tables.items()}


def key_from(name: str | None) -> ApiKey | None:
    """The token in a variable; None without one, and for the variables of the ambient one, which goes to hosts of
    Hugging Face alone, whoever names them.

    Raises:
        ConfigError: The variable is not set.
    """
    if name is None or name in TOKEN_VARIABLES:
        return None
    if not variable(name):
        raise ConfigError(f"The variable {name}, named by api_key_env, is not set.", hint=f"Set {name}.")
    return ApiKey(variable(name))  # the bare token never stands in a variable of this frame
