"""All policies at once, under random faults: what they count agrees, and nothing stays taken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, Budget, BudgetState, Concurrency, HFRouter, Limit, RouterError, Target
from shared_core.catalog import Price
from shared_core.observe.events import CallEnded, CallStarted, HedgeEnded
from shared_core.policy.stores.flights import FLIGHTS
from shared_core.policy.stores.turnstiles import GATES
from shared_core.testing import Cut, OfflineRouter, SlowHead, Status, StreamError, offline_router

ECHO, EMBED = "offline/echo", "offline/embed-8"
PRICES = {
    ECHO: Price(Decimal("0.10"), Decimal("0.50"), "ours"),
    EMBED: Price(Decimal("0.01"), Decimal(0), "ours"),
}
FAULTS = (
    Status(429, headers={"retry-after": "0"}),
    Status(503),
    Status(500),
    Status(400),
    Cut(after=60, how="reset"),
    Cut(after=0, how="close"),
    SlowHead(0.08),
    StreamError(),
)


@pytest.fixture(scope="module")
def second() -> Iterator[OfflineRouter]:
    with offline_router(embedder="words") as url:
        yield url


@pytest.fixture(autouse=True)
def fresh(second: OfflineRouter) -> None:
    second.forget()


def everything(first: OfflineRouter, second: OfflineRouter, **more: Any) -> dict[str, Any]:
    """A client's arguments with every policy on."""
    return {
        "model": ECHO,
        "base_url": str(first),
        "api_key": "mine",
        "timeout": 5,
        "max_retries": 1,
        "prices": PRICES,
        "fallback": [Target(base_url=str(second), api_key="theirs")],
        "hedge": 0.03,
        "usage_tags": {"user": "ada"},
        "limits": [Limit(requests=100_000, per="minute"), Limit(tokens=10_000_000, per="minute", of="host")],
        "concurrency": Concurrency(3, of="host"),
        "budgets": [
            Budget(usd="5.00", per="total", of="tag:user", name="dollars"),
            Budget(requests=3, per="total", mode="warn", name="warned"),
            Budget(tokens=10_000_000, per="total", name="tokens"),
        ],
        "ledger": True,
        "chat_cache": True,
        **more,
    }


def queue_faults(servers: list[OfflineRouter], dice: random.Random, calls: int) -> None:
    for server in servers:
        for _ in range(calls):
            if dice.random() < 0.4:
                server.queue(dice.choice(FAULTS))
            else:
                server.queue(SlowHead(0.0))


Plan = tuple[str, str, float]


def plans(dice: random.Random, calls: int) -> list[Plan]:
    """What is called: how, with which text, at what temperature."""
    kinds = ["chat", "chat", "chat", "stream", "leave", "embed"]
    return [
        (dice.choice(kinds), f"text {dice.randrange(5)} " * 3, dice.choice([0.0, 0.7])) for _ in range(calls)
    ]


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def call(router: HFRouter, plan: Plan) -> None:
    kind, text, temperature = plan
    try:
        if kind == "embed":
            router.embed([text, text + "more"], model=EMBED)
        elif kind == "chat":
            router.chat(asked(text), temperature=temperature, max_tokens=50)
        else:
            with router.stream(asked(text), temperature=temperature, max_tokens=50) as stream:
                for place, _ in enumerate(stream):
                    if kind == "leave" and place == 1:
                        break
    except RouterError:
        return


async def acall(router: AsyncHFRouter, plan: Plan) -> None:
    kind, text, temperature = plan
    try:
        if kind == "embed":
            await router.embed([text, text + "more"], model=EMBED)
        elif kind == "chat":
            await router.chat(asked(text), temperature=temperature, max_tokens=50)
        else:
            async with router.stream(asked(text), temperature=temperature, max_tokens=50) as stream:
                place = 0
                async for _ in stream:
                    place += 1
                    if kind == "leave" and place == 2:
                        break
    except RouterError:
        return


def in_threads(settings: dict[str, Any], calls: list[Plan]) -> Any:
    with HFRouter(**settings) as router, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda plan: call(router, plan), calls))
    return router


def in_tasks(settings: dict[str, Any], calls: list[Plan]) -> Any:
    async def run() -> AsyncHFRouter:
        async with AsyncHFRouter(**settings) as router:
            await asyncio.gather(*[acall(router, plan) for plan in calls])
        return router

    return asyncio.run(run())


