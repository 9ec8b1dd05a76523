"""What the offline router charges: its own book, in whole nano-dollars.

Providers report nano-USD for each request id to Hugging Face (source: "register as a provider", August 2026), and so
does this book hold them. A token has a whole number of nano-dollars here; nothing is divided, and no decimal point is
moved. The published prices in `catalogue` say the same in dollars for a million.

What is charged, and what not:

- An answer that went out whole, with status 200: all its tokens.
- A stream that the client left: the prompt, and the tokens in the events that were sent by then. A plain answer that
  it left after the head: all of it, since it was written already.
- A refusal, an answer that another one was scripted in place of, and one that the server itself broke off: nothing.
- Providers without a published price: nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import tokens

__all__ = ["EMBED_TARIFFS", "TARIFFS", "Bill", "BillEntry", "Charge", "Tariff", "settle"]


@dataclass(frozen=True, slots=True)
class Tariff:
    """Nano-USD for one token.

    Attributes:
        prompt: Read.
        completion: Written, thoughts too.
        cached: Read from the provider's cache; None charges them like others.
    """

    prompt: int
    completion: int = 0
    cached: int | None = None


TARIFFS: dict[str, Tariff] = {
    "offline": Tariff(0, 0),
    "cerebras": Tariff(990, 1490),
    "groq": Tariff(100, 500, 50),
    "novita": Tariff(420, 3000),
    "together": Tariff(930, 1200),
}
"""For chat, by provider."""

EMBED_TARIFFS: dict[str, Tariff] = {
    "deepinfra": Tariff(10),
    "scaleway": Tariff(100),
    "together": Tariff(20),
}
"""For vectors; hf-inference charges by seconds, which are not counted here."""


@dataclass(frozen=True, slots=True)
class BillEntry:
    """One line of the bill.

    Attributes:
        request_id: The reply's `x-request-id`.
        model: As it was asked for, without the suffix.
        provider: Who served.
        prompt_tokens: Cached ones included.
        cached_tokens: Those among them that were charged as cached.
        completion_tokens: Thoughts included.
        nano_usd: The sum.
        at: When it was charged, in Unix seconds.
    """

    request_id: str
    model: str
    provider: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    nano_usd: int
    at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Charge:
    """What an answer will be charged with if it goes out.

    Attributes:
        request_id: Its id.
        model: As it was asked for.
        provider: Who serves.
        tariff: What a token costs there.
        prompt: Tokens read.
        cached: Those of them that were in the cache.
        completion: Tokens written.
        stream: Whether it goes out in events.
        steps: The answer's bytes as they were before any fault.
    """

    request_id: str
    model: str
    provider: str
    tariff: Tariff
    prompt: int
    cached: int = 0
    completion: int = 0
    stream: bool = False
    steps: tuple[bytes, ...] = ()

    def entry(self, completion: int) -> BillEntry:
        """The line of the bill for so many tokens written."""
        tariff = self.tariff
        cached = 0 if tariff.cached is None else self.cached
        nano = (self.prompt - cached) * tariff.prompt + cached * (tariff.cached or 0)
        nano += completion * tariff.completion
        return BillEntry(self.request_id, self.model, self.provider, self.prompt, cached, completion, nano)


def settle(charge: Charge, status: int, sent: list[bytes], *, left: bool) -> BillEntry | None:
    """What is charged in the end; None for nothing.

    Args:
        charge: What the whole answer would cost.
        status: That went out; 0 when none did.
        sent: The pieces of the body that went out.
        left: Whether the client left before the end.
    """
    if status != 200:
        return None
    if _all_of(charge.steps, sent) or (left and not charge.stream):
        return charge.entry(charge.completion)
    return charge.entry(min(_tokens_in(sent), charge.completion)) if left else None


def _all_of(steps: tuple[bytes, ...], sent: list[bytes]) -> bool:
    if b"".join(sent) == b"".join(steps):
        return True
    rest = iter(sent)  # other bytes may stand in between
    return all(step in rest for step in steps)


def _tokens_in(sent: list[bytes]) -> int:
    counted = 0
    for line in b"".join(sent).decode("utf-8", "replace").splitlines():
        try:
            chunk = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        for choice in chunk.get("choices", ()) if isinstance(chunk, dict) else ():
            counted += sum(map(tokens.count, _written(choice.get("delta") or {})))
    return counted


def _written(delta: dict[str, Any]) -> Iterator[str]:
    for name, value in delta.items():
        if name != "role" and isinstance(value, str):
            yield value
    for call in delta.get("tool_calls", ()):
        for value in call["function"].values():
            yield value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill as it stands: its lines, by request id.

    Example:
        >>> line = BillEntry("Root=1-a", "offline/echo", "groq", 10, 0, 2, 2000)
        >>> bill = Bill({"Root=1-a": line})
        >>> bill.nano_usd, bill.of(["Root=1-a", "Root=1-never-seen"])
        (2000, 2000)
    """

    entries: Mapping[str, BillEntry]

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def nano_usd(self) -> int:
        """The sum of all lines."""
        return sum(entry.nano_usd for entry in self.entries.values())

    def of(self, request_ids: Iterable[str]) -> int:
        """Nano-USD of these requests; those that were charged nothing count nothing."""
        return sum(self.entries[name].nano_usd for name in set(request_ids) if name in self.entries)
