"""What every route shares: a request is recorded, meets its script, is answered and delivered.

Lives here: the ASGI application that routes derive from. Not here: any route (`app`, `embedding`, `hub`).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .bill import settle
from .brains import Brains
from .connection import SCOPE_KEY, Connection
from .delivery import Delivery
from .embedding.quirks import EmbedQuirks
from .faults import REPLACING, Fault, Reply
from .hub_quirks import HubQuirks
from .quirks import Quirks
from .record import Received
from .refusals import Refusal, unauthorised
from .state import Scripted, State
from .tasks.quirks import MediaQuirks

__all__ = ["Endpoint", "Exchange", "bytes_reply", "json_reply"]

_USUAL = EmbedQuirks()
_USUAL_MEDIA = MediaQuirks()
_USUAL_HUB = HubQuirks()


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an endpoint answers from; it may add to the reply's headers before it fails."""

    request: Request
    received: Received
    quirks: Quirks
    embed_quirks: EmbedQuirks
    headers: dict[str, str]
    media_quirks: MediaQuirks = _USUAL_MEDIA
    hub_quirks: HubQuirks = _USUAL_HUB


class Endpoint:
    """An ASGI application for one route: records, applies the script, answers, delivers.

    By itself it serves the paths that do not exist.
    """

    def __init__(self, state: State, brains: Brains) -> None:
        self._state = state
        self._brains = brains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: Connection = scope["state"][SCOPE_KEY]
        request = Request(scope, receive)
        received = await _receive(request, connection)
        if scope["server"][1] == self._state.works.files_port:
            received.origin = "files"
        faults = self._state.arrived(received)
        try:
            reply = await self._reply(request, received, faults)
            await Delivery(reply, received, connection, send, self._charge).run()
        except Exception as error:
            self._state.crashed(error)
            raise
        finally:
            self._state.answered()

    async def _reply(self, request: Request, received: Received, faults: tuple[Scripted, ...]) -> Reply:
        headers = {"x-request-id": _request_id(received)}
        quirks = next((item for item in faults if isinstance(item, Quirks)), Quirks())
        embed_quirks = next((item for item in faults if isinstance(item, EmbedQuirks)), _USUAL)
        media_quirks = next((item for item in faults if isinstance(item, MediaQuirks)), _USUAL_MEDIA)
        hub_quirks = next((item for item in faults if isinstance(item, HubQuirks)), _USUAL_HUB)
        try:
            exchange = Exchange(request, received, quirks, embed_quirks, headers, media_quirks, hub_quirks)
            reply = await self.answer(exchange)
        except Refusal as refusal:
            headers |= {"content-type": refusal.content_type, "content-length": str(len(refusal.body))}
            reply = Reply(refusal.status, headers | refusal.headers, (refusal.body,))
        if received.charge is not None:
            steps = tuple(step for step in reply.steps if isinstance(step, bytes))
            received.charge = replace(received.charge, steps=steps)
        for fault in faults:
            if isinstance(fault, Fault):
                reply = fault.reshape(reply)
            if isinstance(fault, REPLACING):
                received.charge = None
        return reply

    def _charge(self, received: Received, sent: list[bytes], left: bool) -> None:
        if received.charge is not None:
            entry = settle(received.charge, received.status, sent, left=left)
            if entry is not None:
                self._state.charge(entry)

    async def answer(self, exchange: Exchange) -> Reply:
        """The reply, before any fault; raises `Refusal`."""
        raise Refusal(404, {"error": f"Not Found: {exchange.received.path}"})

    def check_token(self, exchange: Exchange) -> None:
        """Refuse a request without the token, where the server was started with one."""
        wanted = self._state.token
        if wanted is not None and exchange.received.headers.get("authorization") != f"Bearer {wanted}":
            raise unauthorised()


async def _receive(request: Request, connection: Connection) -> Received:
    raw = await request.body()
    # Recorded bodies are read leniently: what is wrong with them is said in the reply, not here.
    body: Any = None
    if raw:
        try:
            body = json.loads(raw) if len(raw) < 1 << 20 else await asyncio.to_thread(json.loads, raw)
        except ValueError:
            body = None
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Received(
        request.method,
        request.scope["raw_path"].decode("ascii"),
        headers,
        raw,
        body,
        connection.number,
        query=request.scope["query_string"].decode("ascii"),
    )


def _request_id(received: Received) -> str:
    """As the router builds it: an id made by the caller comes back after a semicolon."""
    root = f"Root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}"
    sent = received.headers.get("x-amzn-trace-id")
    return f"{root};{sent}" if sent else root


def json_reply(body: object, headers: dict[str, str]) -> Reply:
    """A reply of status 200 with a JSON value."""
    return bytes_reply(json.dumps(body, ensure_ascii=False).encode(), headers)


def bytes_reply(data: bytes, headers: dict[str, str]) -> Reply:
    """A reply of status 200 with JSON that is written already."""
    kind = {"content-type": "application/json; charset=utf-8", "content-length": str(len(data))}
    return Reply(200, headers | kind, (data,))
