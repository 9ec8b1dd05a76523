"""What a client takes over from outside: settings that its user did not give, and what the name of a model means.

Lives here: putting arguments before what is written elsewhere. Not here: reading that (`router_settings`), which is
loaded where there is something to read; when it is done (`base`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from shared_core.client import config_file
from shared_core.client.settings import PREFIX, said, variable
from shared_core.client.strangers import check_host, holds_secret
from shared_core.routing import ROUTER_URL, is_hugging_face
from shared_core.types import (
    SECRET_HEADERS,
    ApiKey,
    Budget,
    Target,
    TargetSpec,
    endpoint_in,
    origin_of,
)

if TYPE_CHECKING:
    from shared_core.client.base import RouterBase
    from shared_core.client.named_models import NamedModel
    from shared_core.client.router_settings import RouterSettings

__all__ = [
    "Settled",
    "arguments_of",
    "attributes_with",
    "bound_by",
    "given",
    "settled",
    "twin_of",
    "written",
]

Client = TypeVar("Client", bound="RouterBase")

_LAST: list[tuple[object, config_file.ConfigFile | None, RouterSettings]] = []
"""What was read last, and of what: most clients of a process find the same. Replaced as a whole, for threads."""

_OF_A_HOST = ("api_key", "bill_to", "default_headers")
"""What is meant for the host that it was written beside, or for the router."""

_OF_PROVIDERS = ("model", "provider", "bill_to", "default_headers", "embedding_api")
"""What means nothing to a dedicated endpoint that was named as an argument."""


class Settled(NamedTuple):
    """The arguments of a client, complete.

    Args:
        arguments: By name.
        preset: What stands under the name that was given for a model; None where that is a model's id.
        name: That name; "" where it is an id.
    """

    arguments: dict[str, Any]
    preset: NamedModel | None = None
    name: str = ""


def written() -> RouterSettings | None:
    """What the environment and files say here and now; None where there is nothing to read.

    Raises:
        ConfigError: It cannot be read.
    """
    now, path = said(), variable(f"{PREFIX}CONFIG", in_dotenv=False)
    file = config_file.read(path) if path else config_file.find()
    if not now and file is None:
        return None
    for last in _LAST:
        if last[0] == now and last[1] is file:
            return last[2]
    from shared_core.client.router_settings import RouterSettings

    settings = RouterSettings()
    _LAST[:] = [(now, file, settings)]
    return settings


def settled(own: Mapping[str, Any], settings: RouterSettings | None) -> Settled:
    """A client's arguments before those that are written elsewhere, and before what its model's name means.

    Args:
        own: What the user gave.
        settings: What was found.

    Raises:
        ConfigError: They do not go together.
    """
    found = {} if settings is None else settings.arguments()
    home = _home(found, {})
    if "base_url" in own and not _same_host(own["base_url"], home.base_url):
        found = {
            name: value for name, value in found.items() if name not in _of_a_host(own["base_url"], found)
        }
    names = _names(own.get("models"), found.get("models"))
    arguments = {**found, **own, **({"models": names} if names else {})}
    if names and arguments.get("fallback"):
        arguments["fallback"] = _with_names(arguments["fallback"], names)
    if names and arguments.get("tiers"):
        arguments["tiers"] = {tier: _with_names(specs, names) for tier, specs in arguments["tiers"].items()}
    if endpoint_in(arguments.get("base_url") or "") and not endpoint_in(home.base_url):
        _anchor(arguments, _with_own_key(home, own))
    name = arguments.get("model")
    preset = names.get(name) if isinstance(name, str) else None
    if "base_url" not in own and holds_secret(own):
        _check_host(preset, settings)
    if preset is None:
        return Settled(arguments)
    return Settled(_expanded(preset, arguments, own), preset, str(name))


def arguments_of(client: RouterBase) -> dict[str, Any]:
    """The arguments of a client as they are in use, but for what is secret."""
    return {
        "model": client.model,
        "base_url": client._base_url,
        "provider": client.provider,
        "bill_to": client.bill_to,
        "timeout": client.timeouts,
        "max_retries": client.max_retries,
        "default_headers": {k: v for k, v in client._headers.items() if k not in SECRET_HEADERS},
        "extra_body": client.extra_body,
        "wait_for_model": client.wait_for_model,
        "reasoning_tags": client.reasoning_tags,
        "embedding_cache": client.embedding_cache,
        "embedding_api": client.embedding_api,
        "hub_url": client._hub_url,
        "endpoints_url": client._endpoints_url,
        "task_models": client.task_models,
        "prices": client._exchange.costs.prices,
        "reported_cost": client._exchange.costs.reported_in,
        "fallback": client.fallback,
        "tiers": client.tiers,
        "tier": client.tier,
        "routing": client.routing,
        "continue_elsewhere": client.continue_elsewhere,
        "models": client.models_by_name,
        **client._safeguards.arguments,
    }


def attributes_with(client: RouterBase, settings: RouterSettings | None) -> dict[str, Any]:
    """The attributes of a client once it has taken over these settings.

    Raises:
        ConfigError: They do not go together with its arguments.
    """
    now = {**arguments_of(client), "default_headers": client._headers, "api_key": client._key}
    plain = {**arguments_of(_plain_client()), "api_key": ApiKey(None)}
    # Attributes that were set since count like arguments.
    changed = {
        name: value for name, value in now.items() if name in client._given or value != plain.get(name)
    }
    own = {**client._given, **changed}
    done = settled(own, settings)
    fresh = object.__new__(type(client))
    fresh._settled = True
    fresh._set_up(**done.arguments)
    opened = client._safeguards.opened
    if opened is not None and fresh._safeguards.arguments.get("chat_cache") is opened:
        fresh._safeguards = replace(fresh._safeguards, opened=opened)  # still this client's to close
    return {
        **fresh.__dict__,
        "_names": fresh.models_by_name,
        "_preset": done.preset,
        "_own_name": done.name,
    }


def twin_of(client: Client, named: NamedModel) -> Client:
    """A client for a named model, perhaps on another host: all that is limited or remembered is shared."""
    from shared_core.client.lineup import resolved

    home = Target(client.base_url, client._key, client.bill_to, client._headers)
    place = resolved(named.target(), home, "")
    elsewhere = place.base_url != home.base_url
    twin = object.__new__(type(client))
    twin.__dict__.update(client.__dict__)
    own_model = place.base_url if endpoint_in(place.base_url) else None
    twin.model, twin.task_models = named.model or own_model, {}
    if named.chooses_provider() or elsewhere:
        twin.provider = named.provider
    twin.extra_body = {**client.extra_body, **named.extra_body}
    twin._base_url, twin._key, twin.bill_to = place.base_url, place.key, place.bill_to
    twin._headers, twin._target = dict(place.headers), None
    twin._preset, twin._own_name, twin._names, twin._twins = named, "", {}, {}
    if elsewhere:
        twin.embedding_api = "auto"
        targets: dict[str, Any] = {"fallback": client.fallback, "tiers": client.tiers}
        _anchor(targets, home)
        twin.fallback, twin.tiers = targets["fallback"], targets["tiers"]
        twin._ways = twin._find_ways()
    return twin


def bound_by(client: Client, budget: Budget) -> Client:
    """The client with one budget more: all that is limited or remembered is shared."""
    client._settle()
    arguments = client._safeguards.arguments
    budgets = [*(arguments.get("budgets") or ()), budget]
    bound = object.__new__(type(client))
    bound.__dict__.update(client.__dict__)
    bound._guard({**arguments, "budgets": budgets})
    bound._ways, bound._twins = bound._find_ways(), {}
    return bound


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that say something, without what may be secret: of that, only that it was given."""
    found = {name: value for name, value in arguments.items() if value is not None}
    if "default_headers" in found:
        found["default_headers"] = None
    if "api_key" in found:
        key = found.pop("api_key")
        if not isinstance(key, ApiKey) or key.source != "ambient":  # a key that is to be found says nothing
            found["api_key"] = None
    return found