def nothing_is_taken(router: Any, servers: list[OfflineRouter]) -> None:
    """No slot, no reservation, no flight, no request. Threads keep their idle connections."""
    assert not any(state.reserved for state in budgets_of(router).values())
    assert all(gate.is_idle for gate in GATES._gates.values())
    assert not len(FLIGHTS)
    for server in servers:
        assert server.wait_idle()


RUNS: dict[str, Callable[[dict[str, Any], list[Plan]], Any]] = {"threads": in_threads, "tasks": in_tasks}


class Heard(list[Any]):
    """All events."""

    def __call__(self, event: Any) -> None:
        self.append(event)  # in one piece, also among threads

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


def budgets_of(router: Any) -> dict[str, BudgetState]:
    told = router.budgets()
    return {state.budget: state for state in (told if isinstance(told, list) else asyncio.run(told))}


def each_call_was_told_once(router: Any, heard: Heard, calls: int) -> list[CallEnded]:
    begun, ended = heard.of(CallStarted), heard.of(CallEnded)
    assert len({event.id for event in begun}) == calls
    names = sorted(event.id for event in ended)
    assert sorted(event.id for event in begun) == names
    assert sorted(row.id for row in router.ledger.rows()) == names
    return ended


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("run", RUNS)
def test_under_faults_each_call_ends_once_and_nothing_stays_taken(
    offline_url: OfflineRouter, second: OfflineRouter, run: str, seed: int
) -> None:
    dice, servers, heard = random.Random(seed), [offline_url, second], Heard()
    calls = plans(dice, 40)
    queue_faults(servers, dice, 40)

    router = RUNS[run](everything(offline_url, second, hooks=[heard]), calls)

    nothing_is_taken(router, servers)
    ended = each_call_was_told_once(router, heard, len(calls))
    rows = list(router.ledger.rows())
    known = sum((row.cost.usd or Decimal(0) for row in rows), Decimal(0))
    dollars = budgets_of(router)["dollars"]
    assert known <= dollars.spent
    if all(
        event.lost != "answered" for event in heard.of(HedgeEnded)
    ):  # of two answers, a reply may tell one's cost
        assert dollars.spent - dollars.unconfirmed <= known
    told, came = sum(event.attempts for event in ended), sum(len(server.requests) for server in servers)
    # A request that a hedge breaks off, or whose connection dies, may have been told of and never have arrived.
    assert 0 <= told - came <= len(calls) // 4


@pytest.mark.parametrize("run", RUNS)
def test_without_faults_what_is_counted_agrees_to_the_last_figure(
    offline_url: OfflineRouter, second: OfflineRouter, run: str
) -> None:
    heard, servers = Heard(), [offline_url, second]
    calls = [plan for plan in plans(random.Random(7), 80) if plan[0] != "leave"]

    router = RUNS[run](everything(offline_url, second, hooks=[heard], hedge=None), calls)

    nothing_is_taken(router, servers)
    ended = each_call_was_told_once(router, heard, len(calls))
    rows = list(router.ledger.rows())
    free = [row for row in rows if row.cached]
    assert free
    assert {row.cost.usd for row in free} == {0}
    assert {row.attempts for row in free} <= {0}
    told = budgets_of(router)
    assert told["dollars"].spent == sum((row.cost.usd for row in rows), Decimal(0))
    assert told["tokens"].spent == sum(
        row.prompt_tokens + (row.completion_tokens or 0) for row in rows if not row.cached
    )
    assert not any(state.unconfirmed for state in told.values())
    came = sum(len(server.requests) for server in servers)
    assert told["warned"].spent == came == sum(event.attempts for event in ended) == len(rows) - len(free)


@pytest.mark.parametrize("seed", range(2))
def test_one_client_serves_two_event_loops_after_one_another(
    offline_url: OfflineRouter, second: OfflineRouter, seed: int
) -> None:
    heard, dice = Heard(), random.Random(seed)
    router = AsyncHFRouter(**everything(offline_url, second, hooks=[heard]))

    async def run(calls: list[Plan]) -> None:
        await asyncio.gather(*[acall(router, plan) for plan in calls])

    for _ in range(2):
        queue_faults([offline_url, second], dice, 20)
        asyncio.run(run(plans(dice, 20)))
        nothing_is_taken(router, [offline_url, second])
    each_call_was_told_once(router, heard, 40)


