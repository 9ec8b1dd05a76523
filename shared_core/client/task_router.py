"""What both clients share to do tasks other than chat and embeddings: from arguments to the flow of one call.

What these calls need besides is loaded with the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from shared_core.catalog import default_model
from shared_core.client.checks import checked_body
from shared_core.client.pipeline import policies, run_through
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ConfigError
from shared_core.flow import Flow, offload
from shared_core.routing import wire_model
from shared_core.types import (
    Call,
    Job,
    JobReport,
    MediaOptions,
    ModelRef,
    TaskOptions,
    TaskRequest,
    Timeouts,
    Waits,
)

if TYPE_CHECKING:
    from shared_core.client.downloads import Keep
    from shared_core.client.jobs import Finished, JobRun
    from shared_core.client.task_exchange import Begun, TaskExchange
    from shared_core.client.waiters import Waiter, Waiters
    from shared_core.media import MediaReply, TranscriptReply
    from shared_core.policy import Policy
    from shared_core.providers import Served

__all__ = ["TaskRouter"]

T = TypeVar("T")

_AN_HOUR = Timeouts(total=3600.0, first_token=3600.0, gap=3600.0)
"""For media, where the user set no limit: a film takes minutes, and some queues longer."""

_KINDS = {
    "text-to-image": "image",
    "image-to-image": "image",
    "text-to-video": "video",
    "image-to-video": "video",
    "text-to-speech": "audio",
    "text-to-audio": "audio",
    "audio-to-audio": "audio",
}
"""What a task makes; others answer with JSON."""

_HF_INFERENCE = "hf-inference"


class TaskRouter(VectorRouter):
    """`VectorRouter` with the flows of tasks."""

    _all_waiters: Waiters | None = None

    # -- flows ------------------------------------------------------------------------------------------

    def _media(
        self, task: str, inputs: Any, parameters: Mapping[str, Any], options: MediaOptions, waiter: Waiter
    ) -> Flow[MediaReply]:
        """The flow of a task that makes pictures, films or sounds; its clock starts now."""
        call, keep = self._task_call(task, inputs, parameters, options), self._keep(task, options)
        begun = yield from self._begun(call, lambda call: self._task(call, keep), keep, waiter, options)
        done = yield from begun.run.go_on(begun.task, begun.answer)
        return self._media_reply(begun.call, done)

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
        call = self._task_call(task, inputs, parameters, options)
        begun = yield from self._begun(
            call,
            lambda call: self._task(call, None, paid=paid),
            None,
            waiter,
            cast(MediaOptions, options),
            paid=paid,
        )
        done = yield from begun.run.go_on(begun.task, begun.answer)
        return read(done.raw, begun.call, done)

    def _submit(
        self, task: str, inputs: Any, parameters: Mapping[str, Any], options: MediaOptions, waiter: Waiter
    ) -> Flow[Job]:
        """The flow that ends when a provider has accepted the job."""
        from shared_core.providers.dialects import DIALECTS, PLAIN

        call, keep = self._task_call(task, inputs, parameters, options), self._keep(task, options)

        def queued(call: Call) -> Flow[TaskExchange]:
            sent = yield from self._task(call, keep)
            if task in DIALECTS.get(sent.served.provider, PLAIN).jobs:
                return replace(sent, at_once=False)
            raise ConfigError(
                f"{sent.served.provider} answers {task} at once, and has no job that could be kept. Nothing was sent.",
                hint=f"Call `{task.replace('-', '_')}`, or name a provider with a queue.",
            )

        begun = yield from self._begun(call, queued, keep, waiter, options)
        return begun.run.accepted(begun.task, begun.answer)

    def _resume(self, job: Job, options: MediaOptions, waiter: Waiter) -> Flow[MediaReply | TranscriptReply]:
        """The flow that waits for a job and fetches its result."""
        from shared_core.client.transcripts import transcript_reply

        if not isinstance(job, Job):
            raise ConfigError(
                f"A job is resumed, not a {type(job).__name__}.", hint="Read it with `Job.from_json`."
            )
        options = {**options, "model": job.model}
        call = self._task_call(job.task, "", {}, options)
        call = replace(call, target=replace(call.target, base_url=self._root()))
        keep = self._keep(job.task, options) if job.task in _KINDS else None
        done = yield from self._run(call, keep, waiter, options).resume(job)
        call.progress.provider = call.progress.provider or job.provider
        if keep is not None:
            return self._media_reply(call, done)
        return transcript_reply(done.raw, call, done)

    def _cancel(self, job: Job) -> Flow[bool]:
        """The flow that tells the provider, where it can be told; whoever waits in this client stops at once."""
        from shared_core.client.exchange import USER_AGENT
        from shared_core.providers.dialects import DIALECTS, PLAIN
        from shared_core.types import HttpRequest

        self._waiters.stop(job)
        if not job.cancel:
            return False
        method = DIALECTS.get(job.provider, PLAIN).cancel_method
        call = self._task_call(job.task, "", {}, {"model": job.model, "timeout": 30.0})
        call = replace(call, target=replace(call.target, base_url=self._root()))
        exchange = self._exchange

        def tell(call: Call) -> Flow[bool]:
            key = yield from exchange.key(call, needed=True)
            headers = {"user-agent": USER_AGENT, "accept": "application/json", **call.target.headers}
            url = call.target.base_url + job.cancel
            yield from exchange.send(call, HttpRequest(method, url, headers, b"", key))
            return True

        return (yield from run_through(self._policies, call, tell))

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
            run = self._run(call, keep, waiter, options)
            return Begun(call, run, task, (yield from run.send(task, around)))

        places = [] if self._ways is None else self._ways.places(call.target, call.request.model)
        if self._ways is None or len(places) < 2:
            return (yield from send(call, self._paid() if paid else self._policies))
        # Which provider serves a model, and what it is sent, is found anew for each target.
        report, fallback, *inside = self._ways.around(self._ways.among(places), paid=paid)
        return (yield from run_through((report, fallback), call, lambda call: send(call, inside)))

    # -- their parts ------------------------------------------------------------------------------------

    def _task_call(
        self, task: str, inputs: Any, parameters: Mapping[str, Any], options: TaskOptions | MediaOptions
    ) -> Call:
        model = options.get("model") or self.task_models.get(task) or self.model
        if not model:
            known = default_model(task)
            if known is None:
                raise ConfigError(
                    f"No model was chosen for {task}, and none is known that all may use.",
                    hint=f"Pass model=; https://huggingface.co/models?inference_provider=all&pipeline_tag={task} "
                    "lists those that are served.",
                )
            model = known.model
        given = {name: value for name, value in parameters.items() if value is not None}
        body = {**self.extra_body, **checked_body(options.get("extra_body"))}
        request = TaskRequest(task, inputs, wire_model(model, self.provider), given, body)
        timeout = options.get("timeout")
        if timeout is None and task in _KINDS and self.timeouts == Timeouts():
            timeout = _AN_HOUR
        return self._call(request, timeout, options.get("extra_headers"), streamed=False)

    def _task(self, call: Call, keep: Keep | None, *, paid: bool = True) -> Flow[TaskExchange]:
        """The task with its provider; asks the Hub who serves the model when that is not known yet."""
        from shared_core.client.task_exchange import TaskExchange
        from shared_core.providers import Served

        request = cast(TaskRequest, call.request)
        ref = ModelRef.parse(request.model)
        url = self.base_url if call.target.base_url == self._root() else call.target.base_url
        if not self._behind_router(url):
            served = Served(_HF_INFERENCE, ref.repo, "live", request.task)
            request = replace(request, model=ref.repo)
            return TaskExchange(self._exchange, served, request, keep, url=url, paid=paid)
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
        need = Need(task, frozenset({task}), providers, adapters=True)
        return choose(name, listed, ref.provider, need), name

    def _keep(self, task: str, options: MediaOptions) -> Keep:
        from pathlib import Path

        from shared_core.client.checks import checked_count
        from shared_core.client.downloads import Keep
        from shared_core.media.sink import MOST_BYTES

        to: Any = options.get("to")
        if isinstance(to, str):
            to = Path(to)
        if to is not None and not isinstance(to, Path):
            raise ConfigError(f"to={to!r} is neither a path nor a string. Nothing was sent.")
        if to is not None and not (to if to.is_dir() else to.parent).is_dir():
            raise ConfigError(f"The folder of to={str(to)!r} does not exist. Nothing was sent.")
        most = options.get("most_bytes")
        return Keep(_KINDS[task], to, MOST_BYTES if most is None else checked_count(most, "most_bytes"))

    def _run(self, call: Call, keep: Keep | None, waiter: Waiter, options: MediaOptions) -> JobRun:
        from shared_core.client.job_line import JobLine
        from shared_core.client.jobs import JobRun

        wanted = options.get("on_progress")
        tell: Callable[[JobReport], object] | None = None
        if callable(wanted):
            tell = wanted
        elif wanted:
            tell = JobLine()
        root = call.target.base_url.removesuffix("/v1")
        call = replace(call, target=replace(call.target, base_url=root))
        return JobRun(call, self._exchange, self._policies, keep, self._waiters, waiter, tell)

    def _paid(self) -> tuple[Any, ...]:
        return policies(max_retries=self.max_retries, patience=self._patience, paid=True)

    def _root(self) -> str:
        return self.base_url.removesuffix("/v1")

    @property
    def _waiters(self) -> Waiters:
        if self._all_waiters is None:
            from shared_core.client.waiters import Waiters

            self._all_waiters = Waiters()
        return self._all_waiters

    def _media_reply(self, call: Call, done: Finished) -> MediaReply:
        from shared_core.client.exchange import meta_of
        from shared_core.media import MediaReply

        meta = meta_of(call, done.headers, "")
        meta = replace(meta, model=ModelRef.parse(call.request.model).repo)
        seed = done.report.seed if done.report is not None else None
        raw = done.raw if isinstance(done.raw, Mapping) else {}
        return MediaReply(done.files, meta, seed, done.job, raw)
