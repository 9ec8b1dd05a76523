"""The one question that goes to the Hub: who serves a model, and under which name."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from .embedding.models import EmbeddingModel, embedding_model
from .endpoint import Endpoint, Exchange, json_reply
from .faults import Reply
from .refusals import Refusal

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
        model = embedding_model(name, self._state.aliases)
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


def _facts(model: EmbeddingModel, listed: bool) -> dict[str, Any]:
    entries = {
        provider: {
            "status": served.status,
            "providerId": served.id or model.id,
            "task": served.task,
            "isModelAuthor": False,
        }
        for provider, served in model.providers.items()
    }
    as_list = [{"provider": provider, **entry} for provider, entry in entries.items()]
    return {
        "author": model.id.partition("/")[0],
        "pipeline_tag": model.pipeline_tag,
        "tags": ["sentence-similarity", "feature-extraction", "transformers"],
        "inferenceProviderMapping": as_list if listed else entries,
    }
