"""Whom a call goes on to, and when it ends: the flow is stepped by hand, the clock is turned by hand."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import errors
from shared_core.errors import RouterError
from shared_core.flow import Flow, Sleep
from shared_core.policy.fallback import Choice, Fallback
from shared_core.policy.retry import Retry
from shared_core.policy.state import Health, RetryBudget
from shared_core.policy.watch import Watch
from shared_core.types import ApiKey, Call, ChatRequest, EmbedRequest, Progress, Target, Timeouts, Waits


class Clock:
    """A clock that goes forward only when somebody turns it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """Targets, each with what it does when it is asked; the policies around them, with a health of their own."""

    def __init__(self, *names: str, **settings: Any) -> None:
        self.clock, self.health = Clock(), Health()
        self.targets = [target(name) for name in names]
        self.does: dict[str, Any] = {}
        self.asked: list[str] = []
        self.slept = 0.0
        settings.setdefault("plan", lambda call: Choice(self.targets))
        self.fallback = Fallback(health=self.health, **settings)
        self.retry = Retry(jitter=lambda: 1.0, budget=RetryBudget(), health=self.health)
        self.watch = Watch(self.health)

    def call(self, request: Any = None, total: float = 120.0) -> Call:
        waits = Waits(Timeouts(total=total), self.clock, streamed=False)
        request = request or ChatRequest([{"role": "user", "content": "hi"}], "m")
        return Call(request, self.targets[0], waits, Progress(self.clock.now))

    def run(self, call: Call | None = None) -> Any:
        """The answer, or the error."""
        flow = self.fallback(call or self.call(), self._retried)
        try:
            while True:
                effect = next(flow)
                assert isinstance(effect, Sleep)
                self.clock.now += effect.seconds
                self.slept += effect.seconds
        except StopIteration as end:
            return end.value
        except RouterError as error:
            return error

    def _retried(self, call: Call) -> Flow[Any]:
        return self.retry(call, lambda call: self.watch(call, self._serve))

    def _serve(self, call: Call) -> Flow[Any]:
        name = call.target.model
        self.asked.append(name)
        call.progress.attempts += 1
        outcome = self.does.get(name, name)
        if callable(outcome):
            outcome = outcome(call)
        if isinstance(outcome, RouterError):
            raise outcome
        yield from ()
        return outcome


def target(name: str) -> Target:
    """`model`, or `model@host` with an account of its own."""
    model, _, host = name.partition("@")
    return Target(f"https://{host or 'h'}/v1", ApiKey(host), model=model)


def failing(kind: type[RouterError], **about: Any) -> Any:
    return lambda call: kind("x", **about)


def test_the_first_that_answers_is_the_last_that_is_asked() -> None:
    world = World("a", "b", "c")
    world.does["a"] = failing(errors.RateLimited)
    call = world.call()
    assert world.run(call) == "b"
    assert (world.asked, call.progress.moves, world.slept) == (["a", "b"], 1, 0)


AGAIN = {
    errors.RateLimited: 1,
    errors.Overloaded: 1,
    errors.ModelLoading: 1,
    errors.ConnectionLost: 2,
    errors.TimedOut: 2,
    errors.ProviderFailed: 2,
    errors.MalformedResponse: 2,
    errors.ModelNotServed: 1,
    errors.PermissionDenied: 1,
    errors.NoRoute: 1,
}


@pytest.mark.parametrize(
    ("kind", "times"), AGAIN.items(), ids=lambda value: getattr(value, "__name__", str(value))
)
def test_how_often_a_target_is_asked_before_the_next(kind: type[RouterError], times: int) -> None:
    world = World("a", "b")
    world.does["a"] = failing(kind)
    assert world.run() == "b"
    assert world.asked == ["a"] * times + ["b"]


@pytest.mark.parametrize(
    "kind", [errors.BadRequest, errors.Refused, errors.ConfigError, errors.BudgetExceeded]
)
def test_what_is_the_callers_own_goes_nowhere(kind: type[RouterError]) -> None:
    world = World("a", "b")
    world.does["a"] = failing(kind)
    assert type(world.run()) is kind
    assert world.asked == ["a"]


def test_the_last_of_all_is_tried_as_often_as_one_alone() -> None:
    world = World("a", "b")
    world.does = dict.fromkeys("ab", failing(errors.RateLimited))
    error = world.run()
    assert world.asked == ["a", "b", "b", "b"]
    assert isinstance(error, errors.AllRoutesFailed)
    assert [type(each) for each in error.failures] == [errors.RateLimited] * 2


