"""The Hub's questions: who serves a model, what its page says, and which models there are.

Lives here: the routes. Not here: the facts (`hub_facts`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from .embedding.models import embedding_model
from .endpoint import Endpoint, Exchange, json_reply
from .faults import Reply
from .hub_facts import RENAMED, Page, crowd_of, page_of, pages
from .refusals import Refusal, unauthorised
from .tasks.models import task_model

__all__ = ["ModelInfo", "ModelList", "WhoAmI"]

_PLAIN = ("author", "pipeline_tag", "tags")
"""What the Hub says of a model without being asked for it."""

_SORTS = ("createdAt", "downloads", "lastModified", "likes", "trendingScore")
_OF_LISTS = frozenset(
    {
        "author",
        "cardData",
        "config",
        "createdAt",
        "disabled",
        "downloads",
        "downloadsAllTime",
        "evalResults",
        "gated",
        "gguf",
        "inference",
        "inferenceProviderMapping",
        "lastModified",
        "library_name",
        "likes",
        "mask_token",
        "model-index",
        "pipeline_tag",
        "private",
        "resourceGroup",
        "safetensors",
        "sha",
        "siblings",
        "spaces",
        "tags",
        "transformersInfo",
        "trendingScore",
        "widgetData",
    }
)
"""What may be asked for of the models of a list. Source: huggingface_hub 2.4.0, `list_models`."""
_OF_ONE = _OF_LISTS | {"baseModels", "childrenModelCount", "usedStorage"}
"""And of a single model. Source: the same, `model_info`."""


class ModelInfo(Endpoint):
    """`GET /api/models/{org}/{name}`, with `expand[]` or `expand` for what is wanted.

    Public, but a wrong token is refused, as on the Hub.
    """

    async def answer(self, exchange: Exchange) -> Reply:
        if self._state.token is not None and "authorization" in exchange.received.headers:
            self.check_token(exchange)
        name = exchange.request.path_params["model"]
        renamed = _renamed(name, exchange.hub_quirks.moves)
        if renamed:
            query = exchange.received.query
            place = f"/api/models/{renamed}" + (f"?{query}" if query else "")
            return Reply(307, exchange.headers | {"location": place, "content-length": "0"}, (b"",))
        model = task_model(name, self._state.aliases) or embedding_model(name, self._state.aliases)
        page = page_of(name if model is None else model.id, model)
        if page is None:
            text = "Repository not found"
            headers = {"x-error-code": "RepoNotFound", "x-error-message": text}
            raise Refusal(404, {"error": text}, headers)
        quirk = exchange.embed_quirks.mapping_as_list
        told = page.as_json(as_list=quirk)
        kept = ("_id", "id", *(_expanded(exchange, _OF_ONE) or _PLAIN))
        return json_reply({key: told[key] for key in kept if key in told}, exchange.headers)


class ModelList(Endpoint):
    """`GET /api/models`: filters, an order, and pages of five (`HubQuirks.page`) with a `Link` to the next.

    Parameters: search, author, pipeline_tag, filter (repeated), inference, inference_provider, gated, sort, limit,
    expand[]. What else the Hub takes is passed over.
    """

    async def answer(self, exchange: Exchange) -> Reply:
        if self._state.token is not None and "authorization" in exchange.received.headers:
            self.check_token(exchange)
        asked, quirks = parse_qsl(exchange.received.query), exchange.hub_quirks
        told = _listed(tuple(pair for pair in asked if pair[0] in _CHOOSING), quirks.crowd)
        start = _number(dict(asked).get("cursor"), 0)
        # As on the Hub, `limit` is the length of a page and no end of the list.
        end = start + min(quirks.page, _number(dict(asked).get("limit"), quirks.page))
        headers = dict(exchange.headers)
        if end < len(told):
            rest = [*((key, value) for key, value in asked if key != "cursor"), ("cursor", str(end))]
            headers["link"] = f'<{_next(exchange, urlencode(rest))}>; rel="next"'
        kept = (
            "_id",
            "id",
            *(_expanded(exchange, _OF_LISTS) or (*_PLAIN, "downloads", "likes", "createdAt")),
        )
        body = [{key: each[key] for key in kept if key in each} for each in told[start:end]]
        return json_reply(body, headers)


class WhoAmI(Endpoint):
    """`GET /api/whoami-v2`: whose token it is, and what it may."""

    async def answer(self, exchange: Exchange) -> Reply:
        if "authorization" not in exchange.received.headers:
            raise unauthorised()
        self.check_token(exchange)
        scoped = [{"entity": {"type": "user"}, "permissions": ["inference.serverless.write"]}]
        token = {"role": "fineGrained", "fineGrained": {"global": [], "scoped": scoped}}
        body = {"type": "user", "name": "offline", "auth": {"type": "access_token", "accessToken": token}}
        return json_reply(body, exchange.headers)


def _expanded(exchange: Exchange, known: frozenset[str]) -> list[str]:
    wanted = [
        value
        for key, joined in parse_qsl(exchange.received.query)
        if key in ("expand", "expand[]")
        for value in joined.split(",")
    ]
    if strange := [name for name in wanted if name not in known]:
        raise Refusal(400, {"error": f'"expand" must be one of {sorted(known)}; got {strange[0]!r}'})
    return wanted


def _next(exchange: Exchange, query: str) -> str:
    here = f"http://{exchange.received.headers.get('host', '')}/api/models"
    return {
        "usual": f"{here}?{query}",
        "relative": f"/api/models?{query}",
        "elsewhere": f"http://elsewhere.invalid/api/models?{query}",
        "itself": f"{here}?{exchange.received.query}",
    }[exchange.hub_quirks.next]


def _renamed(name: str, moves: tuple[str, ...]) -> str:
    """The name that a redirect leads to; "" where there is none."""
    if name in moves:
        return moves[(moves.index(name) + 1) % len(moves)]
    return RENAMED.get(name, "")


_CHOOSING = frozenset(
    {"search", "author", "pipeline_tag", "filter", "inference", "inference_provider", "gated", "sort"}
)


@lru_cache(maxsize=8)
def _listed(asked: tuple[tuple[str, str], ...], crowd: int) -> list[dict[str, Any]]:
    """The whole list for a question."""
    found = [page for page in [*pages(), *crowd_of(crowd)] if _fits(page.as_json(), list(asked))]
    return [page.as_json(as_list=True) for page in _sorted(found, dict(asked).get("sort"))]


def _fits(told: dict[str, Any], asked: list[tuple[str, str]]) -> bool:
    return all(_passes(told, key, value) for key, value in asked)


def _passes(told: dict[str, Any], key: str, value: str) -> bool:
    served = told["inferenceProviderMapping"]
    live = {name for name, entry in _items(served) if entry["status"] == "live"}
    if key == "search":
        return value.lower() in told["id"].lower()
    if key == "author":
        return bool(told["author"] == value)
    if key == "pipeline_tag":
        return bool(told["pipeline_tag"] == value)
    if key == "filter":
        return all(tag in (*told["tags"], told["pipeline_tag"]) for tag in value.split(","))
    if key == "inference":
        return bool(live)
    if key == "inference_provider":
        return bool(live) if value == "all" else not live.isdisjoint(value.split(","))
    if key == "gated":
        return bool(told["gated"]) == (value == "true")
    return True


def _items(served: Any) -> list[tuple[str, Any]]:
    if isinstance(served, dict):
        return list(served.items())
    return [(entry["provider"], entry) for entry in served]


def _sorted(found: list[Page], sort: str | None) -> list[Page]:
    if sort not in _SORTS:
        sort = "trendingScore"
    lowest: Any = "" if sort in ("createdAt", "lastModified") else -1
    return sorted(found, key=lambda page: page.facts.get(sort, lowest), reverse=True)


def _number(text: str | None, usual: int) -> int:
    return int(text) if text is not None and text.isdecimal() else usual
