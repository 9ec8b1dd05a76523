"""An endpoint's own address: what its container serves, behind the proxy that says when there is none.

A container knows one model, and is strict about its name as vLLM is; TGI's and TEI's take any. It asks for a token, but
for a public endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared_core.testing.endpoint import Endpoint, Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import Refusal, unauthorised

from .fleet import Deployed

if TYPE_CHECKING:
    from shared_core.testing.brains import Brains
    from shared_core.testing.state import State

__all__ = ["Serving"]

_LENIENT = ("tgi", "tei", "llamacpp", "huggingface")


class Serving(Endpoint):
    """Everything below an endpoint's address."""

    def __init__(self, state: State, brains: Brains) -> None:
        super().__init__(state, brains)
        from shared_core.testing.app import Chat
        from shared_core.testing.embedding.rerank import Rerank, TeiRerank
        from shared_core.testing.embedding.routes import OpenAIEmbeddings, TeiEmbed, TeiHealth, TeiInfo
        from shared_core.testing.tasks.completions import Completions

        self._served: Mapping[str, Endpoint] = {
            "v1/chat/completions": Chat(state, brains),
            "v1/completions": Completions(state, brains, "featherless-ai"),
            "v1/embeddings": OpenAIEmbeddings(state, brains),
            "v1/rerank": Rerank(state, brains),
            "embed": TeiEmbed(state, brains),
            "rerank": TeiRerank(state, brains),
            "info": TeiInfo(state, brains),
            "health": TeiHealth(state, brains),
        }

    async def answer(self, exchange: Exchange) -> Reply:
        path = exchange.request.path_params
        found = self._state.fleet.asked(path["namespace"], path["name"])
        if found.told["type"] != "public":
            if "authorization" not in exchange.received.headers:
                raise unauthorised()
            self.check_token(exchange)
        if path["rest"] in ("v1/models", f"v1/models/{found.served}"):
            entry = {"id": found.served, "object": "model", "created": 0, "owned_by": "offline"}
            whole = {"object": "list", "data": [entry]}
            return json_reply(whole if path["rest"] == "v1/models" else entry, exchange.headers)
        inner = self._served.get(path["rest"])
        if inner is None:
            raise Refusal(404, {"error": f"Not Found: /{path['rest']}"})
        reply = await inner.answer(_of_its_model(exchange, found))
        exchange.received.charge = None  # it is paid for by the hour
        return replace(
            reply,
            headers={key: value for key, value in reply.headers.items() if key != "x-inference-provider"},
        )


def _of_its_model(exchange: Exchange, found: Deployed) -> Exchange:
    """The exchange with the repository as its model, which the models here go by."""
    body: Any = exchange.received.json
    asked = body.get("model") if isinstance(body, Mapping) else None
    if asked is None:
        return exchange
    image = next(iter(found.told["model"].get("image") or {"huggingface": {}}))
    if asked != found.served and image not in _LENIENT:
        text = f"The model `{asked}` does not exist."
        raise Refusal(
            404, {"object": "error", "message": text, "type": "NotFoundError", "param": "model", "code": 404}
        )
    if asked == found.model:
        return exchange
    return replace(exchange, received=_asking_for(exchange, found.model))


def _asking_for(exchange: Exchange, model: str) -> Any:
    import json

    body = {**exchange.received.json, "model": model}
    return replace(exchange.received, json=body, raw=json.dumps(body).encode())
