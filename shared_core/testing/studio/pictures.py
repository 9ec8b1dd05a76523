"""Pictures by Pillow: a pattern that the words' hash draws, in the colour that they name, with a caption.

A picture can be looked at again: its dominant colour and its largest coloured rectangles are what the
offline models for seeing tell about it.
"""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "COLOURS",
    "Found",
    "caption_of",
    "change",
    "colour_shares",
    "encode",
    "find",
    "named_colour",
    "named_colours",
    "opened",
    "paint",
    "segment",
    "size_of",
]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (208, 40, 44),
    "orange": (240, 140, 30),
    "yellow": (244, 212, 52),
    "green": (46, 150, 70),
    "blue": (44, 92, 200),
    "purple": (126, 64, 170),
    "pink": (238, 140, 180),
    "brown": (120, 78, 46),
    "black": (20, 20, 20),
    "white": (246, 246, 246),
    "gray": (128, 128, 128),
}
_LARGEST = 2048
_COMMENT = "Description"
_GRID = 48
"""A picture is looked at in so many columns and rows at most."""


def _pillow() -> Any:
    """Pillow's modules, imported when the first picture is wanted."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ModuleNotFoundError as error:
        raise ImportError(
            'Pictures and videos of the offline router need Pillow: pip install "hfrouter[media]"', name="PIL"
        ) from error
    return Image, ImageDraw, ImageFont


def named_colours(words: str) -> list[str]:
    """The colours that the words name, in their order."""
    told = re.findall(r"[a-z]+", words.lower().replace("grey", "gray"))
    return [word for word in dict.fromkeys(told) if word in COLOURS]


def named_colour(words: str) -> str:
    """The first colour that the words name, `""` when they name none."""
    return next(iter(named_colours(words)), "")


def _drawn(words: str, seed: int | None, count: int) -> bytes:
    return hashlib.shake_128(f"{seed}\x00{words}".encode("utf-8", "replace")).digest(count)


def paint(
    words: str, width: int = 512, height: int = 512, seed: int | None = None, *, caption: bool = True
) -> Image:
    """A picture of the words: their colour, a mirrored pattern, and themselves as a caption.

    Words that name several colours (`a yellow house under a blue sky`) get a patch of the first on the last.
    """
    image, draw, _ = _pillow()
    width, height = _bounded(width), _bounded(height)
    bits = _drawn(words, seed, 64)
    named = named_colours(words)
    base = COLOURS[named[-1]] if named else list(COLOURS.values())[bits[0] % 8]
    canvas = image.new("RGB", (width, height), base)
    pen = draw.Draw(canvas)
    cell_x, cell_y = width / 10, height / 10
    for row in range(4):
        for column in range(4):
            if not bits[1 + 4 * row + column] & 1:
                continue
            shade = _shaded(base, bits[20 + 4 * row + column])
            for across in (1 + column, 8 - column):
                left, top = across * cell_x, (1 + row) * cell_y
                right, bottom = max(left, left + cell_x - 1), max(top, top + cell_y - 1)
                pen.rectangle((left, top, right, bottom), fill=shade)
    if len(named) > 1:
        box = (width * 0.3, height * 0.15, width * 0.7, height * 0.6)
        pen.rectangle(box, fill=COLOURS[named[0]])
    if caption:
        _write(pen, words, width, height, 0.64)
    painted: Image = canvas
    return painted


def _bounded(side: int) -> int:
    return max(8, min(side, _LARGEST))


def _shaded(base: tuple[int, int, int], by: int) -> tuple[int, int, int]:
    """A neighbour of the colour: near enough to be called by its name."""
    shift = by % 41 - 20
    red, green, blue = (max(0, min(255, value + shift)) for value in base)
    return red, green, blue


def _write(pen: Any, words: str, width: int, height: int, down: float) -> None:
    font = _pillow()[2].load_default(size=max(10, height // 20))
    across = max(8, int(width / max(6, height / 40)))
    lines = textwrap.wrap(words, across)[:3] or [""]
    pen.multiline_text(
        (width * 0.06, height * down),
        "\n".join(lines),
        fill=(255, 255, 255),
        font=font,
        stroke_width=1,
        stroke_fill=(0, 0, 0),
    )


def change(
    picture: Image, words: str, width: int | None = None, height: int | None = None, seed: int | None = None
) -> Image:
    """The picture, tinted in the colour of the words and framed, at the size asked for."""
    image, draw, _ = _pillow()
    if width or height:
        picture = picture.resize((_bounded(width or picture.width), _bounded(height or picture.height)))
    named = named_colour(words)
    tint = COLOURS[named] if named else tuple(_drawn(words, seed, 3))
    veil = image.new("RGB", picture.size, tint)
    changed: Image = image.blend(picture, veil, 0.7)
    edge = max(2, min(picture.size) // 32)
    pen = draw.Draw(changed)
    pen.rectangle((0, 0, picture.width - 1, picture.height - 1), outline=tint, width=edge)
    if words:
        _write(pen, words, *picture.size, 0.8)
    return changed


def encode(picture: Image, form: str = "PNG", words: str = "") -> bytes:
    """The picture as a file, which keeps the words as its comment where its format has one."""
    from PIL.PngImagePlugin import PngInfo

    written = io.BytesIO()
    options: dict[str, Any] = {"quality": 90} if form in ("JPEG", "WEBP") else {}
    if words and form == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt(_COMMENT, words)
    elif words and form in ("JPEG", "GIF"):
        options["comment"] = words.encode()[:250]
    picture.save(written, form, **options)
    return written.getvalue()


def caption_of(picture: Image) -> str:
    """The words that a file keeps of what it shows, `""` where there are none."""
    kept = picture.info.get(_COMMENT) or picture.info.get("comment") or ""
    return kept.decode("utf-8", "replace") if isinstance(kept, bytes) else str(kept)


def opened(data: bytes) -> Image:
    """The picture in a file, in RGB, with what the file says about it.

    Raises:
        ValueError: The bytes are no picture, or a broken one.
    """
    image = _pillow()[0]
    try:
        found: Image = image.open(io.BytesIO(data))
        found.load()
    except Exception as error:
        raise ValueError("cannot identify image file") from error
    plain = found.convert("RGB")
    plain.info = found.info
    return plain


def size_of(picture: Image) -> tuple[int, int]:
    """Width and height."""
    return picture.size


def _nearest(pixel: tuple[int, int, int]) -> str:
    return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], pixel, strict=True)))


def _cells(picture: Image) -> tuple[list[list[str]], float, float]:
    """The colours' names in a small grid over the picture, and the size of a cell."""
    columns, rows = min(_GRID, picture.width), min(_GRID, picture.height)
    small = picture.convert("RGB").resize((columns, rows), 0)
    names: dict[tuple[int, int, int], str] = {}
    grid = []
    for row in range(rows):
        line = []
        for column in range(columns):
            pixel: Any = small.getpixel((column, row))
            if pixel not in names:
                names[pixel] = _nearest(pixel)
            line.append(names[pixel])
        grid.append(line)
    return grid, picture.width / columns, picture.height / rows


