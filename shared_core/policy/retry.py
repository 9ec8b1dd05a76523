"""Wait and send again: the retry policy.

Lives here: when a failed call may be repeated, and after how long.
Not here: waiting for a model that loads (`wait_for_model`), choosing another provider.
Pure flow: it sleeps by yielding, so threads and event loops share these lines.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from shared_core.errors import Overloaded, RateLimited, RouterError
from shared_core.flow import Flow, sleep
from shared_core.observe import log
from shared_core.policy import Handler
from shared_core.policy.state import HEALTH, RETRIES, Health, RetryBudget
from shared_core.types import Call, Turn

__all__ = ["Retry"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same call again while that can still help.

    Args:
        attempts: How often to send at most, the first time included.
        first_wait: Seconds before the second try; doubles each time, with full jitter.
        first_wait_throttled: The same where the service has too much to do.
        longest_wait: Seconds of own choosing; a service's own `retry_after` is heeded up to `longest_heeded`.
        jitter: A random number in [0, 1).
        only_unsent: Whether what may have been done already is never asked for twice: a picture or a video is paid
            for each time. Then only a refusal (too many requests, no capacity) or a connection that was never
            made is tried again.
        budget: What retries are paid from, one purse for each host and account.
        health: Tells that a target was closed meanwhile: then nothing more is sent there.

    Where other targets could take over (`call.turn`), a refusal for lack of room is left to them at once, and what
    may be chance is tried only as often as the turn says.

    Source of the numbers: reliability notes, section 2 (AWS and OpenAI clients agree within a factor of two).
    """

    attempts: int = 3
    first_wait: float = 0.25
    first_wait_throttled: float = 1.0
    longest_wait: float = 8.0
    longest_heeded: float = 60.0
    jitter: Callable[[], float] = random.random
    only_unsent: bool = False
    budget: RetryBudget = RETRIES
    health: Health = HEALTH

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        attempt, paid = 1, 1
        while True:
            try:
                result = yield from inner(call)
            except RouterError as error:
                failure = error
                wait = self.wait_before_next(error, attempt)
                # A reader who has seen half an answer must not see it twice.
                if wait is None or call.progress.emitted or wait >= call.waits.until_deadline():
                    raise
                if self.only_unsent and not _was_refused(error) and not call.waits.opening:
                    raise
                throttled = isinstance(error, RateLimited | Overloaded)
                if call.turn is not None and self._is_left_to_others(call.turn, attempt, throttled=throttled):
                    raise
                paid = self.budget.take(_host(call), throttled=throttled)
                if not paid:
                    log.out_of_retries(call, error)
                    raise
                log.retrying(call, error, wait)
            else:
                if not self.budget.is_untouched:
                    self.budget.give_back(_host(call), paid)
                return result
            yield from sleep(wait)
            if call.turn is not None and not self.health.is_open(call.turn.key):
                raise failure  # other calls have found out meanwhile that it is of no use
            attempt += 1

    def _is_left_to_others(self, turn: Turn, attempt: int, *, throttled: bool) -> bool:
        if not self.health.is_open(turn.key):
            return True
        return turn.tries is not None and (throttled or attempt >= turn.tries)

    def wait_before_next(self, error: RouterError, attempt: int) -> float | None:
        """Seconds to wait after this failure; None when another try is not worth it."""
        if attempt >= self.attempts or "retry" not in error.reactions:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_heeded else None
        throttled = isinstance(error, RateLimited | Overloaded)
        base = self.first_wait_throttled if throttled else self.first_wait
        return self.jitter() * min(self.longest_wait, base * 2.0 ** (attempt - 1))


def _host(call: Call) -> Hashable:
    return call.target.base_url, call.target.key


def _was_refused(error: RouterError) -> bool:
    """Whether nothing was begun. Of an `Overloaded` that is known only where it says when to come back."""
    return isinstance(error, RateLimited) or (isinstance(error, Overloaded) and error.retry_after is not None)
