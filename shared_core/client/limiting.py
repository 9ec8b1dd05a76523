"""From the arguments `limits`, `concurrency` and `state` to the policies that they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared_core.errors import ConfigError
from shared_core.policy import Policy
from shared_core.policy.concurrency import LimitConcurrency
from shared_core.policy.rate_limit import RateLimit
from shared_core.policy.stores.turnstiles import GATES, turnstile_at
from shared_core.types import Concurrency, Limit

__all__ = ["checked_limits", "limiting"]


def limiting(limits: Any, concurrency: Any, state: Any) -> tuple[Policy, ...]:
    """What stands around each try.

    Args:
        limits: Of requests and tokens; None for none.
        concurrency: How many requests at once; None for any number.
        state: Where the limits are shared.

    Raises:
        ConfigError: One of them cannot work.
    """
    # Also without limits: what a provider asks for with a Retry-After is heeded by all.
    rate = RateLimit(checked_limits(limits or ()), turnstile_at(state))
    if concurrency is None:
        return (rate,)
    return (rate, LimitConcurrency(Concurrency.read(concurrency), GATES, rate))


def checked_limits(limits: Any) -> tuple[Limit, ...]:
    """The limits as a user wrote them: one, or several.

    Raises:
        ConfigError: One of them is none.
    """
    if isinstance(limits, Limit | Mapping):
        limits = (limits,)
    if isinstance(limits, str | bytes) or not isinstance(limits, Sequence):
        raise ConfigError(
            f"limits={limits!r} is no list of limits.",
            hint='Write limits=[Limit(requests=60, per="minute", of="provider")].',
        )
    return tuple(dict.fromkeys(map(Limit.read, limits)))  # one that is named twice is one
