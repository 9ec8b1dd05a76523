"""fal.ai: pictures and speech at once; edits, videos and masks in a queue.

A queued job is asked after at the path of its `response_url`, whose model may be another than the one called.
Source: huggingface_hub 2.4.0, `_providers/fal_ai.py`; the recordings of text-to-image and speech (2025).
"""

from __future__ import annotations

from typing import Any, Literal

from shared_core.providers.dialects.values import (
    at,
    first_text,
    fraction_of,
    outputs_of,
    path_below,
    phase_of,
    truths,
    unreadable,
    whole,
)
from shared_core.types.jobs import JobReport, Phase, Places

__all__ = ["FAL"]

_PHASES: dict[str, Phase] = {
    "IN_QUEUE": "queued",
    "IN_PROGRESS": "running",
    "COMPLETED": "done",
    "FAILED": "failed",
    "ERROR": "failed",
    "CANCELLED": "canceled",
    "CANCELED": "canceled",
}
_QUEUE = "?_subdomain=queue"


class _Fal:
    jobs = frozenset({"image-to-image", "text-to-video", "image-to-video", "image-segmentation"})
    first_wait = 0.5
    cancel_method: Literal["POST", "PUT"] = "PUT"

    def places(self, reply: Any) -> Places | None:
        id = first_text(at(reply, "request_id"))
        if not id or not at(reply, "response_url"):
            return None
        path = path_below("fal-ai", at(reply, "response_url"))
        return Places(id, f"{path}/status{_QUEUE}", f"{path}{_QUEUE}", f"{path}/cancel{_QUEUE}")

    def read(self, reply: Any) -> JobReport:
        phase = phase_of(at(reply, "status"), _PHASES)
        if phase is not None and not _files(reply):
            return _status(reply, phase)
        outputs = outputs_of(_files(reply))
        unsafe = truths(at(reply, "has_nsfw_concepts"))
        if not outputs and not unsafe and not isinstance(at(reply, "text"), str):
            raise unreadable("fal-ai", at(reply, "status"))
        return JobReport("done", outputs, unsafe=unsafe, seed=whole(at(reply, "seed")), raw=reply)


def _status(reply: Any, phase: Phase) -> JobReport:
    error, log = first_text(at(reply, "error")), first_text(at(reply, "logs", -1, "message"))
    return JobReport(
        # What failed is "COMPLETED" too, beside an error.
        "failed" if error and phase == "done" else phase,
        position=whole(at(reply, "queue_position")),
        fraction=fraction_of(log),
        message=error or log,
        raw=reply,
    )


def _files(reply: Any) -> list[Any]:
    """Pictures come as a list, videos and sounds each under a name of their own."""
    pictures = at(reply, "images")
    single = [at(reply, name) for name in ("image", "video", "audio", "audio_file")]
    return [*(pictures if isinstance(pictures, list) else ()), *(each for each in single if each)]


FAL = _Fal()
"""`images`, `video`, `audio`, `text`; `has_nsfw_concepts`."""
