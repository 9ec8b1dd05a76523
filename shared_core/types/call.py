"""A call on its way: where it goes, under which limits, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared_core.types.chat import ChatRequest
from shared_core.types.embeddings import EmbedRequest
from shared_core.types.rerank import RerankRequest
from shared_core.types.secret import ApiKey
from shared_core.types.tasks import TaskRequest
from shared_core.types.waits import Waits

__all__ = ["Call", "LookupRequest", "Progress", "Request", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A host to send to, and on whose account.

    Args:
        base_url: Address that paths such as "/chat/completions" are appended to, without a slash at its end.
        key: The token for this host.
        bill_to: Organisation that pays, sent as `X-HF-Bill-To`.
        headers: Further headers, names in lower case.
    """

    base_url: str
    key: ApiKey = field(default_factory=lambda: ApiKey(""))
    bill_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


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


class Progress:
    """How far a call has come: the one mutable part of it.

    Attributes:
        started: When the call began, in monotonic seconds.
        attempts: How often it was sent.
        emitted: Whether the caller has seen content; from then on nothing is repeated.
        first_token: When the first content came, in monotonic seconds.
        provider, request_id: From the latest reply, to name them in errors.
    """

    __slots__ = ("attempts", "emitted", "first_token", "provider", "request_id", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.attempts = 0
        self.emitted = False
        self.first_token: float | None = None
        self.provider: str | None = None
        self.request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request on one route, changed only by `dataclasses.replace`."""

    request: Request
    target: Target
    waits: Waits
    progress: Progress
