"""A call on its way: where it goes, under which limits, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared_core.types.chat import ChatRequest
from shared_core.types.cost import Cost
from shared_core.types.deltas import Usage
from shared_core.types.embeddings import EmbedRequest
from shared_core.types.jobs import Job
from shared_core.types.rerank import RerankRequest
from shared_core.types.secret import ApiKey
from shared_core.types.target import Target
from shared_core.types.tasks import TaskRequest
from shared_core.types.waits import Waits

__all__ = ["Call", "Given", "LookupRequest", "Progress", "Request", "Target", "Turn"]


class Turn(NamedTuple):
    """That a target is asked while others could take over: what the policies inside need to know of that.

    Args:
        key: What the process remembers this target by.
        rivals: The keys of the call's other targets: while none of them is open, this one stays open.
        tries: How often it is asked before the next one is; None where nobody can take over.
        probe: Whether this call finds out if the target is well again.
    """

    key: Hashable
    rivals: tuple[Hashable, ...] = ()
    tries: int | None = None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """A GET of something small: the catalogue, or one model's entry.

    Args:
        path: What follows the base URL, from its slash on.
        token_needed: Whether it is refused without a token, rather than asked without one.
        model: The model that is asked about, to name it in errors.
        follow: Whether a redirect is followed that stays on the host, as the Hub sends for a renamed model.
    """

    path: str
    token_needed: bool = False
    model: str = ""
    follow: bool = False


Request = ChatRequest | EmbedRequest | RerankRequest | LookupRequest | TaskRequest
"""What can be asked; each has a `model`, "" where none is concerned."""


class Given(NamedTuple):
    """What a target's function gave when it was asked for the token.

    Args:
        source: The function.
        key: The token.
        unsent: Whether nothing was sent with it yet: then it is good for the next request.
        renewed: Whether it is in place of one that was refused.
    """

    source: ApiKey
    key: ApiKey
    unsent: bool = True
    renewed: bool = False


class Progress:
    """How far a call has come: the one mutable part of it.

    Attributes:
        started: When the call began, in monotonic seconds.
        attempts: How often it was sent.
        emitted: Whether the caller has seen content; from then on nothing is repeated.
        first_token: When the first content came, in monotonic seconds.
        provider, request_id: From the latest reply, to name them in errors.
        waited: Seconds spent waiting for limits of the user's own.
        hurried: Whether it is the second request of a hedge, which is worth nothing once it has waited.
        moves: How many targets had been given up before the one that is asked now.
        model, url: Where the latest try went; "" before the first.
        runs: How many requests were sent that nobody has refused: they may be paid for, whatever came of them.
            Policies that count set it back.
        reading: The reader of the stream that is being read: it knows what has arrived. None before.
        given: The latest token that a function gave; None where none was asked.
        owed: What is set aside in budgets for a result that is still to come; None mostly.
        besides: What is to be noted with its cost, of a request that was broken off; "" for nothing.
        pieces: When each piece of a stream came, in monotonic seconds; None where nobody wants to know.
        job: What a provider has accepted, from that moment on.
        usage, cost: Of the parts that were answered, where one call is many requests; None otherwise.
    """

    __slots__ = (
        "attempts",
        "besides",
        "cost",
        "emitted",
        "first_token",
        "given",
        "hurried",
        "job",
        "model",
        "moves",
        "owed",
        "pieces",
        "provider",
        "reading",
        "request_id",
        "runs",
        "started",
        "url",
        "usage",
        "waited",
    )

    def __init__(self, started: float) -> None:
        self.started = started
        self.attempts = 0
        self.emitted = self.hurried = False
        self.first_token: float | None = None
        self.provider: str | None = None
        self.request_id: str | None = None
        self.moves = 0
        self.waited = 0.0
        self.model = self.url = self.besides = ""
        self.pieces: list[float] | None = None
        self.runs = 0
        self.given: Given | None = None
        self.reading: Any = None
        self.owed: Any = None
        self.job: Job | None = None
        self.usage: Usage | None = None
        self.cost: Cost | None = None


@dataclass(slots=True)
class Call:
    """One request on one route. Nobody changes one: policies make another, as `dataclasses.replace` does.

    Not frozen, since each call is made up to three times, and freezing triples what that costs.

    Args:
        request: What is asked.
        target: Where, and on whose account.
        waits: The time limits.
        progress: How far it has come.
        turn: Set while the target is one of several.
        usage_tags: Whose usage it is, such as {"user": "ada", "project": "search"}.
        hooks: Told what befalls it; see `observe.events`.
        id: What its events are known by; "" while nobody listens.
        cache: Whether it may be answered from what is remembered, and be remembered.
    """

    request: Request
    target: Target
    waits: Waits
    progress: Progress
    turn: Turn | None = None
    usage_tags: Mapping[str, str] = field(default_factory=dict)
    hooks: tuple[Callable[[Any], object], ...] = ()
    id: str = ""
    cache: bool = True

    def secret(self) -> str:
        """The token that an error may quote, for taking it out; "" where it is not known."""
        key = self.target.key
        if key.source == "argument":
            return key.reveal()
        given = self.progress.given
        return "" if given is None else given.key.reveal()
