"""Limits for any model of LangChain: requests a second, minute, hour or day, shared by threads, tasks and processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.rate_limiters import BaseRateLimiter

from langchain_hfrouter.errors import as_langchain
from shared_core import Limit, RateLimiter, RouterError

__all__ = ["HFRateLimiter"]


class HFRateLimiter(BaseRateLimiter):
    """LangChain's rate limiter with a fair queue, a burst, and limits that processes can share.

    LangChain asks it before each call of a model, and does not say how many tokens that will take: limits are of
    requests. A model of this package does better with its own `limits`, which know tokens, providers and users.

    Args:
        limits: One `Limit` or several, or their arguments by name.
        name: Limiters of one name and place share equal limits; needed with `state`.
        state: Where the limits are shared: a path to an SQLite file, or a Redis URL; None for this limiter alone.
        timeout: Seconds to wait for a turn at most; None for as long as it takes.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> from shared_core import Limit
        >>> limiter = HFRateLimiter(Limit(requests=500, per="minute", burst=20))
        >>> ChatOpenAI(model="gpt-5", rate_limiter=limiter)  # doctest: +SKIP
    """

    def __init__(
        self,
        limits: Limit | Mapping[str, Any] | Sequence[Limit | Mapping[str, Any]],
        *,
        name: str = "",
        state: Any = None,
        timeout: float | None = None,
    ) -> None:
        try:
            self._limiter = RateLimiter(limits, name=name, state=state, timeout=timeout)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    def __repr__(self) -> str:
        return f"HF{self._limiter!r}"

    def acquire(self, *, blocking: bool = True) -> bool:
        """Waits for a turn; see `BaseRateLimiter`.

        Raises:
            LimitReached: It comes later than `timeout`.
        """
        try:
            return self._limiter.acquire(blocking=blocking)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """See `acquire`."""
        try:
            return await self._limiter.aacquire(blocking=blocking)
        except RouterError as error:
            raise as_langchain(error) from error.__cause__
