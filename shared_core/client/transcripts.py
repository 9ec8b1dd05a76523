"""What providers answer to a recording, as one reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared_core.client.jobs import Finished
from shared_core.client.task_replies import task_meta
from shared_core.errors import MalformedResponse
from shared_core.media import TranscriptChunk, TranscriptReply
from shared_core.providers.dialects.values import at, first_text
from shared_core.types import Call

__all__ = ["transcript_reply"]


def transcript_reply(raw: Any, call: Call, done: Finished) -> TranscriptReply:
    """The reply that the provider's JSON means.

    hf-inference and fal-ai give `text` with `chunks` (`timestamp` [start, end]), deepinfra `text` with `segments`,
    replicate `output`: a text, a list of them, or an object of its model's own.

    Raises:
        MalformedResponse: It holds no text.
    """
    said = raw
    if at(raw, "output") is not None and not isinstance(at(raw, "text"), str):
        said = at(raw, "output")
        if isinstance(said, list):
            whole = said and all(isinstance(piece, str) for piece in said)
            said = "".join(said) if whole else at(said, 0)
    names = ("text", "transcription", "translation")
    texts = [said] if isinstance(said, str) else [at(said, name) for name in names]
    if not any(isinstance(text, str) for text in texts):
        raise MalformedResponse("The reply holds no transcript.", reactions=())
    meta = task_meta(call, done.headers)
    language = first_text(
        at(said, "language"), at(said, "detected_language"), at(said, "inferred_languages", 0)
    )
    return TranscriptReply(
        first_text(*texts).strip(),
        meta,
        _chunks(said),
        language,
        done.job,
        raw if isinstance(raw, Mapping) else {},
    )


def _chunks(said: Any) -> tuple[TranscriptChunk, ...]:
    pieces = at(said, "chunks") or at(said, "segments") or ()
    found = []
    for piece in pieces if isinstance(pieces, list) else ():
        text = at(piece, "text")
        if isinstance(text, str):
            start, end = at(piece, "timestamp", 0), at(piece, "timestamp", 1)
            found.append(
                TranscriptChunk(
                    text.strip(),
                    _seconds(at(piece, "start") if start is None else start),
                    _seconds(at(piece, "end") if end is None else end),
                )
            )
    return tuple(found)


def _seconds(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None
