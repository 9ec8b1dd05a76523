"""A server with a queue like fal.ai's: jobs take three seconds, and give a film of a megabyte.

Lives here: a bare asyncio protocol. Not here: contenders. It prints its port, and ends when its stdin closes.
Paths stand with and without "/fal-ai" before them: huggingface_hub asks after jobs without it where the address
is not the router's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

SECONDS = 3.0
FILM = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(2**20)

_numbers = itertools.count(1)
_begun: dict[str, float] = {}
_asked = 0


def answer(method: str, path: str, port: int) -> bytes:
    """The whole HTTP answer to one request."""
    global _asked
    path = path.partition("?")[0].removeprefix("/fal-ai")
    if path == "/asked":
        told, _asked = _asked, 0
        return _json({"asked": told})
    if path.endswith(".mp4"):
        return _http("video/mp4", FILM)
    if path.startswith("/api/models/"):
        served = {"fal-ai": {"status": "live", "providerId": "m", "task": "text-to-video"}}
        return _json({"id": "org/m", "inferenceProviderMapping": served})
    if method == "POST":
        job = str(next(_numbers))
        _begun[job] = time.monotonic()
        return _json(
            {"request_id": job, "status": "IN_QUEUE", "response_url": f"https://queue/m/requests/{job}"}
        )
    job = path.split("/")[3]
    if path.endswith("/status"):
        _asked += 1
        done = time.monotonic() - _begun[job] >= SECONDS
        return _json({"request_id": job, "status": "COMPLETED" if done else "IN_PROGRESS"})
    return _json({"video": {"url": f"http://127.0.0.1:{port}/{job}.mp4", "content_type": "video/mp4"}})


def _json(value: object) -> bytes:
    return _http("application/json", json.dumps(value).encode())


def _http(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, request after request."""
    port = writer.get_extra_info("sockname")[1]
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
            if lengths:
                await reader.readexactly(int(lengths[0].split(":")[1]))
            writer.write(answer(method, path, port))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
