"""Pictures, sounds and videos as files: what they are, where they come from, where they go.

Lives here: recognising by the first bytes, measuring without decoding, inputs that users give, results that are
written down, the store that agents name artifacts in. Not here: sending and downloading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.media.artifact_files import Artifact
    from shared_core.media.artifacts import ArtifactStore, Place
    from shared_core.media.for_agents import TOOLS, Errand, Outcome, begin, told, told_error
    from shared_core.media.inputs import Limits, MediaInput, blob_from
    from shared_core.media.kinds import kind_of, sniff
    from shared_core.media.parts import Segment, Sound
    from shared_core.media.reply import MediaFile, MediaReply, TranscriptChunk, TranscriptReply
    from shared_core.media.sink import Sink

_MODULES = {
    "artifact_files": ("Artifact",),
    "artifacts": ("ArtifactStore", "Place"),
    "for_agents": ("TOOLS", "Errand", "Outcome", "begin", "told", "told_error"),
    "inputs": ("Limits", "MediaInput", "blob_from"),
    "parts": ("Segment", "Sound"),
    "reply": ("MediaFile", "MediaReply", "TranscriptChunk", "TranscriptReply"),
    "sink": ("Sink",),
    "kinds": ("kind_of", "sniff"),
}
__getattr__, __dir__ = lazily(__name__, _MODULES)

__all__ = [
    "TOOLS",
    "Artifact",
    "ArtifactStore",
    "Errand",
    "Limits",
    "MediaFile",
    "MediaInput",
    "MediaReply",
    "Outcome",
    "Place",
    "Segment",
    "Sink",
    "Sound",
    "TranscriptChunk",
    "TranscriptReply",
    "begin",
    "blob_from",
    "kind_of",
    "sniff",
    "told",
    "told_error",
]