def test_other_accounts_are_asked_after_a_402_and_those_of_the_same_are_closed_for_everybody() -> None:
    world = World("a", "b", "c@other")
    world.does["a"] = failing(errors.PaymentRequired)
    assert world.run() == "c"
    assert world.asked == ["a", "c"]
    assert world.run() == "c"
    assert world.asked == ["a", "c", "c"]


def test_a_402_of_one_provider_leaves_the_others_of_the_account() -> None:
    world = World("a", "b")
    world.does["a"] = failing(errors.PaymentRequired, reactions={"other_route", "other_account"})
    assert world.run() == "b"


def test_what_is_too_long_goes_to_a_larger_window_and_then_to_unknown_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows = {"a": 8, "b": 8, "c": 32, "d": None}
    monkeypatch.setattr("shared_core.routing.passing_on.window_of", lambda target: windows[target.model])
    world = World("a", "b", "d", "c")
    world.does = dict.fromkeys("acd", failing(errors.InputTooLong))
    error = world.run()
    assert world.asked == ["a", "c", "d"]
    assert isinstance(error, errors.AllRoutesFailed)
    assert "b at h: not asked: its context of 8 tokens is no larger" in str(error)


def test_a_list_of_texts_that_is_too_long_is_left_to_whoever_cuts_it() -> None:
    world = World("a", "b")
    world.does["a"] = failing(errors.InputTooLong, reactions={"other_route", "larger_context"})
    assert isinstance(world.run(world.call(EmbedRequest(["x"], "m"))), errors.InputTooLong)


def test_of_a_chain_five_are_asked() -> None:
    world = World(*"abcdefg")
    world.does = dict.fromkeys("abcdefg", failing(errors.RateLimited))
    error = world.run()
    assert [*dict.fromkeys(world.asked)] == list("abcde")
    assert "f at h: not asked: 5 targets are asked at most" in str(error)


def test_after_content_was_seen_the_error_stays_what_it_is() -> None:
    world = World("a", "b")

    def half(call: Call) -> RouterError:
        call.progress.emitted = True
        return errors.ConnectionLost("gone")

    world.does["a"] = half
    assert type(world.run()) is errors.ConnectionLost
    assert world.asked == ["a"]


PAID = {
    "too many requests": (errors.RateLimited, {}, True),
    "no capacity, come back in 9 s": (errors.Overloaded, {"retry_after": 9.0}, True),
    "no capacity, from who knows whom": (errors.Overloaded, {}, False),
    "the model is loaded": (errors.ModelLoading, {}, True),
    "no credits, another account": (errors.PaymentRequired, {"reactions": {"other_route"}}, True),
    "not served": (errors.ModelNotServed, {}, True),
    "a failure": (errors.ProviderFailed, {}, False),
    "a broken line": (errors.ConnectionLost, {}, False),
    "a time limit": (errors.TimedOut, {}, False),
    "an answer that cannot be read": (errors.MalformedResponse, {}, False),
}


@pytest.mark.parametrize(("kind", "about", "moves"), PAID.values(), ids=PAID.keys())
def test_what_is_paid_for_goes_on_only_where_nothing_was_begun(
    kind: type[RouterError], about: dict[str, Any], moves: bool
) -> None:
    world = World("a", "b", only_unsent=True)
    world.retry = Retry(attempts=1)
    world.does["a"] = failing(kind, **about)
    assert (world.run() == "b") is moves


def test_a_connection_that_was_never_made_began_nothing() -> None:
    world = World("a", "b", only_unsent=True)

    def unreachable(call: Call) -> RouterError:
        call.waits.opening = True
        return errors.ConnectionLost("refused")

    world.does["a"] = unreachable
    assert world.run() == "b"


def test_a_closed_target_gets_one_probe_and_then_everything_again() -> None:
    world = World("a", "b")
    world.does["a"] = failing(errors.RateLimited)
    assert [world.run() for _ in range(3)] == ["b", "b", "b"]
    assert world.asked.count("a") == 1
    world.clock.now = 5.0
    assert world.run() == "b"
    assert world.asked.count("a") == 2, "the probe"
    world.clock.now = 15.0
    del world.does["a"]
    assert [world.run() for _ in range(2)] == ["a", "a"]


def test_a_probe_is_tried_once() -> None:
    world = World("a", "b")
    world.does["a"] = failing(errors.ConnectionLost)
    world.run(), world.run()
    assert world.asked.count("a") == 3, "three in a row close it"
    world.clock.now = 6.0
    world.run()
    assert world.asked.count("a") == 4


