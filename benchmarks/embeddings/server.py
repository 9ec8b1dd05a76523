"""A server that answers embedding requests after 20 ms and takes 64 texts a call.

Lives here: a bare asyncio protocol with prebuilt replies, OpenAI-shaped (floats or base64, as asked) and
feature-extraction-shaped. Not here: contenders. It prints its port, and ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import random
import struct
import sys

DELAY = 0.02  # seconds before an answer, as a fast provider takes
MOST = 64  # texts in one call; more are refused with 413
WIDTH = 384

_numbers = random.Random(7)
_VECTOR = [round(_numbers.uniform(-0.2, 0.2), 8) for _ in range(WIDTH)]
_FLOATS = json.dumps(_VECTOR)
_BASE64 = json.dumps(base64.b64encode(struct.pack(f"<{WIDTH}f", *_VECTOR)).decode())


@functools.cache
def reply(kind: str, count: int) -> bytes:
    """A whole HTTP answer with so many vectors: kind "bare", "float" or "base64"."""
    if count > MOST:
        body = json.dumps(
            {"error": f"batch size {count} > maximum allowed batch size {MOST}", "error_type": "Validation"}
        )
        return _http("413 Payload Too Large", body)
    if kind == "bare":
        return _http("200 OK", "[" + ",".join([_FLOATS] * count) + "]")
    vector = _BASE64 if kind == "base64" else _FLOATS
    rows = ",".join(f'{{"object":"embedding","index":{at},"embedding":{vector}}}' for at in range(count))
    usage = f'{{"prompt_tokens":{count * 12},"total_tokens":{count * 12}}}'
    return _http("200 OK", f'{{"object":"list","data":[{rows}],"model":"m","usage":{usage}}}')


def _http(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, request after request."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = next(
                (
                    int(line.split(":")[1])
                    for line in head.split("\r\n")
                    if line.startswith("content-length:")
                ),
                0,
            )
            raw = await reader.readexactly(length)
            if head.startswith("get"):  # huggingface_hub asks about the model first
                writer.write(_http("404 Not Found", "{}"))
                continue
            asked = json.loads(raw)
            texts = asked.get("inputs", asked.get("input"))
            count = len(texts) if isinstance(texts, list) else 1
            kind = "bare" if "inputs" in asked else asked.get("encoding_format", "float")
            await asyncio.sleep(DELAY)
            writer.write(reply(kind, count))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
