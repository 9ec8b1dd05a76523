"""Together: pictures in the reply, videos as jobs under `/v2`."""

from __future__ import annotations

import base64
from typing import Any

from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.studio.made import Made, Order

from .endpoint import TaskEndpoint
from .fields import Fields, media_bytes, read_fields
from .jobs import Job
from .models import TaskModel
from .quirks import MediaQuirks
from .refusals import TOGETHER, Words

__all__ = ["TogetherImages", "TogetherVideo", "TogetherVideos", "inline"]

_CREATED = 1767225600
_INLINE = 60 * 1024
"""How long `input_image` may be."""


class _Together(TaskEndpoint):
    provider = "together"
    words: Words = TOGETHER


def inline(made: Made, quirks: MediaQuirks) -> dict[str, str]:
    """The keys with a picture inside a reply, spoilt as the script says."""
    packed = base64.b64encode(made.data).decode()
    if quirks.result == "missing":
        return {}
    if quirks.result == "html":
        packed = base64.b64encode(b"<html><body>502 Bad Gateway</body></html>").decode()
    return {"b64_json": {"empty": "", "cut": packed[: len(packed) // 2 | 1]}.get(quirks.result, packed)}


class TogetherImages(_Together):
    """`POST /together/v1/images/generations`: from words, or from a picture too."""

    async def serve(self, exchange: Exchange) -> Reply:
        quirks = exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        asked = fields.text("model")
        model = self.model(asked, "text-to-image", "image-to-image")
        prompt = fields.text("prompt", "" if model.task == "image-to-image" else None)
        if "prompt" in fields.values and fields.values["prompt"] is None:
            raise self.words.wrong("prompt", "a string")
        picture = self._picture(model, asked, fields)
        width, height = fields.size()
        fields.whole("steps", 1, 100)
        count = fields.whole("n", 1, 4) or 1
        form = fields.text("response_format", "url")
        if form not in ("base64", "b64_json", "url"):
            raise self.words.invalid("response_format", "response_format must be one of base64, url")
        order = Order(model.task, prompt, width, height, fields.seed(), picture, "JPEG")
        made = await self.made(order, "image_url")
        self.at_once(exchange, model, fields.values, order)
        if quirks.nsfw:
            raise self.words.unsafe()
        data = []
        for index in range(count * quirks.outputs):
            kept = {"url": self.publish(made, quirks)} if form == "url" else inline(made, quirks)
            data.append({"timings": {"inference": 250}, "index": index, **kept})
        body = {"id": "offline-00000000", "model": asked, "object": "list", "data": data}
        return json_reply(body, exchange.headers)

    def _picture(self, model: TaskModel, asked: str, fields: Fields) -> bytes:
        if model.task == "text-to-image":
            return b""
        # FLUX.1 Kontext takes `image_url` alone, the others `reference_images`.
        lowered = asked.lower()
        key = "image_url" if "kontext" in lowered and "flux.1" in lowered else "reference_images"
        other = "reference_images" if key == "image_url" else "image_url"
        if fields.has(other):
            raise self.words.invalid(other, f"{other} is not supported by this model")
        return fields.media(key, self.works)


class TogetherVideos(_Together):
    """`POST /together/v2/videos`."""

    async def serve(self, exchange: Exchange) -> Reply:
        quirks = exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        model = self.model(fields.text("model"), "text-to-video", "image-to-video")
        moving = model.task == "image-to-video"
        prompt = fields.text("prompt", "" if moving else None)
        picture = self._first_frame(fields) if moving else b""
        width, height = fields.size()
        frames = fields.whole("num_frames", 1, 240) or 8
        order = Order(model.task, prompt, width, height, fields.seed(), picture, frames=frames)
        await self.check_picture(order, "frame_images")
        if quirks.nsfw:
            raise self.words.unsafe()
        job = self.works.submit(self.provider, model.task, model.id, fields.values, order, quirks)
        return json_reply(await _told(self, job), exchange.headers)

    def _first_frame(self, fields: Fields) -> bytes:
        given = fields.values.get("frame_images")
        if given is None:
            raise self.words.missing("frame_images")
        first = given[0] if isinstance(given, list) and given else None
        value = first.get("input_image") if isinstance(first, dict) else None
        if not isinstance(value, str):
            raise self.words.wrong("frame_images", "a list of objects with input_image")
        if value.startswith("data:") and len(value) > _INLINE:
            raise self.words.invalid("frame_images", f"input_image must have at most {_INLINE} characters")
        return media_bytes(value, "frame_images", self.words, self.works)


class TogetherVideo(_Together):
    """`GET /together/v2/videos/{id}`."""

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.works.find(self.provider, exchange.request.path_params["job"])
        if job is None:
            raise self.words.lost()
        self.works.polled(job)
        return json_reply(await _told(self, job), exchange.headers)


async def _told(endpoint: TaskEndpoint, job: Job) -> dict[str, Any]:
    quirks = job.quirks
    status = "completed" if job.done else "queued" if job.waiting else "in_progress"
    if job.done and quirks.fails:
        status = "failed"
    body: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "model": job.body["model"],
        "status": quirks.odd_status if quirks.odd_status and job.polls else status,
        "created_at": _CREATED,
        "seconds": f"{job.order.frames / job.order.fps:g}",
    }
    if status == "failed":
        body["error"] = {"code": "generation_failed", "message": quirks.fails}
    elif status == "completed":
        url = await endpoint.finish(job)
        body["outputs"] = {"cost": 0.0, "video_url": url} if quirks.outputs else {}
        body["completed_at"] = _CREATED + 1
    return body
