"""Limits for any model of LlamaIndex: requests and tokens, shared by threads, tasks and processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared_core import Limit, RateLimiter

if TYPE_CHECKING:
    from llama_index.core.rate_limiter import BaseRateLimiter
else:
    try:
        from llama_index.core.rate_limiter import BaseRateLimiter
    except ImportError:  # older cores ask no limiter, so that there is nothing to derive from
        BaseRateLimiter = object

__all__ = ["HFRateLimiter"]


class HFRateLimiter(BaseRateLimiter):
    """LlamaIndex's rate limiter with a fair queue, a burst, and limits that processes can share.

    LlamaIndex asks it before each call of a model, mostly without saying how many tokens that will take: a limit of
    tokens counts what it is told. A model of this package does better with its own `limits`, which know tokens,
    providers and users.

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
        >>> OpenAILike(model="gpt-5", rate_limiter=limiter)  # doctest: +SKIP
    """

    def __init__(
        self,
        limits: Limit | Mapping[str, Any] | Sequence[Limit | Mapping[str, Any]],
        *,
        name: str = "",
        state: Any = None,
        timeout: float | None = None,
    ) -> None:
        self._limiter = RateLimiter(limits, name=name, state=state, timeout=timeout)

    def __repr__(self) -> str:
        return f"HF{self._limiter!r}"

    def acquire(self, num_tokens: int = 0) -> None:
        """Waits for a turn.

        Args:
            num_tokens: How many the call will use, for limits of tokens.

        Raises:
            LimitReached: It comes later than `timeout`.
        """
        self._limiter.acquire(num_tokens)

    async def async_acquire(self, num_tokens: int = 0) -> None:
        """See `acquire`."""
        await self._limiter.aacquire(num_tokens)
