"""Who waits for a limit, for how long, and what is said when the turn comes too late."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core.errors import LimitReached, RateLimited
from shared_core.policy.retry import Retry
from shared_core.policy.state import Health
from shared_core.policy.watch import Watch
from shared_core.types import (
    Call,
    Limit,
    LookupRequest,
    Turn,
)
from tests.policy.rate_limit.conftest import SECOND, Answers, Clock, call_with, limited, stepped

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
