"""Send no more in a minute than may be sent: the rate limit policy.

Lives here: what a call uses of which limits, and what is said when its turn comes too late. Not here: how it waits
(`turnstile`), how much is used (`state.buckets`, `stores`), who is next (`state.line`).

A call whose turn would come after its deadline is refused at once, before it has waited. Where other targets could
take it, it waits for this one no longer than a moment. A provider's own `Retry-After` holds for all calls to the same
model and account, not for the one alone that was told.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from shared_core.errors import LimitReached, RateLimited
from shared_core.flow import Flow
from shared_core.policy import Handler
from shared_core.policy.scopes import digest, is_meant, value_of
from shared_core.policy.state.buckets import Charge
from shared_core.policy.tokens import tokens_before, tokens_used
from shared_core.policy.turnstile import Late, Turnstile
from shared_core.types import TAG, Call, Limit, LookupRequest

__all__ = ["RateLimit", "end_of_patience"]

T = TypeVar("T")

_PATIENCE_WITH_OTHERS = 1.0  # seconds that a call waits while another target could take it
_LONGEST_PAUSE = 3600.0  # seconds for which a provider's wish is heeded
_MOST_KNOWN = 4096


class _Meter(NamedTuple):
    """One count of one limit. A pause, which a provider sets, has no limit."""

    limit: Limit | None
    value: str
    key: str


class _Meters(NamedTuple):
    """What the calls to one place use.

    Args:
        each: The counts.
        charges: One for each, for a call of no tokens.
        tokens: Whether any of them counts tokens.
    """

    each: Sequence[_Meter]
    charges: Sequence[Charge]
    tokens: bool


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Lets each try through when all limits that it falls under have room.

    Args:
        limits: The user's.
        turnstile: Where it waits.
    """

    limits: tuple[Limit, ...]
    turnstile: Turnstile
    _known: dict[Hashable, _Meters] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        if isinstance(call.request, LookupRequest):
            return (yield from inner(call))
        meters = self._meters(call)
        guess = tokens_before(call.request) if meters.tokens else 0
        charges = _of_tokens(meters, guess, meters.charges) if guess else meters.charges
        if not self.turnstile.is_open(charges, call.waits.now()):
            yield from self._wait(call, meters, charges)
        try:
            result = yield from inner(call)
        except RateLimited as error:
            yield from self._refused(call, meters, charges, error)
            raise
        if meters.tokens and (used := tokens_used(result)) is not None and used != guess:
            yield from self.turnstile.correct(_of_tokens(meters, used - guess), call.waits.now())
        return result

    def _wait(self, call: Call, meters: _Meters, charges: Sequence[Charge]) -> Flow[None]:
        waits, started = call.waits, call.waits.now()
        by_key = {meter.key: meter for meter in meters.each}

        def until(key: str) -> float:
            return end_of_patience(call, started, passes_on=_passes_on(by_key[key]))

        try:
            late = yield from self.turnstile.passed(charges, waits.now, until)
        finally:
            call.progress.waited += waits.now() - started
        if late is not None:
            raise _reached(by_key[late.key], late, waits.until_deadline())

    def _refused(
        self, call: Call, meters: _Meters, charges: Sequence[Charge], error: RateLimited
    ) -> Flow[None]:
        """Gives back what was not used, and keeps others from asking before the provider wants to be asked."""
        now = call.waits.now()
        if isinstance(error, LimitReached):  # nothing was sent
            yield from self.turnstile.correct([each._replace(cost=-each.cost) for each in charges], now)
            return
        if meters.tokens:
            used = [
                charge._replace(cost=-charge.cost)
                for charge, meter in zip(charges, meters.each, strict=True)
                if meter.limit is not None and meter.limit.tokens
            ]
            yield from self.turnstile.correct(used, now)
        if error.retry_after:
            pause = min(error.retry_after, _LONGEST_PAUSE)
            yield from self.turnstile.close(meters.each[-1].key, pause, now)

    def _meters(self, call: Call) -> _Meters:
        target = call.target
        place = (
            target.base_url,
            call.request.model,
            target.provider,
            target.key,
            target.bill_to,
            *call.usage_tags.items(),
        )
        meters = self._known.get(place)
        if meters is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            meters = self._known[place] = self._new_meters(call)
        return meters

    def _new_meters(self, call: Call) -> _Meters:
        each = [
            _Meter(limit, value, digest(f"{limit!r} {value}"))
            for limit in self.limits
            if is_meant(limit.only, limit.of, value := value_of(limit.of, call))
        ]
        model = value_of("model", call)
        each.append(_Meter(None, model, digest(f"pause {value_of('key', call)} {model}")))
        tokens = any(meter.limit is not None and meter.limit.tokens for meter in each)
        return _Meters(each, [_charge(meter) for meter in each], tokens)


def end_of_patience(call: Call, started: float, *, passes_on: bool) -> float:
    """When it is no longer worth waiting for a limit.

    Args:
        call: Who waits.
        started: Since when.
        passes_on: Whether other targets may not fall under it.
    """
    others = call.turn is not None and call.turn.tries is not None
    deadline = call.waits.deadline
    return min(deadline, started + _PATIENCE_WITH_OTHERS) if others and passes_on else deadline


def _charge(meter: _Meter) -> Charge:
    limit = meter.limit
    if limit is None:
        return Charge(meter.key, 0.0, 0.0)
    each = limit.seconds_each
    return Charge(meter.key, 0.0 if limit.tokens else each, limit.at_once * each)


def _of_tokens(meters: _Meters, tokens: int, others: Sequence[Charge] = ()) -> Sequence[Charge]:
    """The charges for so many tokens, beside those of requests where these are given."""
    charges = []
    for number, meter in enumerate(meters.each):
        if meter.limit is not None and meter.limit.tokens:
            charges.append(meters.charges[number]._replace(cost=tokens * meter.limit.seconds_each))
        elif others:
            charges.append(others[number])
    return charges


def _passes_on(meter: _Meter) -> bool:
    """Whether another target may have room."""
    return meter.limit is None or not (meter.limit.of == "all" or meter.limit.of.startswith(TAG))


def _reached(meter: _Meter, late: Late, left: float) -> LimitReached:
    limit = meter.limit
    if limit is None:
        what = f"{meter.value} asked for a pause that lasts {late.seconds:.3g} s more"
        hint = "Wait, or name other targets with `fallback`."
    else:
        whom = f" ({limit.of.removeprefix(TAG)} {meter.value})" if limit.of not in ("all", "key") else ""
        what = f"The limit of {limit}{whom} would let this call pass in {late.seconds:.3g} s"
        hint = ""
    if late.seconds < left:
        when = "other targets can be asked sooner"
    else:
        when = f"its time is up in {left:.3g} s" if left > 0 else "its time is up"
    return LimitReached(
        f"{what}, and {when}. Nothing was sent.",
        hint=hint,
        retry_after=late.seconds,
        reactions=None if _passes_on(meter) else (),
    )
