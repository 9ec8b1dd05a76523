"""Wait while a model is being loaded.

A cold model on hf-inference or a scaled-to-zero endpoint answers 503 with an estimate. Waiting for it is
no retry of a failure, so it does not count against `max_retries`; the deadline ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from shared_core.errors import ModelLoading
from shared_core.flow import Flow, sleep
from shared_core.observe import log
from shared_core.policy import Handler
from shared_core.types import Call

__all__ = ["WaitForModel"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WaitForModel:
    """Ask again until the model is there.

    Args:
        seconds: How long to wait in all; `inf` leaves it to the call's deadline, 0 turns it off.
        longest_wait: Seconds between two tries at most: estimates of 577 s have been seen for models that
            were ready in 20 (protocol notes, section 6.2).
        default_wait: Seconds between two tries when the service gives no estimate.
    """

    seconds: float = 0.0
    longest_wait: float = 20.0
    default_wait: float = 3.0

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        give_up_at = call.waits.now() + self.seconds
        while True:
            try:
                return (yield from inner(call))
            except ModelLoading as error:
                estimate = self.default_wait if error.retry_after is None else error.retry_after
                wait = min(estimate, self.longest_wait)
                left = min(give_up_at - call.waits.now(), call.waits.until_deadline())
                if wait >= left:
                    raise
                log.waiting_for_model(call, error, wait)
            yield from sleep(wait)
