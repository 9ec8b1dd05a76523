"""What may be asked of tasks that make or hear media: huggingface_hub's names, each on top of `MediaOptions`.

A provider ignores, or refuses, what its model does not know; what only one knows goes into `extra_body`.
"""

from __future__ import annotations

from typing import TypedDict

from shared_core.types.tasks import MediaOptions, TaskOptions

__all__ = [
    "AudioOptions",
    "ImageEditOptions",
    "ImageOptions",
    "ImageVideoOptions",
    "Size",
    "SpeechOptions",
    "TranscribeOptions",
    "VideoOptions",
]


class Size(TypedDict):
    """In pixels."""

    width: int
    height: int


class ImageOptions(MediaOptions, total=False):
    """Of `text_to_image`.

    Keys:
        negative_prompt: What should not be in the picture.
        width, height: In pixels; most models want multiples of 8 or 16.
        num_inference_steps: More are slower, and finer up to a point.
        guidance_scale: How closely to follow the prompt.
        scheduler: By the model's name for it.
        seed: The same picture again, where the model can.
    """

    negative_prompt: str | None
    width: int | None
    height: int | None
    num_inference_steps: int | None
    guidance_scale: float | None
    scheduler: str | None
    seed: int | None


class ImageEditOptions(MediaOptions, total=False):
    """Of `image_to_image`.

    Keys:
        negative_prompt: What should not be in the picture.
        num_inference_steps: More are slower, and finer up to a point.
        guidance_scale: How closely to follow the prompt.
        target_size: Of the result.
    """

    negative_prompt: str | None
    num_inference_steps: int | None
    guidance_scale: float | None
    target_size: Size | None


class VideoOptions(MediaOptions, total=False):
    """Of `text_to_video`.

    Keys:
        negative_prompt: What should not be in the video.
        num_frames: Its length in pictures.
        num_inference_steps: More are slower, and finer up to a point.
        guidance_scale: How closely to follow the prompt.
        seed: The same video again, where the model can.
    """

    negative_prompt: str | None
    num_frames: int | None
    num_inference_steps: int | None
    guidance_scale: float | None
    seed: int | None


class ImageVideoOptions(VideoOptions, total=False):
    """Of `image_to_video`.

    Keys:
        target_size: Of the video.
    """

    target_size: Size | None


class SpeechOptions(MediaOptions, total=False):
    """Of `text_to_speech`.

    Keys:
        voice: By the model's name for it; together wants one.
        speed: 1 is the voice's own.
        response_format: Such as "mp3" or "wav", where the provider lets it be chosen.
    """

    voice: str | None
    speed: float | None
    response_format: str | None


class AudioOptions(MediaOptions, total=False):
    """Of `text_to_audio`.

    Keys:
        duration: In seconds.
        seed: The same sound again, where the model can.
    """

    duration: float | None
    seed: int | None


class TranscribeOptions(TaskOptions, total=False):
    """Of `transcribe`.

    Keys:
        language: Of the recording, as the provider names languages, mostly "en", "de", ...
        return_timestamps: True for pieces with their times; "word" for single words (hf-inference).
    """

    language: str | None
    return_timestamps: bool | str | None
