"""Parts of a picture or of a sound, each a file with a name."""

from __future__ import annotations

from dataclasses import dataclass

from shared_core.media.reply import MediaFile

__all__ = ["Segment", "Sound"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a picture.

    Args:
        label: What it shows; "mask" where the provider cuts out one part without naming it.
        mask: A picture of the same size, white where the part is.
        score: Mostly between 0 and 1; None where the provider gives none.

    Example:
        >>> for segment in router.image_segmentation(Path("street.png")):  # doctest: +SKIP
        ...     segment.mask.save(segment.label)
    """

    label: str
    mask: MediaFile
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """A part of a sound, such as one of two voices.

    Args:
        label: Its name.
        audio: The sound.
    """

    label: str
    audio: MediaFile
