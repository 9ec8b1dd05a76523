"""Limits of tokens: guessed before the call, corrected after it, and never passed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import errors
from shared_core.errors import LimitReached, RateLimited
from shared_core.flow import Flow, Wait
from shared_core.types import (
    ChatRequest,
    EmbedRequest,
    Limit,
)
from tests.policy.rate_limit.conftest import Answers, Clock, call_with, limited, stepped, usage


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
