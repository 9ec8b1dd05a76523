"""Plain text generation: TGI's shape and OpenAI's, whole and as a stream.

TGI, which hf-inference and dedicated endpoints speak, sends `{"generated_text"}`, or one event a token; everybody
else sends `choices` with `text`. A TGI text holds the stop text that ended it, and may begin with the prompt:
here neither is part of the answer.

Sources: the recordings of text-generation (2025), TGI's `router/src/lib.rs` (3.x), router protocol notes 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared_core.errors import MalformedResponse
from shared_core.types import ChatDelta, ReplyMeta, Usage
from shared_core.types.answers import CompletionReply
from shared_core.wire.chat import finish_reason_of
from shared_core.wire.chat_stream import ChatStreamReader
from shared_core.wire.errors import classify_body
from shared_core.wire.usage import parse_usage

__all__ = ["CompletionStreamReader", "StopCutter", "read_completion"]


def read_completion(
    raw: Any, meta: ReplyMeta, *, stop: Sequence[str] = (), usage: Usage | None = None
) -> CompletionReply:
    """A whole reply.

    Args:
        raw: `[{"generated_text", "details"}]`, the object alone, or `{"choices": [{"text"}], "usage"}`.
        meta: Who answered.
        stop: The texts that end it.
        usage: What the headers say of tokens, where the body says nothing.

    Raises:
        MalformedResponse: It holds no text.
        RouterError: It is an error.
    """
    entry = raw[0] if isinstance(raw, list) and raw else raw
    if isinstance(entry, list) and entry:
        entry = entry[0]
    if not isinstance(entry, Mapping):
        raise _no_text()
    if entry.get("error") or entry.get("object") == "error":
        raise classify_body(entry)
    choices = entry.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, Mapping):
        message = choice.get("message")
        text = message.get("content") if isinstance(message, Mapping) else choice.get("text")
        reason = choice.get("finish_reason")
    else:
        text = entry.get("generated_text")
        details = entry.get("details")
        reason = details.get("finish_reason") if isinstance(details, Mapping) else None
        usage = _usage(details) or usage
    if not isinstance(text, str):
        raise _no_text()
    cutter = StopCutter(stop)
    shown = cutter.feed(text) + cutter.end()
    if cutter.ended:
        reason = reason or "stop"
    return CompletionReply(shown, finish_reason_of(reason, ()), parse_usage(entry) or usage, meta, entry)


class StopCutter:
    """Lets a text through up to the first stop text, however it is cut into pieces.

    Args:
        stop: The texts that end it; what could be the beginning of one is held back.

    Attributes:
        ended: A stop text was met; nothing more comes through.

    Example:
        >>> cutter = StopCutter(["END"])
        >>> [cutter.feed(piece) for piece in ("one E", "nd two E", "ND three")]
        ['one ', 'End two ', '']
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.ended = False

    def feed(self, text: str) -> str:
        """What may be shown of the text so far."""
        if self.ended or not self._stop:
            return "" if self.ended else text
        text = self._held + text
        # The one that is complete first ends the text, as it does where the text is written.
        found = [(place + len(stop), place) for stop in self._stop if (place := text.find(stop)) >= 0]
        if found:
            self.ended, self._held = True, ""
            return text[: min(found)[1]]
        held = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - held :] if held else ""
        return text[: len(text) - held]

    def end(self) -> str:
        """What was held back, now that nothing more comes."""
        held, self._held = self._held, ""
        return "" if self.ended else held


def _overlap(text: str, stop: str) -> int:
    """How much of the text's end could be the beginning of the stop text."""
    return next(
        (size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0
    )


class CompletionStreamReader(ChatStreamReader):
    """Feed it bytes, get deltas with text; ask for the reply at the end.

    Args:
        stop: The texts that end the answer.
        usage: What the headers say of the tokens.
    """

    def __init__(self, stop: Sequence[str] = (), usage: Usage | None = None) -> None:
        super().__init__()
        self._cutter = StopCutter(stop)
        self._usage = usage

    def end(self) -> list[ChatDelta]:
        """As of `ChatStreamReader`, with what was held back."""
        rest = self._cutter.end()
        deltas = [self._keep(answer, ChatDelta(rest)) for answer in list(self._answers.values())[:1] if rest]
        return deltas + super().end()

    def _read_chunk(self, chunk: dict[str, Any], name: bytes, deltas: list[ChatDelta]) -> None:
        super()._read_chunk(self._as_chat(chunk), name, deltas)
        if isinstance(chunk.get("generated_text"), str):  # TGI's last event; it sends no [DONE]
            self.finished = True

    def _as_chat(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """The chunk as one of a chat: that reader knows every other quirk."""
        token, choices = chunk.get("token"), chunk.get("choices")
        if isinstance(token, Mapping):
            details = chunk.get("details")
            ended = isinstance(chunk.get("generated_text"), str)
            text = "" if token.get("special") else token.get("text")
            reason = details.get("finish_reason") if isinstance(details, Mapping) else None
            self._usage = _usage(details) or self._usage
            choice = self._choice(text, reason, ended=ended, index=0)
            return {"choices": [choice], **({"error": chunk["error"]} if chunk.get("error") else {})}
        if isinstance(choices, list):
            read = [
                self._choice(
                    each.get("text"), reason := each.get("finish_reason"), ended=bool(reason), index=0
                )
                for each in choices[:1]
                if isinstance(each, Mapping)
            ]
            return {**chunk, "choices": read}
        return chunk

    def _choice(self, text: object, reason: object, *, ended: bool, index: int) -> dict[str, Any]:
        shown = self._cutter.feed(text) if isinstance(text, str) else ""
        if ended:
            shown += self._cutter.end()
        if self._cutter.ended and ended:
            reason = reason or "stop"
        return {"index": index, "delta": {"content": shown}, "finish_reason": reason}


def _usage(details: Any) -> Usage | None:
    """TGI's counts; the prompt's only where it says them."""
    if not isinstance(details, Mapping):
        return None
    written, read = details.get("generated_tokens"), details.get("input_length")
    if type(read) is not int and isinstance(prefill := details.get("prefill"), list) and prefill:
        read = len(prefill)
    if type(written) is not int or type(read) is not int:
        return None
    return Usage(read, written, read + written)


def _no_text() -> MalformedResponse:
    return MalformedResponse("The reply holds no text that a model wrote.", reactions=())
