"""Speech in OpenAI's form: spoken by deepinfra and together, written down by deepinfra."""

from __future__ import annotations

import re

from shared_core.testing.endpoint import Exchange, bytes_reply, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.studio.made import Order
from shared_core.testing.studio.sound import heard, seconds_of

from .endpoint import TaskEndpoint, file_reply
from .fields import read_fields
from .refusals import OPENAI, TOGETHER, Words

__all__ = ["DeepinfraSpeech", "TogetherSpeech", "Transcription", "parts_of_form"]

_VOICES = ("af_alloy", "af_bella", "am_adam", "alloy", "nova", "tara")


class _Speech(TaskEndpoint):
    """`POST .../audio/speech`: raw bytes. Together wants a voice."""

    words: Words = OPENAI

    async def serve(self, exchange: Exchange) -> Reply:
        quirks = exchange.media_quirks
        fields = read_fields(exchange.received, self.words)
        model = self.model(fields.text("model"), "text-to-speech")
        text = fields.text("input")
        voice = fields.text("voice", None if self.provider == "together" else _VOICES[0])
        if voice not in _VOICES:
            raise self.words.invalid("voice", f"Invalid voice {voice!r}. Available: {', '.join(_VOICES)}")
        form = fields.text("response_format", "wav")
        if form != "wav":
            raise self.words.invalid("response_format", f"{form} is not offered here; wav is")
        order = Order(model.task, text)
        self.at_once(exchange, model, fields.values, order)
        return file_reply(await self.made(order), quirks, exchange.headers)


class TogetherSpeech(_Speech):
    """`POST /together/v1/audio/speech`."""

    provider = "together"
    words: Words = TOGETHER


class DeepinfraSpeech(_Speech):
    """`POST /deepinfra/v1/openai/audio/speech`."""

    provider = "deepinfra"


class Transcription(TaskEndpoint):
    """`POST /deepinfra/v1/openai/audio/transcriptions`: a form with a file."""

    provider = "deepinfra"
    words: Words = OPENAI

    async def serve(self, exchange: Exchange) -> Reply:
        parts = parts_of_form(exchange.received.headers.get("content-type", ""), exchange.received.raw)
        if parts is None:
            raise self.words.unreadable("multipart/form-data was expected")
        if "model" not in parts:
            raise self.words.missing("model")
        model = self.model(parts["model"].decode("utf-8", "replace"), "automatic-speech-recognition")
        sound = parts.get("file")
        if sound is None:
            raise self.words.missing("file")
        if not sound:
            raise self.words.invalid("file", "The audio file is empty.")
        form = parts.get("response_format", b"json").decode("utf-8", "replace")
        if form not in ("json", "verbose_json", "text"):
            raise self.words.invalid("response_format", f"Unknown response_format {form!r}.")
        order = Order(model.task, "", picture=sound)
        told = {name: value.decode("utf-8", "replace") for name, value in parts.items() if name != "file"}
        self.at_once(exchange, model, told, order)
        text, seconds = heard(sound), seconds_of(sound)
        if form == "text":
            reply = bytes_reply(text.encode(), exchange.headers)
            return Reply(200, reply.headers | {"content-type": "text/plain; charset=utf-8"}, reply.steps)
        segments = [{"id": 0, "start": 0.0, "end": seconds, "text": " " + text}]
        body = {"text": " " + text, "segments": segments, "language": "en", "duration": seconds}
        if form == "verbose_json":
            body["task"] = "transcribe"
        return json_reply(body, exchange.headers)


def parts_of_form(content_type: str, raw: bytes) -> dict[str, bytes] | None:
    """The parts of a `multipart/form-data` body by name, None when it is none."""
    match = re.fullmatch(r"multipart/form-data;.*\bboundary=\"?([^\";]+)\"?.*", content_type, re.I)
    if match is None:
        return None
    line = b"--" + match[1].encode()
    found: dict[str, bytes] = {}
    pieces = (b"\r\n" + raw).split(b"\r\n" + line)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    for piece in pieces[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb"content-disposition:[^\r\n]*\bname=\"([^\"]*)\"", head, re.I)
        if name is not None:
            found[name[1].decode("utf-8", "replace")] = body
    return found
