"""Who waits for a limit, for how long, in which order, and what is said when the turn comes too late."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import errors
from shared_core.errors import LimitReached, RateLimited, RouterError
from shared_core.flow import Flow, Offload, Wait, emit
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.policy.rate_limit import RateLimit
from shared_core.policy.retry import Retry
from shared_core.policy.state import Health
from shared_core.policy.state.buckets import Charge, MemoryBuckets
from shared_core.policy.turnstile import Turnstile
from shared_core.policy.watch import Watch
from shared_core.types import (
    ApiKey,
    Call,
    ChatDelta,
    ChatReply,
    ChatRequest,
    Choice,
    EmbedRequest,
    Limit,
    LookupRequest,
    Progress,
    ReplyMeta,
    Target,
    Timeouts,
    Turn,
    Usage,
    Waits,
)

NOTHING: Any = None
SECOND = Limit(requests=1, per="second")


class Clock:
    """A clock that goes forward only when the flow waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def call_with(
    clock: Callable[[], float] = time.monotonic,
    *,
    model: str = "org/name:groq",
    url: str = "https://h/v1",
    key: str = "mine",
    total: float = 60.0,
    turn: Turn | None = None,
    request: Any = None,
    **tags: str,
) -> Call:
    waits = Waits(Timeouts(total=total), clock, streamed=False)
    request = request or ChatRequest([], model)
    return Call(request, Target(url, ApiKey(key)), waits, Progress(waits.now()), turn, tags)


