"""hf-inference: one address a model, whatever its task; bodies are JSON, or the bare bytes of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from shared_core.testing.brains.vectors import Words as WordVectors
from shared_core.testing.embedding.models import embedding_model
from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.media import recognise
from shared_core.testing.refusals import Refusal, provider_not_serving
from shared_core.testing.studio.made import Order

from .classics import BINARY, CLASSICS
from .endpoint import TaskEndpoint, file_reply
from .fields import Fields, media_bytes, read_fields
from .generation import generate
from .models import TaskModel, task_model
from .quirks import MediaQuirks
from .refusals import HF, Words

__all__ = ["HFInference", "Similarity"]


class HFInference(TaskEndpoint):
    """`POST /hf-inference/models/{org}/{name}`."""

    provider = "hf-inference"
    words: Words = HF

    async def serve(self, exchange: Exchange) -> Reply:
        name = exchange.request.path_params["model"]
        model = task_model(name, self._state.aliases)
        if model is None:
            raise self.words.unknown_model(name)
        if model.served_by(self.provider) is None:
            raise provider_not_serving(self.provider)
        quirks = exchange.media_quirks
        exchange.headers.update({"x-compute-type": "cpu", "x-compute-time": "0.010", "x-inference-id": "offline"})
        if model.task == "text-generation":
            return generate(read_fields(exchange.received, self.words), exchange.headers, quirks.fails)
        reply = await self._answer(model, exchange, quirks)
        job = self.works.submit(
            self.provider, model.task, model.id, exchange.received.json, Order("", ""), quirks
        )
        job.polls = quirks.polls + 1
        return reply

    async def _answer(self, model: TaskModel, exchange: Exchange, quirks: MediaQuirks) -> Reply:
        fields, file = self._read(model, exchange)
        given = fields.inner("parameters")
        if quirks.fails:
            raise self.words.failed(quirks.fails)
        if model.task in ("text-to-image", "text-to-speech", "image-to-image"):
            made = await self.made(self._order(model, fields, given, file, quirks), "inputs")
            return file_reply(made, quirks, exchange.headers)
        answer: Callable[..., Any] = CLASSICS[model.task]
        try:
            body = await asyncio.to_thread(answer, fields, given, file, quirks.older)
        except ValueError as error:
            raise HF.refused(400, str(error)) from None
        return json_reply(body, exchange.headers)

    def _order(
        self, model: TaskModel, fields: Fields, given: Fields, file: bytes, quirks: MediaQuirks
    ) -> Order:
        if model.task == "text-to-speech":
            return Order(model.task, fields.text("inputs"))
        words = given.text("prompt", "") if model.task == "image-to-image" else fields.text("inputs")
        width, height = given.size()
        given.whole("num_inference_steps", 1, 500)
        given.number("guidance_scale", 0, 100)
        return Order(model.task, words, width, height, given.seed(), file, "JPEG", black=quirks.nsfw)

    def _read(self, model: TaskModel, exchange: Exchange) -> tuple[Fields, bytes]:
        """The fields of a JSON body, and the bytes of the file that the task is about."""
        kind = exchange.received.headers.get("content-type", "").partition(";")[0].strip()
        wanted = BINARY.get(model.task)
        if wanted is None:
            return read_fields(exchange.received, self.words), b""
        if kind != "application/json":
            fields, file = Fields({}, self.words), exchange.received.raw
        else:
            fields = read_fields(exchange.received, self.words)
            file = self._packed(fields)
        if not file:
            raise self.words.missing("inputs")
        found = recognise(file)
        if not found.startswith(wanted) and (wanted != "audio/" or found not in ("video/mp4", "video/webm")):
            text = "cannot identify image file" if wanted == "image/" else "Malformed soundfile"
            raise HF.refused(400, text)
        return fields, file

    def _packed(self, fields: Fields) -> bytes:
        value: Any = fields.values.get("inputs")
        if isinstance(value, dict):
            value = value.get("image")
        if value is None:
            value = fields.values.get("image")
        if value is None:
            raise self.words.missing("inputs")
        if not isinstance(value, str):
            raise self.words.wrong("inputs", "a string")
        return media_bytes(value, "inputs", self.words, self.works, bare=True)


class Similarity(TaskEndpoint):
    """`POST /hf-inference/models/{org}/{name}/pipeline/sentence-similarity`: cosines, one a sentence."""

    provider = "hf-inference"
    words: Words = HF

    async def serve(self, exchange: Exchange) -> Reply:
        name = exchange.request.path_params["model"]
        known = embedding_model(name, self._state.aliases)
        ours = task_model(name, self._state.aliases)
        if known is None and (ours is None or ours.task != "sentence-similarity"):
            raise self.words.unknown_model(name)
        if known is not None and "hf-inference" not in known.providers:
            raise provider_not_serving(self.provider)
        fields = read_fields(exchange.received, self.words)
        fields = fields.inner("inputs") if fields.has("inputs") else fields
        source = fields.text("source_sentence")
        others = fields.values.get("sentences")
        if others is None:
            raise self.words.missing("sentences")
        if not isinstance(others, list) or not all(isinstance(text, str) for text in others):
            raise self.words.wrong("sentences", "a list")
        if not others:
            raise Refusal(400, {"error": "`sentences` cannot be empty"})
        brain: Any = WordVectors()
        if known is not None and not known.words:
            brain = await asyncio.to_thread(self._brains.vectors.brain)
        scores = await asyncio.to_thread(_cosines, brain, [source, *others])
        return json_reply(scores, exchange.headers | {"x-compute-type": "cpu"})


def _cosines(brain: Any, texts: list[str]) -> list[float]:
    import numpy as np

    vectors = brain.vectors(texts, 384)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return [round(float(score), 6) for score in vectors[1:] @ vectors[0]]
