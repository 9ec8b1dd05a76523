"""What is measured: one function a measure, run inside the contender's own process.

Lives here: the loops under the clock, and the check, before any of them, that the answers are right.
Not here: who is measured (`contenders`), rounds and ratios (`run`, `report`).

Every function takes a `Subject` and returns numbers for one round. `cpu` is this process's CPU time (all its
threads, user and system), `wall` is wall time, both in seconds a unit. The collector is left as it is.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import calls
import canned

CALLS = 100  # a round
STREAMS = 2
TOOL_STREAMS = 3
FIRSTS = 20
SEQUENCE = 300
CROWD = 1_000
CONSTRUCT_SECONDS = 0.4  # a round stops here, or after CONSTRUCTS
CONSTRUCTS = 300


@dataclass
class Subject:
    """A contender, loaded, and the server it talks to."""

    name: str
    server: str
    family: Any
    build: Callable[[str], Any]
    ready: dict[str, Any] = field(default_factory=dict)
    salt: int = 0
    checked: set[str] = field(default_factory=set)

    def unchecked(self, what: str) -> bool:
        """Whether this answer still has to be looked at. Once: a round is long enough to warm itself."""
        seen = what in self.checked
        self.checked.add(what)
        return not seen

    def at(self, scenario: str) -> Any:
        """The contender's calls at one scenario of the server, built once and kept, as a program would."""
        if scenario not in self.ready:
            self.ready[scenario] = self.family(self.build(self.url(scenario)))
        return self.ready[scenario]

    def url(self, scenario: str, salt: str = "s") -> str:
        return f"{self.server}/{scenario}/{salt}/v1"

    def fresh_url(self) -> str:
        self.salt += 1
        return self.url("plain", f"s{os.getpid()}-{self.salt}")


def timed(units: int, work: Callable[[], Any]) -> dict[str, Any]:
    """CPU and wall seconds a unit of `work`."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"cpu": (time.process_time() - cpu) / units, "wall": (time.perf_counter() - wall) / units}


def expect(what: str, got: Any, wanted: Any) -> None:
    """Stop a measure whose answer is wrong: its time would mean nothing."""
    if got != wanted:
        raise AssertionError(f"{what}: got {str(got)[:80]!r}, wanted {str(wanted)[:80]!r}")


# One call


def call(subject: Subject) -> dict[str, Any]:
    it = subject.at("plain")
    expect("reply", it.text(it.call()), canned.REPLY)

    def work() -> None:
        for _ in range(CALLS):
            it.call()

    return timed(CALLS, work)


def acall(subject: Subject) -> dict[str, Any]:
    it = subject.at("plain")

    async def work() -> None:
        for _ in range(CALLS):
            await it.acall()

    expect("reply", it.text(calls.run(it.acall())), canned.REPLY)
    return timed(CALLS, lambda: calls.run(work()))


# Streams


def stream(subject: Subject) -> dict[str, Any]:
    it = subject.at("text")
    if subject.unchecked("stream"):
        expect("stream", calls.joined(it, list(it.stream())), canned.TEXT)

    def work() -> None:
        for _ in range(STREAMS):
            for _ in it.stream():
                pass

    return timed(STREAMS * canned.TEXT_CHUNKS, work)


async def _collect(it: Any) -> list[Any]:
    return [chunk async for chunk in await it.astream()]


def astream(subject: Subject) -> dict[str, Any]:
    it = subject.at("text")
    if subject.unchecked("astream"):
        expect("stream", calls.joined(it, calls.run(_collect(it))), canned.TEXT)

    async def work() -> None:
        for _ in range(STREAMS):
            async for _ in await it.astream():
                pass

    return timed(STREAMS * canned.TEXT_CHUNKS, lambda: calls.run(work()))


def tools(subject: Subject) -> dict[str, Any]:
    it = subject.at("tools")
    if subject.unchecked("tools"):
        expect("tool arguments", it.arguments(list(it.tools())), canned.TOOL_ARGUMENTS)

    def work() -> None:
        for _ in range(TOOL_STREAMS):
            for _ in it.tools():
                pass

    return timed(TOOL_STREAMS * canned.TOOL_FRAGMENTS, work)


def paced(subject: Subject) -> dict[str, Any]:
    """Every event in a packet of its own, a millisecond apart: what a model's pace really looks like."""
    it = subject.at("paced")
    expect("stream", calls.joined(it, list(it.stream())), canned.PACED_TEXT)

    def work() -> None:
        for _ in it.stream():
            pass

    return timed(canned.PACED_CHUNKS, work)