class Answers:
    """Answers each try with the next of its outcomes; the last one for ever."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes) or ["fine"]
        self.at: list[float] = []

    def __call__(self, call: Call) -> Flow[Any]:
        self.at.append(call.waits.now())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        yield from emit([ChatDelta("x")])
        return outcome


def stepped(flow: Flow[Any], clock: Clock) -> Any:
    """The result, or the error; waits pass at once."""
    try:
        effect = next(flow)
        while True:
            answer: Any = None
            if isinstance(effect, Wait):
                clock.now += 0.0 if effect.latch.is_open else effect.seconds
                answer = effect.latch.is_open
            if isinstance(effect, Offload):
                answer = effect.function()
            effect = flow.send(answer)
    except StopIteration as end:
        return end.value
    except RouterError as error:
        return error


def limited(*limits: Limit) -> RateLimit:
    return RateLimit(limits, Turnstile(MemoryBuckets()))


def usage(total: int) -> ChatReply:
    return ChatReply((Choice(text="x"),), Usage(total, 0, total), ReplyMeta("m"))


# --- which calls count together ---


SCOPES = {
    "all": ("all", {"model": "other/name", "url": "https://else/v1", "key": "theirs", "user": "bob"}, {}),
    "host": ("host", {"model": "other/name", "key": "theirs"}, {"url": "https://else/v1"}),
    "provider": ("provider", {"model": "other/name:groq", "key": "theirs"}, {"model": "org/name:novita"}),
    "provider that nobody names": (
        "provider",
        {"model": "org/a"},
        {"model": "org/a", "url": "https://else/v1"},
    ),
    "model": ("model", {"key": "theirs", "user": "bob"}, {"model": "org/name:novita"}),
    "key": ("key", {"model": "other/name"}, {"key": "theirs"}),
    "tag": ("tag:user", {"model": "other/name", "team": "x"}, {"user": "bob"}),
}


@pytest.mark.parametrize(("of", "together", "apart"), SCOPES.values(), ids=SCOPES.keys())
def test_what_a_limit_counts_together_and_apart(of: str, together: Any, apart: Any) -> None:
    clock = Clock()
    policy = limited(Limit(requests=1, per="hour", of=of))
    first = {"user": "ada"}
    if of == "provider" and together["model"] == "org/a":
        first["model"] = "org/b"
    assert stepped(policy(call_with(clock, **first), Answers()), clock) == "fine"
    if apart:
        assert stepped(policy(call_with(clock, **{"user": "ada", **apart}), Answers()), clock) == "fine"
    refused = stepped(policy(call_with(clock, **{"user": "ada", **together}), Answers()), clock)
    assert isinstance(refused, LimitReached)


def test_a_limit_may_be_for_one_of_them_alone() -> None:
    clock = Clock()
    policy = limited(Limit(requests=1, per="hour", of="model", only="org/name"))
    results = [
        stepped(policy(call_with(clock, model=model), Answers()), clock)
        for model in ("org/name:groq", "other/x", "other/x", "org/name:novita", "org/name:groq")
    ]
    assert [type(each) for each in results] == [str, str, str, str, LimitReached]


def test_what_is_looked_up_is_not_limited() -> None:
    clock = Clock()
    policy, service = limited(Limit(requests=1, per="day")), Answers()
    for _ in range(5):
        assert stepped(policy(call_with(clock, request=LookupRequest("/models")), service), clock) == "fine"


# --- waiting ---


def test_calls_pass_one_after_another_at_the_pace_of_the_limit() -> None:
    clock, service = Clock(), Answers()
    policy = limited(Limit(requests=2, per="second"), Limit(requests=5, per="minute", burst=4))
    for _ in range(6):
        assert stepped(policy(call_with(clock), service), clock) == "fine"
    assert [at - 1000 for at in service.at] == pytest.approx([0, 0.5, 1, 1.5, 2, 12])


def test_a_turn_after_the_deadline_is_refused_at_once_and_said_so() -> None:
    clock = Clock()
    policy, service = limited(Limit(requests=1, per="minute", of="tag:user")), Answers()
    stepped(policy(call_with(clock, user="ada"), service), clock)
    call = call_with(clock, user="ada", total=10)
    error = stepped(policy(call, service), clock)
    assert (type(error), clock.now, len(service.at)) == (LimitReached, 1000.0, 1)
    assert error.retry_after == pytest.approx(60)
    assert "1 request per minute for each user (user ada)" in error.message
    assert "in 60 s" in error.message
    assert "up in 10 s" in error.message
    assert error.hint
    assert stepped(policy(call_with(clock, user="bob", total=10), service), clock) == "fine"


def test_who_has_no_time_left_is_refused_as_well() -> None:
    clock = Clock()
    policy = limited(SECOND)
    stepped(policy(call_with(clock), Answers()), clock)
    call = call_with(clock)
    call.waits.deadline = clock.now - 1
    assert isinstance(stepped(policy(call, Answers()), clock), LimitReached)


@pytest.mark.parametrize(
    ("of", "reactions"),
    [("all", set()), ("tag:user", set()), ("host", {"other_route"}), ("provider", {"other_route"})],
)
def test_other_targets_help_where_the_limit_may_not_be_theirs(of: str, reactions: set[str]) -> None:
    clock = Clock()
    policy = limited(Limit(requests=1, per="hour", of=of))
    stepped(policy(call_with(clock), Answers()), clock)
    assert stepped(policy(call_with(clock), Answers()), clock).reactions == reactions


@pytest.mark.parametrize(("of", "waits_for"), [("provider", 0.0), ("all", 30.0)])
def test_where_others_could_answer_a_call_does_not_wait_long(of: str, waits_for: float) -> None:
    clock = Clock()
    policy = limited(Limit(requests=2, per="minute", of=of), Limit(requests=10**6, of="all"))
    turn = Turn("key", ("rival",), tries=1)
    stepped(policy(call_with(clock), Answers()), clock)
    result = stepped(policy(call_with(clock, turn=turn), Answers()), clock)
    assert clock.now - 1000 == pytest.approx(waits_for)
    assert result == "fine" if waits_for else "other targets can be asked sooner" in result.message


def test_it_is_neither_tried_again_nor_a_failure_of_the_target_nor_slowness() -> None:
    clock, health = Clock(), Health()
    policy, service = limited(Limit(requests=2, per="minute")), Answers()

    def watched(call: Call) -> Any:
        inner = lambda call: Watch(health)(call, lambda call: policy(call, service))  # noqa: E731
        return stepped(Retry(jitter=lambda: 1.0)(call, inner), clock)

    turn = Turn("target", ("rival",))
    assert [watched(call_with(clock, turn=turn)) for _ in range(2)] == ["fine", "fine"]
    assert health.figures("target").whole == pytest.approx(0)
    for _ in range(10):
        assert isinstance(watched(call_with(clock, turn=turn, total=1)), LimitReached)
    assert health.is_open("target")
    assert len(service.at) == 2


# --- what the provider says ---


def test_what_a_provider_asks_for_holds_for_all_calls_to_that_model() -> None:
    clock, service = Clock(), Answers(RateLimited("x", retry_after=7), "fine")
    policy = limited()
    assert isinstance(stepped(policy(call_with(clock), service), clock), RateLimited)
    assert stepped(policy(call_with(clock, model="org/name:novita"), service), clock) == "fine"
    assert clock.now == 1000
    assert stepped(policy(call_with(clock), service), clock) == "fine"
    assert clock.now == pytest.approx(1007)


def test_a_pause_that_is_too_long_is_told_as_the_providers() -> None:
    clock = Clock()
    policy = limited()
    stepped(policy(call_with(clock), Answers(RateLimited("x", retry_after=900))), clock)
    error = stepped(policy(call_with(clock), Answers()), clock)
    assert isinstance(error, LimitReached)
    assert "org/name:groq at h asked for a pause that lasts 900 s more" in error.message
    assert "mine" not in str(error)


def test_a_call_that_is_refused_inside_gives_back_what_it_took() -> None:
    clock = Clock()
    policy = limited(Limit(requests=1, per="hour"))
    assert isinstance(stepped(policy(call_with(clock), Answers(LimitReached("slots"))), clock), LimitReached)
    assert stepped(policy(call_with(clock), Answers()), clock) == "fine"


# --- tokens ---


def test_tokens_are_guessed_before_and_corrected_afterwards() -> None:
    clock = Clock()
    policy = limited(Limit(tokens=1000, per="minute", burst=1000))
    request = ChatRequest([{"role": "user", "content": "x" * 400}], "m", {"max_tokens": 500})
    assert stepped(policy(call_with(clock, request=request), Answers(usage(100))), clock)
    buckets: Any = policy.turnstile.buckets
    (bucket,) = buckets._free_at
    assert buckets.used(bucket, clock.now) == pytest.approx(6)
    stepped(policy(call_with(clock, request=request), Answers(RateLimited("x"))), clock)
    assert buckets.used(bucket, clock.now) == pytest.approx(6)
    stepped(policy(call_with(clock, request=request), Answers(errors.ConnectionLost("x"))), clock)
    assert buckets.used(bucket, clock.now) == pytest.approx(6 + 604 * 0.06)


def test_tokens_that_time_has_freed_are_not_given_back_once_more() -> None:
    """Ten seconds' worth is charged, and after twenty none was used: others may have used what came free."""
    clock = Clock()
    policy = limited(Limit(tokens=60, per="minute", burst=10))
    buckets: Any = policy.turnstile.buckets
    slow = policy(call_with(clock, request=EmbedRequest(["x" * 40], "m")), Answers(usage(0)))
    next(slow)
    clock.now += 20
    stepped(policy(call_with(clock, request=EmbedRequest(["x" * 40], "m")), Answers(usage(10))), clock)
    with pytest.raises(StopIteration):
        slow.send(None)
    (key,) = buckets._free_at
    assert buckets.used(key, clock.now) == pytest.approx(10)


