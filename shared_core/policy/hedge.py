"""Ask a second target beside a slow one: the hedge policy.

Lives here: when that is worth it, who is asked, what is said of the two in one reply. Not here: how two flows race
(`flow.race`), how each of them goes along its targets (`fallback`).

The first to answer wins, and the other is broken off: its provider may charge for what it had done, and never says
how much. So the reply's cost is the winner's, with a note that says what as many tokens would cost at the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from shared_core.errors import RouterError
from shared_core.flow import Flow, Won, race
from shared_core.observe import log
from shared_core.policy import Handler
from shared_core.policy.fallback import Choice, Claims, Fallback
from shared_core.policy.state import HEDGES, RetryBudget
from shared_core.types import Call, ChatReply, ChatRequest, Cost, ModelRef, Progress, Target, Usage
from shared_core.types.cost import dollars

__all__ = ["Hedge"]

T = TypeVar("T")

_BROKEN_OFF = (
    "a second request was made and one of the two broken off: what that one cost is not known, nor in it"
)
_AS_MANY = "; as many tokens would cost {} there"
_BOTH = "two requests were answered at the same moment: both are in it"
_ONE_OF_BOTH = "two requests were answered at the same moment: only one is in it"
_UNKNOWN = Cost(note="nobody says what it cost")


@dataclass(frozen=True, slots=True)
class Hedge:
    """Go along the targets, and when the first one asked takes long, along the rest of them at the same time.

    Args:
        fallback: Goes along the targets.
        after: Seconds to wait for an answer, or the first content of a stream; None for what 95 of 100 recent answers
            of this target took.
        soonest: Seconds at least, where they were measured.
        unmeasured: Seconds while fewer than 20 answers were seen: for streams, and for texts to vectors.
        unmeasured_whole: The same for answers in one piece, which take as long as they are long.
        budget: What second requests are paid from, one purse for each host and account that was slow.
        price: What tokens cost, by model, usage, provider and address.
    """

    fallback: Fallback
    after: float | None = None
    soonest: float = 0.05
    unmeasured: float = 2.0
    unmeasured_whole: float = 10.0
    budget: RetryBudget = HEDGES
    price: Callable[[str, Usage | None, str | None, str], Cost] | None = None

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        choice = self.fallback.plan(call)
        first = self._first(choice)
        after = math.inf if first is None else self._wait(call, first)
        if first is None or after >= call.waits.until_deadline():
            return (yield from self.fallback.among(choice, call, inner))
        both = _Both(self, call, choice, inner, first, after)
        try:
            won = yield from race(both.first, both.begin_second, after=after)
            both.decide(won)
            return both.told((yield from won.rest()))
        except RouterError as error:
            both.explain(error)
            raise
        finally:
            both.settle()

    def _first(self, choice: Choice) -> Target | None:
        """Who will be asked first; None where nobody could be asked beside."""
        is_open = self.fallback.health.is_open
        fit = [target for target in choice.targets if is_open(target.id)]
        return fit[0] if len(fit) > 1 else None

    def _wait(self, call: Call, first: Target) -> float:
        if self.after is not None:
            return self.after
        request = call.request
        streamed = getattr(request, "stream", False)
        seen = self.fallback.health.p95(first.id, streamed=streamed)
        if seen is not None:
            return max(self.soonest, seen)
        whole = isinstance(request, ChatRequest) and not streamed
        return self.unmeasured_whole if whole else self.unmeasured


class _Side(Generic[T]):
    """One of the two: the same call with a stopwatch and a progress of its own."""

    def __init__(self, call: Call, progress: Progress, claims: Claims) -> None:
        self.call = replace(call, waits=call.waits.shared(), progress=progress)
        self.claims = claims
        self.failure: RouterError | None = None
        self.answers: list[T] = []  # one, when it is there

    def along(self, fallback: Fallback, choice: Choice, inner: Handler[T]) -> Flow[T]:
        """Its flow."""
        try:
            answer = yield from fallback.among(choice, self.call, inner, self.claims)
        except RouterError as error:
            self.failure = error
            if self.call.progress.hurried and not self.call.progress.attempts:
                self.claims.leave_all()  # nobody was asked, and the other may
            raise
        self.answers.append(answer)
        return answer


class _Both(Generic[T]):
    """The two sides of one call."""

    def __init__(
        self, policy: Hedge, call: Call, choice: Choice, inner: Handler[T], target: Target, after: float
    ) -> None:
        self._policy, self._call, self._choice, self._inner = policy, call, choice, inner
        self._target, self._after = target, after
        self._taken: dict[Hashable, Claims] = {}
        self._attempts, self._moves = call.progress.attempts, call.progress.moves
        self._begun = call.waits.now()
        self._first = self._side(self._attempts, self._moves)
        self._second: _Side[T] | None = None
        self._winner: _Side[T] | None = None
        self._other_cost = _UNKNOWN
        self.first = self._flow(self._first, choice)

    def begin_second(self) -> Flow[T] | None:
        """The other side, where it may help and is paid for."""
        policy = self._policy
        if self._first.call.progress.attempts == self._attempts:
            return None  # nothing was sent: it waits for its turn on this machine, and nobody is slow
        is_open, claims = policy.fallback.health.is_open, Claims(self._taken)
        targets, skipped = self._choice
        free = [each for each in targets if is_open(each.id) and claims.may_take(each.id)]
        if not free or not policy.budget.take(_host(self._target)):
            return None
        self._second = self._side(0, self._moves + 1)  # where it wins, the first is given up
        self._second.call.progress.hurried = (
            True  # a slot that the first one's answer frees would come too late
        )
        log.hedged(self._call, self._first.call.progress.url, self._after, free[0])
        others = [each for each in targets if each not in free]  # a probe is not for who is in a hurry
        return self._flow(self._second, Choice([*free, *others], skipped))

    def decide(self, won: Won[T]) -> None:
        """One has answered, or has begun to."""
        self._winner = winner = self._first if won.flow is self.first else self._second
        self._merge()
        if winner is not None:
            winner.call.progress.hurried = False
        if self._second is not None and winner is not None:
            self._tell(winner, self._first if winner is self._second else self._second)
        self._taken.clear()  # nobody is left to share the targets with

    def told(self, result: T) -> T:
        """The reply, which says what the two were."""
        if self._second is None:
            if not self._policy.budget.is_untouched:
                self._policy.budget.give_back(_host(self._target))
            return result
        self._merge()
        if not isinstance(result, ChatReply):
            return result
        meta, progress = result.meta, self._call.progress
        cost = meta.cost if self._other_cost.usd is None else meta.cost.plus(self._other_cost)
        if progress.besides:
            cost = cost.noted(progress.besides + self._as_many(result.usage))
        return cast(T, replace(result, meta=replace(meta, attempts=progress.attempts, cost=cost)))

    def explain(self, error: RouterError) -> None:
        """Where both failed, the first one's error tells of the second."""
        other = None if self._second is None else self._second.failure
        if other is not None and other is not error:
            error.add_note(f"A second request beside it failed, too: {other.message}")

    def settle(self) -> None:
        """At the end, whatever it is."""
        self._merge()
        if self._second is not None and self._winner is None:
            failed = self._first.failure is not None and self._second.failure is not None
            log.hedge_ended(self._call, "neither", "", "failed" if failed else "broken off", _UNKNOWN)

    # -- inside -------------------------------------------------------------------------------------------

    def _side(self, attempts: int, moves: int) -> _Side[T]:
        progress = Progress(self._call.progress.started)
        progress.attempts, progress.moves = attempts, moves
        progress.pieces = None if self._call.progress.pieces is None else []
        return _Side(self._call, progress, Claims(self._taken))

    def _flow(self, side: _Side[T], choice: Choice) -> Flow[T]:
        return side.along(self._policy.fallback, choice, self._inner)

    def _tell(self, winner: _Side[T], loser: _Side[T]) -> None:
        progress, lost = self._call.progress, "broken off"
        if loser.failure is not None:
            lost = "failed"
        elif loser.answers:
            lost = "answered"
            answer = loser.answers[0]
            self._other_cost = answer.meta.cost if isinstance(answer, ChatReply) else _UNKNOWN
            progress.besides = _ONE_OF_BOTH if self._other_cost.usd is None else _BOTH
        else:
            progress.besides = _BROKEN_OFF
            if loser is self._first:
                self._note_slowness()
        name = "first" if winner is self._first else "second"
        log.hedge_ended(self._call, name, winner.call.progress.url, lost, self._other_cost)

    def _as_many(self, usage: Usage | None) -> str:
        """What is known of the price of a request that was broken off."""
        price = self._policy.price
        if price is None or self._call.progress.besides != _BROKEN_OFF:
            return ""
        loser = self._first if self._winner is self._second else self._second
        assert loser is not None
        way = loser.call.progress
        cost = price(way.model, usage, way.provider or ModelRef.parse(way.model).provider, way.url)
        return "" if cost.usd is None else _AS_MANY.format(dollars(cost.usd))

    def _note_slowness(self) -> None:
        """Where one try with the target was all, it took so long at least."""
        first, key = self._first, self._target.id
        alone = first.call.progress.attempts == self._attempts + 1 and self._taken.get(key) is first.claims
        if alone and self._policy.after is None:
            streamed = getattr(self._call.request, "stream", False)
            seconds = self._call.waits.now() - self._begun
            self._policy.fallback.health.outlasted(key, seconds, streamed=streamed)

    def _merge(self) -> None:
        """Into the call's own progress: what was sent by both, and how far the winner has come."""
        progress, one = self._call.progress, (self._winner or self._first).call.progress
        other = 0 if self._second is None else self._second.call.progress.attempts
        progress.attempts = self._first.call.progress.attempts + other
        progress.moves, progress.model, progress.url = one.moves, one.model, one.url
        progress.provider, progress.request_id = one.provider, one.request_id
        progress.emitted, progress.first_token, progress.pieces = one.emitted, one.first_token, one.pieces


def _host(target: Target) -> Hashable:
    return target.base_url, target.key
