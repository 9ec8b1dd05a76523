"""What budgets say was spent is what the server charged, to the last nano-dollar, over any run of calls.

The server's bill shares neither code nor prices with the client. What was surely charged must be equal. Of a call
that broke off, the budget may say more and calls that part unconfirmed; less only where a server wrote on for a stream
that was left.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import AsyncHFRouter, Budget, BudgetExceeded, HFRouter, RouterError
from shared_core.catalog import SHARED
from shared_core.policy.state import forget
from shared_core.testing import BadGzip, Cut, OfflineRouter, Status, StreamError
from tests.client.test_cost_bill import EMBED_PRICES, Run, Step, chats, dollars, embeds, left

PRICED = ("cerebras", "groq", "novita", "together")
BUDGETS = (
    Budget(usd="1", per="day"),
    Budget(tokens=10**9, per="month"),
    Budget(requests=10**6, per="total"),
)


def priced(step: Step) -> Step:
    """The same at a provider that has a price."""
    if step.kind == "embed":
        return step if step.provider != "hf-inference" else replace(step, provider="scaleway")
    return step if step.provider in PRICED else replace(step, provider="groq")


steps = st.lists(st.one_of(chats, chats, left, embeds).map(priced), min_size=2, max_size=10)


class BudgetRun(Run):
    """The client of the bill's own test, with budgets."""

    def __init__(self, url: OfflineRouter, *, asynchronous: bool, state: Any = None) -> None:
        super().__init__(url, asynchronous=asynchronous)
        self.wait(self.router.close())
        kind = AsyncHFRouter if asynchronous else HFRouter
        self.router = kind(
            base_url=url, api_key="any", embedding_api="router", hub_url=url.root, timeout=20,
            prices=EMBED_PRICES, budgets=BUDGETS, state=state,
        )  # fmt: skip


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_what_is_spent_is_what_the_server_charged(
    offline_server: OfflineRouter, asynchronous: bool, steps: list[Step]
) -> None:
    offline_server.forget()
    SHARED.clear()
    forget()
    run = BudgetRun(offline_server, asynchronous=asynchronous)
    try:
        for step in steps:
            run.play(step)
        usd, tokens, requests = run.wait(run.router.budgets())
    finally:
        run.close()
    assert offline_server.wait_idle()
    charged = dollars(offline_server.bill.nano_usd)
    assert {usd.reserved, tokens.reserved, requests.reserved} == {0}
    assert usd.spent - usd.unconfirmed <= charged
    if not any(step.leave_after for step in steps):  # a server may write on before it sees that nobody reads
        assert charged <= usd.spent
    if not usd.unconfirmed:
        assert usd.spent == charged


FAULTS = st.sampled_from(
    [None, None, None, Status(429, headers={"retry-after": "0"}), Status(500), Status(400), Cut(after=30), BadGzip(),
     StreamError(after=2), Cut(after=3, chunks=True, how="reset")]
)  # fmt: skip
CALLS = st.lists(
    st.tuples(st.sampled_from(["chat", "stream", "left", "cancelled"]), FAULTS, st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(calls=CALLS, amount=st.integers(1, 40))
def test_tasks_that_fail_and_are_cancelled_leave_nothing_reserved_and_spend_no_more_than_there_is(
    offline_server: OfflineRouter, calls: list[Any], amount: int
) -> None:
    offline_server.forget()
    SHARED.clear()
    forget()
    limit = Decimal(amount) / 10**5
    messages = [{"role": "user", "content": "a stitch in time saves nine"}]

    async def run() -> Any:
        router = AsyncHFRouter(
            "offline/echo:groq", base_url=offline_server, api_key="any", timeout=20, max_retries=1,
            budgets=[Budget(usd=limit, per="total")],
        )  # fmt: skip
        await router.models()

        async def one(kind: str, fault: Any, ticks: int) -> None:
            if fault is not None:
                offline_server.queue(fault, path="*chat/completions")
            try:
                if kind == "chat":
                    await router.chat(messages, max_tokens=50)
                elif kind == "cancelled":
                    task = asyncio.create_task(router.chat(messages, max_tokens=50))
                    for _ in range(ticks * ticks):
                        await asyncio.sleep(0)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                else:
                    async with router.stream(messages, max_tokens=50) as stream:
                        async for _ in stream:
                            if kind == "left":
                                break
            except (RouterError, BudgetExceeded):
                pass

        await asyncio.gather(*(one(*call) for call in calls))
        (told,) = await router.budgets()
        await router.close()
        return told

    told = asyncio.run(run())
    assert told.reserved == 0
    assert told.spent <= limit  # every answer has a limit, so that nothing can go beyond
    assert offline_server.wait_idle()
    assert dollars(offline_server.bill.nano_usd) <= told.spent
