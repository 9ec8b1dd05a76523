"""From the arguments of a media task to its input and parameters, each checked before anything is sent."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared_core.client.checks import checked_options, checked_texts
from shared_core.errors import ConfigError
from shared_core.media.inputs import AUDIO, IMAGE, blob_from, link_from
from shared_core.types import media
from shared_core.types.tasks import MediaOptions

__all__ = ["TASKS", "Asked", "ask", "task_named"]

_OF_CALL = frozenset(MediaOptions.__annotations__)
_WHOLE = frozenset({"width", "height", "num_inference_steps", "num_frames", "seed"})
_TEXTS = frozenset({"negative_prompt", "scheduler", "voice", "response_format", "language"})
_NUMBERS = frozenset({"guidance_scale", "speed", "duration"})
_LONGEST_SIDE = 16_384  # pixels; no model draws larger, and a slip of the hand may cost
_LONGEST_PROMPT = 100_000  # characters


class _Task(NamedTuple):
    """What a task takes: its options, and its input ("text", "image" or "audio")."""

    options: type
    takes: str


TASKS: Mapping[str, _Task] = {
    "text-to-image": _Task(media.ImageOptions, "text"),
    "image-to-image": _Task(media.ImageEditOptions, "image"),
    "text-to-video": _Task(media.VideoOptions, "text"),
    "image-to-video": _Task(media.ImageVideoOptions, "image"),
    "text-to-speech": _Task(media.SpeechOptions, "text"),
    "text-to-audio": _Task(media.AudioOptions, "text"),
    "automatic-speech-recognition": _Task(media.TranscribeOptions, "audio"),
}


class Asked(NamedTuple):
    """A checked call.

    Args:
        inputs: A text, a `Blob` or a `Link`.
        parameters: What the provider is told beside it.
        options: What concerns the call.
    """

    inputs: Any
    parameters: dict[str, Any]
    options: MediaOptions


def task_named(name: str) -> str:
    """The Hub's name of a task that was named as it, or as our method.

    Raises:
        ConfigError: There is no such task.

    Example:
        >>> task_named("text_to_video")
        'text-to-video'
    """
    task = "automatic-speech-recognition" if name == "transcribe" else str(name).replace("_", "-")
    if task not in TASKS:
        raise ConfigError(f"There is no media task {name!r}.", hint=f"There are {', '.join(sorted(TASKS))}.")
    return task


def ask(task: str, given: object, options: Mapping[str, Any], url: str | None = None) -> Asked:
    """The call, checked. Files are read here.

    Args:
        task: A key of `TASKS`.
        given: The text, or the picture or recording.
        options: The caller's keyword arguments.
        url: The address of a picture or recording that the provider is to fetch, in place of `given`.

    Raises:
        ConfigError: An argument cannot work.
    """
    takes = TASKS[task].takes
    known = {**TASKS[task].options.__annotations__, **({"prompt": str} if takes == "image" else {})}
    checked_options(options, known)
    parameters = {name: _checked(name, value) for name, value in options.items() if name not in _OF_CALL}
    of_call: MediaOptions = {name: value for name, value in options.items() if name in _OF_CALL}  # type: ignore[assignment]
    if takes == "text":
        return Asked(checked_prompt(given), parameters, of_call)
    if (given is None) == (url is None):
        raise ConfigError(f"Give the {takes} or its url=, one of the two. Nothing was sent.")
    inputs = blob_from(given, IMAGE if takes == "image" else AUDIO, takes) if url is None else link_from(url)
    return Asked(inputs, parameters, of_call)


def checked_prompt(text: object, argument: str = "prompt") -> str:
    """A text that says something, and that UTF-8 can carry.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(text, str):
        raise ConfigError(f"{argument} is of type {type(text).__name__}, not a text. Nothing was sent.")
    (checked,) = checked_texts([text], argument)
    if not checked.strip():
        raise ConfigError(f"{argument} is empty. Nothing was sent.")
    if len(checked) > _LONGEST_PROMPT:
        raise ConfigError(
            f"{argument} has {len(checked):,} characters; no model takes so many. Nothing was sent."
        )
    return checked


def _checked(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "prompt" or name in _TEXTS:
        return checked_prompt(value, name)
    if name in _WHOLE:
        return _whole(name, value)
    if name in _NUMBERS:
        return _number(name, value)
    if name == "return_timestamps" and not isinstance(value, bool):
        return checked_prompt(value, name)
    if name == "target_size":
        if not isinstance(value, Mapping) or set(value) != {"width", "height"}:
            raise ConfigError(
                'target_size is a dictionary {"width": ..., "height": ...} of pixels. Nothing was sent.'
            )
        return {side: _whole(side, value[side]) for side in ("width", "height")}
    return value


def _whole(name: str, value: Any) -> int:
    """A whole number, numpy's among them."""
    least = 0 if name == "seed" else 1
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < least:
        raise ConfigError(f"{name}={value!r} is not a whole number from {least} on. Nothing was sent.")
    if name in ("width", "height") and int(value) > _LONGEST_SIDE:
        raise ConfigError(
            f"{name}={int(value):,} pixels is more than the {_LONGEST_SIDE:,} that are asked for at most. "
            "Nothing was sent."
        )
    return int(value)


def _number(name: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < math.inf:
        raise ConfigError(f"{name}={value!r} is not a number from 0 on. Nothing was sent.")
    return int(value) if isinstance(value, numbers.Integral) else float(value)
