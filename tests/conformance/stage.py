"""Plays the recording of a task: in the Hub's place, in the router's, and in that of the hosts where files lie.

Lives here: what is answered to which address, and what the recorded caller asked for. Not here: what must come out
(`test_task_recordings`).
"""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import wave
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from shared_core import AsyncHFRouter, HFRouter
from shared_core.providers import MAPPINGS

from .conftest import Recording

ROUTER = "https://router.huggingface.co"

PLAYED_BY: Mapping[str, tuple[str, str]] = {
    "nebius": (
        "nscale",
        "nebius left the router in July 2026 (huggingface_hub#4447); its replies are OpenAI's, as nscale's are",
    ),
    "hub": ("hf-inference", "the Hub's own word on a model"),
}
"""Providers that cannot be asked any more: who plays their part, and why."""

TASKS: Mapping[str, tuple[str, str]] = {
    "conversational-legacy": (
        "text-generation",
        "the task went with hf-inference's older interface; its reply is a pipeline's `generated_text`",
    ),
    "hub-model-info": ("feature-extraction", "asked by whoever embeds or asks for a task"),
}
"""Tasks that are none any more: what is asked for in their place, and why."""


def _png() -> bytes:
    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + piece(b"IHDR", head)
        + piece(b"IDAT", zlib.compress((b"\x00" + bytes(9)) * 2))
        + piece(b"IEND", b"")
    )


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(160))
    return file.getvalue()


PNG, WAV = _png(), _wav()
"""In the place of files that were not recorded: pictures asked about, and results on other hosts."""


@dataclass
class Stage:
    """One recording, about to be played.

    Attributes:
        recording: What is answered.
        piece: Bytes a read; 0 for all at once.
        requests: (method, address, headers, body) of all that came, look-ups left out.
        fetched: Addresses of files that were asked for.
    """

    recording: Recording
    piece: int = 0
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    @property
    def task(self) -> str:
        task = self.recording.scenario["task"]
        return TASKS.get(task, (task, ""))[0]

    @property
    def provider(self) -> str:
        provider = self.recording.scenario["provider"]
        return PLAYED_BY.get(provider, (provider, ""))[0]

    @property
    def model(self) -> str:
        """The model's id on the Hub, which recordings from a provider's own host do not have."""
        return self.recording.model if self.provider == "hf-inference" else "recorded/model"

    @property
    def asked(self) -> Any:
        """What the recorded caller sent: JSON, bytes, or None where it was not stored."""
        request = self.recording.scenario["interactions"][-1]["request"]
        if "base64" in request:
            return base64.b64decode(request["base64"])
        return request.get("json")

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        host, path = request.url.host, request.url.path
        if host == "huggingface.co" and path.startswith("/api/models/"):
            if self.recording.scenario["task"] == "hub-model-info":
                self.requests.append((request.method, str(request.url), dict(request.headers), b""))
                return self._recorded(request)
            return httpx2.Response(200, json=self._mapping())
        if host != "router.huggingface.co":
            self.fetched.append(str(request.url))
            return httpx2.Response(200, content=WAV if self.task == "text-to-speech" else PNG)
        self.requests.append((request.method, str(request.url), dict(request.headers), request.content))
        return self._recorded(request)

    def _mapping(self) -> dict[str, Any]:
        """The Hub's word that the recorded provider serves the model; made up, since it was not recorded."""
        pid = self.recording.model or "org/none"
        version = pid.removeprefix("version ")
        if version != pid:  # replicate, by a version alone
            pid = f"org/name:{self.asked['version']}"
        entry = {"status": "live", "providerId": pid, "task": self.task}
        return {"id": self.model, "inferenceProviderMapping": {self.provider: entry}}

    def _recorded(self, request: httpx2.Request) -> httpx2.Response:
        recorded = self.recording
        headers = [
            (name, each)
            for name, value in recorded.headers.items()
            for each in (value if isinstance(value, list) else [value])
        ]
        content: Any = recorded.body
        if self.piece:
            asynchronous = isinstance(request.extensions.get("loop"), bool)
            content = self._apieces() if asynchronous else self._pieces()
        return httpx2.Response(recorded.status, headers=headers, content=content)

    def _pieces(self) -> Iterator[bytes]:
        body = self.recording.body
        for start in range(0, len(body), self.piece):
            yield body[start : start + self.piece]

    async def _apieces(self) -> AsyncIterator[bytes]:
        for piece in self._pieces():
            await asyncio.sleep(0)
            yield piece

    async def aanswer(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["loop"] = True
        return self.answer(request)

    async def ask(self, kind: str, method: str, given: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The reply to one call; of a stream, the deltas and the reply."""
        self.recording.played = True
        MAPPINGS.clear()
        settings: dict[str, Any] = {
            "api_key": "hf_canary",
            "base_url": f"{ROUTER}/v1",
            "hub_url": "https://huggingface.co",
            "max_retries": 0,
            "timeout": 10.0,
        }
        name = f"{self.model}:{self.provider}"
        if kind == "threads":
            with httpx2.Client(transport=httpx2.MockTransport(self.answer)) as client:
                made = getattr(HFRouter(name, http_client=client, **settings), method)(*given, **options)
                if method == "stream_text":
                    with made as stream:
                        return list(stream), stream.reply
                return made
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self.aanswer)) as aclient:
            made = getattr(AsyncHFRouter(name, http_client=aclient, **settings), method)(*given, **options)
            if method == "stream_text":
                async with made as stream:
                    return [delta async for delta in stream], stream.reply
            return await made
