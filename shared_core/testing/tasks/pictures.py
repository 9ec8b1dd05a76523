"""The providers with one route for media: nscale's and Z.ai's pictures, Novita's videos."""

from __future__ import annotations

from typing import Any

from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import Refusal
from shared_core.testing.studio.made import Order

from .endpoint import TaskEndpoint
from .fields import read_fields
from .refusals import NOVITA, OPENAI, ZAI, Words
from .together import inline

__all__ = ["NovitaVideo", "NscaleImages", "ZaiImages", "ZaiResult"]

_CREATED = 1767225600


class NscaleImages(TaskEndpoint):
    """`POST /nscale/v1/images/generations`: OpenAI's form."""

    provider = "nscale"
    words: Words = OPENAI

    async def serve(self, exchange: Exchange) -> Reply:
        quirks = exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        model = self.model(fields.text("model"), "text-to-image")
        prompt = fields.text("prompt")
        for unknown in ("width", "height", "num_inference_steps", "cfg_scale"):
            if fields.has(unknown):
                raise self.words.invalid(unknown, f"Unknown parameter: '{unknown}'.")
        width, height = fields.size()
        form = fields.text("response_format", "b64_json")
        if form not in ("b64_json", "url"):
            raise self.words.invalid("response_format", "'response_format' must be b64_json or url.")
        order = Order(model.task, prompt, width, height, fields.seed())
        self.at_once(exchange, model, fields.values, order)
        if quirks.nsfw:
            raise self.words.unsafe()
        made = await self.made(order)
        count = (fields.whole("n", 1, 10) or 1) * quirks.outputs
        url = self.publish(made, quirks) if form == "url" else None
        one = {"url": url} if url is not None else inline(made, quirks)
        return json_reply({"created": _CREATED, "data": [one] * count}, exchange.headers)


class ZaiImages(TaskEndpoint):
    """`POST /zai-org/api/paas/v4/async/images/generations`."""

    provider = "zai-org"
    words: Words = ZAI

    async def serve(self, exchange: Exchange) -> Reply:
        quirks = exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        asked = fields.text("model")
        model = self.model(asked, "text-to-image")
        prompt = fields.text("prompt")
        width, height = fields.size()
        if quirks.nsfw:
            raise self.words.unsafe()
        order = Order(model.task, prompt, width, height, fields.seed())
        job = self.works.submit(self.provider, model.task, model.id, fields.values, order, quirks)
        body = {"model": asked, "id": job.id, "request_id": job.id, "task_status": "PROCESSING"}
        return json_reply(body, exchange.headers)


class ZaiResult(TaskEndpoint):
    """`GET /zai-org/api/paas/v4/async-result/{id}`."""

    provider = "zai-org"
    words: Words = ZAI

    async def serve(self, exchange: Exchange) -> Reply:
        job = self.works.find(self.provider, exchange.request.path_params["job"])
        if job is None:
            raise self.words.lost()
        self.works.polled(job)
        body: dict[str, Any] = {
            "model": job.body["model"],
            "request_id": job.id,
            "id": job.id,
            "task_status": "PROCESSING",
        }
        if job.quirks.odd_status:
            body["task_status"] = job.quirks.odd_status
        elif job.done and job.quirks.fails:
            body |= {"task_status": "FAIL", "error": {"code": "1234", "message": job.quirks.fails}}
        elif job.done:
            url = await self.finish(job)
            body |= {"task_status": "SUCCESS", "image_result": [{"url": url}] * job.quirks.outputs}
        return json_reply(body, exchange.headers)


class NovitaVideo(TaskEndpoint):
    """`POST /novita/v3/hf/{id}`: one long call."""

    provider = "novita"
    words: Words = NOVITA

    async def serve(self, exchange: Exchange) -> Reply:
        model, quirks = (
            self.model(exchange.request.path_params["model"], "text-to-video"),
            exchange.media_quirks,
        )
        fields = read_fields(exchange.received, self.words)
        prompt = fields.text("prompt")
        width, height = fields.size()
        frames = fields.whole("num_frames", 1, 240) or 8
        order = Order(model.task, prompt, width, height, fields.seed(), frames=frames)
        job = self.at_once(exchange, model, fields.values, order)
        if quirks.nsfw:
            raise Refusal(400, self.words.body(400, "The prompt was blocked.", code="SENSITIVE_CONTENT"))
        url = await self.finish(job)
        video = {"video_url": url, "video_url_ttl": "3600", "video_type": "mp4"} if quirks.outputs else {}
        return json_reply({"video": video}, exchange.headers)
