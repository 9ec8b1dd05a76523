"""Together: pictures in base64 and speech as bytes at once; videos as jobs below /v2/videos.

Source: huggingface_hub 2.4.0, `_providers/together.py`; the recordings of text-to-image (2025).
"""

from __future__ import annotations

from typing import Any, Literal

from shared_core.errors import MalformedResponse
from shared_core.providers.dialects.plain import PLAIN
from shared_core.providers.dialects.values import (
    at,
    first_text,
    outputs_of,
    path_to,
    phase_of,
    unreadable,
    whole,
)
from shared_core.types.jobs import JobReport, Phase, Places

__all__ = ["TOGETHER"]

_PHASES: dict[str, Phase] = {
    "queued": "queued",
    "in_progress": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "canceled",
    "canceled": "canceled",
}


class _Together:
    jobs = frozenset({"text-to-video", "image-to-video"})
    first_wait = 2.0
    cancel_method: Literal["POST", "PUT"] = "POST"

    def places(self, reply: Any) -> Places | None:
        id = first_text(at(reply, "id"))
        if not id or at(reply, "data") is not None:
            return None
        return Places(id, path_to("together", "v2/videos", id))

    def read(self, reply: Any) -> JobReport:
        if at(reply, "data") is not None:
            return PLAIN.read(reply)
        status = at(reply, "status")
        # The status is optional at first: without one the job counts as queued.
        phase = phase_of(status or ("queued" if at(reply, "id") else ""), _PHASES)
        if phase is None:
            raise unreadable("together", status)
        files = outputs_of([at(reply, "outputs", "video_url")]) if phase == "done" else ()
        if phase == "done" and not files:
            raise MalformedResponse("together calls the job completed and gives no video.", reactions=())
        message = first_text(at(reply, "error", "message"), at(reply, "error"))
        unsafe = "nsfw" in message.lower() or first_text(at(reply, "error", "code")) == "content_policy"
        return JobReport(
            phase, files, message=message, unsafe=unsafe, seed=whole(at(reply, "seed")), raw=reply
        )


TOGETHER = _Together()
"""`data[].b64_json`, or `outputs.video_url`."""
