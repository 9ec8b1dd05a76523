"""What both clients share to embed and to rerank: from arguments to the flow of one call.

What these calls need besides is loaded with the first of them: a program that only chats pays nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from shared_core.client.catalogue_calls import CatalogueRouter
from shared_core.client.pipeline import run_through
from shared_core.errors import ModelNotServed, NoRoute, RouterError, Unauthorized
from shared_core.flow import Flow, offload
from shared_core.routing import ROUTER_URL, is_hugging_face, wire_model
from shared_core.types import (
    ApiKey,
    Call,
    EmbedOptions,
    EmbedReply,
    Kind,
    LookupRequest,
    ModelRef,
    Progress,
    RerankOptions,
    RerankReply,
    Target,
    Timeouts,
    Waits,
    endpoint_in,
    origin_of,
)

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache
    from shared_core.client.spread import Pace
    from shared_core.policy import Handler, Policy
    from shared_core.providers import Route, Served
    from shared_core.types import EmbedRequest, RerankRequest

__all__ = ["VectorRouter"]


class VectorRouter(CatalogueRouter):
    """`CatalogueRouter` with the flows of `embed` and `rerank`."""

    _opened_cache: EmbeddingCache | None = None

    def _embed(self, texts: Iterable[str], kind: Kind, options: EmbedOptions) -> Flow[EmbedReply]:
        """The flow of one list of texts; its clock starts now."""
        from shared_core.client.asking import embed_request, pace_of
        from shared_core.client.embedding import nothing_to_embed

        client, options = self._at(options)
        if client is not self:
            return (yield from client._embed(texts, kind, options))
        model = options.get("model") or self.model or ""
        request, prompt = embed_request(texts, kind, options, model, self.extra_body)
        pace = pace_of(options)
        call = self._listed_call(request, options)
        if not request.texts:
            return nothing_to_embed(request, self.base_url)

        def run(call: Call) -> Flow[EmbedReply]:
            return self._embed_listed(call, model, prompt, pace)

        return (yield from self._recorded(call, run))

    def _listed_call(
        self, request: EmbedRequest | RerankRequest, options: EmbedOptions | RerankOptions
    ) -> Call:
        return self._call(
            request,
            options.get("timeout"),
            options.get("extra_headers"),
            options.get("usage_tags"),
            streamed=False,
        )

    def _embed_listed(self, call: Call, model: str, prompt: str, pace: Pace) -> Flow[EmbedReply]:
        from shared_core.client.asking import memory_of, unheeded
        from shared_core.client.batches import LESSONS
        from shared_core.client.detour import Detour
        from shared_core.client.embedding import Embedding, Memory
        from shared_core.client.vectors import EmbedExchange

        request = cast("EmbedRequest", call.request)
        places: Sequence[Target] = ()
        if self._ways is not None:
            places = self._ways.of_same_model(call.target, self._named(model))
        route, is_own = yield from self._first_route(call, model, places)
        route = replace(route, notes=(*route.notes, *unheeded(request, route)))
        cache = yield from self._cache()

        def remember(route: Route) -> Memory:
            assert cache is not None
            return memory_of(cache, request, route, prompt)

        own = EmbedExchange(self._exchange, route, LESSONS.of(route.url, route.model))
        exchange: Handler[Any] = own
        policies: Sequence[Policy] = self._remembering
        if self._ways is not None and places[1:]:
            exchange = Detour(self._exchange, self._embed_route_at, {places[0].id: own} if is_own else {})
            policies = self._ways.around(self._ways.among(places), whole=True)
        elif not endpoint_in(call.target.base_url):
            call = replace(call, target=replace(call.target, base_url=route.root, provider=route.provider))
        known = None if cache is None else remember
        if cache is not None:
            from shared_core.client.embed_flight import EmbedFlight

            flight = EmbedFlight(remember(route), route, partial(self._exchange.key, needed=False))
            policies = (*policies[:1], flight, *policies[1:])
        return (
            yield from Embedding(call, route, exchange, policies, pace, self._exchange.costs, known).run()
        )

    def _first_route(self, call: Call, model: str, places: Sequence[Target]) -> Flow[tuple[Route, bool]]:
        """Where the texts go first, and whether that is the client's own place. An endpoint that cannot be used is left
        to the policies to pass over: the next target's route stands in for its own."""
        try:
            return (yield from self._embed_route(model, call.waits)), True
        except RouterError as error:
            endpoint = endpoint_in(call.target.base_url)
            if not endpoint or not places[1:] or "other_route" not in error.reactions:
                raise
        return (yield from self._embed_route_at(places[1], call.waits)), False

    def _named(self, model: str) -> str:
        return wire_model(model, self.provider) if model else ""

    def _rerank(
        self, query: str, documents: Iterable[str], top_n: int | None, options: RerankOptions
    ) -> Flow[RerankReply]:
        """The flow of one list of documents; its clock starts now."""
        from shared_core.client.asking import pace_of, rerank_request
        from shared_core.client.checks import checked_count
        from shared_core.client.reranking import Reranking, nothing_to_rerank

        client, options = self._at(options)
        if client is not self:
            return (yield from client._rerank(query, documents, top_n, options))
        model = options.get("model") or self.model or ""
        request = rerank_request(query, documents, options, model, self.extra_body)
        pace = pace_of(options)
        if top_n is not None:
            checked_count(top_n, "top_n")
        call = self._listed_call(request, options)
        if not request.texts:
            return nothing_to_rerank(model, self.base_url)

        def run(call: Call) -> Flow[RerankReply]:
            route = yield from self._rerank_route(model, call)
            return (yield from Reranking(call, route, self._exchange, self._policies, pace, top_n).run())

        return (yield from self._recorded(call, run))

    def _behind_router(self, url: str | None = None) -> bool:
        """Whether an address, the client's own by default, is the router or a stand-in of it."""
        if url is not None and url != self.base_url:
            return url == ROUTER_URL
        return self.embedding_api == "router" or (
            self.embedding_api == "auto" and self.base_url == ROUTER_URL
        )

    def _own_route(self, model: str, task: Literal["embed", "rerank"]) -> Route:
        """The route of the server at `base_url`."""
        from shared_core.providers import route_by_url

        assert self.embedding_api != "router"
        route = route_by_url(self.base_url, self.embedding_api, model, task)
        # A TEI server has one model only, and needs no name for it.
        named = model or route.dialect == "openai"
        return replace(route, model=wire_model(model, self.provider)) if named else route

    def _endpoint_route(
        self, target: Target, model: str, waits: Waits, task: Literal["embed", "rerank"]
    ) -> Flow[Route]:
        """The route of a dedicated endpoint. TEI is spoken to containers that are known to run it, which hear more
        in that dialect; OpenAI's to all others."""
        from shared_core.providers import route_by_url

        found = yield from self._locate.finder().usable(target, waits)
        assert self.embedding_api != "router"
        api = self.embedding_api
        if api == "auto":
            api = "tei" if found.image.lower() == "tei" else "openai"
        url = found.url if api == "tei" else found.base_url
        return route_by_url(url, api, found.model if model in ("", target.base_url) else model, task)

    def _embed_route_at(self, target: Target, waits: Waits) -> Flow[Route]:
        """Where a target's texts go."""
        from shared_core.providers import route_by_url

        if self._behind_router(target.base_url):
            return (yield from self._routed(ModelRef.parse(target.model), target.base_url, waits))
        own = target.base_url == self.base_url
        api = self.embedding_api if own and self.embedding_api != "router" else "auto"
        return route_by_url(target.base_url, api, target.model, "embed")

    def _rerank_route(self, model: str, call: Call) -> Flow[Route]:
        if endpoint_in(call.target.base_url):
            return (yield from self._endpoint_route(call.target, model, call.waits, "rerank"))
        if self._behind_router():
            raise NoRoute(
                "No provider behind the router reranks. Nothing was sent.",
                hint="Set `base_url` to a server that does (TEI, vLLM, Infinity, Cohere, Jina), or use LocalReranker.",
            )
        return self._own_route(model, "rerank")

    def _embed_route(self, model: str, waits: Waits) -> Flow[Route]:
        """Where the model's texts go; asks the Hub who serves it when that is not known yet."""
        if endpoint_in(self.base_url):
            target = Target(self.base_url, self._key)
            return (yield from self._endpoint_route(target, model, waits, "embed"))
        if not self._behind_router():
            return self._own_route(model, "embed")
        return (
            yield from self._routed(ModelRef.parse(wire_model(model, self.provider)), self.base_url, waits)
        )

    def _routed(self, ref: ModelRef, url: str, waits: Waits) -> Flow[Route]:
        """The way to a provider behind the router at this address."""
        from shared_core.providers import choose, route_by_row

        name, served = yield from self._served_by(ref.repo, waits)
        chosen = choose(ref.repo, served, ref.provider)
        notes = (chosen.warning,) if chosen.warning else ()
        root = url.removesuffix("/v1")
        return route_by_row(root, chosen.provider, name or ref.repo, chosen.provider_id, notes)

    def _served_by(self, model: str, waits: Waits) -> Flow[tuple[str, tuple[Served, ...]]]:
        """The model's present id and its providers, fetched once in five minutes a process and account."""
        from shared_core.providers import MAPPINGS, parse_mapping

        hub = self.hub_url
        path = f"/api/models/{quote(model, safe='/')}?expand=inferenceProviderMapping"
        request = LookupRequest(path, model=model, follow=True)
        call = self._hub_call(request, waits.shared())
        key = yield from self._exchange.key(call, needed=False)
        account = blake2b(key.reveal().encode(), digest_size=16).hexdigest()
        found = MAPPINGS.fresh(hub, model, account, time.time())
        if found is None:
            try:
                payload = yield from run_through(self._policies, call, self._exchange.look_up)
            except (ModelNotServed, Unauthorized) as error:
                raise _unknown_model(error, model, hub) from error.__cause__
            found = parse_mapping(payload)
            MAPPINGS.remember(hub, model, account, found, time.time())
        return found

    def _hub_page(
        self, path: str, model: str = "", *, key: bytes = b"", seconds: float | None = None
    ) -> Flow[tuple[Any, str]]:
        """A page of one of the Hub's lists, or of one model; and the path of the next page.

        Args:
            path: Of the page.
            model: The model that it is about.
            key: The same for those who may share one answer while it is under way; empty for nobody.
            seconds: The longest that may be waited for it, if that is less than the client's own limit.
        """
        from shared_core.policy.single_flight import share

        limits = self.timeouts
        if seconds is not None and seconds < limits.total:
            limits = Timeouts.of(seconds)
        request = LookupRequest(path, model=model, follow=bool(model))
        call = self._hub_call(request, Waits(limits, time.monotonic, streamed=False))

        def asked(call: Call) -> Flow[tuple[Any, str]]:
            return run_through(self._policies, call, self._exchange.look_up_page)

        try:
            return (yield from share(key, call, asked, _same) if key else asked(call))
        except (ModelNotServed, Unauthorized) as error:
            failure = _unknown_model(error, model, self.hub_url) if model else error
            raise failure from error.__cause__

    def _hub_call(self, request: LookupRequest, waits: Waits) -> Call:
        hub = self.hub_url
        return Call(request, Target(hub, self._hub_key(hub)), waits, Progress(waits.now()))

    def _account(self) -> Flow[str]:
        """A digest of the token for the Hub, to tell accounts apart."""
        from shared_core.policy.single_flight import flight_key

        call = self._hub_call(LookupRequest(""), Waits(self.timeouts, time.monotonic, streamed=False))
        return flight_key(self.hub_url, (yield from self._exchange.key(call, needed=False))).hex()

    def _hub_key(self, hub: str) -> ApiKey:
        """The token for the Hub. An explicit one was given for `base_url`: another host sees it only where both are
        Hugging Face's. In its place Hugging Face's Hub may have the ambient one."""
        if self._key.source in ("ambient", "none"):
            return self._key
        if origin_of(hub) == origin_of(self.base_url):
            return self._key
        if not is_hugging_face(hub):
            return ApiKey("")
        at_home = is_hugging_face(self.base_url) or endpoint_in(self.base_url)
        return self._key if at_home else ApiKey(None)

    def _cache(self) -> Flow[EmbeddingCache | None]:
        """The cache that the settings mean, opened when it is first needed."""
        if self.embedding_cache is None or self.embedding_cache is False:
            return None
        if self._opened_cache is None:
            from shared_core.cache import open_cache

            self._opened_cache = yield from offload(lambda: open_cache(self.embedding_cache))
        return self._opened_cache

    def _close_cache(self) -> None:
        """Closes caches that this client opened; they open again when they are used again."""
        if self._safeguards.opened is not None:
            self._safeguards.opened.close()
        for twin in tuple(self._twins.values()):
            twin._close_cache()
        if self._opened_cache is not None and self._opened_cache is not self.embedding_cache:
            self._opened_cache.close()


def _same(answer: tuple[Any, str]) -> tuple[Any, str]:
    return answer


def _unknown_model(error: RouterError, model: str, hub: str) -> RouterError:
    # Without a token the Hub answers 401 for what is not there, so that private names cannot be guessed.
    if error.status != 404 and (error.code or "").lower() != "reponotfound":
        return error
    return ModelNotServed(
        f"There is no model {model!r} on {hub}, or the token may not see it.",
        hint="Write the id as on its page, `org/name`; a private or gated model needs a token that may read it.",
        model=model,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        attempts=error.attempts,
        reactions={"other_route"},
    )
