"""fal: synchronous at `/fal-ai/{id}`, and through a queue with `?_subdomain=queue`, as its two hosts are."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import Refusal
from shared_core.testing.studio.made import Made, Order
from shared_core.testing.studio.sound import heard, seconds_of

from .endpoint import TaskEndpoint
from .fields import Fields, read_fields
from .jobs import Job
from .models import TaskModel
from .quirks import MediaQuirks
from .refusals import FAL, Words

__all__ = ["Fal", "FalCancel", "FalResult", "FalStatus"]

_HOST = "https://queue.fal.run"
_SEED = 188085578


class _Fal(TaskEndpoint):
    provider = "fal-ai"
    words: Words = FAL

    async def result(
        self, task: str, order: Order, url: str, made: Made, quirks: MediaQuirks
    ) -> dict[str, Any]:
        """The body that a task ends with."""
        if task == "automatic-speech-recognition":
            return self.transcript(order.picture)
        if task in ("text-to-video", "image-to-video"):
            return {"video": self._file(url, made), "seed": order.seed or _SEED}
        if task in ("text-to-speech", "text-to-audio"):
            return {"audio": self._file(url, made)}
        picture = {"url": url, "width": made.width, "height": made.height, "content_type": made.type}
        if task == "image-segmentation":
            return {"image": picture | {"file_name": "mask.png", "file_size": len(made.data)}}
        return {
            "images": [picture] * quirks.outputs,
            "timings": {"inference": 0.25},
            "seed": order.seed or _SEED,
            "has_nsfw_concepts": [quirks.nsfw] * quirks.outputs,
            "prompt": order.words,
        }

    def _file(self, url: str, made: Made) -> dict[str, Any]:
        return {
            "url": url,
            "content_type": made.type,
            "file_name": f"output.{made.ending}",
            "file_size": len(made.data),
        }

    def transcript(self, sound: bytes) -> dict[str, Any]:
        """What was said, as Whisper's own route tells it."""
        text = " " + heard(sound)
        span = [0, seconds_of(sound) or None]
        return {
            "text": text,
            "chunks": [{"timestamp": span, "text": text, "speaker": None}],
            "inferred_languages": ["en"],
            "diarization_segments": [],
        }

    def job(self, exchange: Exchange) -> Job:
        """The job that a path names; the synchronous host knows none."""
        job = self.works.find(self.provider, exchange.request.path_params["job"])
        if job is None or not _queued(exchange):
            raise self.words.lost()
        return job


def _queued(exchange: Exchange) -> bool:
    return parse_qs(exchange.received.query).get("_subdomain") == ["queue"]


class Fal(_Fal):
    """`POST /fal-ai/{id}`: answers at once, or takes a job."""

    async def serve(self, exchange: Exchange) -> Reply:
        model, quirks = self.model(exchange.request.path_params["model"]), exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        if fields.values.get("sync_mode") is True:
            quirks = replace(quirks, as_data_url=True)
        order = self._order(model, fields, quirks)
        exchange.headers["x-fal-request-id"] = str(uuid.uuid4())
        hearing = model.task == "automatic-speech-recognition"
        if not hearing:
            await self.check_picture(order, "image_url")
        if _queued(exchange):
            job = self.works.submit(self.provider, model.task, model.id, fields.values, order, quirks)
            return json_reply(_ticket(job, model), exchange.headers)
        self.at_once(exchange, model, fields.values, order)
        made = Made(b"", "", "") if hearing else await self.made(order)
        url = "" if hearing else self.publish(made, quirks)
        return json_reply(await self.result(model.task, order, url, made, quirks), exchange.headers)

    def _order(self, model: TaskModel, fields: Fields, quirks: MediaQuirks) -> Order:
        task = model.task
        if task == "automatic-speech-recognition":
            return Order(task, "", picture=fields.media("audio_url", self.works))
        if task == "text-to-speech":
            return Order(task, fields.text("text"))
        if task == "text-to-audio":
            seconds = fields.number("seconds_total", 0.25, 60, fields.number("duration", 0.25, 60, 2.0))
            return Order(task, fields.text("prompt"), seconds=seconds or 2.0)
        picture = b""
        if task in ("image-to-image", "image-to-video", "image-segmentation"):
            key = "image_urls" if fields.has("image_urls") and not fields.has("image_url") else "image_url"
            picture = fields.media(key, self.works)
        _check_loras(fields)
        width, height = fields.size()
        optional = "" if task in ("image-segmentation", "image-to-video") else None
        fields.whole("num_images", 1, 4)
        fields.whole("num_inference_steps", 1, 100)
        fields.number("guidance_scale", 0, 100)
        form = fields.text("output_format", "png" if picture else "jpeg").upper()
        if form not in ("PNG", "JPEG", "WEBP"):
            raise self.words.invalid("output_format", "unexpected value; permitted: 'jpeg', 'png', 'webp'")
        return Order(
            task,
            fields.text("prompt", optional),
            width or (1024 if task == "text-to-image" else None),
            height or (768 if task == "text-to-image" else None),
            fields.seed(),
            picture,
            form,
            fields.whole("num_frames", 1, 240) or 8,
            black=quirks.nsfw,
        )


