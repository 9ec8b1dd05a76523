"""What the blocking and the asynchronous client share: settings, and calls made from them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack
from urllib.parse import quote

from shared_core.catalog import SHARED, Catalog, Price, UnitPrice, parse_catalog
from shared_core.client.checks import (
    checked_bill_to,
    checked_body,
    checked_headers,
    checked_params,
    checked_patience,
    checked_tags,
    checked_url,
)
from shared_core.client.costing import checked_costing
from shared_core.client.exchange import Exchange
from shared_core.client.pipeline import policies, run_through
from shared_core.client.safeguards import SafeguardArguments, Safeguards
from shared_core.client.settings import Keyring, environment_hub_url, environment_url
from shared_core.client.status import ModelStatus, status_from
from shared_core.errors import ConfigError, ModelNotServed, RouterError
from shared_core.flow import Flow
from shared_core.policy.record import Record
from shared_core.routing import HUB_URL, ROUTER_URL, wire_model
from shared_core.types import (
    SECRET_HEADERS,
    ApiKey,
    Call,
    ChatOptions,
    ChatReply,
    ChatRequest,
    LookupRequest,
    Message,
    Progress,
    Request,
    Routing,
    Target,
    TargetSpec,
    Timeouts,
    Waits,
    check_state_travels,
)
from shared_core.types.models import ModelRef
from shared_core.wire.chat import check_messages

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache
    from shared_core.client.ways import Ways
    from shared_core.policy import Handler, Policy

__all__ = ["EmbeddingApi", "RouterArguments", "RouterBase"]

EmbeddingApi = Literal["auto", "openai", "tei", "router"]
"""What an address speaks when texts are embedded."""

T = TypeVar("T")

_RECORD = Record(time.time)
_CATALOG_TTL = 300.0  # seconds; what Hugging Face's own ml-intern uses


class RouterArguments(SafeguardArguments, total=False):
    """The keyword arguments of both clients; explained at `RouterBase`."""

    api_key: str | ApiKey | None
    base_url: str | None
    provider: str | None
    bill_to: str | None
    timeout: float | Timeouts | None
    max_retries: int
    default_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    wait_for_model: bool | float
    reasoning_tags: bool
    embedding_cache: EmbeddingCache | str | Path | bool | None
    embedding_api: EmbeddingApi
    hub_url: str | None
    task_models: Mapping[str, str] | None
    prices: Mapping[str, Price | UnitPrice | Mapping[str, str]] | None
    reported_cost: str | None
    fallback: Sequence[TargetSpec] | None
    tiers: Mapping[str, Sequence[TargetSpec]] | None
    tier: str | None
    routing: Routing | None
    continue_elsewhere: bool


class RouterBase:
    """Settings of a client. Making one reads nothing and opens nothing.

    Args:
        model: Default model, `org/name[:fastest|cheapest|preferred|<provider>]`.
        api_key: Token for the host. None finds the ambient one (`HF_TOKEN`, `HUGGINGFACEHUB_API_TOKEN`,
            `HUGGINGFACE_API_KEY`, `HUG_API_KEY`, else what `hf auth login` stored), which goes to hosts of
            Hugging Face only; "" sends none.
        base_url: Any OpenAI-compatible address; None is the router, or `HFROUTER_BASE_URL` when set.
        provider: Provider or policy, in place of the model's suffix.
        bill_to: Organisation that pays for the calls.
        timeout: Seconds for the whole call, or `Timeouts`; None is 120 s in all, 30 s to the first token;
            of a long list of texts each request then has these 120 s.
        max_retries: How often a transient failure is tried again, at most.
        default_headers: Sent with every request. `Authorization` is refused: that is `api_key`.
        extra_body: Added to every request's JSON body.
        wait_for_model: Wait while a model is loading: True up to the time limit, or a number of seconds.
        reasoning_tags: Split `<think>…</think>` in the content off as reasoning.
        embedding_cache: Where vectors are remembered: True for the user's own file, a path, or a cache.
        embedding_api: What `base_url` speaks when texts are embedded: "openai", "tei", or "router" for a stand-in
            of the router with its providers' paths. "auto" knows the router, and takes any other address with /v1
            in its path for "openai", one without for "tei".
        hub_url: The Hub that is asked who serves a model; None is `HF_ENDPOINT` when set, else huggingface.co.
        task_models: The model of a task by the Hub's name, such as {"text-to-image": "org/name:fal-ai"}; others
            take `model`, or one that the package knows (dated, in `shared_core.catalog`).
        prices: Your own, before those of the catalogue: {"org/name:provider": Price(...)}, also by "org/name" alone,
            and `UnitPrice` for media, which no catalogue prices.
        reported_cost: Where replies of `base_url` say what they cost, in USD: a header such as
            "x-litellm-response-cost", or a key of the usage such as "usage.cost". No reply of the router does.
        fallback: Whom to ask when `model` cannot answer, in order: model ids, addresses (asked for the same model,
            without any token), or `Target(model=..., base_url=..., api_key=...)`. Texts are embedded by targets of
            the same model only, and what is paid for each time (pictures, films) moves on only where nothing was
            begun. Reranking, the catalogue and a job's questions go to `base_url` alone.
        tiers: Lists of targets by name, such as {"fast": ["org/small:groq"], "quality": ["org/large", ...]}.
        tier: The list to ask, after `model` where one is given and before `fallback`.
        routing: Whom to ask first: "fallback", the default, keeps the order; "latency", "throughput" and "cost" sort
            by the loaded catalogue's figures and what this process has seen; "weighted" draws lots by
            `Target.weight`; a function of the call and its targets returns those to ask.
        continue_elsewhere: Whether a streamed text that breaks off is continued by another target, which is sent
            what was written; see `shared_core.policy.continuation`.
        usage_tags: Whose usage the calls are, such as {"user": "ada", "project": "search"}: for limits, budgets and the
            ledger. A call's own `usage_tags` come on top.
        hooks: Functions that are told of each call by an event; see `shared_core.observe.events`, and
            `OpenTelemetry` for one that makes spans and metrics.
        state: Where workers share what they know: "redis://host:6379/0" for many machines, a path to an SQLite file
            for the processes of one, or a function that returns such a URL. With `fallback`, a target that one
            worker finds closed (a `Retry-After`, too many failures, no credits) is passed over by the others within
            a second, and open for all when one of them finds it well again; targets go under digests there. While
            the place is away each worker goes by what it has seen itself.
        chat_cache: Where complete answers are remembered, by everything that was asked and by the account: True for
            the memory of this process, a path, a URL such as "redis://host:6379/0", or a `ChatCache`, which says
            which calls these are (temperature 0) and for how long. Identical calls at the same time then go out once.
        hedge: Whether a chat or a batch of texts that waits long is asked of a second target, too, which needs
            `fallback` or `tier`: after what 95 of 100 recent answers of the first took (True), or a number of seconds.
            The first to answer (of a stream, with its first piece) wins; the other is broken off, and perhaps paid for.
            At most one call in 20 is hedged, beyond the first ten.
        budgets: How much may be spent, such as [Budget(usd="5.00", per="day", of="user")]: a list of `Budget`, or of
            their arguments by name. What a call may cost is set aside before it is sent, and what it did cost takes
            its place; one that may cost more than is left is refused with `BudgetExceeded`. See `budgets`, `grant`.
            Sums are kept in `state`, so that processes can share them; without it, all clients of this process do.

    Raises:
        ConfigError: An argument cannot work.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        api_key: str | ApiKey | None = None,
        base_url: str | None = None,
        provider: str | None = None,
        bill_to: str | None = None,
        timeout: float | Timeouts | None = None,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        wait_for_model: bool | float = False,
        reasoning_tags: bool = False,
        embedding_cache: EmbeddingCache | str | Path | bool | None = None,
        embedding_api: EmbeddingApi = "auto",
        hub_url: str | None = None,
        task_models: Mapping[str, str] | None = None,
        prices: Mapping[str, Price | UnitPrice | Mapping[str, str]] | None = None,
        reported_cost: str | None = None,
        fallback: Sequence[TargetSpec] | None = None,
        tiers: Mapping[str, Sequence[TargetSpec]] | None = None,
        tier: str | None = None,
        routing: Routing | None = None,
        continue_elsewhere: bool = False,
        **safeguards: Unpack[SafeguardArguments],
    ) -> None:
        if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
            raise ConfigError(f"max_retries={max_retries!r} is not a whole number from 0 on.")
        if embedding_api not in ("auto", "openai", "tei", "router"):
            raise ConfigError(
                f"There is no embedding_api {embedding_api!r}.",
                hint='Choose "auto", "openai", "tei" or "router".',
            )
        self.model = model
        self.provider = provider
        self.bill_to = checked_bill_to(bill_to)
        self.max_retries = max_retries
        self.timeouts = Timeouts.of(timeout)
        self.extra_body = checked_body(extra_body)
        self.wait_for_model = wait_for_model
        self.reasoning_tags = reasoning_tags
        self.embedding_cache = embedding_cache
        self.embedding_api = embedding_api
        self.task_models = dict(task_models or {})
        self._hub_url = None if hub_url is None else checked_url(hub_url, "hub_url")
        self._base_url = None if base_url is None else checked_url(base_url)
        self._key = api_key if isinstance(api_key, ApiKey) else ApiKey(api_key)
        self._headers = checked_headers(default_headers, "default_headers")
        self._patience = checked_patience(wait_for_model)
        self._exchange = Exchange(Keyring(), costs=checked_costing(prices, reported_cost))
        self._safeguards = Safeguards.of(
            safeguards, partial(self._exchange.key, needed=False), self._exchange.costs
        )
        self._policies = self._stack()
        self._remembering = self._stack(whole=True) if self._safeguards.whole else self._policies
        self.fallback: Sequence[TargetSpec] = fallback or ()
        self.tiers = dict(tiers or {})
        self.tier = tier
        self.routing: Routing = routing or "fallback"
        self.continue_elsewhere = continue_elsewhere
        self._ways: Ways | None = None
        if self.fallback or self.tiers or tier is not None or routing is not None:
            from shared_core.client.ways import Ways

            self._ways = Ways.of(self)
        if self._safeguards.hedge and (self._ways is None or not self._ways.lineup.targets):
            raise ConfigError(
                "hedge needs a second target to ask.",
                hint="Pass fallback=[...], or tiers={...} and tier=...; or leave hedge out.",
            )
        self._target: Target | None = None
        self._has_own_client = False
        self._client_stayed_behind = False

    @property
    def base_url(self) -> str:
        """The address in use."""
        return self._base_url or _environment_url() or ROUTER_URL

    @property
    def hub_url(self) -> str:
        """The Hub in use."""
        return self._hub_url or _environment_hub_url() or HUB_URL

    def __repr__(self) -> str:
        where = f", base_url={self._base_url!r}" if self._base_url else ""
        return f"{type(self).__name__}(model={self.model!r}{where}, api_key={self._key})"

    def __getstate__(self) -> dict[str, Any]:
        """Settings and where the token comes from; never a token, a client or a lock."""
        check_state_travels(self._safeguards.arguments.get("state"))
        dropped = sorted(SECRET_HEADERS & self._headers.keys())
        return {
            "settings": {
                "model": self.model,
                "base_url": self._base_url,
                "provider": self.provider,
                "bill_to": self.bill_to,
                "timeout": self.timeouts,
                "max_retries": self.max_retries,
                "default_headers": {k: v for k, v in self._headers.items() if k not in SECRET_HEADERS},
                "extra_body": self.extra_body,
                "wait_for_model": self.wait_for_model,
                "reasoning_tags": self.reasoning_tags,
                "embedding_cache": self.embedding_cache,
                "embedding_api": self.embedding_api,
                "hub_url": self._hub_url,
                "task_models": self.task_models,
                "prices": self._exchange.costs.prices,
                "reported_cost": self._exchange.costs.reported_in,
                "fallback": self.fallback,
                "tiers": self.tiers,
                "tier": self.tier,
                "routing": self.routing,
                "continue_elsewhere": self.continue_elsewhere,
                **self._safeguards.arguments,
            },
            # Headers that are secrets stay behind like an explicit key, and are missed just as loudly.
            "api_key": _left_behind() if dropped else self._key,
            "client_stays": self._has_own_client or self._client_stayed_behind,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["settings"], api_key=state["api_key"])  # type: ignore[misc]
        self._client_stayed_behind = state["client_stays"]

    def _miss_client(self) -> None:
        """Says that the user's HTTP client is gone: going out without its proxy would be worse than an error."""
        if self._client_stayed_behind:
            raise ConfigError(
                "This object was pickled or copied, and its http_client was left behind.",
                hint="Build the object where it is used, and pass http_client again.",
            )

    def _chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions,
        *,
        stream: bool,
    ) -> Flow[ChatReply]:
        """The flow of one chat call; its clock starts now."""
        check_messages(messages)
        extra_body = options.pop("extra_body", None)
        extra_headers = options.pop("extra_headers", None)
        timeout = options.pop("timeout", None)
        tags = options.pop("usage_tags", None)
        cache = options.pop("cache", True)
        model = options.pop("model", None) or self.model
        stack: Sequence[Policy] = self._remembering
        if self._ways is not None:
            stack = self._ways.stack(own_too=bool(model))
            model = model or self._ways.first_model(self.base_url)
        request = ChatRequest(
            messages,
            wire_model(model, self.provider),
            checked_params(options),
            stream,
            {**self.extra_body, **checked_body(extra_body)} if extra_body else self.extra_body,
            self.reasoning_tags,
        )
        call = self._call(request, timeout, extra_headers, tags, streamed=stream)
        if not cache:
            call = replace(call, cache=False)
        return self._recorded(call, lambda call: run_through(stack, call, self._exchange.chat))

    def _recorded(self, call: Call, inner: Handler[T]) -> Flow[T]:
        """The flow of one call that a user makes, told to the hooks."""
        return _RECORD(call, inner) if call.hooks else inner(call)

    def _stack(self, *, paid: bool = False, whole: bool = False) -> Sequence[Policy]:
        """The pipeline of calls that go to the client's own host."""
        return policies(
            max_retries=self.max_retries,
            patience=self._patience,
            paid=paid,
            safeguards=self._safeguards,
            whole=whole,
        )

    @property
    def _asking(self) -> Sequence[Policy]:
        """The pipeline of what costs nothing, and is neither limited nor counted: questions about a job, downloads."""
        return policies(max_retries=self.max_retries, patience=self._patience)

    def _look_up(self, path: str, timeout: float | Timeouts | None = None) -> Flow[Any]:
        call = self._call(LookupRequest(path), timeout, None, streamed=False)
        return run_through(self._policies, call, self._exchange.look_up)

    def _call(
        self,
        request: Request,
        timeout: float | Timeouts | None,
        extra_headers: Mapping[str, str] | None,
        usage_tags: Mapping[str, str] | None = None,
        *,
        streamed: bool,
    ) -> Call:
        target = self._target
        if target is None:
            target = self._target = Target(self.base_url, self._key, self.bill_to, self._headers)
        if extra_headers:
            headers = {**target.headers, **checked_headers(extra_headers, "extra_headers")}
            target = Target(target.base_url, target.key, target.bill_to, headers)
        limits = self.timeouts if timeout is None else Timeouts.of(timeout)
        waits = Waits(limits, time.monotonic, streamed=streamed)
        own = self._safeguards
        tags = {**own.usage_tags, **checked_tags(usage_tags)} if usage_tags else own.usage_tags
        return Call(request, target, waits, Progress(waits.now()), None, tags, own.hooks)

    def _models(self, *, refresh: bool) -> Flow[Catalog]:
        """The catalogue: from memory while it is fresh, stale rather than not at all."""
        url = self.base_url
        if not refresh and (known := SHARED.fresh(url, time.time(), _CATALOG_TTL)) is not None:
            return known
        try:
            payload = yield from self._look_up("/models")
            catalog = parse_catalog(payload, source=f"{url}/models", fetched_at=time.time())
        except (RouterError, ValueError) as error:
            SHARED.failed(url, time.time())
            stale = SHARED.loaded(url)
            if stale is not None and not refresh:
                return stale
            if isinstance(error, RouterError):
                raise
            raise ConfigError(
                f"{url}/models is not a catalogue: {error}.", hint="Check `base_url`."
            ) from None
        SHARED.remember(url, catalog, time.time())
        return catalog

    def _status(self, model: str | None) -> Flow[ModelStatus]:
        name = wire_model(model or self.model, self.provider)
        ref = ModelRef.parse(name)
        try:
            payload = yield from self._look_up(f"/models/{quote(ref.repo, safe='/')}")
        except ModelNotServed:
            return ModelStatus(name, "not served")
        return status_from(name, ref, payload)

    def _warm(self, model: str | None, timeout: float | Timeouts | None) -> Flow[ModelStatus]:
        name = wire_model(model or self.model, self.provider)
        request = ChatRequest(
            [{"role": "user", "content": "."}], name, {"max_tokens": 1}, False, self.extra_body
        )
        call = self._call(request, timeout, None, streamed=False)
        patient = policies(max_retries=self.max_retries, patience=float("inf"), safeguards=self._safeguards)
        yield from run_through(patient, call, self._exchange.chat)
        return (yield from self._status(model))


def _environment_url() -> str | None:
    url = environment_url()
    return None if url is None else checked_url(url)


def _environment_hub_url() -> str | None:
    url = environment_hub_url()
    return None if url is None else checked_url(url, "HF_ENDPOINT")


def _left_behind() -> ApiKey:
    key = ApiKey("")
    key.source = "left behind"
    return key
