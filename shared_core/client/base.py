"""What the blocking and the asynchronous client share: settings, and calls made from them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

from shared_core.catalog import Price, UnitPrice
from shared_core.client.arguments import EmbeddingApi, RouterArguments
from shared_core.client.checks import (
    checked_api,
    checked_bill_to,
    checked_body,
    checked_headers,
    checked_params,
    checked_patience,
    checked_retries,
    checked_tags,
    checked_url,
)
from shared_core.client.costing import checked_costing
from shared_core.client.endpoint_arguments import placed
from shared_core.client.exchange import Exchange
from shared_core.client.pipeline import locating, policies, run_through
from shared_core.client.safeguards import Safeguards
from shared_core.client.settings import Keyring
from shared_core.client.settling import arguments_of, attributes_with, given, twin_of, written
from shared_core.errors import ConfigError
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
    KeyFunction,
    LookupRequest,
    Message,
    Progress,
    Request,
    Routing,
    SafeguardArguments,
    Target,
    TargetSpec,
    Timeouts,
    Waits,
    check_state_travels,
    with_endpoint,
)
from shared_core.wire.chat import check_messages

if TYPE_CHECKING:
    from shared_core.cache import EmbeddingCache
    from shared_core.client.named_models import NamedModel
    from shared_core.client.router_settings import RouterSettings
    from shared_core.client.ways import Ways
    from shared_core.observe.ledger import Ledger
    from shared_core.policy import Handler, Policy

__all__ = ["RouterBase"]

T = TypeVar("T")
Options = TypeVar("Options", bound=Mapping[str, Any])

_RECORD = Record(time.time)


class RouterBase:
    """Settings of a client. Making one reads nothing, and opens nothing but the file of a `ledger`.

    With the first call, what was not given is taken from the environment, from `.env` and from `hfrouter.toml`, once
    for each client: see `RouterSettings`. Copies and pickles carry what was found.

    Args:
        model: Default model, `org/name[:fastest|cheapest|preferred|<provider>]`.
        api_key: Token for the host. None finds the ambient one (`HF_TOKEN`, `HUGGINGFACEHUB_API_TOKEN`,
            `HUGGINGFACE_API_KEY`, `HUG_API_KEY`, else what `hf auth login` stored), which goes to hosts of
            Hugging Face only; "" sends none. A function without arguments that gives the token is asked for it before
            each request, in a thread of its own and within the time limit; asynchronous clients take a coroutine
            function as well. Nothing is remembered of what it gave: one that is slow keeps its token itself. Where a
            token is refused (401) and it gives another one by then, the request is sent once more.
        base_url: Any OpenAI-compatible address; None is the router, or `HFROUTER_BASE_URL` when set.
        endpoint: A dedicated Inference Endpoint in place of that: "name" or "namespace/name" (in addresses
            endpoint://name), found with the first call. `model` is then what its container calls the model, known by
            itself; targets of `fallback` that name no host are at the router.
        provider: Provider or policy, in place of the model's suffix.
        bill_to: Organisation that pays for the calls.
        timeout: Seconds for the whole call, or `Timeouts`; None is 120 s in all, 30 s to the first token;
            of a long list of texts each request then has these 120 s.
        max_retries: How often a transient failure is tried again, at most.
        default_headers: Sent with every request. `Authorization` is refused: that is `api_key`.
        extra_body: Added to every request's JSON body.
        wait_for_model: Wait while a model is loading: True up to the time limit, or a number of seconds.
        reasoning_tags: Split `<think>…</think>` in the content off as reasoning.
        embedding_cache: Where vectors are remembered: True for the user's own file, a path, a Redis URL, or a cache.
        embedding_api: What `base_url` speaks when texts are embedded: "openai", "tei", or "router" for a stand-in
            of the router with its providers' paths. "auto" knows the router, and takes any other address with /v1
            in its path for "openai", one without for "tei".
        hub_url: The Hub that is asked who serves a model; None is `HF_ENDPOINT` when set, else huggingface.co.
        endpoints_url: The API that knows dedicated endpoints, for a stand-in of it on this machine.
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
        models: Names of your own for models, usable wherever a model is: {"coder": {"model": "org/name", "provider":
            "groq", "temperature": 0, "system": "Answer in code."}}, also with `base_url`, `api_key` or `api_key_env` (a
            variable), `bill_to`, `extra_body` and any chat parameter. `HFRouter("coder")` is a client with all that,
            beside which other arguments win; `model="coder"` is that for one call. In `fallback` and `tiers` a name
            stands for model, host and account: parameters and instructions stay those of the call. Its host is that of
            this model alone: targets without one are where the client would be without the name.
        usage_tags: Whose usage the calls are, such as {"user": "ada", "project": "search"}: for limits, budgets and the
            ledger. A call's own `usage_tags` come on top.
        hooks: Functions that are told of each call by an event; see `shared_core.observe.events`, and
            `OpenTelemetry` for one that makes spans and metrics.
        limits: How much may be sent, such as [Limit(requests=60, per="minute", of="provider")]: a list of `Limit`, or
            of their arguments by name. A call waits for its turn, in the order of coming; one whose turn would come
            after its deadline is refused at once with `LimitReached`. Each try counts. Looking things up (the
            catalogue, a job's questions) does not. With limits, or `concurrency`, a provider's `Retry-After` holds
            for all calls to that model and account.
        concurrency: How many requests may be under way at once: a number (for each host), "adaptive" (found out, for
            each model), or a `Concurrency`.
        ledger: Where a row is kept of each call, with its tokens and cost: True for memory, a path for a file that
            processes may share, a `Ledger` for several clients, or a dictionary of its arguments. `router.ledger` then
            answers questions; see `shared_core.Ledger`.
        state: Where workers share what they know: "redis://host:6379/0" for many machines, a path to an SQLite file
            for the processes of one, or a function that returns such a URL. With `fallback`, a target that one
            worker finds closed (a `Retry-After`, too many failures, no credits) is passed over by the others within
            a second, and open for all when one of them finds it well again; targets go under digests there. Limits
            are those of all workers together. While the place is away each worker goes by what it has seen itself,
            and keeps to its share of the limits.
        chat_cache: Where complete answers are remembered, by everything that was asked and by the account: True for
            the memory of this process, a path, a URL such as "redis://host:6379/0", or a `ChatCache`, which says
            which calls these are (temperature 0) and for how long. Identical calls at the same time then go out once.
        hedge: Whether a chat or a batch of texts that waits long is asked of a second target, too, which needs
            `fallback` or `tier`: after what 95 of 100 recent answers of the first took (True), or a number of seconds.
            The first to answer (of a stream, with its first piece) wins; the other is broken off, and perhaps paid for.
            At most one call in 20 is hedged, beyond the first ten.
        budgets: How much may be spent, such as [Budget(usd="5.00", per="day", of="tag:user")]: a list of `Budget`, or
            of their arguments by name. What a call may cost is set aside before it is sent, and what it did cost takes
            its place; one that may cost more than is left is refused with `BudgetExceeded`. See `budgets`, `grant`.
            Sums are kept in `state`, so that processes can share them; without it, all clients of this process do.

    Raises:
        ConfigError: An argument cannot work.
    """

    _settled = False

    def __init__(self, model: str | None = None, **arguments: Unpack[RouterArguments]) -> None:
        named = with_endpoint({"model": model, **arguments})
        self._given = given(named)
        self._set_up(**named)
        self._preset: NamedModel | None = None
        self._own_name = ""
        self._names: Mapping[str, NamedModel] = {}
        self._twins: dict[str, Self] = {}
        self._has_own_client = False
        self._client_stayed_behind = False

    def _set_up(
        self,
        model: str | None = None,
        *,
        api_key: str | ApiKey | KeyFunction | None = None,
        base_url: str | None = None,
        provider: str | None = None,
        bill_to: str | None = None,
        timeout: float | Timeouts | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        wait_for_model: bool | float | None = None,
        reasoning_tags: bool | None = None,
        embedding_cache: EmbeddingCache | str | Path | bool | None = None,
        embedding_api: EmbeddingApi | None = None,
        hub_url: str | None = None,
        endpoints_url: str | None = None,
        task_models: Mapping[str, str] | None = None,
        prices: Mapping[str, Price | UnitPrice | Mapping[str, str]] | None = None,
        reported_cost: str | None = None,
        fallback: Sequence[TargetSpec] | None = None,
        tiers: Mapping[str, Sequence[TargetSpec]] | None = None,
        tier: str | None = None,
        routing: Routing | None = None,
        continue_elsewhere: bool | None = None,
        models: Mapping[str, NamedModel | Mapping[str, Any]] | None = None,
        **safeguards: Unpack[SafeguardArguments],
    ) -> None:
        max_retries = checked_retries(max_retries)
        embedding_api = checked_api(embedding_api)
        self._base_url, self.model = placed(base_url, model, provider, bill_to, embedding_api)
        self.provider = provider
        self.bill_to = checked_bill_to(bill_to)
        self.max_retries = max_retries
        self.timeouts = Timeouts.of(timeout)
        self.extra_body = checked_body(extra_body)
        self.wait_for_model = wait_for_model or False
        self.reasoning_tags = bool(reasoning_tags)
        self.embedding_cache = embedding_cache
        self.embedding_api = embedding_api
        self.task_models = dict(task_models or {})
        self._hub_url = None if hub_url is None else checked_url(hub_url, "hub_url")
        self._endpoints_url = None if endpoints_url is None else checked_url(endpoints_url, "endpoints_url")
        self._key = api_key if isinstance(api_key, ApiKey) else ApiKey(api_key)
        self._headers = checked_headers(default_headers, "default_headers")
        self._patience = checked_patience(False if wait_for_model is None else wait_for_model)
        self._exchange = Exchange(Keyring(), costs=checked_costing(prices, reported_cost))
        self._locate = locating(self._exchange, self._hub_url, self._endpoints_url, max_retries)
        self._guard(safeguards)
        self.fallback: Sequence[TargetSpec] = fallback or ()
        self.tiers = dict(tiers or {})
        self.tier = tier
        self.routing: Routing = routing or "fallback"
        self.continue_elsewhere = bool(continue_elsewhere)
        self.models_by_name = dict(models or {})
        self._ways = self._find_ways()
        self._check_hedge()
        self._target: Target | None = None

    def _guard(self, safeguards: SafeguardArguments) -> None:
        """Takes on the policies that these arguments mean."""
        self._safeguards = Safeguards.of(
            safeguards, partial(self._exchange.key, needed=False), self._exchange.costs
        )
        self._policies = self._stack()
        self._remembering = self._stack(whole=True) if self._safeguards.whole else self._policies

    @classmethod
    def from_settings(cls, settings: RouterSettings, **arguments: Any) -> Self:
        """A client with settings that were loaded before: it looks for no others.

        Args:
            settings: From `RouterSettings.load()`.
            arguments: The client's own, which win.

        Raises:
            ConfigError: They do not go together.

        Example:
            >>> from shared_core import HFRouter, RouterSettings
            >>> HFRouter.from_settings(RouterSettings(model="org/name"), timeout=20)
            HFRouter(model='org/name', api_key=ApiKey(ambient))
        """
        client = cls(**arguments)
        client.__dict__.update(attributes_with(client, settings))
        client._settled = True
        return client

    @property
    def base_url(self) -> str:
        """The address in use."""
        self._settle()
        return self._base_url or ROUTER_URL

    @property
    def hub_url(self) -> str:
        """The Hub in use."""
        self._settle()
        return self._hub_url or HUB_URL

    @property
    def ledger(self) -> Ledger | None:
        """The usage ledger; None without one."""
        self._settle()
        return self._safeguards.ledger

    def __repr__(self) -> str:
        where = f", base_url={self._base_url!r}" if self._base_url else ""
        return f"{type(self).__name__}(model={self.model!r}{where}, api_key={self._key})"

    def __getstate__(self) -> dict[str, Any]:
        """Settings and where the token comes from; never a token, a client or a lock."""
        self._settle()
        state = self._safeguards.arguments.get("state")
        check_state_travels(state, embedding_cache=self.embedding_cache)
        dropped = SECRET_HEADERS & self._headers.keys()
        return {
            "settings": arguments_of(self),
            # Headers that are secrets stay behind like an explicit key, and are missed just as loudly.
            "api_key": ApiKey.left_behind() if dropped else self._key,
            "client_stays": self._has_own_client or self._client_stayed_behind,
            "preset": (self._preset, self._own_name),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["settings"], api_key=state["api_key"])  # type: ignore[misc]
        self._client_stayed_behind = state["client_stays"]
        self._preset, self._own_name = state["preset"]
        self._names = cast("Mapping[str, NamedModel]", self.models_by_name)
        self._settled = True

    # -- settings from outside, and models by name ------------------------------------------------------

    def _settle(self) -> None:
        """Takes over what the environment and files say, with the first call."""
        if self._settled:
            return
        settings = written()
        if settings is not None or self.models_by_name or self.tier is not None or self._safeguards.hedge:
            # Of threads that come at once, what one has found counts for all.
            self.__dict__.update(self.__dict__.setdefault("_taken_over", attributes_with(self, settings)))
        self._settled = True

    def _at(self, options: Options) -> tuple[Self, Options]:
        """The client that a call's model means, and the call's options for it: this one, unless it is a name."""
        if not self._settled:
            self._settle()
        if not self._names:
            return self, options
        name = options.get("model")
        if not isinstance(name, str) or name not in self._names:
            return self, options
        rest = cast("Options", {key: value for key, value in options.items() if key != "model"})
        if name == self._own_name:
            return self, rest
        twin = self._twins.get(name) or self._twins.setdefault(name, self._as(self._names[name]))
        return twin, rest

    def _as(self, named: NamedModel) -> Self:
        return twin_of(self, named)

    def _find_ways(self) -> Ways | None:
        waits_for_tiers = not self._settled and self.tier is not None and not self.tiers  # perhaps in a file
        if waits_for_tiers or not (self.fallback or self.tiers or self.tier or self.routing != "fallback"):
            return None
        from shared_core.client.ways import Ways

        return Ways.of(self)

    def _check_hedge(self) -> None:
        if self._safeguards.hedge and self._settled and (self._ways is None or not self._ways.lineup.targets):
            raise ConfigError(
                "hedge needs a second target to ask.",
                hint="Pass fallback=[...], or tiers={...} and tier=...; or leave hedge out.",
            )

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
        client, options = self._at(options)
        if client is not self:
            return client._chat(messages, options, stream=stream)
        extra_body = options.pop("extra_body", None)
        extra_headers = options.pop("extra_headers", None)
        timeout = options.pop("timeout", None)
        tags = options.pop("usage_tags", None)
        cache = options.pop("cache", True)
        model = options.pop("model", None)
        params = checked_params(options)
        if model is None and (preset := self._preset) is not None:
            messages, params = preset.messages(messages), {**preset.params, **params}
        model = model or self.model
        stack: Sequence[Policy] = self._remembering
        if self._ways is not None:
            stack = self._ways.stack(own_too=bool(model))
            model = model or self._ways.first_model(self.base_url)
        request = ChatRequest(
            messages,
            wire_model(model, self.provider),
            params,
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
            locate=self._locate,
        )

    @property
    def _asking(self) -> Sequence[Policy]:
        """The pipeline of what costs nothing, and is neither limited nor counted: questions about a job, downloads."""
        return policies(max_retries=self.max_retries, patience=self._patience, locate=self._locate)

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
