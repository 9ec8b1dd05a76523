"""One place that a call can go to: a model, a host, an account.

Lives here: the value, as users write it and as calls carry it, and its form without secrets. Not here: which
targets a client has (`client.lineup`), which of them is asked first (`routing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, fields
from typing import Any, NamedTuple

from shared_core.errors import ConfigError
from shared_core.types.addresses import ENDPOINT, endpoint_address
from shared_core.types.secret import ApiKey, KeyFunction

__all__ = [
    "SECRET_HEADERS",
    "Figures",
    "Routing",
    "Target",
    "TargetSpec",
    "other_model",
    "plain_routing",
    "plain_targets",
]

SECRET_HEADERS = frozenset({"proxy-authorization", "cookie", "x-api-key", "api-key", "x-hf-token"})
"""Headers that are as good as a token, and travel as little."""


class Figures(NamedTuple):
    """What this process has measured of a target; None where it has not.

    Args:
        first_token: Seconds to the first content of a stream.
        whole: Seconds to a complete answer.
        speed: Generated tokens a second.
        seen: How many answers these rest on.
    """

    first_token: float | None = None
    whole: float | None = None
    speed: float | None = None
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A place to send to, and on whose account. All arguments are best given by name.

    Args:
        base_url: Address that paths such as "/chat/completions" are appended to; "" is the client's own. A dedicated
            endpoint is "endpoint://name" or "endpoint://namespace/name".
        key: The token for this host, as an `ApiKey`. Users write `api_key`.
        bill_to: Organisation that pays, sent as `X-HF-Bill-To`; None is the client's own, where the host is.
        headers: Further headers.
        model: `org/name[:fastest|cheapest|preferred|<provider>]`; "" is the model of the call.
        provider: Provider, in place of the model's suffix.
        weight: Its share of the calls with `routing="weighted"`, beside the weights of the others.
        api_key: The token for this host, or a function that gives it (see `RouterBase`). None is the client's own where
            the host is the client's; elsewhere the ambient one, which goes to hosts of Hugging Face only. "" sends
            none.

    Raises:
        ConfigError: The weight is no number above 0, or the token holds characters that no token has.

    Example:
        >>> Target(model="org/name", base_url="http://localhost:8000/v1", api_key="secret-token")
        Target(base_url='http://localhost:8000/v1', key=ApiKey(argument), model='org/name')
    """

    base_url: str = ""
    key: ApiKey = field(default_factory=lambda: ApiKey(None))
    bill_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    model: str = ""
    provider: str | None = None
    weight: float = 1.0
    api_key: InitVar[str | ApiKey | KeyFunction | None] = None

    def __post_init__(self, api_key: str | ApiKey | KeyFunction | None) -> None:
        if api_key is not None:
            key = api_key if isinstance(api_key, ApiKey) else ApiKey(api_key)
            object.__setattr__(self, "key", key)
        if isinstance(self.weight, bool) or not isinstance(self.weight, int | float) or not self.weight > 0:
            raise ConfigError(f"weight={self.weight!r} is not a number above 0.")

    @classmethod
    def of(cls, spec: TargetSpec) -> Target:
        """What a user wrote: a model's id, an address (then without any token), `endpoint://name`, a target, or
        `as_dict` of one.

        Raises:
            ConfigError: It is none of them.
        """
        if isinstance(spec, Target):
            return spec
        if isinstance(spec, str) and spec:
            if spec.startswith(ENDPOINT):
                return cls(endpoint_address(spec))
            return cls(spec, ApiKey("")) if spec.startswith(("http://", "https://")) else cls(model=spec)
        if isinstance(spec, Mapping):
            return _from_dict(dict(spec))
        raise ConfigError(
            f"A target is a model's id, an address or a Target, not {spec!r}.",
            hint='Write "org/name:provider", "http://localhost:8000/v1", or Target(model=..., base_url=...).',
        )

    def as_dict(self) -> dict[str, Any]:
        """What was given, as plain values for JSON: where the token came from in its place, and no secret header."""
        given: dict[str, Any] = {
            "model": self.model,
            "base_url": self.base_url,
            "provider": self.provider,
            "bill_to": self.bill_to,
            "headers": _harmless(self.headers),
            "weight": self.weight if self.weight != 1.0 else None,
            "key_source": self._travelling_key().source,
        }
        plain = {name: value for name, value in given.items() if value}
        if plain["key_source"] == "ambient":
            del plain["key_source"]
        return plain

    @property
    def id(self) -> tuple[str, ApiKey, str | None, str]:
        """What tells one target from another."""
        return self.base_url, self.key, self.bill_to, self.model

    def __repr__(self) -> str:
        shown = (
            f"{name}={getattr(self, name)!r}"
            for name, unset in (
                ("base_url", ""),
                ("key", ApiKey(None)),
                ("bill_to", None),
                ("model", ""),
                ("provider", None),
                ("weight", 1.0),
            )
            if getattr(self, name) != unset
        )
        return f"Target({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {"headers": _harmless(self.headers), "key": self._travelling_key()}
        return _rebuilt, (values,)

    def _travelling_key(self) -> ApiKey:
        """Headers that are secrets stay behind like an explicit key, and are missed just as loudly."""
        dropped = SECRET_HEADERS & {name.lower() for name in self.headers}
        return ApiKey.left_behind() if dropped else self.key


TargetSpec = str | Target | Mapping[str, Any]
"""How a user may write a target; see `Target.of`."""

Routing = str | Callable[[Any, Sequence[Target]], Sequence[Target]]
"""In which order targets are asked: a word, or a function of the call and its targets."""


def other_model(written: Sequence[TargetSpec], model: str) -> str:
    """The first model among the targets that is not this one, whatever the providers; "" where there is none."""
    repo = model.partition(":")[0].lower()
    named = (Target.of(spec).model for spec in written)
    return next((name for name in named if name and name.partition(":")[0].lower() != repo), "")


def plain_targets(written: Any) -> Any:
    """A list of targets, or lists of them by name, as JSON: a `Target` says only where its token comes from."""
    if isinstance(written, Mapping):
        return {name: plain_targets(listed) for name, listed in written.items()}
    return [spec if isinstance(spec, str) else Target.of(spec).as_dict() for spec in written]


def plain_routing(routing: Routing) -> str:
    """The word, or a function's name: a function cannot be written down."""
    return routing if isinstance(routing, str) else getattr(routing, "__qualname__", type(routing).__name__)


def _from_dict(values: dict[str, Any]) -> Target:
    source = values.pop("key_source", None)
    known = {item.name for item in fields(Target)} - {"key"} | {"api_key"}
    if unknown := values.keys() - known:
        raise ConfigError(f"A target has no {min(unknown)!r}.", hint=f"It has {', '.join(sorted(known))}.")
    target = Target(**values)
    if source == "none":
        return Target(**{**values, "api_key": ""})
    if source in ("argument", "function", "left behind") and values.get("api_key") is None:
        return Target(**{**values, "api_key": ApiKey.left_behind()})
    return target


def _harmless(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}


def _rebuilt(values: dict[str, Any]) -> Target:
    return Target(**values)
