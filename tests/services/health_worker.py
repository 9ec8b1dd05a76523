"""A worker of `test_services_shared_health`: a line in, a call, and the model that answered out."""

from __future__ import annotations

import asyncio
import os
import sys

from shared_core import AsyncHFRouter, HFRouter

url, state = sys.argv[1:3]
SETTINGS = {
    "base_url": url,
    "api_key": "hf_of_the_fleet",
    "fallback": ["offline/tools"],
    "state": state,
    "max_retries": 0,
}
HELLO = [{"role": "user", "content": "hello"}]


def asked() -> str:
    return HFRouter("offline/echo", **SETTINGS).chat(HELLO).meta.model


async def asked_in_a_loop() -> str:
    async with AsyncHFRouter("offline/echo", **SETTINGS) as router:
        return (await router.chat(HELLO)).meta.model


print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "fork":
        asked()
        child = os.fork()
        if child == 0:
            print(asked(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    elif line.strip() == "async":
        print(asyncio.run(asked_in_a_loop()), flush=True)
    else:
        print(asked(), flush=True)
