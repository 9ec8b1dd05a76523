"""Providers that answer at once: OpenAI's pictures (nscale, together), novita's videos, texts.

Source: huggingface_hub 2.4.0, `_providers/nscale.py`, `novita.py`; the recordings of text-to-image (2025).
"""

from __future__ import annotations

from typing import Any, Literal

from shared_core.errors import MalformedResponse
from shared_core.providers.dialects.values import at, blob_of, first_text, outputs_of, whole
from shared_core.types.jobs import JobReport, Output, Places

__all__ = ["PLAIN"]


class _Plain:
    jobs: frozenset[str] = frozenset()
    first_wait = 0.5
    cancel_method: Literal["POST", "PUT"] = "POST"

    def places(self, reply: Any) -> Places | None:  # noqa: ARG002  # there never is a job
        return None

    def read(self, reply: Any) -> JobReport:
        outputs = _pictures(at(reply, "data")) or outputs_of([at(reply, "video", "video_url")])
        if not outputs:
            raise MalformedResponse("The reply holds no picture, video or sound.", reactions=())
        return JobReport("done", outputs, seed=whole(at(reply, "seed")), raw=reply)


def _pictures(data: Any) -> tuple[Output, ...]:
    if not isinstance(data, list):
        return ()
    found: list[Output] = []
    for entry in data:
        if text := first_text(at(entry, "b64_json")):
            found.append(blob_of(text))
        else:
            found += outputs_of([entry])
    return tuple(found)


PLAIN = _Plain()
"""`data[].b64_json` or `data[].url`, `video.video_url`."""
