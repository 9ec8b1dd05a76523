"""WaveSpeed: every job is asked after at the address that its first reply names."""

from __future__ import annotations

from typing import Any

from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.studio.made import Order

from .endpoint import TaskEndpoint
from .fields import read_fields
from .jobs import Job
from .models import TASK_MODELS
from .refusals import WAVESPEED, Words

__all__ = ["Wavespeed", "WavespeedResult"]

_API = "https://api.wavespeed.ai/api/v3/predictions"


class _Wavespeed(TaskEndpoint):
    provider = "wavespeed"
    words: Words = WAVESPEED

    async def told(self, job: Job) -> dict[str, Any]:
        """The job as it stands."""
        quirks, done, served = job.quirks, job.done, TASK_MODELS.get(job.model)
        status = "completed" if done else "created" if job.waiting else "processing"
        if done and quirks.fails:
            status = "failed"
        good = status == "completed"
        outputs = [await self.finish(job)] * quirks.outputs if good else []
        if quirks.odd_status and job.polls:
            status = quirks.odd_status
        data = {
            "id": job.id,
            "model": (served and served.served_by(self.provider)) or job.model,
            "outputs": outputs,
            "urls": {"get": f"{_API}/{job.id}/result"},
            "has_nsfw_contents": [quirks.nsfw] * len(outputs),
            "status": status,
            "created_at": "2026-01-01T00:00:00.000Z",
            "error": quirks.fails if done else "",
            "executionTime": 250 if done else 0,
            "timings": {"inference": 250 if done else 0},
        }
        return {"code": 200, "message": "success", "data": data}


class Wavespeed(_Wavespeed):
    """`POST /wavespeed/api/v3/{id}`."""

    async def serve(self, exchange: Exchange) -> Reply:
        model, quirks = self.model(exchange.request.path_params["model"]), exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        picture = b""
        if model.task.startswith("image-to-"):
            picture = fields.media("images" if fields.has("images") else "image", self.works)
        width, height = fields.size()
        order = Order(
            model.task,
            fields.text("prompt", "" if model.task == "image-to-video" else None),
            width,
            height,
            fields.seed(),
            picture,
            "JPEG",
            fields.whole("num_frames", 1, 240) or 8,
            black=quirks.nsfw,
        )
        await self.check_picture(order, "image")
        job = self.works.submit(self.provider, model.task, model.id, fields.values, order, quirks)
        return json_reply(await self.told(job), exchange.headers)


class WavespeedResult(_Wavespeed):
    """`GET /wavespeed/api/v3/predictions/{id}/result`."""

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.works.find(self.provider, exchange.request.path_params["job"])
        if job is None:
            raise self.words.lost()
        self.works.polled(job)
        return json_reply(await self.told(job), exchange.headers)