def _check_loras(fields: Fields) -> None:
    loras = fields.values.get("loras")
    if loras is None:
        return
    if not isinstance(loras, list):
        raise fields.words.wrong("loras", "a list")
    for place, lora in enumerate(loras):
        if not isinstance(lora, dict) or not isinstance(lora.get("path"), str):
            at = ["body", "loras", place, "path"]
            raise Refusal(
                422, {"detail": [{"loc": at, "msg": "str type expected", "type": "type_error.str"}]}
            )


def _address(job: Job, model: str) -> str:
    # The queue drops what follows the application's name, so the path is not the one that was called.
    application = "/".join(model.split("/")[:2])
    return f"{_HOST}/{application}/requests/{job.id}"


def _ticket(job: Job, model: TaskModel) -> dict[str, Any]:
    address = _address(job, model.served_by("fal-ai") or "")
    return {
        "status": "IN_QUEUE",
        "request_id": job.id,
        "response_url": address,
        "status_url": f"{address}/status",
        "cancel_url": f"{address}/cancel",
        "logs": None,
        "metrics": {},
        "queue_position": 0,
    }


class FalStatus(_Fal):
    """`GET /fal-ai/{application}/requests/{id}/status`: 202 until it is done."""

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.job(exchange)
        self.works.polled(job)
        quirks, application = job.quirks, exchange.request.path_params["application"]
        address = f"{_HOST}/{application}/requests/{job.id}"
        body: dict[str, Any] = {
            "status": "COMPLETED" if job.done else "IN_QUEUE" if job.waiting else "IN_PROGRESS",
            "request_id": job.id,
            "response_url": address,
            "status_url": f"{address}/status",
            "cancel_url": f"{address}/cancel",
            "logs": None,
            "metrics": {"inference_time": 0.25} if job.done else {},
        }
        if quirks.odd_status:
            body["status"] = quirks.odd_status
        elif quirks.progress:
            left = max(0, quirks.polls - job.polls)
            body["logs"] = [_log(number, quirks.polls) for number in range(1, job.polls)]
            body |= {"queue_position": left} if job.waiting and not job.done else {}
        if job.done and (quirks.fails or job.cancelled):
            body["error"] = quirks.fails or "Request was cancelled"
        reply = json_reply(body, exchange.headers)
        return Reply(200 if job.done else 202, reply.headers, reply.steps)


def _log(number: int, count: int) -> dict[str, str]:
    percent = min(100, 100 * number // max(1, count))
    return {
        "message": f"{percent}%|" + "#" * (percent // 10),
        "level": "INFO",
        "source": "USER",
        "timestamp": f"2026-01-01T00:00:{number % 60:02}.000000+00:00",
    }


class FalResult(_Fal):
    """`GET /fal-ai/{application}/requests/{id}`: what the job ended with."""

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.job(exchange)
        job.fetched += 1
        if job.cancelled:
            raise Refusal(400, {"detail": "Request was cancelled"})
        if not job.done:
            raise Refusal(400, {"detail": "Request is still in progress"})
        if job.quirks.fails:
            raise self.words.failed(job.quirks.fails)
        if job.task == "automatic-speech-recognition":
            return json_reply(self.transcript(job.order.picture), exchange.headers)
        url = await self.finish(job)
        made = job.made or Made(b"", "", "")
        return json_reply(await self.result(job.task, job.order, url, made, job.quirks), exchange.headers)


class FalCancel(_Fal):
    """`PUT /fal-ai/{application}/requests/{id}/cancel`."""

    async def serve(self, exchange: Exchange) -> Reply:
        if not self.works.cancelled(self.job(exchange)):
            raise Refusal(400, {"status": "ALREADY_COMPLETED"})
        reply = json_reply({"status": "CANCELLATION_REQUESTED"}, exchange.headers)
        return Reply(202, reply.headers, reply.steps)