def apaced(subject: Subject) -> dict[str, Any]:
    it = subject.at("paced")
    expect("stream", calls.joined(it, calls.run(_collect(it))), canned.PACED_TEXT)

    async def work() -> None:
        async for _ in await it.astream():
            pass

    return timed(canned.PACED_CHUNKS, lambda: calls.run(work()))


# First chunk. A plain call before each stream leaves an open connection, whatever the last stream did to it.


def first(subject: Subject) -> dict[str, Any]:
    it = subject.at("first")
    waits, cpus = [], []
    for _ in range(FIRSTS):
        it.call()
        wall, cpu = time.perf_counter(), time.process_time()
        chunks = iter(it.stream())
        while not it.delta(next(chunks)):
            pass
        waits.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        for _ in chunks:
            pass
    return {"wall": _median(waits), "cpu": _median(cpus)}


def afirst(subject: Subject) -> dict[str, Any]:
    it = subject.at("first")
    waits, cpus = [], []

    async def work() -> None:
        for _ in range(FIRSTS):
            await it.acall()
            wall, cpu = time.perf_counter(), time.process_time()
            chunks = aiter(await it.astream())
            while not it.delta(await anext(chunks)):
                pass
            waits.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
            async for _ in chunks:
                pass

    calls.run(work())
    return {"wall": _median(waits), "cpu": _median(cpus)}


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


# Connections: the server counts which it was asked on.


def sequence(subject: Subject) -> dict[str, Any]:
    it = subject.at("plain")
    _control(subject.server, "/_reset")

    def work() -> None:
        for _ in range(SEQUENCE):
            for _ in it.stream():
                pass

    return timed(SEQUENCE, work) | {"connections": _control(subject.server, "/_stats")["connections"]}


def asequence(subject: Subject) -> dict[str, Any]:
    it = subject.at("plain")
    _control(subject.server, "/_reset")

    async def work() -> None:
        for _ in range(SEQUENCE):
            async for _ in await it.astream():
                pass

    result = timed(SEQUENCE, lambda: calls.run(work()))
    return result | {"connections": _control(subject.server, "/_stats")["connections"]}


# A crowd: runs in a forked process each time, so that every round starts with cold pools and a new loop.


def crowd50(subject: Subject) -> dict[str, Any]:
    """50 ms an answer, and no answer before all 1,000 requests are in."""
    return _crowd(subject, "wait50", gate=CROWD)


def free50(subject: Subject) -> dict[str, Any]:
    """50 ms an answer, and nothing held: most in flight is whatever the client's speed made of it."""
    return _crowd(subject, "wait50", gate=0)


def crowd2000(subject: Subject) -> dict[str, Any]:
    return _crowd(subject, "wait2000", gate=0)


