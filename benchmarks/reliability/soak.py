"""A long run under trouble: is anything left over? Memory, sockets, tasks and threads, with every policy on.

    python benchmarks/reliability/soak.py             10,000 calls, 200 at once, and 2,000 from 50 threads
    python benchmarks/reliability/soak.py --quick     a tenth of it

One server of our own on this machine answers; a tenth of the requests meet a fault: 429 with and without
`Retry-After`, 503, 500, a reset before and inside the body, a body that is no JSON, a stream that is cut. Two thirds of
the calls are plain and streamed chats, a third lists of texts; one stream in ten is left early, one call in twenty
cancelled. What is compared is the resident memory of the last quarter with that of the second.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from shared_core import AsyncHFRouter, HFRouter, RouterError

MESSAGES = [{"role": "user", "content": "What is a router?"}]
FAULTS = 0.1
MOST_GROWTH = 0.02


# -- the server ----------------------------------------------------------------------------------------------


def _chat(dice: random.Random) -> bytes:
    message = {"role": "assistant", "content": "word " * dice.randint(1, 200)}
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": usage}).encode()


def _events(dice: random.Random) -> list[bytes]:
    def event(delta: dict[str, Any], **more: Any) -> bytes:
        value = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, **more}]}
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    last = json.dumps({"id": "c", "model": "m", "choices": [], "usage": usage}).encode()
    words = [event({"content": "word "}) for _ in range(dice.randint(2, 40))]
    return [*words, event({}, finish_reason="stop") + b"data: " + last + b"\n\ndata: [DONE]\n\n"]


def _vectors(asked: dict[str, Any]) -> bytes:
    texts = asked["input"]
    data = [{"index": place, "embedding": [0.1] * 64} for place in range(len(texts))]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return json.dumps({"data": data, "model": "m", "usage": usage}).encode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            asked = json.loads(await reader.readexactly(length))
            await asyncio.sleep(dice.random() * 0.02)
            fault = dice.choice(_FAULTS) if dice.random() < FAULTS else ""
            if not await _answer(writer, asked, fault, dice):
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


_FAULTS = ("429", "429 after", "503", "500", "reset", "reset inside", "garbage", "cut")


async def _answer(
    writer: asyncio.StreamWriter, asked: dict[str, Any], fault: str, dice: random.Random
) -> bool:
    """Whether the connection goes on."""

    def reply(body: bytes, status: int = 200, more: str = "", kind: str = "application/json") -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-inference-provider: alpha\r\n{more}"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    if fault == "reset":
        writer.transport.abort()
        return False
    if fault[:3].isdigit():
        more = "retry-after: 0.05\r\n" if fault.endswith("after") else ""
        reply(b'{"error": "busy"}', int(fault[:3]), more)
    elif fault == "garbage":
        reply(b"<html>no</html>")
    elif asked.get("stream"):
        events = _events(dice)
        writer.write(
            b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\nx-inference-provider: alpha\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for event in events[: 1 if fault else None]:
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
        if fault:
            writer.transport.abort()
            return False
        writer.write(b"0\r\n\r\n")
    else:
        body = _vectors(asked) if "input" in asked else _chat(dice)
        if fault:
            writer.write(
                b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            )
            writer.write(body[: len(body) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        reply(body)
    await writer.drain()
    return True


async def _server() -> None:
    dice = random.Random(7)
    server = await asyncio.start_server(lambda r, w: _serve(r, w, dice), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# -- the calls -----------------------------------------------------------------------------------------------


def settings(url: str, folder: Path) -> dict[str, Any]:
    """All policies on; two targets at the one server."""
    return {
        "api_key": "k",
        "base_url": url,
        "embedding_api": "openai",
        "fallback": ["org/model:beta", "org/model:gamma"],
        "prices": {
            "org/model": {"input": "0.1", "output": "0.4", "source": "the soak", "date": "2026-11-01"}
        },
        "usage_tags": {"user": "ada"},
        "hooks": [lambda _event: None],
        "ledger": folder / "ledger.sqlite",
        "state": folder / "state.sqlite",
        "chat_cache": True,
        "limits": [{"requests": 1_000_000, "per": "minute", "of": "provider"}],
        "concurrency": 150,
        "budgets": [{"usd": "1000", "per": "day", "of": "tag:user"}],
    }


def resident() -> float:
    """MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def sockets() -> int:
    """Open sockets of this process."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the one that listed them
            continue
    return sum(link.startswith("socket:") for link in links)


class Watch:
    """Samples of the memory, by quarter of the run."""

    def __init__(self, calls: int) -> None:
        self.calls, self.done = calls, 0
        self.samples: dict[int, list[float]] = collections.defaultdict(list)
        self.outcomes: collections.Counter[str] = collections.Counter()

    def note(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        self.done += 1
        if self.done % max(1, self.calls // 400) == 0:
            self.samples[min(3, self.done * 4 // self.calls)].append(resident())

    def growth(self) -> float:
        return statistics.median(self.samples[3]) / statistics.median(self.samples[1]) - 1


async def one(router: AsyncHFRouter, number: int, watch: Watch) -> None:
    """One call, of the kind that its number says."""
    try:
        async with asyncio.timeout(0.005 if number % 20 == 7 else None):
            if number % 3 == 0:
                await router.chat(MESSAGES, max_tokens=50)
            elif number % 3 == 1:
                async with router.stream(MESSAGES, max_tokens=50) as stream:
                    async for _ in stream:
                        if number % 10 == 4:
                            break
            else:
                await router.embed([f"text {number} {part}" for part in range(8)], batch_size=4)
    except RouterError as error:
        watch.note(type(error).__name__)
    except TimeoutError:
        watch.note("cancelled")
    else:
        watch.note("answered")


async def many(url: str, folder: Path, calls: int, at_once: int) -> tuple[Watch, int, int]:
    """(what was seen, sockets left, tasks left)"""
    watch, numbers, before = Watch(calls), iter(range(calls)), sockets()
    async with AsyncHFRouter("org/model:alpha", **settings(url, folder)) as router:

        async def worker() -> None:
            for number in numbers:
                await one(router, number, watch)

        await asyncio.gather(*(worker() for _ in range(at_once)))
    await asyncio.sleep(0.2)
    gc.collect()
    return watch, sockets() - before, len(asyncio.all_tasks()) - 1


def from_threads(url: str, folder: Path, calls: int, at_once: int) -> Watch:
    """The same kinds of calls, blocking."""
    router = HFRouter("org/model:alpha", **settings(url, folder))
    watch, lock = Watch(calls), threading.Lock()

    def call(number: int) -> None:
        try:
            if number % 3 == 0:
                router.chat(MESSAGES, max_tokens=50)
            elif number % 3 == 1:
                with router.stream(MESSAGES, max_tokens=50) as stream:
                    for _ in stream:
                        if number % 10 == 4:
                            break
            else:
                router.embed([f"text {number} {part}" for part in range(8)], batch_size=4)
            outcome = "answered"
        except RouterError as error:
            outcome = type(error).__name__
        with lock:
            watch.note(outcome)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(call, range(calls)))
    router.close()
    return watch


def others(watch: Watch) -> str:
    """What became of the calls that were not answered."""
    return ", ".join(f"{name} {count}" for name, count in watch.outcomes.most_common() if name != "answered")


def run(url: str, folder: Path, share: float) -> None:
    """Runs both, and prints what was left over."""
    calls, blocking = int(10_000 * share), int(2_000 * share)
    threads, began = threading.active_count(), time.perf_counter()
    watch, left, tasks = asyncio.run(many(url, folder, calls, 200))
    seconds = time.perf_counter() - began
    sync = from_threads(url, folder, blocking, 50)
    gc.collect()
    held = watch.growth()
    print(
        f"{calls:,} calls, 200 at once, {FAULTS:.0%} faults, {seconds:.0f} s; {blocking:,} from 50 threads\n"
    )
    print("| | event loop | threads |\n|---|---:|---:|")
    for name, values in (
        ("answered", [f"{w.outcomes['answered'] / w.done:.2%}" for w in (watch, sync)]),
        ("resident, second quarter", [f"{statistics.median(w.samples[1]):.1f} MiB" for w in (watch, sync)]),
        ("resident, last quarter", [f"{statistics.median(w.samples[3]):.1f} MiB" for w in (watch, sync)]),
        ("growth (may be 2 %)", [f"{w.growth():+.2%}" for w in (watch, sync)]),
        ("sockets left", [str(left), "kept for the next call"]),
        ("tasks left", [str(tasks), "-"]),
        ("threads left", ["-", str(threading.active_count() - threads)]),
        (
            "other outcomes",
            [
                ", ".join(f"{k} {v}" for k, v in w.outcomes.most_common() if k != "answered")
                for w in (watch, sync)
            ],
        ),
    ):
        print(f"| {name} | {' | '.join(values)} |")
    verdict = "holds" if held <= MOST_GROWTH and tasks == 0 and left <= 0 else "MISSED"
    print(f"\nFlat memory, no socket and no task left: {verdict}.")


def main() -> None:
    if "--server" in sys.argv:
        asyncio.run(_server())
        return
    server = subprocess.Popen([sys.executable, __file__, "--server"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    try:
        with tempfile.TemporaryDirectory() as folder:
            run(url, Path(folder), 0.1 if "--quick" in sys.argv else 1.0)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


if __name__ == "__main__":
    main()
