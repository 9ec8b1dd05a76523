"""Films: a picture with something that moves over it, as an MP4 file of a second or so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .h264 import BLOCK, pps, slices, sps
from .mp4 import container

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FPS", "animate", "film"]

FPS = 8
_LARGEST, _MOST = 256, 120
"""Pixels along a side, and frames: pictures go in uncompressed."""


def animate(
    picture: Image, words: str, width: int | None = None, height: int | None = None, count: int = FPS
) -> list[Image]:
    """Frames that begin with the picture, over which a disc moves, its colour drawn by the words."""
    from PIL import ImageDraw

    first = picture.resize(_size(width or picture.width, height or picture.height))
    red, green, blue = hashlib.sha256(words.encode("utf-8", "replace")).digest()[:3]
    radius = max(3, min(first.size) // 12)
    frames = [first]
    count = max(1, min(count, _MOST))
    for number in range(1, count):
        frame = first.copy()
        across = round((first.width - 2 * radius) * number / max(1, count - 1)) + radius
        down = first.height // 2
        box = (across - radius, down - radius, across + radius, down + radius)
        ImageDraw.Draw(frame).ellipse(box, fill=(red, green, blue), outline=(255, 255, 255))
        frames.append(frame)
    return frames


def _size(width: int, height: int) -> tuple[int, int]:
    """Near the size asked for: a multiple of a macroblock, and small."""
    scale = min(1, _LARGEST / max(width, height))
    wide, high = (max(BLOCK, round(side * scale / BLOCK) * BLOCK) for side in (width, height))
    return wide, high


def film(frames: Sequence[Image], fps: int = FPS) -> tuple[bytes, tuple[int, int]]:
    """The frames as an MP4 file, and their width and height."""
    width, height = frames[0].size
    units = slices([_planes(frame) for frame in frames])
    data = container(units, sps(width, height), pps(), width=width, height=height, fps=fps)
    return data, (width, height)


def _planes(frame: Image) -> Any:
    """Luma and chroma in the range of television, which players take for granted."""
    import numpy as np

    luma, blue, red = (np.asarray(plane, dtype=np.float32) for plane in frame.convert("YCbCr").split())

    def halved(plane: Any) -> Any:
        small = plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean(axis=(1, 3))
        return np.round(16 + small * (224 / 255)).astype(np.uint8)

    return np.round(16 + luma * (219 / 255)).astype(np.uint8), halved(blue), halved(red)
