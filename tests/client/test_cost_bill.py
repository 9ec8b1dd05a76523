"""What we say calls cost is what the server charged, to the last nano-dollar, over any run of calls.

The server's bill is made of whole nano-dollars a token, and shares neither code nor prices with the client, which
reads its catalogue's dollars for a million.
"""

from __future__ import annotations

import asyncio
import decimal
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core import AccountUsage, AsyncHFRouter, ChatReply, EmbedReply, HFRouter, Ledger, RouterError
from shared_core.catalog import SHARED, Price
from shared_core.testing import (
    PROVIDER_QUIRKS,
    BadGzip,
    Bill,
    Cut,
    ExtraHeaders,
    Fault,
    Junk,
    OfflineRouter,
    Pieces,
    Quirks,
    Status,
    StreamError,
)
from shared_core.types import Cost

Reply = ChatReply | EmbedReply

PRICED = ("offline", "cerebras", "groq", "novita", "together")
EMBED_PRICES = {
    "offline/embed-8:deepinfra": Price(Decimal("0.01"), Decimal(0), "ours", "2026-11-01"),
    "offline/embed-8:scaleway": Price(Decimal("0.1"), Decimal(0), "ours", "2026-11-01"),
    "offline/embed-8:together": Price(Decimal("0.02"), Decimal(0), "ours", "2026-11-01"),
}
AT_ONCE = {"retry-after": "0"}
TRANSIENT = (Status(503, headers=AT_ONCE), Status(429, headers=AT_ONCE), Status(500, headers=AT_ONCE))
FINAL: tuple[Fault, ...] = (
    Status(400),
    Status(402),
    Status(200, {"error": {"message": "no", "code": "provider_error"}}),
    Cut(after=30),
    Cut(after=3, chunks=True, how="reset"),
    Cut(after=2, chunks=True, how="end"),
    StreamError(after=3),
    StreamError(after=0),
    BadGzip(),
)
HARMLESS: tuple[Fault, ...] = (
    ExtraHeaders({"retry-after": "7"}),
    Pieces(size=7),
    Junk(b": nobody reads this\n\n", after=2),
    Cut(after=10**6),
)
USAGES = ("asked", "separate", "with_finish", "null_then_finish", "null", "never", "cumulative")


@dataclass(frozen=True)
class Step:
    """One call: what is asked, what goes wrong before it and with it."""

    kind: str
    model: str
    provider: str | None
    words: int
    before: tuple[Fault, ...] = ()
    quirks: Quirks | None = None
    fault: Fault | None = None
    leave_after: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def quirks() -> st.SearchStrategy[Quirks]:
    made = st.builds(Quirks, usage=st.sampled_from(USAGES[:-1]), cached_tokens=st.integers(0, 40))
    # A cumulative usage has no details: the client cannot know of the cache, and is charged for it all the same.
    return made | st.just(Quirks(usage="cumulative")) | st.sampled_from(list(PROVIDER_QUIRKS.values()))


chats = st.builds(
    Step,
    st.sampled_from(["chat", "stream"]),
    st.sampled_from(["offline/echo", "offline/reasoner", "offline/extractive"]),
    st.sampled_from([*PRICED, "fireworks-ai", "featherless-ai", None]),
    st.integers(0, 40),
    st.lists(st.sampled_from(TRANSIENT), max_size=2).map(tuple),
    st.none() | quirks(),
    st.none() | st.none() | st.sampled_from(FINAL),
    options=st.fixed_dictionaries({}, optional={"max_tokens": st.integers(1, 12), "n": st.integers(1, 3)}),
)
left = st.builds(
    Step,
    st.just("left"),
    st.just("offline/echo"),
    st.sampled_from(PRICED),
    st.integers(20, 60),
    leave_after=st.integers(1, 6),
)
embeds = st.builds(
    Step,
    st.just("embed"),
    st.just("offline/embed-8"),
    st.sampled_from(["deepinfra", "scaleway", "together", "hf-inference"]),
    st.integers(0, 20),
    st.lists(st.sampled_from(TRANSIENT), max_size=2).map(tuple),
    options=st.fixed_dictionaries({}, optional={"batch_size": st.integers(1, 4)}),
)
runs = st.lists(chats | chats | left | embeds, min_size=2, max_size=10)

WORDS = ("a", "stitch", "in", "time", "saves", "nine", ",", "and", "two", "birds", "in", "a", "bush", ".")


def words(count: int) -> str:
    return " ".join(WORDS[place % len(WORDS)] for place in range(count)) or "hi"


