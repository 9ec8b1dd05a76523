"""The fault table, row by row: for chat, stream and embeddings, with every kind of client, on a real socket.

Each test looks at four things: what came out, how many requests the servers saw, that it took no longer than a call
may, and that no connection is open afterwards. The rows stand in `refusal_rows` and `broken_rows`; those that are more
than one fault of one reply are listed in the README beside this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from broken_rows import BROKEN
from calling import KINDS, OWN, TASKS, Outcome, close_idle, make_call
from fault_row import Row, of_task
from fault_server import FaultServer
from refusal_rows import REFUSALS

from shared_core import AllRoutesFailed

ROWS = [*REFUSALS, *BROKEN]
ALWAYS = 20


def cases(kinds: tuple[str, ...], which: Callable[[Row], bool] = lambda row: True) -> pytest.MarkDecorator:
    """Each row for each task that it can befall, with each kind; with the user's own clients for one task."""
    return pytest.mark.parametrize(
        ("row", "task", "client"),
        [
            pytest.param(row, task, kind, id=f"{row.name}, {task}, {kind}")
            for row in ROWS
            if which(row)
            for task in row.tasks
            for kind in kinds
            if kind in KINDS or task == row.tasks[0]
        ],
    )


@pytest.fixture(autouse=True)
def small_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest reply that is read, so that F26 needs no 64 MiB."""
    monkeypatch.setattr("shared_core.client.exchange._LARGEST_REPLY", 100_000)


@cases(KINDS + OWN[::3])
async def test_a_fault_that_stays_is_told_as_what_it_is(
    row: Row, task: str, client: str, server: FaultServer, most_seconds: float
) -> None:
    server.script(row.fault(), times=ALWAYS)
    outcome = await make_call(client, server.url, task=task, max_retries=1, **row.settings)
    error = told(outcome, row, task, [server], most_seconds)
    assert type(error) is of_task(row.error, task)
    assert len(server.requests) == row.asked
    await none_is_left(client, [server], kept=row.kept)


@cases(KINDS, lambda row: row.asked > 1)
async def test_a_fault_that_passes_costs_one_more_request(
    row: Row, task: str, client: str, server: FaultServer, most_seconds: float
) -> None:
    server.script(row.fault())
    outcome = await make_call(client, server.url, task=task, max_retries=1, **row.settings)
    assert outcome.error is None
    assert outcome.is_right
    assert len(server.requests) == outcome.reply.meta.attempts == 2
    assert row.waits <= outcome.seconds < most_seconds
    await none_is_left(client, [server])


@cases(KINDS, lambda row: row.first != 0)
async def test_a_fault_of_the_first_host_is_made_good_by_the_second(
    row: Row, task: str, client: str, server: FaultServer, start_server: Any, most_seconds: float
) -> None:
    second = start_server()
    server.script(row.fault(), times=ALWAYS)
    outcome = await make_call(client, server.url, task=task, fallback=[second.url], **row.settings)
    asked = of_task(row.first, task)
    if asked:
        assert outcome.error is None
        assert outcome.is_right
        assert [len(each.requests) for each in (server, second)] == [asked, 1]
        meta = outcome.reply.meta
        assert (meta.url, meta.attempts, meta.moves) == (second.url, asked + 1, 1)
        assert "authorization" not in second.requests[0].headers, "the token was given for the first host"
    else:
        told(outcome, row, task, [server, second], most_seconds)
    assert outcome.seconds < most_seconds
    await none_is_left(client, [server, second])


@cases(KINDS, lambda row: row.first == 0)
async def test_what_the_second_host_would_refuse_too_is_not_sent_there(
    row: Row, task: str, client: str, server: FaultServer, start_server: Any, most_seconds: float
) -> None:
    second = start_server()
    server.script(row.fault(), times=ALWAYS)
    outcome = await make_call(client, server.url, task=task, fallback=[second.url], **row.settings)
    told(outcome, row, task, [server], most_seconds)
    assert type(outcome.error) is of_task(row.error, task)
    assert (len(server.requests), second.connections) == (row.asked, 0)
    await none_is_left(client, [server], kept=row.kept)


def told(outcome: Outcome, row: Row, task: str, servers: list[FaultServer], most_seconds: float) -> Any:
    """The error, which says who, why and what next, and nothing of the token."""
    error = outcome.error
    assert error is not None
    assert not isinstance(error, AllRoutesFailed), error
    assert (outcome.text, outcome.reply) == ("", None)
    assert error.attempts == sum(len(server.requests) for server in servers)
    assert error.model == "a/b"
    assert row.says in error.message
    assert len(error.message) < 500
    assert error.hint
    assert row.hint in error.hint
    if row.retry_after is not None:
        assert error.retry_after == row.retry_after
    assert "canary" not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    assert outcome.seconds < most_seconds
    return error


async def none_is_left(kind: str, servers: list[FaultServer], *, kept: bool = True) -> None:
    """One connection a host may be kept for the next call, where it can serve one; once that is closed, none is."""
    for server in servers:
        assert await server.freed(int(kept)), "a connection was not freed"
    await close_idle(kind)
    for server in servers:
        assert await server.freed(), "a connection leaked"


def test_every_row_says_why_a_task_is_left_out() -> None:
    assert all(row.because or row.tasks == TASKS for row in ROWS)