def _crowd(subject: Subject, scenario: str, *, gate: int) -> dict[str, Any]:
    warm = subject.family(subject.build(subject.fresh_url()))
    it = subject.family(subject.build(subject.url(scenario)))

    async def work() -> dict[str, Any]:
        await warm.acall()  # what is loaded on first use is loaded; the pool under test stays cold
        _control(subject.server, f"/_reset?gate={gate}")
        started = time.perf_counter()
        replies = await asyncio.gather(*[it.acall() for _ in range(CROWD)], return_exceptions=True)
        wall = time.perf_counter() - started
        failures = [reply for reply in replies if isinstance(reply, BaseException)]
        wrong = [r for r in replies if not isinstance(r, BaseException) and it.text(r) != canned.REPLY]
        stats = _control(subject.server, "/_stats")
        for client in (warm, it):
            if hasattr(client, "aclose"):  # the raw clients complain when they are not closed
                await client.aclose()
        return {
            "wall": wall,
            "errors": len(failures) + len(wrong),
            "error": repr(failures[0])[:200] if failures else "",
            "most_in_flight": stats["most_in_flight"],
            "requests": stats["requests"],  # more than calls: someone sent again
            "connections": stats["connections"],
        }

    cpu = time.process_time()
    return asyncio.run(work()) | {"cpu": time.process_time() - cpu}


# Constructors


def construct(subject: Subject) -> dict[str, Any]:
    url = subject.url("plain")
    return _construct(lambda: subject.build(url))


def construct_new_url(subject: Subject) -> dict[str, Any]:
    return _construct(lambda: subject.build(subject.fresh_url()))


def construct_bare(subject: Subject) -> dict[str, Any]:
    """A bare subclass of the framework's base with the same fields, given the same arguments."""
    import floors

    if "bare" not in subject.ready:
        model = subject.build(subject.url("plain"))
        bare = floors.bare_subclass(type(model))
        subject.ready["bare"] = bare, floors.accepted_key(bare, model)
    bare, key = subject.ready["bare"]
    return _construct(lambda: bare(model=canned.MODEL, base_url=subject.fresh_url(), api_key=key))


def _construct(build: Callable[[], Any]) -> dict[str, Any]:
    build()
    done = 0
    started = time.perf_counter()

    def work() -> None:
        nonlocal done
        while done < CONSTRUCTS and time.perf_counter() - started < CONSTRUCT_SECONDS:
            build()
            done += 1

    result = timed(1, work)
    return {key: value / done for key, value in result.items()}


def _control(server: str, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        counters: dict[str, Any] = json.loads(connection.getresponse().read())
        return counters
    finally:
        connection.close()


@dataclass(frozen=True)
class Measure:
    """A row of the table of measures: how to run it, for whom, and what its numbers are called."""

    name: str
    work: Callable[[Subject], dict[str, Any]]
    families: frozenset[str]
    value: str = "cpu"  # which of its numbers is compared
    rounds: int | None = None  # at most so many, where the number is a count or a wait
    forked: bool = False

    @property
    def judged_crowd(self) -> bool:
        """The crowd in which peers are compared: the one whose being in flight is enforced."""
        return self.work is crowd50


_FRAMEWORKS = frozenset({"langchain", "llamaindex"})
_SYNC = _FRAMEWORKS | {"core", "httpx2", "socket"}
_ASYNC = _FRAMEWORKS | {"core", "httpx2", "aiohttp"}
_NOT_SOCKET = _SYNC - {"socket"}

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("call", call, _SYNC),
        Measure("acall", acall, _ASYNC),
        Measure("stream", stream, _SYNC),
        Measure("astream", astream, _ASYNC),
        Measure("tools", tools, _FRAMEWORKS),
        Measure("first", first, _NOT_SOCKET, value="wall"),
        Measure("afirst", afirst, _ASYNC, value="wall"),
        Measure("paced", paced, _NOT_SOCKET),
        Measure("apaced", apaced, _ASYNC),
        Measure("construct", construct, _FRAMEWORKS),
        Measure("construct_new_url", construct_new_url, _FRAMEWORKS),
        Measure("sequence", sequence, _NOT_SOCKET, value="connections", rounds=1),
        Measure("asequence", asequence, _ASYNC, value="connections", rounds=1),
        Measure("crowd50", crowd50, _ASYNC, value="wall", forked=True),
        Measure("free50", free50, _ASYNC, value="wall", rounds=2, forked=True),
        Measure("crowd2000", crowd2000, _ASYNC, value="wall", rounds=3, forked=True),
    )
}
BARE = Measure("construct_bare", construct_bare, _FRAMEWORKS)
