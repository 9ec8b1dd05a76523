"""Z.ai: pictures as jobs, asked after by their id.

Source: huggingface_hub 2.4.0, `_providers/zai_org.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from shared_core.providers.dialects.values import at, first_text, outputs_of, path_to, phase_of, unreadable
from shared_core.types.jobs import JobReport, Phase, Places

__all__ = ["ZAI"]

_PHASES: dict[str, Phase] = {"PROCESSING": "running", "SUCCESS": "done", "FAIL": "failed"}


class _Zai:
    jobs = frozenset({"text-to-image"})
    first_wait = 2.0
    cancel_method: Literal["POST", "PUT"] = "POST"

    def places(self, reply: Any) -> Places | None:
        id = first_text(at(reply, "id"))
        if not id:
            return None
        return Places(id, path_to("zai-org", "api/paas/v4/async-result", id))

    def read(self, reply: Any) -> JobReport:
        phase = phase_of(at(reply, "task_status"), _PHASES)
        pictures = at(reply, "image_result")
        files = outputs_of(pictures) if isinstance(pictures, list) else ()
        if phase is None or (phase == "done" and not files):
            raise unreadable("zai-org", at(reply, "task_status"))
        message = first_text(at(reply, "error", "message"), at(reply, "message"))
        return JobReport(phase, files, message=message, raw=reply)


ZAI = _Zai()
"""`image_result[].url`."""
