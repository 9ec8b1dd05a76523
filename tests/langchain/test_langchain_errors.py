"""Errors are the core's and LangChain's at once, with nothing lost on the way."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from langchain_core import exceptions as lc

import shared_core.errors as core
from langchain_hfrouter import ChatHFRouter, errors
from shared_core.testing import Cut, Status, StreamError
from shared_core.types import ChatReply, Choice, ReplyMeta

WORDS = {"message": "too long: the context length is exceeded", "type": "invalid_request_error", "code": None}
PARTIAL = ChatReply(choices=(Choice(text="half"),), usage=None, meta=ReplyMeta(model="m"))

KINDS = {
    "RouterError": ("ModelError", None),
    "ConfigError": ("ModelInvalidRequestError", False),
    "NoRoute": ("ModelNotFoundError", False),
    "BudgetExceeded": ("ModelError", False),
    "RateLimited": ("ModelRateLimitError", True),
    "LimitReached": ("ModelRateLimitError", False),
    "Overloaded": ("ModelAPIError", True),
    "ModelLoading": ("ModelAPIError", True),
    "ConnectionLost": ("ModelConnectionError", True),
    "TimedOut": ("ModelTimeoutError", True),
    "ModelNotServed": ("ModelNotFoundError", False),
    "ProviderFailed": ("ModelAPIError", True),
    "JobFailed": ("ModelAPIError", True),
    "MalformedResponse": ("ModelAPIError", True),
    "Unauthorized": ("ModelAuthenticationError", False),
    "PaymentRequired": ("ModelPermissionDeniedError", False),
    "PermissionDenied": ("ModelPermissionDeniedError", False),
    "InputTooLong": ("ContextOverflowError", False),
    "BadRequest": ("ModelInvalidRequestError", False),
    "Refused": ("ModelRefusalError", False),
    "StreamInterrupted": ("ModelAPIError", True),
    "AllRoutesFailed": ("ModelAPIError", True),
}


def of_the_core(name: str) -> core.RouterError:
    extra: dict[str, Any] = {
        "StreamInterrupted": {"partial": PARTIAL, "cause": core.ConnectionLost("gone")},
        "AllRoutesFailed": {"failures": [core.RateLimited("slow down")]},
    }.get(name, {})
    return getattr(core, name)(
        "It failed.", hint="Do this.", model="a/b", request_id="r", status=418, attempts=2, **extra
    )


def test_the_table_names_every_error_of_the_core() -> None:
    assert {name for name in core.__all__ if name != "Reaction"} == KINDS.keys()
    assert {*KINDS, "as_langchain"} == set(errors.__all__)


@pytest.mark.parametrize("name", KINDS)
def test_an_error_is_of_both_families(name: str) -> None:
    kind, retryable = KINDS[name]
    original = of_the_core(name)
    error = errors.as_langchain(original)
    assert type(error) is getattr(errors, name)
    assert isinstance(error, type(original))
    assert isinstance(error, lc.LangChainException)
    if hasattr(lc, kind):
        assert isinstance(error, getattr(lc, kind))
        if retryable is not None:
            assert error.is_retryable is retryable
    assert str(error) == str(original)
    assert vars(error).keys() - {"is_retryable"} == vars(original).keys()


@pytest.mark.parametrize("name", KINDS)
def test_an_error_survives_pickling(name: str) -> None:
    error = errors.as_langchain(of_the_core(name))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert (copy.status, copy.attempts, copy.request_id) == (418, 2, "r")


def test_a_translated_error_is_not_translated_again() -> None:
    error = errors.as_langchain(of_the_core("TimedOut"))
    assert errors.as_langchain(error) is error


def test_an_error_class_that_is_unknown_here_takes_its_nearest_relative() -> None:
    class Novel(core.RateLimited):
        pass

    assert type(errors.as_langchain(Novel("new"))) is errors.RateLimited


def test_a_limit_that_will_not_pass_is_not_worth_a_retry() -> None:
    error = errors.as_langchain(core.RateLimited("daily quota used up", reactions=()))
    assert error.is_retryable is False


REPLIES = {
    "a wrong token": (Status(401), errors.Unauthorized),
    "no credits": (Status(402), errors.PaymentRequired),
    "a missing permission": (Status(403), errors.PermissionDenied),
    "too many requests": (Status(429), errors.RateLimited),
    "a broken provider": (Status(500), errors.ProviderFailed),
    "a context that is too small": (
        Status(400, {"error": {**WORDS, "code": "context_length_exceeded"}}),
        errors.InputTooLong,
    ),
    "a provider that is not enabled": (
        Status(400, {"error": {"message": "not supported by any provider", "code": "model_not_supported"}}),
        errors.ModelNotServed,
    ),
    "a page instead of an answer": (Status(200, "<html>hello</html>"), errors.MalformedResponse),
    "a broken connection": (Cut(after=None), errors.ConnectionLost),
}


@pytest.mark.parametrize("name", REPLIES)
async def test_all_four_ways_to_call_raise_the_same_error(name: str, make: Any, router: Any) -> None:
    fault, kind = REPLIES[name]
    model = make(max_retries=0)
    router.queue(fault, times=4)
    with pytest.raises(kind) as caught:
        model.invoke("hi")
    assert caught.value.model == "offline/echo"
    assert not isinstance(caught.value.__cause__, core.RouterError)
    with pytest.raises(kind):
        await model.ainvoke("hi")
    with pytest.raises(kind):
        list(model.stream("hi"))
    with pytest.raises(kind):
        [chunk async for chunk in model.astream("hi")]
    assert router.queued == 0


@pytest.mark.parametrize(
    "fault", [Cut(after=4, chunks=True), StreamError(after=4)], ids=["a cut", "an error"]
)
async def test_a_stream_that_breaks_keeps_what_arrived(fault: Any, make: Any, router: Any) -> None:
    router.queue(fault, fault)
    model = make()
    seen: list[str] = []
    with pytest.raises(errors.StreamInterrupted) as caught:
        seen.extend(chunk.text for chunk in model.stream("one two three four five six"))
    assert seen
    assert caught.value.partial.text == "".join(seen)
    assert isinstance(caught.value.cause, core.RouterError)
    seen = []

    async def read() -> None:
        async for chunk in model.astream("one two three four five six"):
            seen.append(chunk.text)

    with pytest.raises(errors.StreamInterrupted) as caught:
        await read()
    assert caught.value.partial.text == "".join(seen)


def test_transient_failures_are_retried_by_the_core(make: Any, router: Any, requests: Any) -> None:
    router.queue(Status(500, headers={"retry-after": "0"}))
    assert make(max_retries=2).invoke("hi").response_metadata["attempts"] == 2
    assert len(requests) == 2


def test_with_retry_and_with_fallbacks_catch_these_errors(make: Any, router: Any) -> None:
    router.queue(Status(429), Status(429))
    model = make(max_retries=0)
    again = model.with_retry(
        retry_if_exception_type=(errors.RateLimited,), wait_exponential_jitter=False, stop_after_attempt=3
    )
    assert again.invoke("hi").text == "hi"
    router.queue(Status(401))
    assert model.with_fallbacks([make("reasoner")]).invoke("What is 2+2?").text == "2+2 = 4"


def test_without_a_model_the_error_says_how_to_name_one():
    with pytest.raises(errors.ConfigError, match="No model was given") as caught:
        ChatHFRouter()
    assert caught.value.hint.startswith('Pass model="org/name"')
