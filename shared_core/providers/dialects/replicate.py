"""Replicate: predictions, which `Prefer: wait` holds open for a minute before they become jobs.

A 201 with `output` is a result even where `status` still says "processing" (recorded 2025-01). A 202 has none:
it is asked after at the path of `urls.get`.
Source: huggingface_hub 2.4.0, `_providers/replicate.py`, which gives up on a 202; the recordings.
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
    unreadable,
    whole,
)
from shared_core.types.jobs import JobReport, Phase, Places

__all__ = ["REPLICATE"]

_PHASES: dict[str, Phase] = {
    "starting": "queued",
    "processing": "running",
    "succeeded": "done",
    "failed": "failed",
    "canceled": "canceled",
    "aborted": "canceled",
}


class _Replicate:
    jobs = frozenset(
        {"text-to-image", "image-to-image", "text-to-video", "text-to-speech", "automatic-speech-recognition"}
    )
    first_wait = 0.5
    cancel_method: Literal["POST", "PUT"] = "POST"

    def places(self, reply: Any) -> Places | None:
        if at(reply, "urls", "get") is None:
            return None
        cancel = at(reply, "urls", "cancel")
        return Places(
            first_text(at(reply, "id")),
            path_below("replicate", at(reply, "urls", "get")),
            cancel=path_below("replicate", cancel) if cancel else "",
        )

    def read(self, reply: Any) -> JobReport:
        output, phase = at(reply, "output"), phase_of(at(reply, "status"), _PHASES)
        if output is not None and phase not in ("failed", "canceled"):
            files = outputs_of(output if isinstance(output, list) else [output]) if _are_files(output) else ()
            return JobReport("done", files, seed=whole(at(reply, "input", "seed")), raw=reply)
        if phase is None or phase == "done":
            raise unreadable("replicate", at(reply, "status"))
        error = first_text(at(reply, "error"))
        return JobReport(
            phase,
            fraction=fraction_of(at(reply, "logs")),
            message=error,
            unsafe="nsfw" in error.lower(),
            raw=reply,
        )


def _are_files(output: Any) -> bool:
    """A transcription's `output` is a text or an object; addresses are files."""
    first = output[0] if isinstance(output, list) and output else output
    url = first if isinstance(first, str) else at(first, "url")
    return isinstance(url, str) and url.startswith(("https://", "http://", "data:"))


REPLICATE = _Replicate()
"""`output`: an address, a list of them, or a transcription."""
