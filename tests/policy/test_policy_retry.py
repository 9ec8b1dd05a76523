"""When a failed call is sent again and after how long: the flow is stepped by hand, nothing sleeps."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import errors
from shared_core.errors import RouterError
from shared_core.flow import Flow, Sleep, emit
from shared_core.policy.report import Report
from shared_core.policy.retry import Retry
from shared_core.policy.wait_for_model import WaitForModel
from shared_core.types import Call, ChatDelta, ChatRequest, LookupRequest, Progress, Target, Timeouts, Waits


class Clock:
    """A clock that goes forward only when the flow sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Answers each try with the next of its outcomes; the last one for ever."""

    def __init__(self, *outcomes: Any, takes: float = 0.0) -> None:
        self.outcomes, self.takes = list(outcomes), takes
        self.tries = 0

    def __call__(self, call: Call) -> Flow[str]:
        self.tries += 1
        call.progress.attempts += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        call.waits._clock.now += self.takes  # type: ignore[attr-defined]
        if isinstance(outcome, BaseException):
            raise outcome
        yield from emit([ChatDelta(outcome)])
        return outcome


def call_with(total: float = 120.0) -> Call:
    waits = Waits(Timeouts(total=total), Clock(), streamed=False)
    return Call(ChatRequest([], "org/name:groq"), Target("https://h/v1"), waits, Progress(0.0))


def run(flow: Flow[Any], call: Call) -> tuple[Any, list[float]]:
    """Steps a flow to its end; gives its result or error, and every sleep, letting the clock go on."""
    slept: list[float] = []
    try:
        effect = next(flow)
        while True:
            if isinstance(effect, Sleep):
                slept.append(effect.seconds)
                call.waits._clock.now += effect.seconds  # type: ignore[attr-defined]
            effect = flow.send(None)
    except StopIteration as end:
        return end.value, slept
    except RouterError as error:
        return error, slept


def tried(policy: Any, service: Service, call: Call | None = None) -> tuple[Any, list[float]]:
    call = call or call_with()
    return run(policy(call, service), call)


RETRY = Retry(jitter=lambda: 1.0)
LOST = errors.ConnectionLost("gone")

TRANSIENT = [
    errors.RateLimited("x"),
    errors.Overloaded("x"),
    errors.ConnectionLost("x"),
    errors.TimedOut("x"),
    errors.ProviderFailed("x"),
    errors.MalformedResponse("x"),
]
LASTING = [
    errors.ConfigError("x"),
    errors.NoRoute("x"),
    errors.BudgetExceeded("x"),
    errors.ModelLoading("x", retry_after=1),
    errors.ModelNotServed("x"),
    errors.JobFailed("x"),
    errors.Unauthorized("x"),
    errors.PaymentRequired("x"),
    errors.PermissionDenied("x"),
    errors.InputTooLong("x"),
    errors.BadRequest("x"),
    errors.Refused("x"),
    errors.ConnectionLost("a bad certificate", reactions=()),
]


def name_of(error: Exception) -> str:
    return f"{type(error).__name__} {error}"


@pytest.mark.parametrize("error", TRANSIENT, ids=name_of)
def test_a_transient_failure_is_tried_again(error: RouterError) -> None:
    result, slept = tried(RETRY, Service(error, "fine"))
    assert result == "fine"
    assert len(slept) == 1


@pytest.mark.parametrize("error", LASTING, ids=name_of)
def test_what_trying_again_cannot_help_comes_out_at_once(error: RouterError) -> None:
    service = Service(error)
    result, slept = tried(RETRY, service)
    assert (result, slept, service.tries) == (error, [], 1)


@pytest.mark.parametrize(
    "mistake", [ValueError("x"), KeyError("x"), OSError("x"), KeyboardInterrupt()], ids=repr
)
def test_a_programming_error_is_never_retried(mistake: BaseException) -> None:
    service = Service(mistake)
    with pytest.raises(type(mistake)):
        tried(RETRY, service)
    assert service.tries == 1


def test_three_tries_in_all_and_then_the_last_error() -> None:
    last = errors.ProviderFailed("third")
    service = Service(LOST, LOST, last)
    result, slept = tried(RETRY, service)
    assert (result, service.tries, len(slept)) == (last, 3, 2)


def test_one_try_means_no_second() -> None:
    service = Service(LOST)
    assert tried(Retry(attempts=1), service) == (LOST, [])
    assert service.tries == 1


def test_the_wait_doubles_up_to_its_longest() -> None:
    _, slept = tried(Retry(attempts=9, jitter=lambda: 1.0), Service(LOST))
    assert slept == [0.25, 0.5, 1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize("kind", [errors.RateLimited, errors.Overloaded])
def test_a_service_with_too_much_to_do_is_given_more_time(kind: type[RouterError]) -> None:
    _, slept = tried(Retry(attempts=5, jitter=lambda: 1.0), Service(kind("x")))
    assert slept == [1, 2, 4, 8]


@pytest.mark.parametrize(("jitter", "first"), [(0.0, 0.0), (0.5, 0.125), (0.999, 0.24975)])
def test_jitter_is_full_so_that_callers_do_not_come_back_together(jitter: float, first: float) -> None:
    _, slept = tried(Retry(jitter=lambda: jitter), Service(LOST, "fine"))
    assert slept == [pytest.approx(first)]


def test_by_default_the_jitter_is_random_and_within_its_bounds() -> None:
    waits = [Retry().wait_before_next(LOST, 2) for _ in range(200)]
    assert all(wait is not None and 0 <= wait < 0.5 for wait in waits)
    assert len(set(waits)) > 100


@pytest.mark.parametrize("seconds", [0.0, 7.0, 60.0])
def test_a_services_own_wish_is_heeded_to_the_letter(seconds: float) -> None:
    _, slept = tried(Retry(jitter=lambda: 0.5), Service(errors.RateLimited("x", retry_after=seconds), "fine"))
    assert slept == [seconds]


def test_a_wish_for_more_than_a_minute_is_not_waited_for() -> None:
    error = errors.RateLimited("x", retry_after=61)
    assert tried(RETRY, Service(error)) == (error, [])


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    error = errors.RateLimited("x", retry_after=30)
    assert tried(RETRY, Service(error), call_with(total=30)) == (error, [])


def test_time_spent_on_earlier_tries_counts_against_the_deadline() -> None:
    error = errors.RateLimited("x", retry_after=10)
    service = Service(error, takes=15)
    result, slept = tried(Retry(attempts=9), service, call_with(total=60))
    assert (result, slept, service.tries) == (error, [10, 10], 3)


def test_after_the_first_content_nothing_is_sent_again() -> None:
    call = call_with()

    def half_an_answer(call: Call) -> Flow[str]:
        call.progress.attempts += 1
        yield from emit([ChatDelta("Hel")])
        call.progress.emitted = True
        raise LOST

    result, slept = run(RETRY(call, half_an_answer), call)
    assert (result, slept, call.progress.attempts) == (LOST, [], 1)


def test_closing_while_it_waits_ends_the_flow_without_another_try() -> None:
    call, service = call_with(), Service(LOST, "fine")
    flow = RETRY(call, service)
    assert isinstance(next(flow), Sleep)
    flow.close()
    assert service.tries == 1


def loading(estimate: float | None) -> errors.ModelLoading:
    return errors.ModelLoading("loading", retry_after=estimate)


def test_a_loading_model_is_asked_again_after_its_own_estimate() -> None:
    assert tried(WaitForModel(600), Service(loading(4), loading(2), "fine")) == ("fine", [4, 2])


def test_an_absurd_estimate_is_checked_every_twenty_seconds() -> None:
    assert tried(WaitForModel(600), Service(loading(577.37), "fine")) == ("fine", [20])


def test_without_an_estimate_it_is_asked_again_after_three_seconds() -> None:
    assert tried(WaitForModel(600), Service(loading(None), "fine")) == ("fine", [3])


def test_the_seconds_given_are_the_most_it_waits_in_all() -> None:
    error = loading(4)
    assert tried(WaitForModel(10), Service(error)) == (error, [4, 4])


def test_true_waits_up_to_the_calls_own_deadline() -> None:
    error = loading(20)
    assert tried(WaitForModel(float("inf")), Service(error), call_with(total=90)) == (error, [20] * 4)


def test_other_failures_are_none_of_its_business() -> None:
    assert tried(WaitForModel(600), Service(LOST)) == (LOST, [])


def test_waiting_for_a_model_uses_up_no_retry() -> None:
    service = Service(loading(1), loading(1), LOST, loading(1), loading(1), LOST, loading(1), "fine")
    call = call_with()
    flow = RETRY(call, lambda call: WaitForModel(600)(call, service))
    result, slept = run(flow, call)
    assert (result, slept) == ("fine", [1, 1, 0.25, 1, 1, 0.5, 1])


def reported(error: RouterError, call: Call) -> RouterError:
    result, _ = run(Report()(call, Service(error)), call)
    assert result is error
    return error


def test_an_error_on_its_way_out_learns_whom_it_happened_to() -> None:
    call = call_with()
    call.progress.provider, call.progress.request_id, call.progress.attempts = "groq", "r1", 2
    error = reported(errors.ProviderFailed("x"), call)
    assert (error.model, error.provider, error.request_id, error.attempts) == (
        "org/name:groq",
        "groq",
        "r1",
        3,
    )


def test_what_an_error_knows_already_is_left_alone() -> None:
    call = call_with()
    call.progress.provider = "groq"
    error = reported(errors.ProviderFailed("x", model="other", provider="novita", request_id="r0"), call)
    assert (error.model, error.provider, error.request_id) == ("other", "novita", "r0")


def test_a_look_up_has_no_model_to_name() -> None:
    call = call_with()
    call = Call(LookupRequest("/models"), call.target, call.waits, call.progress)
    assert reported(errors.ProviderFailed("x"), call).model is None


def test_the_log_tells_of_failures_retries_and_waits_but_of_no_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "hfrouter")
    call = call_with()
    service = Service(loading(1), LOST, "the answer is secret")
    run(Report()(call, lambda call: RETRY(call, lambda call: WaitForModel(600)(call, service))), call)
    levels = [(record.levelname, record.getMessage().partition(": ")[0]) for record in caplog.records]
    assert levels == [("INFO", "org/name:groq"), ("INFO", "org/name:groq"), ("DEBUG", "org/name:groq")]
    assert "secret" not in caplog.text
    reported(errors.ProviderFailed("x"), call)
    assert caplog.records[-1].levelname == "WARNING"
