"""Replicate: predictions that are waited for (`Prefer: wait`), or asked after and cancelled."""

from __future__ import annotations

from typing import Any

from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.studio.made import Order
from shared_core.testing.studio.sound import heard

from .endpoint import TaskEndpoint
from .fields import Fields, read_fields
from .jobs import Job
from .models import TASK_MODELS, TaskModel
from .quirks import MediaQuirks
from .refusals import REPLICATE, Words

__all__ = ["Replicate", "ReplicateCancel", "ReplicatePrediction"]

_API = "https://api.replicate.com/v1/predictions"
_KNOWN = ("input", "version", "stream", "webhook", "webhook_events_filter")
_UNSAFE = "NSFW content detected. Try running it again, or try a different prompt."


class _Replicate(TaskEndpoint):
    provider = "replicate"
    words: Words = REPLICATE

    def job(self, exchange: Exchange) -> Job:
        """The prediction that a path names."""
        job = self.works.find(self.provider, exchange.request.path_params["job"])
        if job is None:
            raise self.words.lost()
        return job

    async def prediction(self, job: Job, *, at_once: bool = False) -> dict[str, Any]:
        """The prediction as it stands; one that was waited for says `processing` beside its output."""
        quirks, served = job.quirks, TASK_MODELS.get(job.model)
        name, _, version = ((served and served.served_by(self.provider)) or job.model).partition(":")
        error = quirks.fails or (_UNSAFE if quirks.nsfw else "")
        over = (at_once or job.done) and not job.cancelled
        body = {
            "id": job.id,
            "model": name,
            "version": version or "dp-00000000000000000000000000000000",
            "input": job.body["input"],
            "logs": _logs(job),
            "output": await self._output(job) if over and not error else None,
            "data_removed": False,
            "error": error if over and error else None,
            "status": _status(job, failed=bool(error), at_once=at_once),
            "created_at": "2026-01-01T00:00:00.000Z",
            "urls": {
                "cancel": f"{_API}/{job.id}/cancel",
                "get": f"{_API}/{job.id}",
                "stream": f"https://stream.replicate.com/v1/files/{job.id}",
            },
        }
        if job.done and not at_once:
            body["completed_at"] = "2026-01-01T00:00:01.000Z"
            body["metrics"] = {"predict_time": 0.25}
        return body

    async def _output(self, job: Job) -> Any:
        if job.task == "automatic-speech-recognition":
            text = heard(job.order.picture)
            return {"segments": None, "transcription": text, "detected_language": "english"}
        url = await self.finish(job)
        return [url] * job.quirks.outputs if "to-image" in job.task else url


class Replicate(_Replicate):
    """`POST /replicate/v1/models/{owner}/{name}/predictions`, or `/replicate/v1/predictions` with a version."""

    async def serve(self, exchange: Exchange) -> Reply:
        quirks = exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        model = self._model(exchange.request.path_params.get("model"), fields)
        for name in fields.values:
            if name not in _KNOWN:
                raise REPLICATE.additional(name)
        if not fields.has("input"):
            raise self.words.missing("input")
        order = self._order(model, fields.inner("input"), quirks)
        if model.task != "automatic-speech-recognition":
            await self.check_picture(order, "input.image")
        job = self.works.submit(self.provider, model.task, model.id, fields.values, order, quirks)
        exchange.headers.update({"ratelimit-remaining": "597", "ratelimit-reset": "1"})
        waits = exchange.received.headers.get("prefer", "").startswith("wait")
        late = quirks.starting or quirks.never or bool(quirks.odd_status)
        status = 201
        if waits:
            exchange.headers["preference-applied"] = "wait=60"
            if late:
                status, exchange.headers["reason"] = 202, "wait time exceeded"
        body = await self.prediction(job, at_once=waits and not late)
        if waits and not late:
            job.polls = quirks.polls + 1
        else:
            body["status"] = "starting"
        reply = json_reply(body, exchange.headers)
        return Reply(status, reply.headers, reply.steps)

    def _model(self, path: str | None, fields: Fields) -> TaskModel:
        if path is not None:
            return self.model(path)
        version = fields.text("version")
        for model in TASK_MODELS.values():
            name, _, known = (model.served_by(self.provider) or "").partition(":")
            if known and version in (known, f"{name}:{known}"):
                return model
        text = "The specified version does not exist (or perhaps you don't have permission to use it?)"
        raise REPLICATE.problem(422, "Invalid version or not permitted", text)

    def _order(self, model: TaskModel, fields: Fields, quirks: MediaQuirks) -> Order:
        task = model.task
        if task == "automatic-speech-recognition":
            return Order(task, "", picture=fields.media("audio", self.works))
        if task == "text-to-speech":
            return Order(task, fields.text("text"))
        picture = b""
        if task == "image-to-image":
            key = next(
                (k for k in ("image", "input_image", "images", "input_images") if fields.has(k)), "image"
            )
            picture = fields.media(key, self.works)
        width, height = fields.size()
        form = fields.text("output_format", "webp").upper().replace("JPG", "JPEG")
        if form not in ("PNG", "JPEG", "WEBP"):
            raise self.words.invalid("input.output_format", "output_format must be one of webp, jpg, png")
        return Order(
            task,
            fields.text("prompt", "" if picture else None),
            width,
            height,
            fields.seed(),
            picture,
            form,
            fields.whole("num_frames", 1, 240) or 8,
            black=quirks.nsfw,
        )


class ReplicatePrediction(_Replicate):
    """`GET /replicate/v1/predictions/{id}`."""

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.job(exchange)
        self.works.polled(job)
        return json_reply(await self.prediction(job), exchange.headers)


class ReplicateCancel(_Replicate):
    """`POST /replicate/v1/predictions/{id}/cancel`."""

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.job(exchange)
        self.works.cancelled(job)
        return json_reply(await self.prediction(job), exchange.headers)


def _status(job: Job, *, failed: bool, at_once: bool) -> str:
    """What the prediction says of itself; one that was waited for is said to be processing still."""
    if job.cancelled:
        return "canceled"
    if job.quirks.odd_status and not at_once:
        return job.quirks.odd_status
    if failed and (at_once or job.done):
        return "failed"
    if job.done and not at_once:
        return "succeeded"
    return "starting" if job.waiting and not at_once else "processing"


def _logs(job: Job) -> str:
    """How far it is, a line for each question, as some models write it."""
    if not job.quirks.progress:
        return ""
    steps = range(1, min(job.polls, job.quirks.polls) + 1)
    return "".join(f"{100 * step // max(1, job.quirks.polls)}%|#\n" for step in steps)
