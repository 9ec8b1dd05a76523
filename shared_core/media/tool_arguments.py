"""What agents may say to the media tools, as pydantic models: both frameworks describe their tools with these.

Every field is described and bounded. None takes a path or an address: media go by the ids that tools give.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AskImage",
    "ClassifyImage",
    "ClassifyText",
    "ImageToImage",
    "ImageToVideo",
    "TextToAudio",
    "TextToImage",
    "TextToSpeech",
    "TextToVideo",
    "Transcribe",
]

_LONGEST = 10_000  # characters

Prompt = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Seed = Annotated[
    int | None,
    Field(ge=0, lt=2**31, description="The same number gives the same result again, where the model can."),
]
Side = Annotated[int | None, Field(ge=64, le=2048)]
PictureId = Annotated[str, Field(max_length=64, description="Id of a picture, such as img_3f9a2c0d4e1.")]
SoundId = Annotated[str, Field(max_length=64, description="Id of a recording, such as aud_3f9a2c0d4e1.")]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TextToImage(_Arguments):
    """Of `text_to_image`."""

    prompt: Prompt = Field(description="What the picture shows.")
    negative_prompt: Prompt | None = Field(default=None, description="What must not be in it.")
    width: Side = Field(default=None, description="In pixels, a multiple of 16.")
    height: Side = Field(default=None, description="In pixels, a multiple of 16.")
    seed: Seed = None


class ImageToImage(_Arguments):
    """Of `image_to_image`."""

    image_id: PictureId
    prompt: Prompt = Field(description="What to change in the picture.")


class TextToVideo(_Arguments):
    """Of `text_to_video`."""

    prompt: Prompt = Field(description="What the video shows.")
    negative_prompt: Prompt | None = Field(default=None, description="What must not be in it.")
    num_frames: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Length in pictures; leave it out for the model's own."
    )
    seed: Seed = None


class ImageToVideo(_Arguments):
    """Of `image_to_video`."""

    image_id: PictureId
    prompt: Prompt | None = Field(default=None, description="What happens in the video.")
    seed: Seed = None


class TextToSpeech(_Arguments):
    """Of `text_to_speech`."""

    text: Prompt = Field(description="What to say, word for word.")
    voice: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="By the model's name for it; leave it out for the model's own."
    )


class TextToAudio(_Arguments):
    """Of `text_to_audio`."""

    prompt: Prompt = Field(description="What to play: music, instruments, a noise.")
    duration: Annotated[float, Field(gt=0, le=600)] | None = Field(default=None, description="In seconds.")


class Transcribe(_Arguments):
    """Of `transcribe`."""

    audio_id: SoundId
    language: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="Of the recording, such as en; leave it out when it is not known."
    )


class AskImage(_Arguments):
    """Of `ask_image`."""

    image_id: PictureId
    question: Prompt = Field(description="What to find out about the picture.")


class ClassifyImage(_Arguments):
    """Of `classify_image`."""

    image_id: PictureId


class ClassifyText(_Arguments):
    """Of `classify_text`."""

    text: Prompt = Field(description="The text to judge.")