def test_threads_and_an_event_loop_share_slots_and_budgets(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    dice = random.Random(3)
    calls = [plan for plan in plans(dice, 60) if plan[0] != "leave"]
    settings = everything(offline_url, second, hedge=None, chat_cache=None)
    with ThreadPoolExecutor(1) as pool:
        in_loop = pool.submit(in_tasks, settings, calls)
        router = in_threads(settings, calls)
        other = in_loop.result()
    nothing_is_taken(router, [offline_url, second])
    assert offline_url.in_flight_max <= 3
    rows = [*router.ledger.rows(), *other.ledger.rows()]
    assert budgets_of(router)["dollars"].spent == sum((row.cost.usd for row in rows), Decimal(0))
    assert budgets_of(router)["warned"].spent == len(offline_url.requests) + len(second.requests)


@pytest.mark.parametrize("where", ["memory", "files"])
@pytest.mark.parametrize("kind", ["chat", "stream", "embed"])
def test_a_task_cancelled_at_any_await_leaves_nothing_taken(
    offline_url: OfflineRouter, second: OfflineRouter, kind: str, where: str, tmp_path: Path
) -> None:
    heard, before = Heard(), (offline_url.open_connections, second.open_connections)
    places = (
        {} if where == "memory" else {"state": tmp_path / "state.sqlite", "chat_cache": tmp_path / "chats"}
    )
    router = AsyncHFRouter(**everything(offline_url, second, hooks=[heard], hedge=0.004, **places))

    async def cancelled_after(ticks: int) -> None:
        task = asyncio.ensure_future(acall(router, (kind, f"text {ticks}", 0.0)))
        for _ in range(min(ticks, 25)):
            await asyncio.sleep(0)
        await asyncio.sleep(max(0, ticks - 25) * 0.0005)  # once it waits for the network, ticks are nothing
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def run() -> None:
        for ticks in range(45):
            offline_url.queue(SlowHead(0.05))
            await cancelled_after(ticks)
        await router.close()

    asyncio.run(run())
    nothing_is_taken(router, [offline_url, second])
    assert offline_url.wait_closed(before[0])
    assert second.wait_closed(before[1])
    each_call_was_told_once(router, heard, len(heard.of(CallStarted)))


def test_ctrl_c_in_the_middle_of_a_call_leaves_nothing_taken(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    heard = Heard()
    router = HFRouter(**everything(offline_url, second, hooks=[heard], hedge=None))
    offline_url.queue(SlowHead(2.0))
    timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        router.chat(asked("hello"), temperature=0)
    timer.join()
    nothing_is_taken(router, [offline_url, second])
    (ended,) = each_call_was_told_once(router, heard, 1)
    assert ended.outcome == "cancelled"
    assert budgets_of(router)["warned"].unconfirmed == 1


# -- two requests of one call ------------------------------------------------------------------------------

NO_ROOM = {
    "one slot": {"concurrency": Concurrency(1, of="all")},
    "one request a minute": {"limits": [Limit(requests=1, per="minute", burst=0)]},
    "one request in the budget": {"budgets": [Budget(requests=1, per="total")]},
}


@pytest.mark.parametrize("room", NO_ROOM)
def test_a_second_request_that_finds_no_room_is_not_sent_once_there_is_some(
    offline_url: OfflineRouter, second: OfflineRouter, room: str
) -> None:
    offline_url.queue(SlowHead(0.15))
    router = HFRouter(**everything(offline_url, second, **NO_ROOM[room]))
    reply = router.chat(asked("hello"), max_tokens=50)
    assert reply.meta.attempts == 1
    assert reply.meta.cost.note == ""
    nothing_is_taken(router, [offline_url, second])
    assert not second.requests
    assert not any(state.unconfirmed for state in budgets_of(router).values())


def test_who_found_no_slot_beside_the_first_is_asked_when_that_one_fails(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    offline_url.queue((SlowHead(0.15), Status(503)), times=2)
    router = HFRouter(**everything(offline_url, second, concurrency=Concurrency(1, of="all")))
    assert router.chat(asked("hello")).meta.url == second
    nothing_is_taken(router, [offline_url, second])


def test_the_request_that_a_hedge_breaks_off_is_charged_as_unconfirmed(
    offline_url: OfflineRouter, second: OfflineRouter
) -> None:
    offline_url.queue(SlowHead(1.0))
    router = HFRouter(**everything(offline_url, second))
    reply = router.chat(asked("hello"), temperature=0, max_tokens=50)
    assert reply.meta.url == second
    assert "broken off" in reply.meta.cost.note
    nothing_is_taken(router, [offline_url, second])
    told = budgets_of(router)
    assert told["warned"].spent == 2
    assert told["warned"].unconfirmed == 1
    assert told["dollars"].spent - told["dollars"].unconfirmed == reply.meta.cost.usd
