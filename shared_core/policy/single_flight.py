"""Identical calls at the same time go out once: one leads, the others wait for what it brings.

Lives here: when to wait, for how long, and what is made of how the leader ended. Not here: which calls are identical,
and may share an answer (`policy.cache`, `client.embedding`).

    leader answers         everybody has the answer, each a copy of his own
    a verdict on the call  everybody has the error: it would befall each of them
    anything else          each is on his own again: one leads anew, the rest wait for that one; who has waited for
                           two leaders in vain asks for himself
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import TypeVar, cast

from shared_core.errors import BadRequest, InputTooLong, Refused, RouterError, TimedOut
from shared_core.flow import Flow, wait
from shared_core.policy import Handler
from shared_core.policy.stores.flights import FLIGHTS
from shared_core.types import ApiKey, Call, Cost

__all__ = ["SHARED", "flight_key", "is_own", "share"]

T = TypeVar("T")

SHARED = Cost(Decimal(0), "price list", note="an identical call at the same time paid for it")

_MOST_LEADERS = 2


def share(key: bytes, call: Call, inner: Handler[T], taken: Callable[[T], T]) -> Flow[T]:
    """What `inner` brings, or what it brings to another call under the same key.

    A leader that is cancelled, left, or out of time takes nobody with it; who waits keeps to his own time limit.

    Args:
        key: The same for calls that may share an answer, and for no others.
        call: The call.
        inner: How it is answered.
        taken: What a follower makes of the leader's answer.

    Raises:
        TimedOut: The time was up while it waited.
        RouterError: As `inner` does, here or in the leader's place.
    """
    for _ in range(_MOST_LEADERS):
        flight, leads = FLIGHTS.join(key)
        if leads:
            try:
                answer = yield from inner(call)
                if is_own(call):
                    flight.answer = answer
                return answer
            except RouterError as error:
                if _is_verdict(error) and is_own(call):
                    flight.verdict = copy.copy(error)
                raise
            finally:
                FLIGHTS.land(key, flight)
        landed = yield from wait(flight.latch, call.waits.until_deadline())
        if flight.answer is not None:
            return taken(cast(T, flight.answer))
        if flight.verdict is not None:
            raise copy.copy(flight.verdict)
        if not landed:
            break
    if call.waits.until_deadline() <= 0:
        raise TimedOut(
            f"No complete answer within {call.waits.limits.total:g} s: an identical call, whose answer this one was to "
            "share, was still under way.",
            hint="Raise `timeout`.",
        )
    return (yield from inner(call))


def flight_key(*parts: str | ApiKey) -> bytes:
    """A key of what is asked and of the token that asks; a digest, so that no frame of a flow holds the token.

    Example:
        >>> flight_key("models", "http://a/v1", ApiKey("x")) == flight_key("models", "http://a/v1", ApiKey("y"))
        False
    """
    spelled = [part if isinstance(part, str) else part.reveal() for part in parts]
    return blake2b(json.dumps(spelled).encode(), digest_size=32).digest()


def is_own(call: Call) -> bool:
    """Whether whoever answered is whom the call names, and not another target of `fallback`: others who ask the
    same may have none, and an answer that stood in for one is not to be remembered as its own."""
    progress = call.progress
    return (
        not progress.moves
        and progress.url in ("", call.target.base_url)
        and progress.model in ("", call.request.model)
    )


def _is_verdict(error: RouterError) -> bool:
    """Whether the service has judged what was asked, so that nothing but another request helps."""
    return isinstance(error, BadRequest | InputTooLong | Refused) and not error.reactions
