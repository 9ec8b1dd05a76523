"""What a call's events tell where tries went side by side, or nobody was asked."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

from shared_core.policy.record import Record, named
from shared_core.types import (
    ApiKey,
    Call,
    ChatReply,
    ChatRequest,
    Choice,
    Progress,
    ReplyMeta,
    Target,
    Timeouts,
    Waits,
)


def test_a_call_under_a_name_is_the_same_call_in_all_else() -> None:
    """It is made by hand: a field that is added to `Call` must not be left out."""
    call = Call(*cast(Any, [object() for _ in fields(Call)]))
    told = named(call, "7")
    assert {
        field.name for field in fields(Call) if getattr(told, field.name) is not getattr(call, field.name)
    } == {"id"}
    assert told.id == "7"


def attempts(sent: int, **told: Any) -> int:
    heard: list[Any] = []
    waits = Waits(Timeouts(), lambda: 0.0, streamed=False)
    request, target = ChatRequest([], "a/b"), Target("https://host/v1", ApiKey("k"))
    call = Call(request, target, waits, Progress(0.0), hooks=(heard.append,))

    def inner(call: Call) -> Any:
        call.progress.attempts = sent
        yield from ()
        return ChatReply((Choice(),), None, ReplyMeta("a/b", **told))

    assert list(Record(lambda: 0.0)(call, inner)) == []
    count: int = heard[-1].attempts
    return count


def test_attempts_are_those_of_the_answer_where_tries_went_side_by_side() -> None:
    assert attempts(1, attempts=3) == 3


def test_an_answer_that_was_remembered_was_sent_for_in_an_earlier_call() -> None:
    assert attempts(0, attempts=2, cached=True) == 0