def _of_a_host(url: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """What of that which was found is not for the host at this address."""
    if not endpoint_in(url):
        return _OF_A_HOST
    # The token for the router is good for the account's endpoints; one for another host is not.
    place = found.get("base_url", ROUTER_URL)
    shared = is_hugging_face(place) or origin_of(place) == origin_of(found.get("endpoints_url", ""))
    return _OF_PROVIDERS if shared else (*_OF_PROVIDERS, "api_key")


def _with_own_key(home: Target, own: Mapping[str, Any]) -> Target:
    """The router with the token that was given for an endpoint: both are of one account."""
    key = own.get("api_key")
    if not isinstance(key, ApiKey) or home.key.source != "ambient" or not is_hugging_face(home.base_url):
        return home
    return replace(home, key=key)


def _with_names(specs: Sequence[TargetSpec], names: Mapping[str, NamedModel]) -> list[TargetSpec]:
    """Targets, with what the names among them mean."""
    return [names[spec].target() if isinstance(spec, str) and spec in names else spec for spec in specs]


def _names(own: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> dict[str, NamedModel]:
    if not own and not found:
        return {}
    from shared_core.client.named_models import named_models

    return {**(found or {}), **named_models(own or {})}


def _check_host(preset: NamedModel | None, settings: RouterSettings | None) -> None:
    """Whether a secret of the program's may go to the host that is named outside of it."""
    if preset is not None and preset.base_url:
        if preset.found_in:
            check_host(preset.base_url, preset.found_in)
    elif settings is not None:
        from shared_core.client.environment import ARGUMENT

        settings.check_host(ARGUMENT)


def _expanded(preset: NamedModel, arguments: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a name means, beside which the user's own arguments count."""
    full = {**arguments, "model": preset.model or None}
    if preset.base_url and "base_url" not in own:
        if not _same_host(preset.base_url, arguments.get("base_url", ROUTER_URL)):
            full = {name: value for name, value in full.items() if name not in _OF_A_HOST or name in own}
            _anchor(full, _home(arguments, own))
        full["base_url"] = preset.base_url
    if "api_key" not in own and "base_url" not in own and (key := preset.key()) is not None:
        full["api_key"] = key
    if "provider" not in own and (preset.chooses_provider() or preset.base_url):
        full["provider"] = preset.provider
    if "bill_to" not in own and preset.bill_to:
        full["bill_to"] = preset.bill_to
    if preset.extra_body:
        full["extra_body"] = {**preset.extra_body, **(own.get("extra_body") or {})}
    return full


def _home(arguments: Mapping[str, Any], own: Mapping[str, Any]) -> Target:
    """Where a client would be without the name of its model. A key that was given is meant for that model's host."""
    found = {name: arguments[name] for name in _OF_A_HOST if name in arguments and name not in own}
    return Target(
        arguments.get("base_url", ROUTER_URL),
        found.get("api_key") or ApiKey(None),
        arguments.get("bill_to"),
        found.get("default_headers") or {},
    )


def _anchor(arguments: dict[str, Any], home: Target) -> None:
    """Leaves targets that name no host at home, where the model itself is elsewhere."""
    from shared_core.client.lineup import anchored

    def at_home(specs: Sequence[TargetSpec]) -> list[TargetSpec]:
        return [anchored(Target.of(spec), home) for spec in specs]

    if arguments.get("fallback"):
        arguments["fallback"] = at_home(arguments["fallback"])
    if arguments.get("tiers"):
        arguments["tiers"] = {name: at_home(specs) for name, specs in arguments["tiers"].items()}


def _same_host(first: str, second: str) -> bool:
    return origin_of(first) == origin_of(second)


def _plain_client() -> RouterBase:
    from shared_core.client.base import RouterBase

    return RouterBase()
