"""Pictures from a caller, opened with care.

A plain string is refused: no text that came from somewhere is ever opened as a path or an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["opened"]

# What Pillow reads with its own code: EPS would start Ghostscript, others have had their share of holes.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def opened(images: Iterable[bytes | BytesIO | Path | Image]) -> list[Image]:
    """Pictures in RGB, ready for a model.

    Args:
        images: Encoded bytes, files in memory, paths as `pathlib.Path`, or PIL images.

    Raises:
        ImportError: Pillow is not installed.
        ConfigError: One is of another type, unreadable, or larger than Pillow's limit (MAX_IMAGE_PIXELS); its
            position is named.
    """
    try:
        from PIL import Image as pillow
    except ImportError as error:
        raise ImportError('Pictures need Pillow: run `pip install "hfrouter[media]"`.') from error
    pictures = []
    for position, image in enumerate(images):
        if isinstance(image, pillow.Image):
            pictures.append(image.convert("RGB"))
            continue
        if not isinstance(image, bytes | BytesIO | Path):
            raise ConfigError(
                f"Picture {position} is a {type(image).__name__}, not bytes, BytesIO, pathlib.Path or a PIL image.",
                hint="Strings are never opened: wrap a path in pathlib.Path, and fetch an address yourself.",
            )
        try:
            with pillow.open(BytesIO(image) if isinstance(image, bytes) else image, formats=_FORMATS) as file:
                if pillow.MAX_IMAGE_PIXELS and file.width * file.height > pillow.MAX_IMAGE_PIXELS:
                    raise ConfigError(
                        f"Picture {position} has {file.width} x {file.height} pixels: too many."
                    )
                pictures.append(file.convert("RGB"))
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError, Warning) as error:
            if isinstance(error, ConfigError):
                raise
            # Pillow's own words may hold addresses in memory.
            raise ConfigError(
                f"Picture {position} cannot be read ({type(error).__name__}).",
                hint=f"Give a whole file in one of the formats {', '.join(_FORMATS)}.",
            ) from None
    return pictures
