"""What befalls a call, as values: for hooks, and for what listens here (the ledger, spans and metrics).

    CallStarted ─▶ (Retrying | MovedOn | Hedged ─▶ HedgeEnded)* ─▶ CallEnded        BudgetAlert

One `CallStarted` and one `CallEnded` for each call that a user makes, whatever becomes of it; a list of texts is one.
Neither a prompt nor an answer is part of what an event prints: `request` and `reply` hold them, for hooks that want
them. Nobody changes an event; those of every call are not frozen, since that costs a fifth of their record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared_core.types import Cost, Job, Usage

__all__ = [
    "BudgetAlert",
    "CallEnded",
    "CallStarted",
    "Event",
    "HedgeEnded",
    "Hedged",
    "Hook",
    "MovedOn",
    "Retrying",
]


@dataclass(slots=True)
class CallStarted:
    """A call begins.

    Args:
        id: Shared by the events of one call.
        at: Unix time in seconds.
        task: By the Hub's name, such as "text-to-image"; "chat" and "embed" for these, "rerank" for that.
        model: As it was asked for, with its suffix; "" where the host has but one.
        url: The address that is asked first.
        streamed: Whether the answer comes in pieces.
        usage_tags: Whose usage it is.
        request: What was asked.
    """

    id: str
    at: float
    task: str
    model: str
    url: str
    streamed: bool
    usage_tags: Mapping[str, str]
    request: Any = field(repr=False)


@dataclass(slots=True)
class CallEnded:
    """A call is over.

    Args:
        id: As in `CallStarted`.
        at: Unix time in seconds.
        task: As in `CallStarted`.
        model: As it was asked for; with `fallback`, of the target that answered last.
        provider: Who answered last, where that is known; of a call that nobody answered, who was asked for by name.
        url: The address that was asked last.
        streamed: Whether the answer came in pieces.
        usage_tags: Whose usage it is.
        outcome: "answered", "failed", "cancelled" (left by its caller, as a stream that is not read to its end), or
            "submitted": a provider has accepted a job that nobody waits for here.
        error: Name of the error's class; "" where there is none.
        seconds: From the call to its end.
        first_token_s: From the call to the first content of a stream.
        attempts: How often it was sent, over all its requests; 0 where nobody was asked.
        moves: How many targets were given up.
        usage: Tokens, where they were counted; of a list that broke off, those of the requests that were answered.
        cost: What it cost, where that is known; tries that failed are not in it.
        cached: Whether it was remembered, and nobody was asked.
        request_id: The service's.
        request: What was asked.
        reply: The answer; of a stream that broke off, the part that arrived.
        failure: The error.
        gaps: Seconds between the pieces of a stream, as they came from the network, the first one left out.
        job: Where a provider has accepted one: the same in all calls that ask after it.
    """

    id: str
    at: float
    task: str
    model: str
    provider: str | None
    url: str
    streamed: bool
    usage_tags: Mapping[str, str]
    outcome: str
    error: str
    seconds: float
    first_token_s: float | None
    attempts: int
    moves: int
    usage: Usage | None
    cost: Cost
    cached: bool
    request_id: str | None
    request: Any = field(repr=False)
    reply: Any = field(repr=False)
    failure: BaseException | None = field(repr=False)
    gaps: Sequence[float] = field(default=(), repr=False)
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """A call is tried again at the same target.

    Args:
        id: As in `CallStarted`.
        url: The address.
        error: Name of the error's class.
        wait: Seconds until then.
    """

    id: str
    url: str
    error: str
    wait: float


@dataclass(frozen=True, slots=True)
class MovedOn:
    """A call goes on to another target.

    Args:
        id: As in `CallStarted`.
        url: The address that is given up.
        error: Name of the error's class.
        to_url: The address that is asked next.
        to_model: The model there.
    """

    id: str
    url: str
    error: str
    to_url: str
    to_model: str


@dataclass(frozen=True, slots=True)
class BudgetAlert:
    """So much of a budget is spent: told once for each threshold and window, by the call that crossed it, whichever
    process that was in. With shared state it may come from a thread of ours, and after the call has ended.

    Args:
        id: As in `CallStarted`.
        at: Unix time in seconds.
        budget: Its name.
        value: Whose, such as "ada"; "" where all share one.
        unit: "usd", "tokens" or "requests".
        share: The threshold, such as 0.8.
        spent: In US dollars, or a count.
        limit: What may be spent in all, grants included.
        until: When the window ends, as an ISO text in UTC; "" for ever.
        mode: "hard", or "warn".
    """

    id: str
    at: float
    budget: str
    value: str
    unit: str
    share: float
    spent: Decimal | int
    limit: Decimal | int
    until: str
    mode: str


@dataclass(frozen=True, slots=True)
class Hedged:
    """A call has waited long, and a second target is asked beside the first.

    Args:
        id: As in `CallStarted`.
        url: The address that is slow.
        after: Seconds until then.
        to_url: The address that is asked, too.
        to_model: The model there.
    """

    id: str
    url: str
    after: float
    to_url: str
    to_model: str


@dataclass(frozen=True, slots=True)
class HedgeEnded:
    """One of the two has answered, or neither.

    Args:
        id: As in `CallStarted`.
        won: "first", "second", or "neither": both failed, or the call was left.
        url: The address that answered; "" for neither.
        lost: What became of the other: "broken off", which its provider may charge for; "failed"; or "answered", at
            the same moment.
        cost: What the other cost; known only where it answered.
    """

    id: str
    won: str
    url: str
    lost: str
    cost: Cost


Event = CallStarted | CallEnded | Retrying | MovedOn | Hedged | HedgeEnded | BudgetAlert
"""Others may come: a hook looks at what it knows, and passes over the rest."""

Hook = Callable[[Any], object]
"""Told of each event, in the thread or task of the call, which waits for it: it should be quick. What befalls one of
two requests (`hedge`) is told from a thread or task of its own. What it raises is logged and goes no further."""
