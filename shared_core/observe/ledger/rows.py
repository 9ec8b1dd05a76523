"""From a call that has ended to its row, and back.

Sums are whole nano-dollars, rounded half to even where a price is finer; what is unknown is NULL. Neither a token,
nor a user name in an address, nor (unless asked) a prompt or an answer is part of a row.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from shared_core.observe.events import CallEnded
from shared_core.observe.ledger.content import content_of
from shared_core.storage.database import Layout
from shared_core.types import EXACT, POLICIES, Cost
from shared_core.types.cost import plain

__all__ = ["COLUMNS", "EXPORTED", "LAYOUT", "LedgerRow", "Row", "dollars_of", "row_of"]

LAYOUT = Layout(
    name="a usage ledger",
    application_id=0x4846554C,  # "HFUL"
    version=1,
    tables=(
        "CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, id TEXT NOT NULL, at REAL NOT NULL, "
        "task TEXT NOT NULL, model TEXT NOT NULL, provider TEXT, url TEXT NOT NULL, streamed INTEGER NOT NULL, "
        "outcome TEXT NOT NULL, error TEXT, seconds REAL NOT NULL, first_token_s REAL, attempts INTEGER NOT NULL, "
        "moves INTEGER NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, "
        "reasoning_tokens INTEGER, nano_usd INTEGER, basis TEXT NOT NULL, price_date TEXT, cost_note TEXT, "
        "cached INTEGER NOT NULL, request_id TEXT, job TEXT, tags TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS calls_by_time ON calls (at)",
        "CREATE UNIQUE INDEX IF NOT EXISTS calls_by_job ON calls (job) WHERE job IS NOT NULL",
        "CREATE TABLE IF NOT EXISTS tags (name TEXT NOT NULL, value TEXT NOT NULL, number INTEGER NOT NULL, "
        "PRIMARY KEY (name, value, number)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS content (number INTEGER PRIMARY KEY, request TEXT, reply TEXT)",
    ),
    default_file="usage.sqlite",
    page_size=4096,
    pages_kib=1024,
)

_NANO_IN_ONE = Decimal(10**9)
_MOST_NANO = 2**63 - 1
_MOST_TOKENS = 10**12  # what a host counts is not believed without bounds: sums must fit SQLite's 64 bits


class Row(NamedTuple):
    """A row on its way to the table; the columns come first, in their order."""

    id: str
    at: float
    task: str
    model: str
    provider: str | None
    url: str
    streamed: bool
    outcome: str
    error: str | None
    seconds: float
    first_token_s: float | None
    attempts: int
    moves: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    nano_usd: int | None
    basis: str
    price_date: str | None
    cost_note: str | None
    cached: bool
    request_id: str | None
    job: str | None
    tags: str
    labels: tuple[tuple[str, str], ...] = ()
    content: tuple[str | None, str | None] | None = None


COLUMNS = Row._fields[:-2]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One call, or one job however many calls asked after it.

    Args:
        number: In the order of writing.
        id: Of its events.
        at: When it ended, in Unix seconds; of a job, its first call.
        task, model, provider: What was asked, of whom; the model without a suffix that says no more than that.
        url: The address, without user name and query.
        streamed: Whether the answer came in pieces.
        outcome: "answered", "failed", "cancelled" or "submitted"; see `CallEnded`.
        error: Name of the error's class; None where there is none.
        seconds: From the call to its end; of a job, of all its calls together.
        first_token_s: To the first content of a stream.
        attempts, moves: How often it was sent, and how many targets were given up.
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens: As in `Usage`; None where nobody counted.
        cost: What it cost.
        cached: Whether it was remembered, and nobody was asked.
        request_id: The service's.
        job: What it is asked after by.
        tags: Whose usage it is.
        request, reply: What was asked and answered, in a ledger with `store_content`.
    """

    number: int
    id: str
    at: float
    task: str
    model: str
    provider: str | None
    url: str
    streamed: bool
    outcome: str
    error: str | None
    seconds: float
    first_token_s: float | None
    attempts: int
    moves: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost: Cost
    cached: bool
    request_id: str | None
    job: str | None
    tags: Mapping[str, str]
    request: str | None = None
    reply: str | None = None

    @classmethod
    def of(cls, stored: tuple[Any, ...]) -> LedgerRow:
        """From the table: number, columns, content."""
        number, *values = stored
        told = dict(zip((*COLUMNS, "request", "reply"), values, strict=True))
        nano, basis, date = told.pop("nano_usd"), told.pop("basis"), told.pop("price_date")
        usd, note = None if nano is None else dollars_of(nano), told.pop("cost_note") or ""
        cost = Cost(usd, basis, date, note=note)
        told |= {name: bool(told[name]) for name in ("streamed", "cached")}
        return cls(number=number, cost=cost, tags=json.loads(told.pop("tags")), **told)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, the sum as a text; without what was asked and answered."""
        usd = None if self.cost.usd is None else plain(self.cost.usd)
        cost = {"cost_usd": usd, "cost_basis": self.cost.basis, "price_date": self.cost.date}
        told = {**cost, "cost_note": self.cost.note or None, "tags": dict(self.tags)}
        return {name: told[name] if name in told else getattr(self, name) for name in EXPORTED}


_OWN_WORDS = {"nano_usd": "cost_usd", "basis": "cost_basis"}

EXPORTED = ("number", *(_OWN_WORDS.get(name, name) for name in COLUMNS))
"""What other programs are given."""


def row_of(event: CallEnded, *, store_content: bool = False) -> Row:
    """The row of a call."""
    provider, tags, cost, usage = event.provider, event.usage_tags, event.cost, event.usage
    nano = None if cost.usd is None else _nano(cost.usd)
    basis, note = "unknown" if nano is None else cost.basis, cost.note or None
    if event.cached:
        nano, basis, usage = 0, "price list", None
    elif not event.attempts and event.job is None and event.outcome != "answered":
        nano, basis, note = 0, "price list", "nothing was sent"
    read = written = recalled = thought = None
    if usage is not None:
        read, written = _count(usage.prompt_tokens), _count(usage.completion_tokens)
        recalled, thought = _count(usage.cached_tokens), _count(usage.reasoning_tokens)
    labels = tuple(tags.items())
    job = event.job
    return Row(
        event.id,
        event.at,
        event.task,
        _model(event.model, provider),
        provider,
        _address(event.url),
        event.streamed,
        event.outcome,
        event.error or None,
        event.seconds,
        event.first_token_s,
        event.attempts,
        event.moves,
        read,
        written,
        recalled,
        thought,
        nano,
        basis,
        cost.date,
        note,
        event.cached,
        event.request_id,
        None if job is None else f"{job.provider}:{job.status}",
        _json(labels),
        labels,
        content_of(event) if store_content else None,
    )


def dollars_of(nano: int) -> Decimal:
    """Whole nano-dollars in dollars."""
    return EXACT.scaleb(Decimal(nano), -9)


@functools.lru_cache(maxsize=4096)
def _nano(usd: Decimal) -> int | None:
    nano = int(EXACT.multiply(usd, _NANO_IN_ONE).to_integral_value(ROUND_HALF_EVEN))
    return nano if 0 <= nano <= _MOST_NANO else None


def _count(tokens: int | None) -> int | None:
    return tokens if tokens is not None and 0 <= tokens <= _MOST_TOKENS else None


@functools.lru_cache(maxsize=1024)
def _model(asked: str, provider: str | None) -> str:
    repo, _, suffix = asked.partition(":")
    return repo if suffix == provider or suffix in POLICIES else asked


@functools.lru_cache(maxsize=1024)
def _address(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@functools.lru_cache(maxsize=1024)
def _json(labels: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(labels), ensure_ascii=False)
