"""What a reply shows and opens, and what it keeps from showing."""

from __future__ import annotations

import base64
import io
import struct
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared_core import ConfigError
from shared_core.media import MediaFile, MediaReply, Sink
from shared_core.types import ReplyMeta


def picture(form: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(written, form)
    return written.getvalue()


def reply(*files: MediaFile) -> MediaReply:
    meta = ReplyMeta("a/b", "fal-ai", None, 1, 0.0, None, {}, "https://router.huggingface.co/v1")
    return MediaReply(files, meta)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_picture_opens(form: str) -> None:
    assert MediaFile(f"image/{form.lower()}", picture(form)).image().size == (3, 2)


def bomb() -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [head, data, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


UNREADABLE = {
    "half a picture": picture()[:40],
    "a picture's name alone": b"\x89PNG\r\n\x1a\n",
    "nothing": b"",
    "a page": b"<html>",
    "a bomb": bomb(),
    "PostScript, which another program would run": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_a_picture_that_cannot_be_read_is_one_of_our_errors(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ConfigError, match="The picture cannot be read"):
            MediaFile("image/png", data).image()


def test_a_sound_is_no_picture() -> None:
    with pytest.raises(ConfigError, match="This is audio/wav, not a picture"):
        MediaFile("audio/wav", b"RIFF").image()


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    file = MediaFile("image/png", picture())
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"hfrouter\[media\]"):
        file.image()


def test_a_name_says_what_it_is_and_none_of_the_bytes(tmp_path: Path) -> None:
    assert repr(MediaFile("image/png", picture())) == "MediaFile(image/png, 3 x 2)"
    sink = Sink(tmp_path / "a.png")
    sink.write(picture())
    file = MediaFile.of(sink, "image/png", temporary=False)
    assert repr(file) == f"MediaFile(image/png, 3 x 2, '{tmp_path / 'a.png'}')"
    assert len(repr(reply(file))) < 500


@pytest.mark.parametrize(
    ("mime_type", "begins"),
    [
        ("image/png", "<img src="),
        ("audio/wav", "<audio controls"),
        ("video/mp4", "<video controls"),
        ("x/y", "<p>"),
    ],
)
def test_a_notebook_shows(mime_type: str, begins: str) -> None:
    shown = MediaFile(mime_type, b"data")._repr_html_()
    assert shown.startswith(begins)
    if begins != "<p>":
        assert f"data:{mime_type};base64,{base64.b64encode(b'data').decode()}" in shown


def test_a_notebook_runs_nothing_that_a_stranger_wrote() -> None:
    for mime_type in ('image/"><script>', 'audio/"><script>', 'x"><script>/y'):
        assert "<script>" not in MediaFile(mime_type, b"data")._repr_html_()


def test_a_notebook_is_not_made_of_what_is_too_large() -> None:
    shown = MediaFile("video/mp4", bytes(33 * 2**20))._repr_html_()
    assert "too large to be shown" in shown
    assert len(shown) < 500


def test_of_several_pictures_a_notebook_shows_all() -> None:
    several: Any = reply(MediaFile("image/png", picture()), MediaFile("image/png", picture()))
    assert several._repr_png_() is None
    assert several._repr_html_().count("<img") == 2
    assert reply(MediaFile("image/png", picture()))._repr_png_() == picture()
