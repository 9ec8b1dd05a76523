"""One contender of `wall_clock.py`, in its own environment: the same calls at the same times, and what came of them.

    python wall_clock_worker.py NAME CALLS PORT PORT PORT     prints one line of JSON

Lives here: how each contender is set up, and the calls. Not here: the providers (`weather`).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

SECONDS = 75.0
MOST = 2.0  # seconds that a request may take; with us, a call may take thrice that
SAY = [{"role": "user", "content": "What is a router?"}]

Ask = Callable[[], Awaitable[str]]
seen: Counter[str] = Counter()


def hfrouter(urls: list[str]) -> Ask:
    from shared_core import AsyncHFRouter, Timeouts
    from shared_core.policy import watch
    from shared_core.policy.state import HEALTH

    class CountingWatch(watch.Watch):
        """Looks at each request before it is sent: is its target closed, and is it the probe?"""

        def __call__(self, call: Any, inner: Any) -> Any:
            seen["probes"] += call.turn is not None and call.turn.probe
            seen["to closed"] += (
                call.turn is not None and not call.turn.probe and not HEALTH.is_open(call.turn.key)
            )
            return (yield from super().__call__(call, inner))

    watch.Watch = CountingWatch  # type: ignore[misc]
    first, *others = urls
    router = AsyncHFRouter(
        "m", base_url=first, api_key="", fallback=others, timeout=Timeouts(total=3 * MOST, connect=MOST)
    )

    async def ask() -> str:
        return (await router.chat(SAY)).text

    return ask


def langchain(urls: list[str]) -> Ask:
    from langchain_openai import ChatOpenAI

    def model(url: str) -> Any:
        # Its own retries are off: with_retry does the same once more, and each would multiply the other.
        return ChatOpenAI(model="m", base_url=url, api_key="x", timeout=MOST, max_retries=0).with_retry()

    first, *others = map(model, urls)
    chain = first.with_fallbacks(others)

    async def ask() -> str:
        return str((await chain.ainvoke("What is a router?")).content)

    return ask


def litellm_group(urls: list[str]) -> Ask:
    return _litellm([("m", url) for url in urls], {})


def litellm_in_order(urls: list[str]) -> Ask:
    names = [f"m{number}" for number in range(len(urls))]
    return _litellm(list(zip(names, urls, strict=True)), {"fallbacks": [{names[0]: names[1:]}]})


def _litellm(targets: list[tuple[str, str]], settings: dict[str, Any]) -> Ask:
    import logging

    from litellm import Router

    logging.disable(logging.CRITICAL)
    router = Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {"model": "openai/m", "api_base": url, "api_key": "x", "timeout": MOST},
            }
            for name, url in targets
        ],
        **settings,
    )

    async def ask() -> str:
        reply = await router.acompletion(model=targets[0][0], messages=SAY)
        return str(reply.choices[0].message.content)

    return ask


CONTENDERS = {each.__name__: each for each in (hfrouter, langchain, litellm_in_order, litellm_group)}


async def run(ask: Ask, calls: int, url: str) -> dict[str, Any]:
    """The calls, each at its time whatever becomes of the others."""
    for _ in range(5):
        await ask()
    seen.clear()
    _get(f"{url}/begin")
    dice = random.Random(7)
    times = sorted(dice.uniform(0, SECONDS) for _ in range(calls))
    began, cpu = time.monotonic(), time.process_time()
    took: list[float] = []
    late: list[float] = []
    failures: Counter[str] = Counter()

    async def one(at: float) -> None:
        late.append(time.monotonic() - began - at)
        try:
            assert await ask() == "A router."
        except Exception as error:  # whatever it is, the caller has no answer
            failures[type(error).__name__] += 1
            print(f"{at:.1f} s: {error}", file=sys.stderr)
        else:
            took.append(time.monotonic() - began - at)

    async with asyncio.TaskGroup() as group:
        for at in times:
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            group.create_task(one(at))
    took.sort()
    late.sort()
    return {
        "calls": calls,
        "answered": len(took),
        "failures": dict(failures),
        **{f"p{share}": took[int(len(took) * share / 100)] for share in (50, 95, 99)},
        "longest": took[-1],
        "late": late[int(len(late) * 0.99)],
        "cpu": time.process_time() - cpu,
        **seen,
        **_get(f"{url}/counts"),
    }


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as reply:
        return json.load(reply)


def main() -> None:
    name, calls, *ports = sys.argv[1:]
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches a price list when it is imported
    hosts = [f"http://127.0.0.1:{port}" for port in ports]
    ask = CONTENDERS[name]([f"{host}/v1" for host in hosts])
    print(json.dumps(asyncio.run(run(ask, int(calls), hosts[0]))))


if __name__ == "__main__":
    main()
