"""Which targets a failure leaves, and how it is told when none is left. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from shared_core.errors import AllRoutesFailed, ModelLoading, Overloaded, RateLimited, RouterError
from shared_core.routing.abilities import window_of
from shared_core.routing.plan import is_hugging_face
from shared_core.types import Call, ChatRequest, Target, origin_of

__all__ = ["Skipped", "account_of", "all_failed", "may_pass_on", "passed_on"]


class Skipped(NamedTuple):
    """A target that was not asked, and why."""

    target: Target
    why: str


def account_of(target: Target) -> tuple[Any, ...]:
    """Who pays: targets with the same answer share their credits. All hosts of Hugging Face have one purse."""
    host = "hf" if is_hugging_face(target.base_url) else origin_of(target.base_url)
    return host, target.key, target.bill_to


def may_pass_on(error: RouterError, call: Call, *, only_unsent: bool) -> bool:
    """Whether another target may be asked after this failure.

    Args:
        error: What came of this one.
        call: As it was sent there.
        only_unsent: Whether nothing may have been begun.
    """
    reactions = error.reactions
    if "larger_context" in reactions and not isinstance(call.request, ChatRequest):
        return False  # a list of texts is cut into smaller requests, which stands outside
    if not reactions & {"other_route", "other_account", "larger_context"}:
        return False
    if not only_unsent or call.waits.opening or error.job is not None:
        return error.job is None
    if isinstance(error, Overloaded):
        return error.retry_after is not None  # else it may be a gateway's word, after the work was begun
    # What may be tried again has perhaps been done; what may not was refused before anything began.
    return isinstance(error, RateLimited | ModelLoading) or "retry" not in reactions


def passed_on(
    left: Iterable[Target], target: Target, error: RouterError
) -> tuple[list[Target], list[Skipped]]:
    """Of the targets left, those that can differ, in the order in which to ask them; and the others, with reasons."""
    left, reactions = list(left), error.reactions
    if "larger_context" in reactions:
        return _larger(left, target)
    if "other_route" in reactions:
        return left, []
    account = account_of(target)
    same = [other for other in left if account_of(other) == account]
    why = f"the same account as {_place(target)}"
    return [other for other in left if other not in same], [Skipped(other, why) for other in same]


def _larger(left: Sequence[Target], target: Target) -> tuple[list[Target], list[Skipped]]:
    """Larger windows first in the user's order, then those of which nothing is known."""
    own = window_of(target) or 0
    windows = [(other, window_of(other)) for other in left]
    larger = [other for other, window in windows if window is not None and window > own]
    unknown = [other for other, window in windows if window is None]
    small = [
        Skipped(other, f"its context of {window:,} tokens is no larger")
        for other, window in windows
        if window is not None and window <= own
    ]
    return larger + unknown, small


def all_failed(
    failures: Sequence[RouterError], asked: Sequence[Target], skipped: Sequence[Skipped]
) -> AllRoutesFailed:
    """The error that lists every attempt.

    Args:
        failures: One for each target that was asked.
        asked: Those targets.
        skipped: Who was not asked.
    """
    lines = [
        f"{_place(target)}: {type(error).__name__}: {_shortened(error.message)}"
        + (f" [HTTP {error.status}]" if (error.status or 0) >= 400 else "")
        for target, error in zip(asked, failures, strict=False)
    ]
    lines += [f"{_place(target)}: not asked: {why}" for target, why in skipped]
    message = f"No target answered; {len(failures)} of {len(lines)} were asked:"
    hints = list(dict.fromkeys(error.hint for error in failures if error.hint))
    waits = [error.retry_after for error in failures if error.retry_after is not None]
    return AllRoutesFailed(
        "\n".join([message, *(f"  {number}. {line}" for number, line in enumerate(lines, 1))]),
        failures=failures,
        hint=" ".join(hints[:2]),
        retry_after=min(waits, default=None),
        reactions={"retry"} if any("retry" in error.reactions for error in failures) else (),
    )


def _place(target: Target) -> str:
    host = origin_of(target.base_url)[1]
    if target.model == target.base_url:  # an endpoint, by its own name
        return f"the endpoint {host}"
    return f"{target.model} at {host}" if target.model else host


def _shortened(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 200 else f"{line[:199]}…"
