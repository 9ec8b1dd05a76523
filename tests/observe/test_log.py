"""What the log tells a person: levels, the call's id, closings; and what it never holds."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared_core import HFRouter
from shared_core.testing import Status

HELLO = [{"role": "user", "content": "sesame"}]
REFUSED = Status(429, headers={"retry-after": "0.001"})


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """The lines of our log so far, each with its level."""
    caplog.set_level(logging.DEBUG, "hfrouter")

    def so_far() -> list[str]:
        return [
            f"{record.levelname} {record.message}" for record in caplog.records if record.name == "hfrouter"
        ]

    return so_far


def router(url: str, **settings: Any) -> HFRouter:
    return HFRouter("offline/echo", base_url=url, api_key="hf_canary0123456789", **settings)


def test_without_hooks_a_line_begins_with_the_model_alone(offline_url: Any, lines: Any) -> None:
    offline_url.queue(Status(503, headers={"retry-after": "0"}))
    router(offline_url).chat(HELLO)
    retried, answered = lines()
    assert retried.startswith("INFO offline/echo: ")
    assert "trying again in 0.00 s" in retried
    assert answered.startswith("DEBUG offline/echo: answered by ")


def test_with_hooks_every_line_has_the_id_that_their_events_have(offline_url: Any, lines: Any) -> None:
    heard: list[Any] = []
    offline_url.queue(Status(503, headers={"retry-after": "0"}))
    router(offline_url, hooks=[heard.append]).chat(HELLO)
    assert len(lines()) == 2
    assert all(f"offline/echo (call {heard[0].id}): " in line for line in lines())


def test_a_target_that_is_closed_and_well_again_is_said(offline_url: Any, lines: Any) -> None:
    client = router(offline_url, fallback=["offline/tools"])
    offline_url.queue(REFUSED, match="offline/echo")
    client.chat(HELLO)
    client.chat(HELLO)
    told = [line for line in lines() if line.startswith("INFO")]
    assert [line.partition("v1: ")[2] for line in told] == [
        "closed for 0 s after RateLimited",
        f"RateLimited; going on with offline/tools at {offline_url}",
        "well again",
    ]


def test_a_failure_is_a_warning_without_prompt_and_token(offline_url: Any, lines: Any) -> None:
    offline_url.queue(Status(400, {"error": "sesame hf_canary0123456789"}))
    with pytest.raises(Exception, match="sesame"):
        router(offline_url).chat(HELLO)
    assert lines() == ["WARNING offline/echo: BadRequest after 1 attempts"]
