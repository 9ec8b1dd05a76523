"""Pictures, sounds and films as files: what they are, where they come from, where they go.

Lives here: recognising by the first bytes, measuring without decoding, inputs that users give, results that are
written down, the store that agents name artifacts in. Not here: sending and downloading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.media.inputs import Limits, MediaInput, blob_from
    from shared_core.media.kinds import kind_of, sniff
    from shared_core.media.parts import Segment, Sound
    from shared_core.media.reply import MediaFile, MediaReply, TranscriptChunk, TranscriptReply
    from shared_core.media.sink import Sink

_MODULES = {
    "inputs": ("Limits", "MediaInput", "blob_from"),
    "parts": ("Segment", "Sound"),
    "reply": ("MediaFile", "MediaReply", "TranscriptChunk", "TranscriptReply"),
    "sink": ("Sink",),
    "kinds": ("kind_of", "sniff"),
}
__getattr__, __dir__ = lazily(__name__, _MODULES)

__all__ = [
    "Limits",
    "MediaFile",
    "MediaInput",
    "MediaReply",
    "Segment",
    "Sink",
    "Sound",
    "TranscriptChunk",
    "TranscriptReply",
    "blob_from",
    "kind_of",
    "sniff",
]
