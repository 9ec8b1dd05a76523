"""Pictures: what is opened, and what is refused before it is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from shared_core.errors import ConfigError
from shared_core.local.images import opened

pytestmark = pytest.mark.pinned_set


def png(size: tuple[int, int] = (3, 2), mode: str = "RGBA", kind: str = "PNG") -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def test_bytes_files_paths_and_pil_images_become_rgb(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "a.png").write_bytes(png())
    given: list[Any] = [
        png(),
        BytesIO(png()),
        tmp_path / "a.png",
        Image.new("L", (3, 2)),
        png(kind="GIF", mode="P"),
    ]
    assert [(picture.mode, picture.size) for picture in opened(given)] == [("RGB", (3, 2))] * 5


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("https://example.org/cat.png", "Picture 1 is a str"),
        ("/etc/passwd", "Strings are never opened"),
        (b"no picture", "Picture 1 cannot be read"),
        (png()[:-20], "Picture 1 cannot be read"),
        (Path("/no/such/file.png"), "Picture 1 cannot be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "Picture 1 cannot be read"),
        (None, "Picture 1 is a NoneType"),
        (BytesIO(), "Picture 1 cannot be read"),
    ],
    ids=["an address", "a path as text", "no picture", "cut short", "no file", "EPS", "None", "empty"],
)
def test_what_is_refused_is_named_by_its_position(image: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        opened([png(), image])


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from PIL import Image

    bomb = png((40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(ConfigError, match="40 x 40 pixels"):
        opened([bomb])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ConfigError, match="Picture 0 cannot be read"):
        opened([bomb])


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"hfrouter\[media\]"):
        opened([b""])