CALLS = st.lists(
    st.tuples(st.floats(0, 6), st.integers(1, 10), st.floats(0, 1), st.none() | st.integers(0, 40)),
    max_size=80,
)


@given(CALLS)
@settings(max_examples=150, deadline=None)
def test_no_window_sees_more_tokens_used_than_the_limit_and_its_burst(calls: Any) -> None:
    """(pause, guess, share of it that is used, which of the calls under way ends then)"""
    clock, policy = Clock(), limited(Limit(tokens=60, per="minute", burst=10))
    under_way: list[Flow[Any]] = []
    passed: list[tuple[float, int]] = []
    for pause, guess, share, ending in calls:
        clock.now += pause
        used = int(guess * share)
        request = EmbedRequest(["x" * 4 * guess], "m")
        flow = policy(call_with(clock, total=0.001, request=request), Answers(usage(used)))
        try:
            effect = next(flow)
        except LimitReached:
            continue
        if isinstance(effect, Wait):
            flow.close()
        else:
            passed.append((clock.now, used))
            under_way.append(flow)
        if under_way and ending is not None:
            with pytest.raises(StopIteration):
                under_way.pop(ending % len(under_way)).send(None)
    for start, _ in passed:
        assert sum(used for at, used in passed if start <= at < start + 60 - 1e-6) <= 70
    for flow in under_way:
        flow.close()


