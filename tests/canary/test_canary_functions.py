"""A token that a function gives is as well hidden as one that was given: every test of `test_canary_core` about calls,
with a function in its place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared_core import RouterError, errors
from shared_core.testing import OfflineRouter
from tests.canary import test_canary_core as core
from tests.canary.test_canary_core import FAULTS, KINDS, QUOTES, STREAMED_QUOTES, Canary, said_by, told

canary = core.canary
everything_is_logged = core.everything_is_logged


def call(kind: str, key: Any, url: str, *, streamed: bool = False, **settings: Any) -> Any:
    settings = {"base_url": url, "max_retries": 0, "timeout": 10, **settings, "api_key": key}
    if kind.startswith("async"):
        return asyncio.run(core.asynchronously(kind, streamed, settings))
    return core.blocking(kind, streamed, settings)


def error_of(kind: str, key: Any, url: str, **settings: Any) -> BaseException:
    with pytest.raises(RouterError) as caught:
        call(kind, key, url, **settings)
    return core.without_our_frames(caught.value)


def giving(canary: Canary, kind: str) -> Any:
    async def coming() -> str:
        return canary

    return coming if kind.startswith("async") else lambda: canary


@pytest.mark.parametrize(("fault", "settings"), FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_does_not_tell_the_token_even_to_tools_that_print_local_variables(
    canary: Canary,
    offline_url: OfflineRouter,
    caplog: pytest.LogCaptureFixture,
    fault: Any,
    settings: dict[str, Any],
    kind: str,
) -> None:
    offline_url.queue(fault)
    error = error_of(kind, giving(canary, kind), offline_url, **settings)
    assert offline_url.requests[0].headers["authorization"] == f"Bearer {canary}"
    assert not canary.sings_in(told(error) + caplog.text)


@pytest.mark.parametrize(
    ("fault", "streamed"),
    [*((fault, False) for fault in QUOTES.values()), *((fault, True) for fault in STREAMED_QUOTES.values())],
    ids=[*QUOTES, *STREAMED_QUOTES],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_provider_that_quotes_the_token_is_not_quoted_in_turn(
    canary: Canary, offline_url: OfflineRouter, fault: Any, streamed: bool, kind: str
) -> None:
    offline_url.queue(fault(str(canary)))
    error = error_of(kind, giving(canary, kind), offline_url, streamed=streamed)
    assert offline_url.requests[0].headers["authorization"] == f"Bearer {canary}"
    assert not canary.sings_in(said_by(error))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_function_that_gives_no_token_is_not_quoted_with_what_it_gave(
    canary: Canary, offline_url: OfflineRouter, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    for result in (f"{canary} and more", [canary], canary.encode()):
        error = error_of(kind, lambda result=result: result, offline_url)
        assert isinstance(error, errors.ConfigError)
        assert not canary.sings_in(told(error) + caplog.text)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_nor_is_one_that_fails_after_an_earlier_answer(
    canary: Canary, offline_url: OfflineRouter, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    answers = iter([canary])
    offline_url.queue(core.Status(429, headers={"retry-after": "0"}))
    error = error_of(kind, lambda: next(answers), offline_url, max_retries=1)
    assert isinstance(error, errors.Unauthorized)
    assert not canary.sings_in(said_by(error) + caplog.text)
