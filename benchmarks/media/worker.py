"""Fifty videos at once in one event loop, by one contender: `worker.py hfrouter|huggingface_hub PORT [JOBS]`.

Prints a line of JSON: wall and processor seconds, how late the event loop was (a task that wants to wake up every
5 ms notes by how much it did not), threads at most.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable

EVERY = 0.005  # seconds


def hfrouter(root: str) -> Callable[[], Awaitable[int]]:
    from shared_core import AsyncHFRouter

    router = AsyncHFRouter(
        "org/m:fal-ai", base_url=f"{root}/v1", api_key="hf_x", embedding_api="router", hub_url=root
    )

    async def film() -> int:
        return len((await router.text_to_video("a paper boat")).data)

    return film


def huggingface_hub(root: str) -> Callable[[], Awaitable[int]]:
    from huggingface_hub import AsyncInferenceClient, constants
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference._providers._common import HARDCODED_MODEL_INFERENCE_MAPPING

    constants.INFERENCE_PROXY_TEMPLATE = root + "/{provider}"
    HARDCODED_MODEL_INFERENCE_MAPPING["fal-ai"]["org/m"] = InferenceProviderMapping(
        provider="fal-ai", hf_model_id="org/m", providerId="m", status="live", task="text-to-video"
    )
    client = AsyncInferenceClient(provider="fal-ai", api_key="hf_x")

    async def film() -> int:
        return len(await client.text_to_video("a paper boat", model="org/m"))

    return film


async def measured(film: Callable[[], Awaitable[int]], jobs: int) -> dict[str, float]:
    late: list[float] = []
    threads = 0

    async def watch() -> None:
        nonlocal threads
        while True:
            asleep = time.perf_counter()
            await asyncio.sleep(EVERY)
            late.append(time.perf_counter() - asleep - EVERY)
            threads = max(threads, threading.active_count())

    await film()  # what is loaded and opened with the first one
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    wall, cpu = time.perf_counter(), time.process_time()
    sizes = await asyncio.gather(*(film() for _ in range(jobs)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    watching.cancel()
    assert all(size > 2**20 for size in sizes)
    late.sort()
    return {
        "wall": wall,
        "cpu": cpu,
        "late_p99": late[len(late) * 99 // 100],
        "late_max": late[-1],
        "threads": threads,
    }


if __name__ == "__main__":
    name, port, *rest = sys.argv[1:]
    film = {"hfrouter": hfrouter, "huggingface_hub": huggingface_hub}[name](f"http://127.0.0.1:{port}")
    print(json.dumps(asyncio.run(measured(film, int(rest[0]) if rest else 50))))
