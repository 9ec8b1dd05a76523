"""Answers about sounds: what kind they are, and their parts."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

from shared_core.testing.studio.sound import heard, pitch_of, seconds_of

__all__ = ["kinds", "parts"]


def kinds(data: bytes, count: int = 5) -> list[dict[str, Any]]:
    """Speech where somebody says something, silence where there is nothing, else music."""
    if seconds_of(data) and not pitch_of(data):
        best = "silence"
    else:
        best = "music" if heard(data).startswith("a sound of ") else "speech"
    labels = [best, *(label for label in ("speech", "music", "noise", "silence") if label != best)]
    scores = (0.91, 0.05, 0.03, 0.01)
    return [{"score": score, "label": label} for label, score in zip(labels, scores, strict=True)][:count]


def parts(data: bytes) -> list[dict[str, Any]]:
    """The sound, and the silence that is left without it."""
    return [
        {"label": f"label_{number}", "blob": base64.b64encode(sound).decode(), "content-type": kind}
        for number, (sound, kind) in enumerate(((data, _type(data)), (_silence(data), "audio/wav")))
    ]


def _type(data: bytes) -> str:
    return "audio/flac" if data[:4] == b"fLaC" else "audio/wav" if data[:4] == b"RIFF" else "audio/mpeg"


def _silence(data: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000 * round(seconds_of(data) or 1)))
    return file.getvalue()
