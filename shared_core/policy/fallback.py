"""Ask another target: the fallback policy.

Lives here: when a call moves on, where to, and what is said when nobody answered. Not here: trying the same target
again (`retry`), what is known of a target's health (`state.health`), which targets a call has (`client.lineup`).
Reads nothing of an error but its `reactions`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar, cast

from shared_core.errors import RouterError, StreamInterrupted
from shared_core.flow import Flow, sleep
from shared_core.observe import log
from shared_core.policy import Handler
from shared_core.policy.continuation import continuing, is_continuable, joined
from shared_core.policy.state import HEALTH, Admission, Health
from shared_core.routing.passing_on import Skipped, account_of, all_failed, may_pass_on, passed_on
from shared_core.types import Call, ChatReply, ChatRequest, EmbedRequest, Request, Target, Turn
from shared_core.wire.redact import redact_error

__all__ = ["Choice", "Claims", "Fallback"]

T = TypeVar("T")

_LOOK = 0.1
"""Seconds between two looks at a target that another call is probing."""


class Choice(NamedTuple):
    """The targets of one call.

    Args:
        targets: Whom to ask, in order; at least one.
        skipped: Whom not, and why.
    """

    targets: Sequence[Target]
    skipped: Sequence[Skipped] = ()


class Claims:
    """What one of two flows of a call may ask: no target is asked by both. Safe from threads.

    Args:
        taken: Who has which target, shared by the two.
    """

    __slots__ = ("_taken",)

    def __init__(self, taken: dict[Hashable, Claims]) -> None:
        self._taken = taken

    def take(self, key: Hashable) -> bool:
        """Takes a target, unless the other has it."""
        return self._taken.setdefault(key, self) is self

    def leave(self, key: Hashable) -> None:
        """Gives it back."""
        self._taken.pop(key, None)

    def leave_all(self) -> None:
        """Gives back all that it has."""
        for key in list(self._taken):
            if self._taken.get(key) is self:
                self.leave(key)

    def may_take(self, key: Hashable) -> bool:
        """Whether the other does not have it."""
        return self._taken.get(key, self) is self


@dataclass(slots=True)
class _Way:
    """How far one call has come along its targets."""

    left: list[Target]
    keys: tuple[object, ...]
    skipped: list[Skipped]
    claims: Claims
    waited: float = 0.0  # seconds, for a target to come back
    failures: list[RouterError] = field(default_factory=list)
    asked: list[Target] = field(default_factory=list)
    written: ChatReply | None = None  # what the caller has seen, where a cut answer is continued


@dataclass(frozen=True, slots=True)
class Fallback:
    """Ask the targets in order until one answers.

    Nothing is asked twice at once, and nothing after the caller has seen content, unless a cut answer is to be
    continued. A target in trouble is passed over while it is closed, except for one probe when its time is up.

    Args:
        plan: The targets of a call.
        tries: How often a target is asked in all before the next one, where the failure may be chance.
        most: How many targets are asked in one call.
        continue_elsewhere: Whether a cut answer is continued by another target.
        only_unsent: Whether to move on only where nothing can have been begun: a picture is paid for each time.
        health: What is known of targets.
        patience: Seconds in all that a call waits, when nobody is left, for a target to come back.
    """

    plan: Callable[[Call], Choice]
    tries: int = 2
    most: int = 5
    continue_elsewhere: bool = False
    only_unsent: bool = False
    health: Health = HEALTH
    patience: float = 2.0

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        return self.among(self.plan(call), call, inner)

    def among(self, choice: Choice, call: Call, inner: Handler[T], claims: Claims | None = None) -> Flow[T]:
        """The same with the call's targets at hand.

        Args:
            choice: The targets.
            call: The call.
            inner: What asks one of them.
            claims: Which of them are asked by another flow of this call.
        """
        targets, skipped = choice
        if len(targets) == 1 and not skipped:
            return (yield from inner(replace(call, request=_asking(call, targets[0]), target=targets[0])))
        way = _Way(list(targets), tuple(target.id for target in targets), list(skipped), claims or Claims({}))
        target, admission = self._first(call, way)
        while True:
            part = self._part(call, target, admission, way)
            try:
                result = yield from inner(part)
                if way.written is None:
                    return result
                return cast(T, joined(way.written, cast(ChatReply, result)))
            except RouterError as error:
                _complete(error, part)
                way.failures.append(error)
                self._judge(part, error, way)
                failure = error
            finally:
                if part.turn is not None and part.turn.probe:
                    self.health.leave(part.turn.key)
            following = self._next(call, way)
            while following is None and (pause := self._pause(call, way)):
                yield from sleep(pause)
                following = self._next(call, way)
            if following is None:
                raise self._end(way, call) from failure
            (log.moved if way.written is None else log.continued)(part, failure, following[0])
            target, admission = following
            call.progress.moves += 1

    # -- which target ------------------------------------------------------------------------------------

    def _first(self, call: Call, way: _Way) -> tuple[Target, Admission]:
        """Somebody is always asked: where all are closed, the one that is due first."""
        found = self._next(call, way)
        if found is not None:
            return found
        now = call.waits.now()
        free = [target for target in way.left if way.claims.may_take(target.id)]
        if not free:
            raise self._end(way, call)
        due = min(free, key=lambda target: self.health.wait(target.id, now))
        way.claims.take(due.id)
        way.left.remove(due)
        return due, "open"

    def _next(self, call: Call, way: _Way) -> tuple[Target, Admission] | None:
        now, until = call.waits.now(), call.waits.deadline
        if now >= until or len(way.asked) >= self.most:
            return None
        for early in (False, True):  # a probe before its time only where nobody else is left
            for target in way.left:
                if not way.claims.take(target.id):
                    continue
                admission = self.health.admit(target.id, now, until, early=early)
                if admission is not None:
                    way.left.remove(target)
                    return target, admission
                way.claims.leave(target.id)
        return None

    def _pause(self, call: Call, way: _Way) -> float:
        """Seconds until it is worth looking again, where a target may come back; 0 where it is not.

        Only one call at a time probes a target. The others would fail meanwhile, although it may be well again.
        """
        now = call.waits.now()
        dues = [self.health.due(target.id, now) for target in way.left if way.claims.may_take(target.id)]
        if not dues or len(way.asked) >= self.most:
            return 0.0
        pause = max(_LOOK, min(dues))
        if way.waited + pause > self.patience or now + pause >= call.waits.deadline:
            return 0.0
        way.waited += pause
        return pause

    def _part(self, call: Call, target: Target, admission: Admission, way: _Way) -> Call:
        """The call as this target gets it."""
        way.asked.append(target)
        others = any(self.health.is_open(rival.id) for rival in way.left) and len(way.asked) < self.most
        tries = None if not others else 1 if admission == "probe" else self.tries
        probe = admission == "probe"
        turn = Turn(target.id, way.keys, tries, probe)
        request, waits = _asking(call, target), call.waits
        if way.written is not None:
            request = continuing(cast(ChatRequest, request), way.written)
        elif others and _is_plain(request):
            # Who hangs may not take the time of the others, too.
            waits = waits.part(waits.until_deadline() / 2)
        return Call(
            request, target, waits, call.progress, turn, call.usage_tags, call.hooks, call.id, call.cache
        )

    # -- after a failure -----------------------------------------------------------------------------------

    def _judge(self, part: Call, error: RouterError, way: _Way) -> None:
        """Leaves in `way` whom the call may go on to; raises the error where there is no going on."""
        reason = error
        if part.progress.emitted:
            if not (self.continue_elsewhere and is_continuable(part.request)):
                raise error
            if isinstance(error, StreamInterrupted):
                way.written = error.partial if way.written is None else joined(way.written, error.partial)
                reason = error.cause or error
            if way.written is None or not is_continuable(part.request, way.written):
                raise error
        if not may_pass_on(reason, part, only_unsent=self.only_unsent):
            raise self._told(error, way) if way.written is None else self._end(way, part)
        way.left, skipped = passed_on(way.left, part.target, reason)
        way.skipped += skipped
        if "other_account" in reason.reactions and "other_route" not in reason.reactions:
            self._close_account(part, way)

    def _close_account(self, part: Call, way: _Way) -> None:
        """What befalls an account befalls all its targets, also in the calls of others."""
        account, now = account_of(part.target), part.waits.now()
        for skipped in way.skipped:
            if account_of(skipped.target) == account:
                self.health.failed(skipped.target.id, now, "refused", rivals=way.keys)

    def _told(self, error: RouterError, way: _Way) -> RouterError:
        if len(way.failures) > 1:
            _, *before = all_failed(way.failures[:-1], way.asked, []).message.splitlines()
            error.add_note("\n".join(["Other targets had failed before:", *before]))
        return error

    def _end(self, way: _Way, call: Call) -> RouterError:
        """The error when nobody is left."""
        now = call.waits.now()
        left = [Skipped(target, self._why_not(target, way, call, now)) for target in way.left]
        if way.written is None:
            call.progress.provider = call.progress.request_id = None  # it is not one provider's failure
            return all_failed(way.failures, way.asked, [*way.skipped, *left])
        last = way.failures[-1]
        cause = last.cause if isinstance(last, StreamInterrupted) and last.cause is not None else last
        return StreamInterrupted(
            f"The answer broke off, and nobody could continue it: {cause.message}",
            partial=way.written,
            cause=cause,
            retry_after=cause.retry_after,
        )

    def _why_not(self, target: Target, way: _Way, call: Call, now: float) -> str:
        if now >= call.waits.deadline:
            return "the time was up"
        if len(way.asked) >= self.most:
            return f"{self.most} targets are asked at most"
        if not way.claims.may_take(target.id):
            return "another request of this call went there"
        wait = self.health.wait(target.id, now)
        return f"failed lately, closed for {wait:.0f} s" if wait else "is being probed by another call"


def _asking(call: Call, target: Target) -> Request:
    request = call.request
    if getattr(request, "model", target.model) == target.model:
        return request
    return replace(request, model=target.model)


def _is_plain(request: Request) -> bool:
    """Whether the answer comes in one piece, so that nothing but its end tells that somebody is at work."""
    return isinstance(request, EmbedRequest) or (isinstance(request, ChatRequest) and not request.stream)


def _complete(error: RouterError, part: Call) -> None:
    """Says who failed, while that is known, and takes this target's token out of what was said."""
    error.model = error.model or part.request.model or None
    error.provider = error.provider or part.progress.provider
    error.request_id = error.request_id or part.progress.request_id
    redact_error(error, part.secret())
