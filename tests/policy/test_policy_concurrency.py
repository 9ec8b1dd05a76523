"""How many requests are under way at once, who comes next, and how "adaptive" finds out how many go."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import errors
from shared_core.errors import LimitReached, RouterError
from shared_core.flow import Flow, Wait, emit, sleep
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.policy.concurrency import LimitConcurrency
from shared_core.policy.rate_limit import RateLimit
from shared_core.policy.state.buckets import Charge, MemoryBuckets
from shared_core.policy.state.gates import Gate, Gates, Slot
from shared_core.policy.turnstile import Turnstile
from shared_core.types import (
    Call,
    ChatDelta,
    ChatReply,
    ChatRequest,
    Choice,
    Concurrency,
    Limit,
    LookupRequest,
    Progress,
    ReplyMeta,
    Target,
    Timeouts,
    Turn,
    Waits,
)

NOTHING: Any = None


class Service:
    """Counts how many are under way."""

    def __init__(self, takes: float = 0.002) -> None:
        self.takes, self.now, self.most, self.asked = takes, 0, 0, 0
        self.lock = threading.Lock()

    def __call__(self, call: Call) -> Flow[str]:
        with self.lock:
            self.now += 1
            self.asked += 1
            self.most = max(self.most, self.now)
        try:
            yield from sleep(self.takes)
            yield from emit([ChatDelta("x")])
            return "fine"
        finally:
            with self.lock:
                self.now -= 1


def call_with(total: float = 20.0, request: Any = None, turn: Turn | None = None) -> Call:
    import time

    waits = Waits(Timeouts(total=total), time.monotonic, streamed=False)
    return Call(request or ChatRequest([], "m:p"), Target("https://h/v1"), waits, Progress(waits.now()), turn)


def slots(many: Any, of: str = "host") -> LimitConcurrency:
    return LimitConcurrency(Concurrency(many, of), Gates())


def gate_of(policy: LimitConcurrency) -> Gate:
    (gate,) = policy.gates._gates.values()
    return gate


def run(policy: Any, service: Any, **about: Any) -> Any:
    return BlockingRun(policy(call_with(**about), service), NOTHING).finish()


async def arun(policy: Any, service: Any, **about: Any) -> Any:
    return await AsyncRun(policy(call_with(**about), service), NOTHING).finish()


def test_threads_and_tasks_of_several_loops_share_the_slots() -> None:
    policy, service = slots(3), Service()

    async def tasks() -> None:
        await asyncio.gather(*(arun(policy, service) for _ in range(10)))

    with ThreadPoolExecutor(12) as pool:
        loops = [pool.submit(asyncio.run, tasks()) for _ in range(3)]
        threads = [pool.submit(run, policy, service) for _ in range(30)]
        for each in [*loops, *threads]:
            each.result(20)
    assert (service.most, service.asked) == (3, 60)
    assert gate_of(policy).is_idle


async def test_slots_are_handed_on_in_the_order_of_coming() -> None:
    policy, order = slots(1), []

    async def one(number: int) -> None:
        await arun(policy, Service(0))
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(one(number))
            await asyncio.sleep(0)
    assert order == list(range(20))


async def test_a_task_cancelled_in_the_moment_in_which_it_is_given_the_slot_does_not_keep_it() -> None:
    policy, service = slots(1), Service(30)
    holder = asyncio.create_task(arun(policy, service))
    await asyncio.sleep(0)
    waiter = asyncio.create_task(arun(policy, Service(0)))
    await asyncio.sleep(0)
    holder.cancel()
    while gate_of(policy)._waiting:  # until the slot has been handed over, and not a tick longer
        await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)
    assert gate_of(policy).is_idle
    assert await arun(policy, Service(0)) == "fine"


@pytest.mark.parametrize("ticks", range(12))
async def test_whenever_it_is_cancelled_no_slot_is_lost(ticks: int) -> None:
    policy = slots(2)
    tasks = [asyncio.create_task(arun(policy, Service(0))) for _ in range(8)]
    for _ in range(ticks):
        await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[1::2] == ["fine"] * 4
    assert gate_of(policy).is_idle


def test_a_stream_holds_its_slot_until_it_is_left() -> None:
    policy = slots(1)
    stream = BlockingRun(policy(call_with(), Service(0)), NOTHING)
    assert stream.advance()
    with pytest.raises(LimitReached, match=r"under way as may be \(1\)") as raised:
        run(policy, Service(0), total=0.02)
    assert "stream" in raised.value.hint
    assert raised.value.retry_after is None
    stream.close()
    assert run(policy, Service(0)) == "fine"


def test_where_others_could_answer_a_call_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.policy.rate_limit._PATIENCE_WITH_OTHERS", 0.01)
    policy = slots(1)
    stream = BlockingRun(policy(call_with(), Service(0)), NOTHING)
    stream.advance()
    with pytest.raises(LimitReached) as raised:
        run(policy, Service(0), turn=Turn("t", ("other",), tries=1))
    assert raised.value.reactions == {"other_route"}
    stream.close()


def test_what_is_looked_up_needs_no_slot() -> None:
    policy = slots(1)
    stream = BlockingRun(policy(call_with(), Service(0)), NOTHING)
    stream.advance()
    assert run(policy, Service(0), request=LookupRequest("/models")) == "fine"
    stream.close()


def test_a_call_that_finds_no_slot_has_used_nothing_of_its_rate() -> None:
    rate = RateLimit((Limit(requests=1, per="hour"),), Turnstile(MemoryBuckets()))
    policy = slots(1)

    def both(call: Call, inner: Any) -> Any:
        return rate(call, lambda call: policy(call, inner))

    stream = BlockingRun(policy(call_with(), Service(0)), NOTHING)
    stream.advance()
    with pytest.raises(LimitReached, match="under way"):
        run(both, Service(0), total=0.01)
    stream.close()
    assert run(both, Service(0)) == "fine"


def with_rate(limit: Limit) -> tuple[Any, LimitConcurrency, RateLimit]:
    rate = RateLimit((limit,), Turnstile(MemoryBuckets()))
    policy = LimitConcurrency(Concurrency(1, "host"), Gates(), rate)
    return (lambda call, inner: rate(call, lambda call: policy(call, inner))), policy, rate


async def test_calls_that_were_held_up_together_do_not_go_out_together() -> None:
    both, policy, _ = with_rate(Limit(requests=100, per="second", burst=0))
    sent: list[float] = []

    def noted(call: Call) -> Flow[str]:
        sent.append(call.waits.now())
        yield from sleep(0)
        return "fine"

    holder = asyncio.create_task(arun(policy, Service(0.15)))
    await asyncio.sleep(0)
    await asyncio.gather(*(arun(both, noted) for _ in range(6)))
    assert await holder == "fine"
    assert sent[-1] - sent[0] >= 5 * 0.01 - 1e-3
    assert gate_of(policy).is_idle


def test_who_finds_no_turn_after_the_slot_has_used_nothing() -> None:
    both, policy, rate = with_rate(Limit(requests=2, per="hour", burst=1))
    buckets: Any = rate.turnstile.buckets
    slot = policy.gates.of(policy.limit, "h").enter()
    flow = both(call_with(total=5), Service(0))
    assert isinstance(next(flow), Wait)
    (key,) = buckets._free_at
    buckets.correct([Charge(key, 10_000.0, 0.0)], call_with().waits.now())  # others, meanwhile
    gate_of(policy).leave(slot)
    with pytest.raises(LimitReached, match="2 requests per hour"):
        flow.send(True)
    assert gate_of(policy).is_idle
    assert buckets.used(key, call_with().waits.now()) == pytest.approx(10_000, abs=5)


def test_gates_that_nobody_uses_are_forgotten_and_no_others() -> None:
    gates = Gates()
    busy = gates.of(Concurrency(1), "busy")
    busy.enter()
    for number in range(10_000):
        gates.of(Concurrency(1), f"user {number}")
    assert len(gates._gates) <= 4097
    assert gates.of(Concurrency(1), "busy") is busy


# --- adaptive ---


def fill(gate: Gate) -> list[Slot]:
    slots = []
    while (slot := gate.enter()).is_held:
        slots.append(slot)
    gate.leave(slot)
    return slots


def round_of(gate: Gate, ending: Any) -> float:
    """Every slot is left once, while others come at once; gives how many there are then."""
    held = fill(gate)
    waiting = [gate.enter() for _ in range(2 * len(held))]
    for slot in held:
        gate.leave(slot, ending)
    for slot in waiting:
        gate.leave(slot)
    return gate.slots


def test_slots_double_from_the_start_and_grow_by_one_a_round_after_the_first_refusal() -> None:
    gate = Gate(Concurrency("adaptive", first=2, most=1000))
    assert [round_of(gate, "answered") for _ in range(4)] == [4, 8, 16, 32]
    assert round_of(gate, "too much") == pytest.approx(32 * 0.7), "all of one round are one refusal"
    assert round_of(gate, "too much") == pytest.approx(32 * 0.49)
    before = gate.slots
    assert before + 0.9 < round_of(gate, "answered") <= before + 1


def test_slots_do_not_grow_where_they_are_not_used() -> None:
    gate = Gate(Concurrency("adaptive", first=4))
    for _ in range(50):
        gate.leave(gate.enter(), "answered")
    assert gate.slots == 4


@given(st.lists(st.sampled_from(["enter", "answered", "too much", "neither", "give up"]), max_size=300))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_no_more_are_under_way_than_slots_and_one_at_least_may(steps: list[str]) -> None:
    gate = Gate(Concurrency("adaptive", first=3, most=6))
    present: list[Slot] = []
    for step in steps:
        if step == "enter":
            present.append(gate.enter())
        elif present:
            held = [slot for slot in present if slot.is_held]
            waiting = [slot for slot in present if not slot.is_held]
            leaves = (waiting or held)[-1] if step == "give up" else (held or waiting)[0]
            present.remove(leaves)
            before = gate.used
            gate.leave(leaves, "neither" if step == "give up" else step)  # type: ignore[arg-type]
            assert gate.used <= max(before, gate.slots)
        assert 1 <= gate.slots <= 6
        assert gate.used == sum(slot.is_held for slot in present)
        assert gate.used + 1 > gate.slots or not any(not slot.is_held for slot in present), (
            "a free slot is used"
        )
    for slot in present:
        gate.leave(slot)
    assert gate.is_idle


ENDINGS: dict[str, tuple[RouterError, bool]] = {
    "429": (errors.RateLimited("x"), True),
    "503": (errors.Overloaded("x"), True),
    "too slow": (errors.TimedOut("x"), True),
    "a stream cut by a 429": (
        errors.StreamInterrupted(
            "x", partial=ChatReply((Choice(),), None, ReplyMeta("m")), cause=errors.RateLimited("x")
        ),
        True,
    ),
    "a limit of one's own": (errors.LimitReached("x"), False),
    "a wrong request": (errors.BadRequest("x"), False),
    "a lost connection": (errors.ConnectionLost("x"), False),
}


@pytest.mark.parametrize(("error", "fewer"), ENDINGS.values(), ids=ENDINGS.keys())
def test_which_failures_mean_that_it_was_too_much(error: RouterError, fewer: bool) -> None:
    policy = slots("adaptive")

    def fails(call: Call) -> Flow[str]:
        yield from sleep(0)
        raise error

    with pytest.raises(type(error)):
        run(policy, fails)
    assert (gate_of(policy).slots < 8) is fewer
    assert gate_of(policy).is_idle


async def test_a_service_that_takes_five_at_once_is_soon_sent_about_five() -> None:
    policy, refused = slots("adaptive"), []
    service = Service(0.001)

    def five_at_most(call: Call) -> Flow[str]:
        if service.now >= 5:
            yield from sleep(0.0005)
            raise errors.RateLimited("too many")
        return (yield from service(call))

    async def worker() -> None:
        for _ in range(60):
            try:
                await arun(policy, five_at_most)
            except errors.RateLimited:
                refused.append(1)

    await asyncio.gather(*(worker() for _ in range(20)))
    assert len(refused) < 0.35 * 1200
    assert gate_of(policy).slots < 12
