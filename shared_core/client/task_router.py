"""What both clients share to do tasks other than chat and embeddings: from arguments to the flow of one call.

What these calls need besides is loaded with the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import urlsplit

from shared_core.catalog import default_model
from shared_core.client.checks import checked_body
from shared_core.client.owing import accepted, finished
from shared_core.client.pipeline import run_through
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ConfigError, MalformedResponse, RouterError
from shared_core.flow import Flow, offload
from shared_core.routing import wire_model
from shared_core.types import Call, Job, MediaOptions, ModelRef, TaskOptions, TaskRequest, Timeouts, Waits
from shared_core.types.addresses import endpoint_in

if TYPE_CHECKING:
    from shared_core.client.downloads import Keep
    from shared_core.client.jobs import Finished, JobRun
    from shared_core.client.named_models import NamedModel
    from shared_core.client.task_exchange import Begun, TaskExchange
    from shared_core.client.waiters import Waiter, Waiters
    from shared_core.media import MediaReply, Segment, TranscriptReply
    from shared_core.policy import Policy
    from shared_core.providers import Served
    from shared_core.types.answers import Answers, CompletionReply

__all__ = ["TaskRouter"]

T = TypeVar("T")
Options = TypeVar("Options", bound=Mapping[str, Any])

_AN_HOUR = Timeouts(total=3600.0, first_token=3600.0, gap=3600.0)
"""For media, where the user set no limit: a video takes minutes, and some queues longer."""

_KINDS = {
    "text-to-image": "image",
    "image-to-image": "image",
    "text-to-video": "video",
    "image-to-video": "video",
    "text-to-speech": "audio",
    "text-to-audio": "audio",
}
"""What a task makes; others answer with JSON."""

_TEXT = "text-generation"

_MASKS = "image-segmentation"
"""Answers with JSON, or is a job whose results are files, by provider."""

_HF_INFERENCE = "hf-inference"
_TOO_LATE = frozenset({400, 404, 409, 410})  # how providers answer who would cancel what is over
_LISTED_AS = {"sentence-similarity": frozenset({"sentence-similarity", "feature-extraction"})}
"""Where a mapping may name a task otherwise. Source: huggingface_hub 2.4.0, `_check_supported_task`."""


class TaskRouter(VectorRouter):
    """`VectorRouter` with the flows of tasks."""

    # -- flows ------------------------------------------------------------------------------------------

    def _media(
        self, task: str, inputs: Any, parameters: Mapping[str, Any], options: MediaOptions, waiter: Waiter
    ) -> Flow[MediaReply]:
        """The flow of a task that makes pictures, videos or sounds; its clock starts now."""
        client, options = self._doing(task, options)
        if client is not self:
            return (yield from client._media(task, inputs, parameters, options, waiter))
        call, keep = self._task_call(task, inputs, parameters, options), self._keep(task, options)

        def run(call: Call) -> Flow[MediaReply]:
            begun = yield from self._begun(call, lambda call: self._task(call, keep), keep, waiter, options)
            done = yield from finished(begun, self._exchange.costs)
            return self._media_reply(begun.call, done)

        return (yield from self._recorded(call, run))

    def _json(
        self,
        task: str,
        inputs: Any,
        parameters: Mapping[str, Any],
        options: TaskOptions,
        waiter: Waiter,
        read: Callable[[Any, Call, Finished], T],
        *,
        paid: bool = False,
    ) -> Flow[T]:
        """The flow of a task whose answer is JSON.

        Args:
            read: Makes the reply of the provider's JSON.
            paid: Whether doing it twice costs twice.
        """
        client, options = self._doing(task, options)
        if client is not self:
            return (yield from client._json(task, inputs, parameters, options, waiter, read, paid=paid))
        call = self._task_call(task, inputs, parameters, options)
        paid = paid or task == _MASKS  # a job with some providers
        keep = self._keep(task, cast(MediaOptions, options)) if task == _MASKS else None
        media = cast(MediaOptions, options)

        def run(call: Call) -> Flow[T]:
            begun = yield from self._begun(
                call, lambda call: self._task(call, None, paid=paid), keep, waiter, media, paid=paid
            )
            done = yield from finished(begun, self._exchange.costs)
            return self._priced(read(done.raw, begun.call, done), done.headers)

        return (yield from self._recorded(call, run))

    def _generate(
        self, prompt: str, parameters: Mapping[str, Any], options: TaskOptions, *, stream: bool
    ) -> Flow[CompletionReply]:
        """The flow of one text that a model goes on with; its clock starts now."""
        client, options = self._doing(_TEXT, options)
        if client is not self:
            return (yield from client._generate(prompt, parameters, options, stream=stream))
        call = self._task_call(_TEXT, prompt, parameters, options, streamed=stream)
        return (yield from self._recorded(call, lambda call: self._generated(call, stream=stream)))

    def _generated(self, call: Call, *, stream: bool) -> Flow[CompletionReply]:
        from shared_core.client.generation import GenerationExchange, told
        from shared_core.providers.payloads import OWN_SERVER

        sent = yield from self._task(call, None, paid=False)
        if sent.url is not None and (
            endpoint_in(self.base_url) or "v1" in urlsplit(self.base_url).path.split("/")
        ):
            url = (
                f"{sent.url}/v1/completions" if endpoint_in(self.base_url) else f"{self.base_url}/completions"
            )
            sent = replace(sent, served=replace(sent.served, provider=OWN_SERVER), url=url)
        sent = replace(sent, request=told(sent.request, sent.served.provider, streamed=stream))
        call = _at(call, sent)
        call = replace(call, target=replace(call.target, base_url=self._root()))
        exchange = GenerationExchange(sent, tuple(sent.request.parameters.get("stop") or ()), stream)
        reply = yield from run_through(self._policies, call, exchange)
        meta = reply.meta
        cost = self._exchange.costs.of(
            call.request.model, reply.usage, meta.provider, meta.headers, self.base_url
        )
        return replace(reply, meta=replace(meta, url=self.base_url, cost=cost))

    def _submit(
        self, task: str, inputs: Any, parameters: Mapping[str, Any], options: MediaOptions, waiter: Waiter
    ) -> Flow[Job]:
        """The flow that ends when a provider has accepted the job."""
        from shared_core.providers.dialects import DIALECTS, PLAIN

        client, options = self._doing(task, options)
        if client is not self:
            return (yield from client._submit(task, inputs, parameters, options, waiter))
        call = self._task_call(task, inputs, parameters, options)
        keep = self._keep(task, options) if task in _KINDS else None

        def queued(call: Call) -> Flow[TaskExchange]:
            sent = yield from self._task(call, keep)
            if task in DIALECTS.get(sent.served.provider, PLAIN).jobs:
                return replace(sent, at_once=False)
            raise ConfigError(
                f"{sent.served.provider} answers {task} at once, and has no job that could be kept. Nothing was sent.",
                hint=f"Call `{task.replace('-', '_')}`, or name a provider with a queue.",
            )

        def run(call: Call) -> Flow[Job]:
            begun = yield from self._begun(call, queued, keep, waiter, options)
            return accepted(begun)

        return (yield from self._recorded(call, run))

    def _resume(
        self, job: Job, options: MediaOptions, waiter: Waiter
    ) -> Flow[MediaReply | TranscriptReply | Answers[Segment]]:
        """The flow that waits for a job and fetches its result."""
        from shared_core.client.checks import checked_options
        from shared_core.client.task_replies import segments
        from shared_core.client.transcripts import transcript_reply

        _check_job(job)
        checked_options(options, MediaOptions.__annotations__)
        options = {**options, "model": job.model}
        call = self._task_call(job.task, "", {}, options)
        call = replace(call, target=replace(call.target, base_url=self._root()))
        keep = self._keep(job.task, options) if job.task in (*_KINDS, _MASKS) else None

        def run(call: Call) -> Flow[MediaReply | TranscriptReply | Answers[Segment]]:
            done = yield from self._run(call, keep, waiter, options).resume(job)
            call.progress.provider = call.progress.provider or job.provider
            if job.task == _MASKS:
                return segments(done.raw, call, done)
            if keep is not None:
                return self._media_reply(call, done)
            return self._priced(transcript_reply(done.raw, call, done), done.headers)

        return (yield from self._recorded(call, run))

    def _cancel(self, job: Job) -> Flow[bool]:
        """The flow that tells the provider, where it can be told; whoever waits in this client stops at once."""
        from shared_core.client.exchange import USER_AGENT, json_of
        from shared_core.providers.dialects import DIALECTS, PLAIN
        from shared_core.types import HttpRequest

        _check_job(job)
        self._waiters.stop(job)
        if not job.cancel:
            return False
        dialect = DIALECTS.get(job.provider, PLAIN)
        call = self._task_call(job.task, "", {}, {"model": job.model, "timeout": 30.0})
        call = replace(call, target=replace(call.target, base_url=self._root()))
        exchange = self._exchange

        def tell(call: Call) -> Flow[bool]:
            key = yield from exchange.key(call, needed=True)
            headers = {"user-agent": USER_AGENT, "accept": "application/json", **call.target.headers}
            url = call.target.base_url + job.cancel
            request = HttpRequest(dialect.cancel_method, url, headers, b"", key)
            response = yield from exchange.send(call, request)
            try:
                return dialect.read((yield from json_of(response))).phase not in ("done", "failed")
            except MalformedResponse:
                return True  # it says no more than that

        try:
            return (yield from run_through(self._asking, call, tell))
        except RouterError as error:
            if error.status in _TOO_LATE:
                return False
            error.job = job
            raise

    def _begun(
        self,
        call: Call,
        find: Callable[[Call], Flow[TaskExchange]],
        keep: Keep | None,
        waiter: Waiter,
        options: MediaOptions,
        *,
        paid: bool = True,
    ) -> Flow[Begun]:
        """A task that a provider has answered, or accepted: at another target where the first would not begin.

        Args:
            call: The task.
            find: How it is sent to the call's target.
            paid: Whether doing it twice costs twice.
        """
        from shared_core.client.task_exchange import Begun

        def send(call: Call, around: Sequence[Policy]) -> Flow[Begun]:
            task = yield from find(call)
            call = _at(call, task)
            run = self._run(call, keep if _gives_files(task) else None, waiter, options)
            return Begun(call, run, task, (yield from run.send(task, around)))

        places = [] if self._ways is None else self._ways.places(call.target, call.request.model)
        if self._ways is None or len(places) < 2:
            return (yield from send(call, self._paid() if paid else self._policies))
        # Which provider serves a model, and what it is sent, is found anew for each target.
        report, fallback, *inside = self._ways.around(self._ways.among(places), paid=paid)
        return (yield from run_through((report, fallback), call, lambda call: send(call, inside)))

    # -- their parts ------------------------------------------------------------------------------------

    def _doing(self, task: str, options: Options) -> tuple[Self, Options]:
        """The client that does a task, and the options for it: this one, unless a name says the model."""
        self._settle()
        name = options.get("model") or self.task_models.get(task)
        return (
            self._at(cast("Options", {**options, "model": name})) if name in self._names else (self, options)
        )

    def _as(self, named: NamedModel) -> Self:
        self.__dict__["_all_waiters"] = self._waiters  # shared, so that `cancel` ends all who wait
        return super()._as(named)

    def _task_call(
        self,
        task: str,
        inputs: Any,
        parameters: Mapping[str, Any],
        options: TaskOptions | MediaOptions,
        *,
        streamed: bool = False,
    ) -> Call:
        self._settle()
        model = options.get("model") or self.task_models.get(task) or self.model
        if not model and self._behind_router():
            known = default_model(task)
            if known is None:
                raise ConfigError(
                    f"No model was chosen for {task}, and none is known that all may use.",
                    hint=f"Pass model=; https://huggingface.co/models?inference_provider=all&pipeline_tag={task} "
                    "lists those that are served.",
                )
            model = known.model
        # A None of text generation says that not even the usual is sent (`told`).
        given = {name: value for name, value in parameters.items() if value is not None or task == _TEXT}
        body = {**self.extra_body, **checked_body(options.get("extra_body"))}
        # A server of the user's own has one model, and needs no name for it.
        name = wire_model(model, self.provider) if model else ""
        request = TaskRequest(task, inputs, name, given, body)
        timeout = options.get("timeout")
        if timeout is None and task in _KINDS and self.timeouts == Timeouts():
            timeout = _AN_HOUR
        return self._call(
            request, timeout, options.get("extra_headers"), options.get("usage_tags"), streamed=streamed
        )

    def _task(self, call: Call, keep: Keep | None, *, paid: bool = True) -> Flow[TaskExchange]:
        """The task with its provider; asks the Hub who serves the model when that is not known yet."""
        from shared_core.client.task_exchange import TaskExchange
        from shared_core.providers import Served

        request = cast(TaskRequest, call.request)
        ref = ModelRef.parse(request.model)
        url = call.target.base_url
        if endpoint_in(url):
            found = yield from self._locate.finder().usable(call.target, call.waits)
            model = found.model if request.model in ("", url) else request.model
            served = Served(_HF_INFERENCE, model, "live", request.task)
            request = replace(request, model=model)
            return TaskExchange(self._exchange, served, request, keep, url=found.url, paid=paid)
        if not self._behind_router(self.base_url if url.removesuffix("/v1") == self._root() else url):
            served = Served(_HF_INFERENCE, ref.repo, "live", request.task)
            request = replace(request, model=ref.repo)
            return TaskExchange(self._exchange, served, request, keep, url=url.removesuffix("/v1"), paid=paid)
        served, name = yield from self._chosen(ref, request.task, call.waits)
        return TaskExchange(self._exchange, served, replace(request, model=name), keep, paid=paid)

    def _chosen(self, ref: ModelRef, task: str, waits: Waits) -> Flow[tuple[Served, str]]:
        from shared_core.providers import Need, Served, choose

        def known() -> frozenset[str]:
            from shared_core.providers.payloads import providers_of

            return providers_of(task)

        providers = yield from offload(known)  # loads huggingface_hub's adapters with the first task
        name, listed = yield from self._served_by(ref.repo, waits)
        name = name or ref.repo
        named_itself = ref.provider == _HF_INFERENCE and not any(
            each.provider == _HF_INFERENCE for each in listed
        )
        if named_itself and _HF_INFERENCE in providers:
            # It runs more models than its mapping lists, each by its own id; a 404 says when not.
            return Served(_HF_INFERENCE, name, "live", task), name
        need = Need(task, _LISTED_AS.get(task, frozenset({task})), providers, adapters=True)
        return choose(name, listed, ref.provider, need), name

    def _keep(self, task: str, options: MediaOptions) -> Keep:
        from pathlib import Path

        from shared_core.client.checks import checked_count
        from shared_core.client.downloads import Keep
        from shared_core.media.sink import MOST_BYTES, check_place

        to: Any = options.get("to")
        if isinstance(to, str):
            to = Path(to)
        if to is not None and not isinstance(to, Path):
            raise ConfigError(f"to={to!r} is neither a path nor a string. Nothing was sent.")
        if to is not None:
            check_place(to)
        most = options.get("most_bytes")
        return Keep(
            _KINDS.get(task, "image"), to, MOST_BYTES if most is None else checked_count(most, "most_bytes")
        )

    def _run(self, call: Call, keep: Keep | None, waiter: Waiter, options: MediaOptions) -> JobRun:
        from shared_core.client.job_line import JobLine
        from shared_core.client.jobs import JobRun

        wanted: Any = options.get("on_progress")
        if not (callable(wanted) or wanted in (None, True, False)):
            raise ConfigError(f"on_progress={wanted!r} is neither a function nor True. Nothing was sent.")
        tell = wanted if callable(wanted) else JobLine() if wanted else None
        root = call.target.base_url.removesuffix("/v1")
        call = replace(call, target=replace(call.target, base_url=root))
        return JobRun(call, self._exchange, self._asking, keep, self._waiters, waiter, tell)

    def _paid(self) -> Sequence[Policy]:
        return self._stack(paid=True)

    def _root(self) -> str:
        return self.base_url.removesuffix("/v1")

    @property
    def _waiters(self) -> Waiters:
        from shared_core.client.waiters import Waiters

        # Of threads that come at once, one makes it.
        found: Waiters = self.__dict__.setdefault("_all_waiters", Waiters())
        return found

    def _priced(self, reply: T, headers: Mapping[str, str]) -> T:
        """A transcript with what it cost; other replies have no room to say it."""
        from shared_core.media import TranscriptReply

        if not isinstance(reply, TranscriptReply):
            return reply
        cost = self._exchange.costs.of_units(reply.meta.model, reply.meta.provider, headers)
        return replace(reply, meta=replace(reply.meta, cost=cost))

    def _media_reply(self, call: Call, done: Finished) -> MediaReply:
        from shared_core.client.task_replies import task_meta
        from shared_core.media import MediaReply

        meta = task_meta(call, done.headers)
        cost = self._exchange.costs.of_units(meta.model, meta.provider, done.headers, done.files)
        meta = replace(meta, cost=cost)
        seed = done.report.seed if done.report is not None else None
        raw = done.raw if isinstance(done.raw, Mapping) else {}
        return MediaReply(done.files, meta, seed, done.job, raw)


def _at(call: Call, task: TaskExchange) -> Call:
    """The call with the provider that was found for it, which limits may be told apart by."""
    if task.url is not None:  # a server of the user's own
        return call
    return replace(call, target=replace(call.target, provider=task.served.provider))


def _check_job(job: object) -> None:
    if not isinstance(job, Job):
        raise ConfigError(
            f"This is no job, but of type {type(job).__name__}. Nothing was sent.",
            hint="Read it with `Job.from_json`.",
        )


def _gives_files(task: TaskExchange) -> bool:
    """Whether the results of a task are files; masks are such where they are a job, and JSON elsewhere."""
    from shared_core.providers.dialects import DIALECTS, PLAIN

    name = task.request.task
    return name in _KINDS or name in DIALECTS.get(task.served.provider, PLAIN).jobs
