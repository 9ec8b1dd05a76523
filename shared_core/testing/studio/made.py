"""An order for a picture, a sound or a film, and the file that it becomes."""

from __future__ import annotations

from dataclasses import dataclass

from .film import FPS, animate, film
from .pictures import change, encode, opened, paint, segment, size_of
from .sound import compose, seconds_of, speak

__all__ = ["Made", "Order", "make"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made.

    Attributes:
        task: The task, such as `text-to-image`.
        words: The prompt, or the text to be spoken.
        width: Of a picture or film in pixels, None for the usual size.
        height: The same.
        seed: Another seed gives another file.
        picture: The picture that is changed or brought to life.
        form: `PNG`, `JPEG`, `GIF` or `WEBP`, for pictures.
        frames: Of a film.
        fps: Frames a second of a film.
        seconds: Of music.
        black: Whether a safety checker blackens it.
    """

    task: str
    words: str
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    picture: bytes = b""
    form: str = "PNG"
    frames: int = FPS
    fps: int = FPS
    seconds: float = 2.0
    black: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A file: its bytes, its media type, and the ending of its name; sizes and length where it has them."""

    data: bytes
    type: str
    ending: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0


def make(order: Order) -> Made:
    """The file; equal orders give equal bytes.

    Raises:
        ImportError: Pillow is needed and missing.
        ValueError: The picture given is none.
    """
    if order.task == "text-to-speech":
        return _sound(speak(order.words))
    if order.task == "text-to-audio":
        return _sound(compose(order.words, order.seconds))
    if order.task in ("text-to-video", "image-to-video"):
        if order.picture:
            frames = animate(opened(order.picture), order.words, order.width, order.height, order.frames)
        else:
            first = paint(order.words, order.width or 160, order.height or 96, order.seed, caption=False)
            frames = animate(first, order.words, order.width, order.height, order.frames)
        data, (width, height) = film(frames, order.fps)
        return Made(data, "video/mp4", "mp4", width, height, order.frames / order.fps)
    if order.task == "image-segmentation":
        picture = segment(opened(order.picture))[0].mask
    elif order.task == "image-to-image":
        picture = change(opened(order.picture), order.words, order.width, order.height, order.seed)
    else:
        picture = paint(order.words, order.width or 512, order.height or 512, order.seed)
    if order.black:
        picture = picture.point(lambda _: 0)
    width, height = size_of(picture)
    kind = order.form.lower()
    return Made(
        encode(picture, order.form, order.words),
        f"image/{kind}",
        {"jpeg": "jpg"}.get(kind, kind),
        width,
        height,
    )


def _sound(data: bytes) -> Made:
    return Made(data, "audio/wav", "wav", seconds=seconds_of(data))
