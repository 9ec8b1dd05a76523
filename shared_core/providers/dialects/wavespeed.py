"""WaveSpeed: everything is a job, asked after at the path of `data.urls.get`.

Source: huggingface_hub 2.4.0, `_providers/wavespeed.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from shared_core.errors import MalformedResponse
from shared_core.providers.dialects.values import (
    at,
    first_text,
    outputs_of,
    path_below,
    phase_of,
    truths,
    unreadable,
)
from shared_core.types.jobs import JobReport, Phase, Places

__all__ = ["WAVESPEED"]

_PHASES: dict[str, Phase] = {
    "created": "queued",
    "queued": "queued",
    "processing": "running",
    "completed": "done",
    "failed": "failed",
    "canceled": "canceled",
    "cancelled": "canceled",
}


class _WaveSpeed:
    jobs = frozenset({"text-to-image", "image-to-image", "text-to-video", "image-to-video"})
    first_wait = 0.5
    cancel_method: Literal["POST", "PUT"] = "POST"

    def places(self, reply: Any) -> Places | None:
        if at(reply, "data", "urls") is None:
            return None
        status = path_below("wavespeed", at(reply, "data", "urls", "get"))
        return Places(first_text(at(reply, "data", "id")), status)

    def read(self, reply: Any) -> JobReport:
        data = at(reply, "data")
        phase = phase_of(at(data, "status"), _PHASES)
        if phase is None:
            raise unreadable("wavespeed", at(data, "status") or at(reply, "message"))
        outputs = at(data, "outputs")
        files = outputs_of(outputs) if phase == "done" and isinstance(outputs, list) else ()
        unsafe = truths(at(data, "has_nsfw_contents"))
        if phase == "done" and not files and not unsafe:
            raise MalformedResponse("wavespeed calls the job completed and gives no result.", reactions=())
        return JobReport(phase, files, message=first_text(at(data, "error")), unsafe=unsafe, raw=reply)


WAVESPEED = _WaveSpeed()
"""`data.outputs`: addresses; `has_nsfw_contents`."""