def test_an_answer_without_usage_leaves_the_guess() -> None:
    clock = Clock()
    policy = limited(Limit(tokens=100, per="minute", burst=100))
    request = EmbedRequest(["x" * 400], "m")
    assert stepped(policy(call_with(clock, request=request), Answers((object(), {}))), clock)
    assert isinstance(
        stepped(policy(call_with(clock, request=request, total=50), Answers()), clock), LimitReached
    )


# --- threads and tasks, for real ---


class Recorded(MemoryBuckets):
    """Remembers when something passed."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[float] = []

    def take_now(self, charges: Sequence[Charge], now: float) -> Sequence[float]:
        waits = super().take(charges, now)
        if not waits:
            self.passed.append(now)
        return waits


def most_in(times: list[float], seconds: float) -> int:
    times = sorted(times)
    return max(sum(1 for at in times if start <= at < start + seconds - 1e-6) for start in times)


def run(policy: RateLimit, service: Any = None, **about: Any) -> Any:
    return BlockingRun(policy(call_with(**about), service or Answers()), NOTHING).finish()


async def arun(policy: RateLimit, service: Any = None, **about: Any) -> Any:
    return await AsyncRun(policy(call_with(**about), service or Answers()), NOTHING).finish()


def test_threads_and_tasks_of_several_loops_together_never_pass_faster_than_the_limit() -> None:
    buckets = Recorded()
    policy = RateLimit((Limit(requests=250, per="second", burst=5),), Turnstile(buckets))

    async def tasks() -> None:
        await asyncio.gather(*(arun(policy) for _ in range(15)))

    with ThreadPoolExecutor(12) as pool:
        loops = [pool.submit(asyncio.run, tasks()) for _ in range(3)]
        threads = [pool.submit(run, policy) for _ in range(45)]
        for each in [*loops, *threads]:
            each.result(20)
    assert len(buckets.passed) == 90
    assert most_in(buckets.passed, 0.1) <= 25 + 5
    assert max(buckets.passed) - min(buckets.passed) >= (90 - 6) / 250 - 1e-6
    assert not policy.turnstile.line._queues


async def test_turns_come_in_the_order_of_coming() -> None:
    policy, order = limited(Limit(requests=200, per="second", burst=0)), []

    async def one(number: int) -> None:
        await arun(policy)
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(one(number))
            await asyncio.sleep(0)
    assert order == list(range(20))


async def test_who_comes_later_does_not_pass_who_waits_although_it_needs_less() -> None:
    policy, order = limited(Limit(tokens=1000, per="second", burst=100)), []

    async def one(name: str, size: int) -> None:
        await arun(policy, request=EmbedRequest(["x" * 4 * size], "m"))
        order.append(name)

    await one("leaves a little room", 80)
    async with asyncio.TaskGroup() as group:
        for name, size in (("large", 70), ("small", 1), ("smaller", 1)):
            group.create_task(one(name, size))
            await asyncio.sleep(0)
    assert order == ["leaves a little room", "large", "small", "smaller"]


async def test_a_user_who_has_used_up_their_limit_does_not_hold_up_the_others() -> None:
    policy = limited(
        Limit(requests=1, per="hour", of="tag:user", only="ada"),
        Limit(requests=500, per="second", of="provider"),
    )
    await arun(policy, user="ada")
    waiting = asyncio.create_task(arun(policy, user="ada", total=7200))
    await asyncio.sleep(0)
    await asyncio.gather(*(arun(policy, user="bob") for _ in range(10)))
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not policy.turnstile.line._queues


async def test_who_has_room_at_the_provider_but_no_turn_of_their_own_steps_aside() -> None:
    policy = limited(
        Limit(requests=1, per="hour", of="tag:user", only="ada"),
        Limit(requests=50, per="second", burst=0, of="provider"),
    )
    await arun(policy, user="ada")
    waiting = asyncio.create_task(arun(policy, user="ada", total=7200))  # for both of the limits, at first
    await asyncio.sleep(0)
    assert await arun(policy, user="bob", total=0.5) == "fine"
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.004, 0.005, 0.0055, 0.02])
async def test_a_waiter_that_is_cancelled_leaves_its_turn_to_the_next(moment: float) -> None:
    policy = limited(Limit(requests=200, per="second", burst=0))
    await arun(policy)
    tasks = [asyncio.create_task(arun(policy)) for _ in range(6)]
    await asyncio.sleep(moment)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [each for each in done[1::2] if each != "fine"] == []
    assert not policy.turnstile.line._queues


def test_a_thread_that_is_interrupted_leaves_its_turn_to_the_next() -> None:
    policy = limited(Limit(requests=20, per="second", burst=0))
    run(policy)
    waiting = BlockingRun(policy(call_with(), Answers()), NOTHING)
    ended: list[BaseException] = []

    def finish() -> None:
        try:
            waiting.finish()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=finish)
    thread.start()
    waiting.hang_up()
    thread.join(10)
    assert [type(each) for each in ended] in ([errors.ConnectionLost], [])
    assert run(policy) == "fine"
    assert not policy.turnstile.line._queues


def test_a_loop_that_ended_with_waiters_in_it_holds_nobody_up() -> None:
    policy = limited(Limit(requests=100, per="second", burst=0))

    async def leave_some() -> None:
        await arun(policy)
        tasks = [asyncio.create_task(arun(policy)) for _ in range(3)]
        await asyncio.sleep(0)
        del tasks

    for _ in range(3):
        asyncio.run(leave_some())
        assert run(policy) == "fine"
    assert not policy.turnstile.line._queues


def test_a_waiter_whose_loop_stands_still_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_core.policy.state.line.PATIENCE", 0.02)
    monkeypatch.setattr("shared_core.policy.turnstile.PATIENCE", 0.02)
    policy = limited(Limit(requests=100, per="second", burst=0))
    run(policy)
    stuck = policy(call_with(), Answers())
    assert isinstance(next(stuck), Wait)  # it is first, and never looks again
    assert [run(policy) for _ in range(3)] == ["fine"] * 3
    stuck.close()
    assert not policy.turnstile.line._queues


def test_a_stream_that_is_left_has_used_its_turn_and_nothing_more() -> None:
    clock = Clock()
    policy = limited(Limit(requests=2, per="hour", burst=1))
    flow = policy(call_with(clock), Answers())
    next(flow)
    flow.close()
    assert stepped(policy(call_with(clock), Answers()), clock) == "fine"
    assert isinstance(stepped(policy(call_with(clock), Answers()), clock), LimitReached)
