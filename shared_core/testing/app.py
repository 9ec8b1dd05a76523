"""The routes: which path is answered by what; the catalogue and chat completions are here themselves."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import catalogue
from .account import USAGE_PATH, AccountUsage
from .bill import TARIFFS, Charge
from .brains import Brains
from .call import ChatCall
from .embedding.rerank import Rerank, TeiRerank
from .embedding.routes import FeatureExtraction, OpenAIEmbeddings, TeiEmbed, TeiHealth, TeiInfo
from .endpoint import Endpoint, Exchange, json_reply
from .faults import Reply
from .hub import ModelInfo, ModelList, WhoAmI
from .refusals import Refusal, too_long
from .replies import Finished, chunks, completion, finish, prompt_tokens
from .state import CHAT_PATH, State
from .tasks.routes import file_routes, task_routes
from .validate import decode_body, read_call


class Chat(Endpoint):
    """`POST /v1/chat/completions`."""

    async def answer(self, exchange: Exchange) -> Reply:
        exchange.headers["x-inference-provider"] = "offline"
        self.check_token(exchange)
        call = read_call(decode_body(exchange.received.raw), self._state.aliases)
        exchange.headers["x-inference-provider"] = call.provider
        media = [item for message in call.messages for item in message.media]
        exchange.received.media += [(item.type, item.data) for item in media if not item.url]
        exchange.received.urls += [item.url for item in media if item.url]
        length = prompt_tokens(call)
        if length + (call.max_tokens or 0) > catalogue.CONTEXT_LENGTH:
            raise too_long(length, call.max_tokens or 0, catalogue.CONTEXT_LENGTH)
        done = finish(call, await self._brains.answer(call), exchange.quirks.cached_tokens)
        exchange.received.charge = _charge(call, done, exchange.headers["x-request-id"])
        if not call.stream:
            return json_reply(exchange.quirks.body(completion(done)), exchange.headers)
        events = exchange.quirks.events(chunks(done), done.usage, call.include_usage)
        kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        return Reply(200, exchange.headers | kind, tuple(events))


def _charge(call: ChatCall, done: Finished, request_id: str) -> Charge | None:
    """What the answer costs; None at providers without a price."""
    tariff, usage = TARIFFS.get(call.provider), done.usage
    if tariff is None:
        return None
    return Charge(
        request_id,
        call.model,
        call.provider,
        tariff,
        usage["prompt_tokens"],
        usage["prompt_tokens_details"]["cached_tokens"],
        usage["completion_tokens"],
        call.stream,
    )


class Models(Endpoint):
    """`GET /v1/models` and `GET /v1/models/{org}/{name}`: public, as on the real router."""

    async def answer(self, exchange: Exchange) -> Reply:
        served = catalogue.served(self._state.aliases)
        name = exchange.request.path_params.get("model")
        if name is None:
            entries = [catalogue.model_entry(model) for model in served.values()]
            return json_reply({"object": "list", "data": entries}, exchange.headers)
        model = served.get(name.partition(":")[0])
        if model is None:
            raise Refusal(404, {"error": f"Model {name} does not exist"})
        return json_reply(catalogue.model_entry(model), exchange.headers)


class Origins:
    """Two origins on one server: the port that a request came in by decides which it is."""

    def __init__(self, router: Starlette, files: ASGIApp, files_port: int) -> None:
        self.state = router.state
        self._router = router
        self._files = files
        self._files_port = files_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._files if scope["server"][1] == self._files_port else self._router
        await app(scope, receive, send)


def make_app(state: State, brains: Brains) -> Origins:
    """The ASGI application around a shared state."""
    from .dedicated.routes import dedicated_routes  # whose endpoints serve the routes of this file

    models, embed, unknown = Models(state, brains), TeiEmbed(state, brains), Endpoint(state, brains)

    def embeddings(path: str, provider: str = "") -> Route:
        return Route(path, OpenAIEmbeddings(state, brains, provider), methods=["POST"])

    app = Starlette(
        routes=[
            Route(CHAT_PATH, Chat(state, brains), methods=["POST"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/models/{model:path}", models, methods=["GET"]),
            embeddings("/v1/embeddings"),
            embeddings("/deepinfra/v1/openai/embeddings", "deepinfra"),
            embeddings("/scaleway/v1/embeddings", "scaleway"),
            embeddings("/together/v1/embeddings", "together"),
            Route(
                "/hf-inference/models/{model:path}/pipeline/feature-extraction",
                FeatureExtraction(state, brains),
                methods=["POST"],
            ),
            Route("/embed", embed, methods=["POST"]),
            Route("/", embed, methods=["POST"]),
            Route("/info", TeiInfo(state, brains), methods=["GET"]),
            Route("/health", TeiHealth(state, brains), methods=["GET"]),
            Route("/rerank", TeiRerank(state, brains), methods=["POST"]),
            Route("/v1/rerank", Rerank(state, brains), methods=["POST"]),
            Route(USAGE_PATH, AccountUsage(state, brains), methods=["GET"]),
            Route("/api/whoami-v2", WhoAmI(state, brains), methods=["GET"]),
            Route("/api/models", ModelList(state, brains), methods=["GET"]),
            Route("/api/models/{model:path}", ModelInfo(state, brains), methods=["GET"]),
            *task_routes(state, brains),
            *dedicated_routes(state, brains),
            Route("/{rest:path}", unknown),
        ]
    )
    app.state.offline = state
    files = Starlette(routes=[*file_routes(state, brains), Route("/{rest:path}", unknown)])
    return Origins(app, files, state.works.files_port)
