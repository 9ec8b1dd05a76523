"""What the routes of media share: finding the model, making the file, and handing it over as the script says."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

from shared_core.testing.endpoint import Endpoint, Exchange
from shared_core.testing.faults import Break, Reply, Step
from shared_core.testing.refusals import Refusal
from shared_core.testing.studio.made import Made, Order, make

from .jobs import Job, Works
from .models import TaskModel, by_provider_id
from .quirks import MediaQuirks
from .refusals import OPENAI, Words

__all__ = ["FilesEndpoint", "TaskEndpoint", "file_reply"]

_PAGE = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
)
_CHUNK = bytes(1 << 16)


class TaskEndpoint(Endpoint):
    """A route of one provider."""

    provider = ""
    words: Words = OPENAI

    @property
    def works(self) -> Works:
        """Jobs and files."""
        return self._state.works

    async def answer(self, exchange: Exchange) -> Reply:
        self.check_token(exchange)
        exchange.headers["x-inference-provider"] = self.provider
        try:
            return await self.serve(exchange)
        except ImportError as error:
            raise Refusal(501, {"error": str(error)}) from error

    async def serve(self, exchange: Exchange) -> Reply:
        """The reply, before any fault; raises `Refusal`."""
        raise NotImplementedError

    def model(self, asked: str, *tasks: str) -> TaskModel:
        """The model that the provider serves under that id, for one of the tasks."""
        model = by_provider_id(self.provider, asked, self._state.aliases)
        if model is None or (tasks and model.task not in tasks):
            raise self.words.unknown_model(asked)
        return model

    def at_once(self, exchange: Exchange, model: TaskModel, body: Any, order: Order) -> Job:
        """Record a job that the reply itself ends; refuse it where it was scripted to fail."""
        quirks = exchange.media_quirks
        job = self.works.submit(self.provider, model.task, model.id, body, order, quirks)
        job.polls = quirks.polls + 1
        if quirks.fails:
            raise self.words.failed(quirks.fails)
        return job

    async def made(self, order: Order, field: str = "image") -> Made:
        """The file that was ordered, made beside the event loop."""
        try:
            return await asyncio.to_thread(make, order)
        except ValueError as error:
            raise self.words.invalid(field, str(error)) from None

    async def check_picture(self, order: Order, field: str) -> None:
        """Refuse a picture that is none when the job is handed in, not when it is done."""
        if order.picture:
            await self.made(replace(order, task="image-to-image", words=""), field)

    async def finish(self, job: Job) -> str:
        """The URL of a job's result, made when it is first wanted."""
        if not job.url:
            job.made = await self.made(job.order)
            job.url = self.publish(job.made, job.quirks)
        return job.url

    def publish(self, made: Made, quirks: MediaQuirks) -> str:
        """A URL for a file: on the second origin, or holding it itself."""
        if quirks.as_data_url:
            return f"data:{made.type};base64,{base64.b64encode(made.data).decode()}"
        return self.works.store(made, quirks)


class FilesEndpoint(Endpoint):
    """`GET /files/...` on the second origin: no token is wanted there, and none should come."""

    async def answer(self, exchange: Exchange) -> Reply:
        stored = self._state.works.stored(exchange.request.path_params.get("name", ""))
        if stored is None:
            raise Refusal(404, "404: Not Found")
        return file_reply(stored.made, stored.quirks, exchange.headers)


def file_reply(made: Made, quirks: MediaQuirks, headers: dict[str, str]) -> Reply:
    """A file as a reply of its own, spoilt as the script says."""
    if quirks.redirect:
        return Reply(302, headers | {"location": quirks.redirect, "content-length": "0"}, ())
    if quirks.result == "missing":
        raise Refusal(404, "404: Not Found")
    data, kind = made.data, made.type
    if quirks.result == "html":
        data, kind = _PAGE, "text/html; charset=utf-8"
    elif quirks.result == "empty":
        data = b""
    told = {"content-type": kind if quirks.result_type is None else quirks.result_type}
    length = len(data) if quirks.result_bytes is None else quirks.result_bytes
    told = {name: value for name, value in told.items() if value} | {"content-length": str(length)}
    if quirks.result == "cut":
        return Reply(200, headers | told, (data[: len(data) // 2], Break("close")))
    steps: list[Step] = [data[:length]]
    # One chunk of zeros is sent many times: a file of gigabytes takes no memory.
    whole, rest = divmod(max(0, length - len(data)), len(_CHUNK))
    steps += [_CHUNK] * whole + [_CHUNK[:rest]]
    return Reply(200, headers | told, tuple(steps))