def test_where_everybody_open_has_failed_a_closed_target_is_probed_before_its_time() -> None:
    world = World("a", "b")
    world.does["a"] = failing(errors.RateLimited)
    world.run()
    world.clock.now = 2.0
    world.does = {"b": failing(errors.ModelNotServed)}
    assert world.run() == "a"


def nobody_left(**about: Any) -> World:
    """The first target is closed, and the second one, which is left, serves nobody."""
    world = World("a", "b")
    world.does["a"] = failing(errors.RateLimited, **about)
    world.run()
    world.asked.clear()
    world.does["a"], world.does["b"] = "a", failing(errors.ModelNotServed)
    return world


def test_with_nobody_left_a_call_waits_until_a_closed_target_may_be_probed() -> None:
    world = nobody_left()
    assert world.run() == "a"
    assert (world.asked, world.slept) == (["b", "a"], world.health.pause)


def test_with_nobody_left_a_call_waits_for_the_probe_of_another_call() -> None:
    world = nobody_left()
    world.clock.now = 2.0
    probed = world.targets[0].id
    assert world.health.admit(probed, 2.0, 100.0, early=True) == "probe"
    flow = world.fallback(world.call(), world._retried)
    looks = [next(flow), next(flow)]
    world.health.answered(probed, 2.0, probe=True)
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert (end.value.value, looks) == ("a", [Sleep(0.1), Sleep(0.1)])


def test_a_probe_that_does_not_end_is_waited_for_two_seconds() -> None:
    world = nobody_left()
    world.clock.now = 2.0
    world.health.admit(world.targets[0].id, 2.0, 100.0, early=True)
    assert type(world.run()) is errors.AllRoutesFailed
    assert 1.8 < world.slept < 2.2


def test_a_target_that_said_when_to_come_back_is_not_waited_for() -> None:
    world = nobody_left(retry_after=30)
    assert type(world.run()) is errors.AllRoutesFailed
    assert (world.asked, world.slept) == (["b"], 0)


def test_a_cancelled_probe_lets_another_call_probe() -> None:
    world = World("a", "b")
    world.does["a"] = failing(errors.RateLimited)
    world.run()
    world.clock.now = 5.0

    def stuck(call: Call) -> Flow[Any]:
        yield Sleep(1.0)
        raise AssertionError

    flow = world.fallback(world.call(), stuck)
    next(flow)
    assert world.health.admit(world.targets[0].id, 5.0, 9.0) is None
    flow.close()
    assert world.health.admit(world.targets[0].id, 5.0, 9.0) == "probe"


def test_half_of_the_time_is_for_the_others() -> None:
    world = World("a", "b")
    limits: list[float] = []

    def note(call: Call) -> Any:
        limits.append(call.waits.until_deadline())
        return errors.ModelNotServed("x")

    world.does = {"a": note, "b": note}
    world.run(world.call(total=100.0))
    assert limits == [50.0, 100.0]


def test_no_wait_goes_past_the_deadline() -> None:
    world = World("a", "b")
    world.does = dict.fromkeys("ab", failing(errors.RateLimited, retry_after=50.0))
    world.run(world.call(total=40.0))
    assert world.clock.now < 40.0


def test_a_wrong_request_at_the_second_target_tells_of_the_first_too() -> None:
    world = World("a", "b")
    world.does = {"a": failing(errors.RateLimited), "b": failing(errors.BadRequest)}
    error = world.run()
    assert type(error) is errors.BadRequest
    assert "1. a at h: RateLimited: x" in error.__notes__[0]


def test_the_errors_of_all_targets_survive_pickling_and_advise() -> None:
    import pickle

    world = World("a", "b")
    world.does = {
        "a": failing(errors.Unauthorized, reactions={"other_route"}),
        "b": failing(errors.RateLimited, retry_after=99.0),
    }
    error = pickle.loads(pickle.dumps(world.run()))
    assert (error.retry_after, error.reactions) == (99.0, {"retry"})
    assert "HF_TOKEN" in error.hint
    assert len(error.failures) == 2


def test_who_was_skipped_is_listed_with_the_reason() -> None:
    from shared_core.routing.passing_on import Skipped

    world = World(
        "a",
        plan=lambda call: Choice(world.targets, [Skipped(target("z"), "known to be unfit: calls no tools")]),
    )
    world.does["a"] = failing(errors.ModelNotServed)
    assert "2. z at h: not asked: known to be unfit: calls no tools" in str(world.run())
