"""One simulated day: three providers with outages, brown-outs and rate limits, and what becomes of the calls.

    python benchmarks/reliability/simulate.py            200,000 calls, under a minute; prints the table
    python benchmarks/reliability/simulate.py 20000 7    fewer calls, another seed

The policies are the package's own, stepped as flows; the clock is simulated, and so are the providers. Whoever asks
has the same calls at the same times with the same weather, whatever stands around the calls.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_core.errors import ConnectionLost, ProviderFailed, RateLimited, RouterError, TimedOut
from shared_core.flow import Flow, Sleep, sleep
from shared_core.policy.fallback import Choice, Fallback
from shared_core.policy.retry import Retry
from shared_core.policy.state import Health, RetryBudget
from shared_core.policy.watch import Watch
from shared_core.types import ApiKey, Call, ChatRequest, Progress, Target, Timeouts, Waits

DAY = 86_400.0
LIMIT = 30.0  # seconds a call may take
NAMES = ("alpha", "beta", "gamma")


@dataclass
class Provider:
    """What one provider is like on this day.

    Args:
        name: Its name.
        outages: (from, until) in seconds: connections are refused, or hang until the client gives up.
        brown_outs: (from, until): 60 % of the requests fail, the others take three times as long.
        per_second: Requests a second that it takes, on average over ten; more get a 429.
        blips: Share of requests that fail at any time.
    """

    name: str
    outages: list[tuple[float, float]]
    brown_outs: list[tuple[float, float]]
    per_second: float
    blips: float = 0.003
    tokens: float = 0.0
    filled: float = 0.0
    asked: int = 0

    def is_up(self, now: float) -> bool:
        return not _within(self.outages, now)

    def serve(self, now: float, dice: random.Random) -> tuple[float, RouterError | None]:
        """(seconds, what goes wrong) for one request."""
        self.asked += 1
        if not self.is_up(now):
            hangs = dice.random() < 0.05
            return (10.0, TimedOut("no answer")) if hangs else (0.05, ConnectionLost("refused"))
        self.tokens = min(10 * self.per_second, self.tokens + (now - self.filled) * self.per_second)
        self.filled = now
        if self.tokens < 1:
            return 0.03, RateLimited("slow down", retry_after=2.0 if dice.random() < 0.5 else None)
        self.tokens -= 1
        seconds = 0.2 + dice.expovariate(2.0)
        if _within(self.brown_outs, now):
            return (1.0, ProviderFailed("500")) if dice.random() < 0.6 else (3 * seconds, None)
        return (0.2, ProviderFailed("500")) if dice.random() < self.blips else (seconds, None)


def _within(spans: Sequence[tuple[float, float]], now: float) -> bool:
    return any(begin <= now < end for begin, end in spans)


def weather(seed: int) -> list[Provider]:
    """Three providers; their outages never fall on one time, their brown-outs may fall on anything."""
    dice = random.Random(seed)
    starts = sorted(dice.sample(range(1, 47), 12))  # half hours
    outages: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    brown_outs: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    for number, half_hour in enumerate(starts):
        begin = half_hour * 1800.0
        name = NAMES[number % 3]
        if number % 2:
            brown_outs[name].append((begin, begin + dice.uniform(300, 1800)))
        else:
            outages[name].append((begin, begin + dice.uniform(60, 1800)))
    for name in NAMES:
        begin = dice.uniform(0, DAY - 1800)
        brown_outs[name].append((begin, begin + dice.uniform(120, 900)))
    return [
        Provider(name, outages[name], brown_outs[name], per_second)
        for name, per_second in zip(NAMES, (3.0, 4.0, 8.0), strict=True)
    ]


@dataclass
class Day:
    """What came of the calls."""

    calls: int = 0
    answered: int = 0
    with_one_up: int = 0
    answered_with_one_up: int = 0
    requests: int = 0
    closed_asked: int = 0  # requests to a closed target that were no probe
    probes: int = 0
    seconds: list[float] = field(default_factory=list)


class Simulation:
    """One day under one set of policies.

    Args:
        calls: How many calls there are.
        seed: Of the weather and of every chance.
        make: The handler that stands around the exchange.
    """

    def __init__(
        self, calls: int, seed: int, make: Callable[[Simulation], Callable[[Call], Flow[str]]]
    ) -> None:
        self.now = 0.0
        self.dice = random.Random(seed + 1)
        self.providers = {provider.name: provider for provider in weather(seed)}
        self.targets = [Target(f"https://{name}/v1", ApiKey(""), model="m") for name in NAMES]
        self.health, self.budget = Health(), RetryBudget()
        self.day = Day()
        self._calls, self._arrivals = calls, random.Random(seed + 2)
        self._handler = make(self)
        self._order = itertools.count()

    def exchange(self, call: Call) -> Flow[str]:
        """One request to one provider."""
        call.progress.attempts += 1
        self.day.requests += 1
        turn = call.turn
        if turn is not None:
            self.day.probes += turn.probe
            self.day.closed_asked += not turn.probe and not self.health.is_open(turn.key)
        name = call.target.base_url.removeprefix("https://").removesuffix("/v1")
        seconds, error = self.providers[name].serve(self.now, self.dice)
        left = call.waits.until_deadline()
        yield from sleep(min(seconds, left))
        if seconds >= left:
            raise TimedOut("deadline")
        if error is not None:
            raise error
        return name

    def run(self) -> Day:
        """The whole day."""
        # Arrivals: a Poisson process that is three times as busy at noon as at midnight.
        pending: list[tuple[float, int, Generator[Any, Any, str] | None, float, bool]] = []
        for _ in range(self._calls):
            at = (
                self._arrivals.triangular(0, DAY, DAY / 2)
                if self._arrivals.random() < 0.5
                else self._arrivals.uniform(0, DAY)
            )
            heapq.heappush(pending, (at, next(self._order), None, at, False))
        while pending:
            self.now, _, flow, started, up = heapq.heappop(pending)
            if flow is None:
                up = any(provider.is_up(self.now) for provider in self.providers.values())
                self.day.calls += 1
                self.day.with_one_up += up
                flow = self._handler(self._call())
            try:
                effect = next(flow)
            except StopIteration:
                self.day.answered += 1
                self.day.answered_with_one_up += up
                self.day.seconds.append(self.now - started)
            except RouterError:
                continue
            else:
                assert isinstance(effect, Sleep)
                heapq.heappush(pending, (self.now + effect.seconds, next(self._order), flow, started, up))
        return self.day

    def _call(self) -> Call:
        waits = Waits(Timeouts(total=LIMIT), lambda: self.now, streamed=False)
        return Call(ChatRequest((), "m"), self.targets[0], waits, Progress(self.now))


def nothing(simulation: Simulation) -> Callable[[Call], Flow[str]]:
    return simulation.exchange


def retries(simulation: Simulation) -> Callable[[Call], Flow[str]]:
    retry = Retry(jitter=simulation.dice.random, budget=simulation.budget)
    return lambda call: retry(call, simulation.exchange)


def everything(simulation: Simulation) -> Callable[[Call], Flow[str]]:
    targets = tuple(simulation.targets)
    fallback = Fallback(lambda _call: Choice(targets), health=simulation.health)
    retry = Retry(jitter=simulation.dice.random, budget=simulation.budget, health=simulation.health)
    watch = Watch(simulation.health)

    def watched(call: Call) -> Flow[str]:
        return watch(call, simulation.exchange)

    def tried(call: Call) -> Flow[str]:
        return retry(call, watched)

    return lambda call: fallback(call, tried)


WAYS = {
    "no policy, one provider": nothing,
    "retries, one provider": retries,
    "fallback over three": everything,
}


def table(calls: int, seed: int) -> str:
    """The result as a table in Markdown."""
    lines = [
        "| | answered | not answered | with one up | requests an answer | p50 | p99 | to closed targets | probes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, make in WAYS.items():
        day = Simulation(calls, seed, make).run()
        times = sorted(day.seconds)
        lines.append(
            f"| {name} | {day.answered / day.calls:.3%} | {day.calls - day.answered:,} "
            f"| {day.answered_with_one_up / day.with_one_up:.3%} "
            f"| {day.requests / day.answered:.3f} | {times[len(times) // 2]:.2f} s "
            f"| {times[len(times) * 99 // 100]:.2f} s | {day.closed_asked} | {day.probes} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    calls = int(arguments[0]) if arguments else 200_000
    seed = int(arguments[1]) if len(arguments) > 1 else 2026
    began = time.perf_counter()
    result = table(calls, seed)
    print(f"{calls:,} calls in a simulated day, seed {seed}, {time.perf_counter() - began:.0f} s\n\n{result}")


if __name__ == "__main__":
    main(sys.argv[1:])
