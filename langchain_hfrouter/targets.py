"""The fields about several targets: which there are, their checks, and their form without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_hfrouter.errors import ConfigError, as_langchain
from shared_core.errors import RouterError
from shared_core.types import Target, plain_routing, plain_targets

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["ROUTING_FIELDS", "as_plain", "checked", "first_model"]

ROUTING_FIELDS = ("fallback", "tiers", "tier", "routing", "continue_elsewhere")
"""Under the names that the core has for them."""


def checked(settings: BaseModel) -> None:
    """Lets the core look at the targets, now rather than at the first call.

    Raises:
        ConfigError: One of them cannot work.
    """
    given = {name: getattr(settings, name) for name in ROUTING_FIELDS if hasattr(settings, name)}
    if all(value in (None, False) for value in given.values()):
        return
    from shared_core import HFRouter

    try:
        HFRouter(**given)
    except RouterError as error:
        raise as_langchain(error) from error.__cause__


def first_model(values: Mapping[str, Any]) -> str:
    """The model of a tier's first target, which stands for the object where it has none of its own."""
    listed = (values.get("tiers") or {}).get(values["tier"])
    if not listed:
        raise ConfigError(f"There is no tier {values['tier']!r}.", hint="Name one of tiers=, or pass model=.")
    target = Target.of(listed[0])
    if not target.model:
        raise ConfigError("The first target of the tier names no model.", hint="Pass model=, too.")
    return f"{target.model}:{target.provider}" if target.provider else target.model


def as_plain(settings: BaseModel) -> dict[str, Any]:
    """The fields that were set, as plain values."""
    plain: dict[str, Any] = {}
    for name in ROUTING_FIELDS:
        value = getattr(settings, name, None)
        if value in (None, False):
            continue
        if name in ("fallback", "tiers"):
            plain[name] = plain_targets(value)
        else:
            plain[name] = plain_routing(value) if name == "routing" else value
    return plain
