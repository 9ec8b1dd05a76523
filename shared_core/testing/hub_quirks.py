"""What the Hub's API does beside the usual, as switches, and its own way of saying "too many requests".

Lives here: settings of the Hub's routes. Not here: the routes (`hub`); statuses, slowness and broken connections,
which are the same on every route (`faults`).

    router.queue((HubQuirks(page=100, crowd=600), SlowHead(0.3)), path="/api/models", times=-1)
    router.queue(HubLimited(seconds=55), path="/api/*")
"""

from __future__ import annotations

from dataclasses import dataclass

from .faults import Fault, Reply, Status

__all__ = ["HubLimited", "HubQuirks"]

_NEXT = ("usual", "relative", "elsewhere", "itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubQuirks:
    """How the Hub's routes behave. Every default is the usual way; queue one to get another.

    Attributes:
        page: Models on one page of the list at most. The usual five let paging be seen; the Hub has up to 1,000.
        crowd: So many models more in the list, `offline/crowd-0001` and on, of which the router's catalogue knows
            nothing; the last ones by every order.
        next: Where the `Link` to the next page leads: "usual", "relative" (an address without a host), "elsewhere"
            (another host), or "itself" (the page it stands on).
        moves: Old names of models that redirect to each other, for ever: ("offline/a", "offline/b").
    """

    page: int = 5
    crowd: int = 0
    next: str = "usual"
    moves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.page < 1 or self.crowd < 0:
            raise ValueError("page must be at least 1 and crowd at least 0")
        if self.next not in _NEXT:
            raise ValueError(f"next must be one of {_NEXT}; got {self.next!r}")


@dataclass(frozen=True, slots=True)
class HubLimited(Fault):
    """429 as the Hub says it: no `Retry-After`, but the seconds until its window ends in `RateLimit`.

    Source: huggingface.co/docs/hub/rate-limits.

    Attributes:
        seconds: Until the window ends.
        quota: Requests that one window allows.
    """

    seconds: int = 55
    quota: int = 500

    def reshape(self, reply: Reply) -> Reply:
        headers = {
            "ratelimit": f'"api";r=0;t={self.seconds}',
            "ratelimit-policy": f'"fixed window";"api";q={self.quota};w=300',
        }
        said = "We had to rate limit you. To continue using our service, create an account or wait."
        return Status(429, {"error": said}, headers).reshape(reply)
