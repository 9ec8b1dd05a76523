"""The Hub's questions: who serves a model, what its page says, and which models there are.

Lives here: the routes. Not here: the facts (`hub_facts`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from .embedding.models import embedding_model
from .endpoint import Endpoint, Exchange, json_reply
from .faults import Reply
from .hub_facts import RENAMED, Page, page_of, pages
from .refusals import Refusal, unauthorised
from .tasks.models import task_model

__all__ = ["ModelInfo", "ModelList", "WhoAmI"]

_PLAIN = ("author", "pipeline_tag", "tags")
"""What the Hub says of a model without being asked for it."""

_SORTS = ("createdAt", "downloads", "lastModified", "likes", "trendingScore")
_PAGE = 5
"""Models on one page of the list, at most: the Hub has 1,000, and here paging must be seen."""


class ModelInfo(Endpoint):
    """`GET /api/models/{org}/{name}`, with `expand[]` or `expand` for what is wanted.

    Public, but a wrong token is refused, as on the Hub.
    """

    async def answer(self, exchange: Exchange) -> Reply:
        if self._state.token is not None and "authorization" in exchange.received.headers:
            self.check_token(exchange)
        name = exchange.request.path_params["model"]
        if name in RENAMED:
            query = exchange.received.query
            place = f"/api/models/{RENAMED[name]}" + (f"?{query}" if query else "")
            return Reply(307, exchange.headers | {"location": place, "content-length": "0"}, (b"",))
        model = task_model(name, self._state.aliases) or embedding_model(name, self._state.aliases)
        page = page_of(name if model is None else model.id, model)
        if page is None:
            text = "Repository not found"
            headers = {"x-error-code": "RepoNotFound", "x-error-message": text}
            raise Refusal(404, {"error": text}, headers)
        quirk = exchange.embed_quirks.mapping_as_list
        told = page.as_json(as_list=quirk)
        kept = ("_id", "id", *(_expanded(exchange) or _PLAIN))
        return json_reply({key: told[key] for key in kept if key in told}, exchange.headers)


class ModelList(Endpoint):
    """`GET /api/models`: filters, an order, and pages of five with a `Link` to the next.

    Parameters: search, author, pipeline_tag, filter (repeated), inference, inference_provider, gated, sort, limit,
    expand[]. What else the Hub takes is passed over.
    """

    async def answer(self, exchange: Exchange) -> Reply:
        if self._state.token is not None and "authorization" in exchange.received.headers:
            self.check_token(exchange)
        asked = parse_qsl(exchange.received.query)
        found = [page for page in pages() if _fits(page.as_json(), asked)]
        told = [page.as_json(as_list=True) for page in _sorted(found, dict(asked).get("sort"))]
        limit = _number(dict(asked).get("limit"), len(told))
        start = _number(dict(asked).get("cursor"), 0)
        end = min(start + min(_PAGE, limit), len(told))
        headers = dict(exchange.headers)
        if end < len(told) and limit > _PAGE:
            rest = [(key, value) for key, value in asked if key not in ("cursor", "limit")]
            rest += [("cursor", str(end)), ("limit", str(limit - (end - start)))]
            base = f"http://{exchange.received.headers.get('host', '')}/api/models"
            headers["link"] = f'<{base}?{urlencode(rest)}>; rel="next"'
        kept = ("_id", "id", *(_expanded(exchange) or (*_PLAIN, "downloads", "likes", "createdAt")))
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


def _expanded(exchange: Exchange) -> list[str]:
    return [
        value
        for key, joined in parse_qsl(exchange.received.query)
        if key in ("expand", "expand[]")
        for value in joined.split(",")
    ]


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
