"""Many chats at once over aiohttp."""

import asyncio
import json
import os
import sys

from shared_core import AsyncHFRouter


async def main():
    options = {"base_url": os.environ["OFFLINE"], "api_key": "any", "transport": "aiohttp"}
    async with AsyncHFRouter("offline/echo", **options) as router:
        asks = [router.chat([{"role": "user", "content": f"number {number}"}]) for number in range(50)]
        return [reply.text for reply in await asyncio.gather(*asks)]


texts = asyncio.run(main())
print(json.dumps({"texts": len({*texts}), "aiohttp": "aiohttp" in sys.modules}))
