"""The limits alone, for calls that are not made here: what the adapters give to other models of their frameworks."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from shared_core.client.limiting import checked_limits
from shared_core.errors import ConfigError, LimitReached
from shared_core.flow import Flow
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.policy.scopes import digest
from shared_core.policy.state.buckets import Charge
from shared_core.policy.stores.turnstiles import turnstile_at
from shared_core.types import Limit, check_state_travels

__all__ = ["RateLimiter"]


class RateLimiter:
    """Lets through as many as the limits allow, in the order of coming; for threads and tasks.

    Args:
        limits: One or several, of requests and of tokens; all with of="all".
        name: Limiters of one name and place share equal limits. Without a name it is this one's alone, and its
            copies'.
        state: Where the limits are shared: a path to an SQLite file, or a Redis URL; None for this process.
        timeout: Seconds to wait for a turn at most; None for as long as it takes.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> limiter = RateLimiter(Limit(requests=1, per="hour"))
        >>> limiter.acquire(), limiter.acquire(blocking=False)
        (True, False)
    """

    def __init__(
        self,
        limits: Limit | Mapping[str, Any] | Sequence[Limit | Mapping[str, Any]],
        *,
        name: str = "",
        state: Any = None,
        timeout: float | None = None,
    ) -> None:
        self.limits = checked_limits(limits)
        if not self.limits or any(limit.of != "all" for limit in self.limits):
            raise ConfigError(
                "A limiter needs limits with of='all': it does not know which model or user it lets through.",
                hint="Make one for each, with `name` to tell them apart.",
            )
        if state is not None and not name:
            raise ConfigError(
                "A limiter that is shared needs a name.", hint='Pass name="openai", for instance.'
            )
        self.name, self.state, self.timeout = name or uuid.uuid4().hex, state, timeout
        self._turnstile = turnstile_at(state)
        self._keys = [digest(f"limiter {self.name} {limit!r}") for limit in self.limits]

    def __repr__(self) -> str:
        return f"RateLimiter({', '.join(map(str, self.limits))})"

    def __reduce__(self) -> tuple[Any, ...]:
        check_state_travels(self.state)
        return _rebuild, (self.limits, self.name, self.state, self.timeout)

    def acquire(self, tokens: int = 0, *, blocking: bool = True) -> bool:
        """Waits for a turn.

        Args:
            tokens: How many the call will use, for limits of tokens.
            blocking: False not to wait.

        Returns:
            Whether the call may be made.

        Raises:
            LimitReached: Its turn comes later than `timeout`.
        """
        return BlockingRun(self._passed(tokens, blocking), _NOTHING_SENT).finish()

    async def aacquire(self, tokens: int = 0, *, blocking: bool = True) -> bool:
        """See `acquire`."""
        return await AsyncRun(self._passed(tokens, blocking), _NOTHING_SENT).finish()

    def _passed(self, tokens: int, blocking: bool) -> Flow[bool]:
        clock = time.monotonic
        seconds = (math.inf if self.timeout is None else self.timeout) if blocking else 0.0
        charges = [
            Charge(
                key, (tokens if limit.tokens else 1) * limit.seconds_each, limit.at_once * limit.seconds_each
            )
            for key, limit in zip(self._keys, self.limits, strict=True)
        ]
        end = clock() + seconds
        late = yield from self._turnstile.passed(charges, clock, lambda _: end)
        if late is not None and blocking:
            limit = self.limits[self._keys.index(late.key)]
            raise LimitReached(
                f"The limit of {limit} would let this call pass in {late.seconds:.3g} s, and no more than "
                f"{seconds:g} s were to be waited.",
                retry_after=late.seconds,
                reactions=(),
            )
        return late is None


_NOTHING_SENT: Any = None
"""In place of a transport."""


def _rebuild(limits: tuple[Limit, ...], name: str, state: Any, timeout: float | None) -> RateLimiter:
    return RateLimiter(limits, name=name, state=state, timeout=timeout)
