"""How many retries a host may still get: a token bucket for each host and account.

Retries that help are free; retries that do not are few. Without this, a service in trouble gets three times its
usual load from all its clients, and stays in trouble.
"""

from __future__ import annotations

from collections.abc import Hashable

from shared_core._locks import new_lock

__all__ = ["HEDGES", "RETRIES", "RetryBudget"]


class RetryBudget:
    """Buckets, safe from threads.

    A retry takes its price out. When it is answered the price comes back, and every call that is answered the first
    time puts one token in. So retries in vain number at most (size + answered calls) / price: for transient faults
    35 in a row, and then one for every 14 answered calls (7 %).

    Args:
        size: Tokens of a full bucket.
        transient: Price of a retry after a broken connection, a time limit or a failure.
        throttled: Price of a retry after a refusal for lack of room.
        most: Buckets that are kept; a process that speaks with more hosts forgets the one longest untouched.

    Source of the numbers: the AWS SDKs' standard mode (reliability notes, sections 2 and 6).

    Example:
        >>> budget = RetryBudget(size=20)
        >>> budget.take("host"), budget.take("host"), budget.left("host")
        (14, 0, 6)
    """

    __slots__ = ("_lock", "_most", "_tokens", "size", "throttled", "transient")

    def __init__(self, size: int = 500, transient: int = 14, throttled: int = 5, most: int = 1024) -> None:
        self.size, self.transient, self.throttled = size, transient, throttled
        self._most = most
        self._tokens: dict[Hashable, int] = {}  # buckets that are not full
        self._lock = new_lock()

    def take(self, host: Hashable, *, throttled: bool = False) -> int:
        """The price that was paid for one retry; 0 when there is no money for it."""
        price = self.throttled if throttled else self.transient
        with self._lock:
            left = self._tokens.pop(host, self.size)
            if left < price:
                self._tokens[host] = left
                return 0
            self._tokens[host] = left - price
            if len(self._tokens) > self._most:
                del self._tokens[next(iter(self._tokens))]
            return price

    @property
    def is_untouched(self) -> bool:
        """Whether every bucket is full, so that nothing can be given back."""
        return not self._tokens

    def give_back(self, host: Hashable, tokens: int = 1) -> None:
        """A call was answered: the price of its retry comes back, or one token where it needed none."""
        if host not in self._tokens:  # full, as nearly always; a race here costs one token
            return
        with self._lock:
            left = self._tokens.get(host, self.size) + tokens
            if left >= self.size:
                self._tokens.pop(host, None)
            else:
                self._tokens[host] = left

    def left(self, host: Hashable) -> int:
        """Tokens in the bucket."""
        return self._tokens.get(host, self.size)

    def clear(self) -> None:
        """Fills all of them."""
        with self._lock:
            self._tokens.clear()


RETRIES = RetryBudget()
"""The process's own."""

HEDGES = RetryBudget(size=200, transient=20)
"""What second requests beside slow ones are paid from: 10 in a row, and then one for every 20 calls (5 %; source: Dean
and Barroso, The Tail at Scale). Where everything is slow, asking everybody twice would make it slower."""