class Run:
    """One client that plays steps and keeps what it was told of each answer."""

    def __init__(self, url: OfflineRouter, *, asynchronous: bool) -> None:
        settings: dict[str, Any] = {
            "base_url": url,
            "api_key": "any",
            "embedding_api": "router",
            "hub_url": url.root,
            "timeout": 20,
            "prices": EMBED_PRICES,
            "ledger": True,
        }
        self.url = url
        self.loop = asyncio.Runner() if asynchronous else None
        self.router: Any = AsyncHFRouter(**settings) if asynchronous else HFRouter(**settings)
        self.answers: list[tuple[Step, Reply]] = []
        self.played = 0
        self.wait(self.router.models())

    def wait(self, value: Any) -> Any:
        return self.loop.run(value) if self.loop is not None and isinstance(value, Coroutine) else value

    def play(self, step: Step) -> None:
        path = "*embeddings" if step.kind == "embed" else "/v1/chat/completions"
        for fault in step.before:
            self.url.queue(fault, path=path)
        last = tuple(item for item in (step.quirks, step.fault) if item is not None)
        if last:
            self.url.queue(last, path=path)
        self.played += 1
        name = step.model if step.provider is None else f"{step.model}:{step.provider}"
        try:
            reply = self.ask(step, name)
        except RouterError:
            return
        finally:
            self.url._state._queue.clear()  # what is left of the script is not for the next step
        if reply is not None:
            self.answers.append((step, reply))

    def ask(self, step: Step, name: str) -> Reply | None:
        options = {**step.options, "model": name}
        if step.kind == "embed":
            texts = [words(count) for count in range(1, 2 + step.words // 4)]
            return self.wait(self.router.embed(texts, **options))
        messages = [{"role": "user", "content": words(step.words)}]
        if step.kind == "chat":
            return self.wait(self.router.chat(messages, **options))
        if self.loop is not None:
            return self.wait(self.stream(messages, options, step.leave_after))
        with self.router.stream(messages, **options) as stream:
            for seen, _ in enumerate(stream, 1):
                if seen == step.leave_after:
                    return None
        return stream.reply

    async def stream(self, messages: Any, options: Any, leave_after: int) -> Reply | None:
        seen = 0
        async with self.router.stream(messages, **options) as stream:
            async for _ in stream:
                seen += 1
                if seen == leave_after:
                    return None
        return stream.reply

    def close(self) -> None:
        self.wait(self.router.close())
        if self.loop is not None:
            self.loop.close()


def dollars(nano: int) -> Decimal:
    return Decimal(nano).scaleb(-9, decimal.Context(prec=60))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@settings(max_examples=60, deadline=None)
@given(steps=runs)
def test_the_sum_of_what_we_say_is_what_the_server_charged(
    offline_server: OfflineRouter, asynchronous: bool, steps: list[Step]
) -> None:
    offline_server.forget()
    SHARED.clear()
    run = Run(offline_server, asynchronous=asynchronous)
    try:
        for step in steps:
            run.play(step)
        assert offline_server.wait_idle()
        account = run.wait(run.router.account_usage(0, time.time() + 2))
    finally:
        run.close()
    bill = offline_server.bill
    check_the_ledger(bill, run, account)
    told, ids = Decimal(0), set()
    for step, reply in run.answers:
        meta = reply.meta
        if step.kind == "embed":
            check_embedding(step, meta.cost, run)
            continue
        priced = (step.provider or "offline") in PRICED
        assert (meta.cost.basis == "price list") is (priced and reply.usage is not None), meta.cost
        if meta.cost.usd is None:
            continue
        told += meta.cost.usd
        ids.add(meta.request_id)
        assert meta.cost.usd == dollars(bill.entries[meta.request_id or ""].nano_usd)
    assert told == dollars(bill.of(ids))
    check_the_rest(bill, run)


def check_the_ledger(bill: Bill, run: Run, account: AccountUsage) -> None:
    """A row for each call and an attempt for each request; each known cost is what the server charged, and what the
    account says beyond them was charged for calls of unknown cost."""
    ledger: Ledger = run.router.ledger
    rows, total = ledger.rows(None), ledger.totals()
    sent = [seen for seen in run.url.requests if seen.method == "POST"]
    assert total.calls == run.played
    # A connection that was reset after its answer takes the next request, which then never arrives.
    resets = sum(isinstance(fault, Cut) for seen in sent for fault in seen.faults)
    assert 0 <= total.attempts - len(sent) <= resets
    known = {row.request_id: row.cost.usd for row in rows if row.task == "chat" and row.cost.usd is not None}
    for request_id, usd in known.items():
        assert usd == dollars(bill.entries[request_id or ""].nano_usd)
    lists = [row.cost.usd for row in rows if row.task == "embed" and row.cost.usd is not None]
    lines = [line.nano_usd for line in bill.entries.values() if line.model == "offline/embed-8"]
    assert sum(lists) == dollars(sum(lines))
    told = {reply.meta.request_id: reply for step, reply in run.answers if step.kind != "embed"}
    for row in rows:
        if reply := told.get(row.request_id):
            assert (row.outcome, row.cost.usd, row.provider) == (
                *("answered", reply.meta.cost.usd, reply.meta.provider),
            )
            assert (reply.usage or (None, None))[:2] == (row.prompt_tokens, row.completion_tokens)
    beside = ledger.compare(account)
    assert (account.used_nano_usd, account.requests) == (bill.nano_usd, len(bill))
    more = [
        line.nano_usd
        for name, line in bill.entries.items()
        if line.model != "offline/embed-8" and name not in known
    ]
    assert beside.difference == dollars(sum(more))
    # Tries that failed are in no reply's cost, and the server may have charged them.
    assert not beside.difference or total.unknown_costs or total.failures or total.attempts > total.calls


def check_embedding(step: Step, cost: Cost, run: Run) -> None:
    """An embedding's batches have one sum: it is that of all lines of its texts, which are told by their model."""
    if step.provider == "hf-inference":
        assert cost.usd is None
        return
    assert cost.usd is not None
    assert cost.date == "2026-11-01"
    same = [each for each, _ in run.answers if (each.kind, each.provider) == (step.kind, step.provider)]
    lines = [
        line
        for line in run.url.bill.entries.values()
        if (line.model, line.provider) == (step.model, step.provider)
    ]
    if len(same) == 1:
        assert cost.usd == dollars(sum(line.nano_usd for line in lines))


def check_the_rest(bill: Any, run: Run) -> None:
    """No refusal is on the bill, and no line that nobody asked for."""
    refused = {
        received.charge.request_id
        for received in run.url.requests
        if received.charge is not None and received.status != 200
    }
    asked = {received.charge.request_id for received in run.url.requests if received.charge is not None}
    assert not refused & set(bill.entries)
    assert set(bill.entries) <= asked
