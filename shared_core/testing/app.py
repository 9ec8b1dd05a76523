"""The routes: the catalogue and chat completions, with the router's headers on every reply."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from . import catalogue
from .brains import Brains
from .connection import SCOPE_KEY, Connection
from .delivery import Delivery
from .faults import Fault, Reply
from .quirks import Quirks
from .record import Received
from .refusals import Refusal, too_long, unauthorised
from .replies import chunks, completion, finish, prompt_tokens
from .state import CHAT_PATH, Scripted, State
from .validate import decode_body, read_call


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an endpoint answers from; it may add to the reply's headers before it fails."""

    request: Request
    received: Received
    quirks: Quirks
    headers: dict[str, str]


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
        faults = self._state.arrived(received)
        try:
            reply = await self._reply(request, received, faults)
            await Delivery(reply, received, connection, send).run()
        except Exception as error:
            self._state.crashed(error)
            raise
        finally:
            self._state.answered()

    async def _reply(self, request: Request, received: Received, faults: tuple[Scripted, ...]) -> Reply:
        headers = {"x-request-id": _request_id(received)}
        quirks = next((item for item in faults if isinstance(item, Quirks)), Quirks())
        try:
            reply = await self.answer(Exchange(request, received, quirks, headers))
        except Refusal as refusal:
            headers |= {"content-type": refusal.content_type, "content-length": str(len(refusal.body))}
            reply = Reply(refusal.status, headers | refusal.headers, (refusal.body,))
        for fault in faults:
            if isinstance(fault, Fault):
                reply = fault.reshape(reply)
        return reply

    async def answer(self, exchange: Exchange) -> Reply:
        """The reply, before any fault; raises `Refusal`."""
        raise Refusal(404, {"error": f"Not Found: {exchange.received.path}"})


class Chat(Endpoint):
    """`POST /v1/chat/completions`."""

    async def answer(self, exchange: Exchange) -> Reply:
        exchange.headers["x-inference-provider"] = "offline"
        wanted = self._state.token
        if wanted is not None and exchange.received.headers.get("authorization") != f"Bearer {wanted}":
            raise unauthorised()
        call = read_call(decode_body(exchange.received.raw), self._state.aliases)
        exchange.headers["x-inference-provider"] = call.provider
        media = [item for message in call.messages for item in message.media]
        exchange.received.media += [(item.type, item.data) for item in media if not item.url]
        exchange.received.urls += [item.url for item in media if item.url]
        length = prompt_tokens(call)
        if length + (call.max_tokens or 0) > catalogue.CONTEXT_LENGTH:
            raise too_long(length, call.max_tokens or 0, catalogue.CONTEXT_LENGTH)
        done = finish(call, await self._brains.answer(call))
        if not call.stream:
            return _json_reply(exchange.quirks.body(completion(done)), exchange.headers)
        events = exchange.quirks.events(chunks(done), done.usage, call.include_usage)
        kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        return Reply(200, exchange.headers | kind, tuple(events))


class Models(Endpoint):
    """`GET /v1/models` and `GET /v1/models/{org}/{name}`: public, as on the real router."""

    async def answer(self, exchange: Exchange) -> Reply:
        served = catalogue.served(self._state.aliases)
        name = exchange.request.path_params.get("model")
        if name is None:
            entries = [catalogue.model_entry(model) for model in served.values()]
            return _json_reply({"object": "list", "data": entries}, exchange.headers)
        model = served.get(name.partition(":")[0])
        if model is None:
            raise Refusal(404, {"error": f"Model {name} does not exist"})
        return _json_reply(catalogue.model_entry(model), exchange.headers)


def make_app(state: State, brains: Brains) -> Starlette:
    """The ASGI application around a shared state."""
    models = Models(state, brains)
    app = Starlette(
        routes=[
            Route(CHAT_PATH, Chat(state, brains), methods=["POST"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/models/{model:path}", models, methods=["GET"]),
            Route("/{rest:path}", Endpoint(state, brains)),
        ]
    )
    app.state.offline = state
    return app


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
        request.method, request.scope["raw_path"].decode("ascii"), headers, raw, body, connection.number
    )


def _request_id(received: Received) -> str:
    """As the router builds it: an id made by the caller comes back after a semicolon."""
    root = f"Root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}"
    sent = received.headers.get("x-amzn-trace-id")
    return f"{root};{sent}" if sent else root


def _json_reply(body: object, headers: dict[str, str]) -> Reply:
    data = json.dumps(body, ensure_ascii=False).encode()
    kind = {"content-type": "application/json; charset=utf-8", "content-length": str(len(data))}
    return Reply(200, headers | kind, (data,))
