"""Three providers on this machine, and their weather: outages, brown-outs and refusals of seconds, always the same.

    python benchmarks/reliability/weather.py     prints three ports; the clock starts with GET /begin on the first

Lives here: the server, the weather, and what is counted where requests arrive (GET /counts). Not here: who asks
(`wall_clock_worker`), the table (`wall_clock`).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

SECONDS = 75.0
"""How long the weather lasts. At every moment of it at least one provider is well."""

Span = tuple[float, float]
HEAD = "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n{more}\r\n"
MESSAGE = {"role": "assistant", "content": "A router."}
USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
CHOICE = {"index": 0, "finish_reason": "stop", "message": MESSAGE}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [CHOICE],
    "usage": USAGE,
}
NEWS = 0.25  # seconds after a refusal in which requests may still come of those who have not read it


@dataclass
class Provider:
    """One provider, and what came to it.

    Args:
        name: Its name.
        down: Connections break; one request in twenty is never answered.
        brown: 60 % of the requests fail, the others take three times as long.
        refusing: Every request gets a 429 with a `Retry-After` of the seconds that are left, rounded up.
        busy: More than `per_second` requests a second get a 429 without any.
    """

    name: str
    down: Sequence[Span] = ()
    brown: Sequence[Span] = ()
    refusing: Sequence[Span] = ()
    busy: Sequence[Span] = ()
    per_second: float = 20.0
    requests: int = 0
    answered: int = 0
    while_down: int = 0
    too_early: int = 0
    tokens: float = 0.0
    filled: float = 0.0
    told: float = -1.0  # when it said when to come back
    until: float = -1.0  # and when that is

    def judge(self, now: float, dice: random.Random) -> tuple[float, int, str]:
        """(seconds until it replies, status, further headers); 0 for a broken connection, -1 for silence."""
        self.requests += 1
        self.too_early += self.told + NEWS < now < self.until
        if within(self.down, now) is not None:
            self.while_down += 1
            return 0.005, (-1 if dice.random() < 0.05 else 0), ""
        if (end := within(self.refusing, now)) is not None:
            wait = int(end - now) + 1
            if now >= self.until:
                self.told, self.until = now, now + wait
            return 0.02, 429, f"retry-after: {wait}\r\n"
        if within(self.busy, now) is not None:
            self.tokens = min(self.per_second, self.tokens + (now - self.filled) * self.per_second)
            self.filled = now
            if self.tokens < 1:
                return 0.02, 429, ""
            self.tokens -= 1
        seconds = 0.05 + dice.expovariate(20.0)
        if within(self.brown, now) is not None:
            return (0.1, 500, "") if dice.random() < 0.6 else (3 * seconds, 200, "")
        return (0.05, 500, "") if dice.random() < 0.003 else (seconds, 200, "")


def within(spans: Sequence[Span], now: float) -> float | None:
    """When the span ends that this moment lies in."""
    return next((end for begin, end in spans if begin <= now < end), None)


def providers() -> list[Provider]:
    return [
        Provider(
            "a", down=[(5, 12), (40, 48), (64, 69)], brown=[(15, 22)], refusing=[(29, 38)], busy=[(50, 58)]
        ),
        Provider("b", down=[(24, 31)], brown=[(42, 48), (58, 63)], busy=[(5, 10)]),
        Provider("c", brown=[(33, 38), (51, 55)], refusing=[(66, 71)]),
    ]


@dataclass
class Weather:
    """The clock and the dice that the providers share."""

    providers: list[Provider] = field(default_factory=providers)
    began: float | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(2026))

    def now(self) -> float:
        return -1.0 if self.began is None else time.monotonic() - self.began

    def begin(self) -> None:
        self.providers[:] = providers()
        self.began = time.monotonic()

    def counts(self) -> dict[str, int]:
        names = ("requests", "answered", "while_down", "too_early")
        return {name: sum(getattr(each, name) for each in self.providers) for name in names}


class Line(asyncio.Protocol):
    """One connection to one provider."""

    def __init__(self, weather: Weather, number: int) -> None:
        self.weather, self.number = weather, number
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        head, found, rest = self.unread.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").lower().split("\r\n")
        size = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
        if len(rest) < size:
            return
        self.unread = rest[size:]
        if lines[0].startswith("get /begin"):
            self.weather.begin()
            self.say(200, {})
        elif lines[0].startswith("get /counts"):
            self.say(200, self.weather.counts())
        else:
            self.serve()

    def serve(self) -> None:
        provider = self.weather.providers[self.number]
        seconds, status, more = provider.judge(self.weather.now(), self.weather.dice)
        loop = asyncio.get_running_loop()
        if status == 0:
            loop.call_later(seconds, self.transport.abort)
        elif status == 200:
            provider.answered += 1
            loop.call_later(seconds, self.say, 200, ANSWER)
        elif status > 0:
            loop.call_later(
                seconds, self.say, status, {"error": {"message": "Not now.", "code": status}}, more
            )

    def say(self, status: int, value: object, more: str = "") -> None:
        body = json.dumps(value).encode()
        self.transport.write(HEAD.format(status=status, size=len(body), more=more).encode() + body)


async def main() -> None:
    weather, loop = Weather(), asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda number=number: Line(weather, number), "127.0.0.1", 0)
        for number in range(3)
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until whoever started it leaves
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
