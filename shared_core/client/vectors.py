"""One request for vectors or scores: the innermost step of `embed` and `rerank`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared_core.client.batches import Lesson
from shared_core.client.costing import Costing
from shared_core.client.exchange import USER_AGENT, Exchange, json_of
from shared_core.errors import BadRequest, ConnectionLost
from shared_core.flow import Flow, Head
from shared_core.providers import Route
from shared_core.types import Call, Cost, EmbedRequest, RerankRequest, Usage, origin_of
from shared_core.wire import embeddings, rerank
from shared_core.wire.embeddings import Embedded
from shared_core.wire.rerank import Ranked

__all__ = ["EmbedExchange", "RerankExchange", "check_place", "cost_of_part"]

_LESS = "Ask for less at a time: lower `batch_size`."


@dataclass(frozen=True, slots=True)
class EmbedExchange:
    """Texts out, vectors in.

    Args:
        exchange: Sends, with the token for the target.
        route: Where to.
        lesson: What the host has taught so far.
    """

    exchange: Exchange
    route: Route
    lesson: Lesson

    def __call__(self, call: Call) -> Flow[tuple[Embedded, Mapping[str, str], Route]]:
        """One try with one batch; also gives the reply's headers, and the route that it took."""
        request = call.request
        assert isinstance(request, EmbedRequest)
        try:
            response = yield from self._send(call, request)
            value = yield from json_of(response, _LESS)
        finally:  # a reply mostly does not name the provider, which here is known
            call.progress.provider = call.progress.provider or self.route.provider
        embedded = embeddings.parse(value, request, self.route.dialect, response.headers)
        return embedded, response.headers, self.route

    def _send(self, call: Call, request: EmbedRequest) -> Flow[Head]:
        base64 = self.route.base64 and self.lesson.base64 and "encoding_format" not in request.extra_body
        try:
            return (yield from self._post(call, request, base64=base64))
        except BadRequest as error:
            # Hosts that do not know base64 mostly ignore the wish; a strict one names what it dislikes.
            said = error.message.lower()
            if not base64 or not ("encoding_format" in said or "base64" in said):
                raise
            self.lesson.base64 = False
        return (yield from self._post(call, request, base64=False))

    def _post(self, call: Call, request: EmbedRequest, *, base64: bool) -> Flow[Head]:
        check_place(self.route, call)
        key = yield from self.exchange.key(call, needed=True)
        route = self.route
        return (
            yield from self.exchange.send(
                call,
                embeddings.encode(
                    request, route.dialect, route.url, call.target, key, USER_AGENT, base64=base64
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class RerankExchange:
    """A query and documents out, scores in.

    Args:
        exchange: Sends, with the token for the target.
        route: Where to.
    """

    exchange: Exchange
    route: Route

    def __call__(self, call: Call) -> Flow[tuple[Ranked, Mapping[str, str]]]:
        """One try with one batch; also gives the reply's headers."""
        request, route = call.request, self.route
        assert isinstance(request, RerankRequest)
        check_place(route, call)
        key = yield from self.exchange.key(call, needed=True)
        sent = rerank.encode(request, route.dialect, route.url, call.target, key, USER_AGENT)
        response = yield from self.exchange.send(call, sent)
        value = yield from json_of(response, _LESS)
        return rerank.parse(value, request, response.headers), response.headers


def check_place(route: Route, call: Call) -> None:
    """Whether a route leads to the host that the call's token is for: an endpoint may have moved since it was found.

    Raises:
        ConnectionLost: It does not. Nothing was sent.
    """
    if origin_of(route.url) != origin_of(call.target.base_url):
        raise ConnectionLost(
            "The endpoint has another address by now. Nothing was sent.",
            hint="Make the call again: it asks for the address anew.",
            reactions={"other_route"},
        )


def cost_of_part(
    costs: Costing,
    asked: EmbedRequest | RerankRequest,
    route: Route,
    call: Call,
    usage: Usage | None,
    headers: Mapping[str, str],
) -> Cost:
    """What one of the requests of a call cost.

    Args:
        costs: Knows the prices.
        asked: What the user asked for: its model has the Hub's name, which catalogues list.
        route: Where the texts went. Behind the router its root lacks the /v1 that the catalogue has.
        call: This request.
        usage: Its tokens.
        headers: Of the reply to it.
    """
    url = route.root if route.provider is None else f"{route.root.removesuffix('/v1')}/v1"
    return costs.of(asked.model, usage, call.progress.provider or route.provider, headers, url)
