"""The one question that goes to the Hub: who serves a model, and under which name."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from .embedding.models import EmbeddingModel, Served, embedding_model
from .endpoint import Endpoint, Exchange, json_reply
from .faults import Reply
from .refusals import Refusal
from .tasks.models import TaskModel, task_model

__all__ = ["ModelInfo"]

_PLAIN = ("author", "pipeline_tag", "tags")
"""What the Hub says of a model without being asked for it."""


class ModelInfo(Endpoint):
    """`GET /api/models/{org}/{name}`, with `expand[]` or `expand` for what is wanted.

    Public, but a wrong token is refused, as on the Hub.
    """

    async def answer(self, exchange: Exchange) -> Reply:
        if self._state.token is not None and "authorization" in exchange.received.headers:
            self.check_token(exchange)
        name = exchange.request.path_params["model"]
        model = task_model(name, self._state.aliases) or embedding_model(name, self._state.aliases)
        if model is None:
            text = "Repository not found"
            headers = {"x-error-code": "RepoNotFound", "x-error-message": text}
            raise Refusal(404, {"error": text}, headers)
        asked = parse_qsl(exchange.received.query)
        expanded = [value for key, value in asked if key in ("expand", "expand[]")]
        quirk = exchange.embed_quirks.mapping_as_list
        facts = _facts(model, model.listed if quirk is None else quirk)
        kept = expanded or _PLAIN
        body = {"_id": "0" * 24, "id": model.id} | {key: facts[key] for key in kept if key in facts}
        return json_reply(body, exchange.headers)


def _entry(model: EmbeddingModel | TaskModel, served: Served) -> dict[str, Any]:
    entry = {
        "status": served.status,
        "providerId": served.id or model.id,
        "task": served.task,
        "isModelAuthor": False,
    }
    if served.adapter:
        entry |= {"type": "tag-filter", "adapter": "lora", "adapterWeightsPath": served.adapter}
    return entry


def _facts(model: EmbeddingModel | TaskModel, listed: bool) -> dict[str, Any]:
    entries = {provider: _entry(model, served) for provider, served in model.providers.items()}
    as_list = [{"provider": provider, **entry} for provider, entry in entries.items()]
    return {
        "author": model.id.partition("/")[0],
        "pipeline_tag": model.pipeline_tag,
        "tags": list(model.tags),
        "inferenceProviderMapping": as_list if listed else entries,
    }
