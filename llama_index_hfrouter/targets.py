"""The options about several targets: which there are, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_core.errors import ConfigError
from shared_core.types import Target

__all__ = ["ROUTING_FIELDS", "check_targets", "first_model"]

ROUTING_FIELDS = ("fallback", "tiers", "tier", "routing", "continue_elsewhere")
"""Under the names that the core has for them."""


def check_targets(options: Mapping[str, Any]) -> None:
    """Lets the core look at the targets, now rather than at the first call.

    Raises:
        ConfigError: One of them cannot work.
    """
    given = {name: options[name] for name in ROUTING_FIELDS if options.get(name) not in (None, False)}
    if given:
        from shared_core import HFRouter

        HFRouter(**given)


def first_model(tiers: Mapping[str, Any] | None, tier: str) -> str:
    """The model of a tier's first target, which stands for the object where it has none of its own."""
    listed = (tiers or {}).get(tier)
    if not listed:
        raise ConfigError(f"There is no tier {tier!r}.", hint="Name one of tiers=, or pass model=.")
    target = Target.of(listed[0])
    if not target.model:
        raise ConfigError("The first target of the tier names no model.", hint="Pass model=, too.")
    return f"{target.model}:{target.provider}" if target.provider else target.model
