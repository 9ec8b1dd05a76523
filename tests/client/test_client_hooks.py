"""Hooks: what a program is told of each call, whatever becomes of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared_core import AsyncHFRouter, ConfigError, HFRouter, RouterError
from shared_core.observe.events import CallEnded, CallStarted

MESSAGES = [{"role": "user", "content": "sesame"}]


def test_a_call_begins_and_ends_under_one_id(offline_url: str) -> None:
    heard: list[Any] = []
    router = HFRouter("offline/echo", base_url=offline_url, hooks=[heard.append], usage_tags={"user": "ada"})
    reply = router.chat(MESSAGES, usage_tags={"project": "search"})
    started, ended = heard
    assert isinstance(started, CallStarted)
    assert isinstance(ended, CallEnded)
    assert started.id == ended.id
    assert (started.task, started.model, started.streamed) == ("chat", "offline/echo", False)
    assert started.usage_tags == ended.usage_tags == {"user": "ada", "project": "search"}
    assert (ended.outcome, ended.error, ended.attempts) == ("answered", "", 1)
    assert ended.reply is reply
    assert ended.usage == reply.usage
    assert "sesame" not in repr(started) + repr(ended)


async def test_a_stream_that_is_left_early_was_cancelled(offline_url: str) -> None:
    heard: list[Any] = []
    router = AsyncHFRouter("offline/echo", base_url=offline_url, hooks=[heard.append])
    async with router.stream(MESSAGES) as stream:
        await anext(stream)
    assert [type(event) for event in heard] == [CallStarted, CallEnded]
    assert heard[1].outcome == "cancelled"
    assert heard[1].error == ""
    assert heard[1].first_token_s is not None


def test_a_failure_is_told_with_its_class(offline_url: str) -> None:
    heard: list[Any] = []
    router = HFRouter("no/such-model", base_url=offline_url, hooks=[heard.append])
    with pytest.raises(RouterError) as caught:
        router.chat(MESSAGES)
    assert heard[1].outcome == "failed"
    assert heard[1].error == type(caught.value).__name__
    assert heard[1].failure is caught.value


def test_a_long_list_of_texts_is_one_call(offline_url: str) -> None:
    heard: list[Any] = []
    router = HFRouter("offline/embed-8", base_url=offline_url, embedding_api="openai", hooks=[heard.append])
    router.embed([f"text {number}" for number in range(10)], batch_size=2)
    assert [type(event) for event in heard] == [CallStarted, CallEnded]
    assert heard[1].task == "embed"
    assert heard[1].attempts == 5


def test_a_hook_that_fails_harms_no_call(offline_url: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: object) -> None:
        raise ValueError("no room")

    with caplog.at_level(logging.ERROR, "hfrouter"):
        assert HFRouter("offline/echo", base_url=offline_url, hooks=[broken]).chat(MESSAGES).text == "sesame"
    assert "A hook failed at CallStarted" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [{"hooks": ["no function"]}, {"usage_tags": {"user": 1}}, {"usage_tags": ["user"]}, {"state": 42}],
    ids=str,
)
def test_what_cannot_work_is_said_before_anything_is_sent(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        HFRouter("offline/echo", **settings)