def colour_shares(picture: Image) -> list[tuple[str, float]]:
    """The colours' names with their shares of the picture, the largest first."""
    flat = [name for line in _cells(picture)[0] for name in line]
    counted = {name: flat.count(name) / len(flat) for name in dict.fromkeys(flat)}
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


@dataclass(frozen=True, slots=True)
class Found:
    """A patch of one colour: its name, its share of the picture, its box in pixels, and its mask."""

    colour: str
    share: float
    box: tuple[int, int, int, int]
    mask: Image


def find(picture: Image) -> list[Found]:
    """Connected patches of one colour that are not the ground, the largest first."""
    return _patches(picture)[1:]


def segment(picture: Image) -> list[Found]:
    """All patches, the ground among them, the largest first."""
    return _patches(picture)


def _patches(picture: Image) -> list[Found]:
    image = _pillow()[0]
    grid, wide, high = _cells(picture)
    seen: set[tuple[int, int]] = set()
    found = []
    for row, line in enumerate(grid):
        for column, colour in enumerate(line):
            if (row, column) in seen:
                continue
            patch = _flood(grid, row, column)
            seen |= patch
            if len(patch) < 4 and len(grid) * len(line) > 16:
                continue
            mask = image.new("L", (len(line), len(grid)), 0)
            for across_row, across in patch:
                mask.putpixel((across, across_row), 255)
            rows, columns = [item[0] for item in patch], [item[1] for item in patch]
            box = (
                round(min(columns) * wide),
                round(min(rows) * high),
                round((max(columns) + 1) * wide),
                round((max(rows) + 1) * high),
            )
            share = len(patch) / (len(grid) * len(line))
            found.append(Found(colour, share, box, mask.resize(picture.size, 0)))
    return sorted(found, key=lambda item: (-item.share, item.box))


def _flood(grid: list[list[str]], row: int, column: int) -> set[tuple[int, int]]:
    colour, patch, todo = grid[row][column], {(row, column)}, [(row, column)]
    while todo:
        at, across = todo.pop()
        for near in ((at + 1, across), (at - 1, across), (at, across + 1), (at, across - 1)):
            inside = 0 <= near[0] < len(grid) and 0 <= near[1] < len(grid[0])
            if inside and near not in patch and grid[near[0]][near[1]] == colour:
                patch.add(near)
                todo.append(near)
    return patch
