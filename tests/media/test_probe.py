"""What a file is and how large: of files that real encoders made, of every beginning of them, of liars."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from PIL import Image

from shared_core.media import kind_of, sniff
from shared_core.media.probe import Measures, measure
from shared_core.testing.studio.made import Order, make

SIZE = (37, 23)


def picture(form: str, mode: str = "RGB", **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new(mode, SIZE).save(written, form, **options)
    return written.getvalue()


def with_exif() -> bytes:
    """A photograph whose head holds a smaller picture of itself, as cameras write."""
    exif = Image.Exif()
    exif[0x010E] = "a boat" * 100
    thumbnail = io.BytesIO()
    Image.new("RGB", (16, 8)).save(thumbnail, "JPEG")
    written = io.BytesIO()
    Image.new("RGB", SIZE).save(written, "JPEG", exif=exif)
    data = written.getvalue()
    comment = b"\xff\xfe" + struct.pack(">H", len(thumbnail.getvalue()) + 2) + thumbnail.getvalue()
    return data[:2] + comment + data[2:]


def wav(seconds: float, *before: bytes) -> bytes:
    rate, size = 8000, int(8000 * 2 * seconds)
    chunks = b"".join(
        [
            *before,
            b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16),
            b"data" + struct.pack("<I", size) + bytes(size),
        ]
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def flac(seconds: int, rate: int = 44_100) -> bytes:
    packed = rate << 44 | 1 << 41 | 15 << 36 | rate * seconds
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info


def film(**order: Any) -> bytes:
    return make(Order("text-to-video", "a boat", **order)).data


FILES: dict[str, tuple[bytes, str, Measures]] = {
    "a PNG": (picture("PNG"), "image/png", Measures(*SIZE)),
    "a JPEG": (picture("JPEG"), "image/jpeg", Measures(*SIZE)),
    "a progressive JPEG": (picture("JPEG", progressive=True), "image/jpeg", Measures(*SIZE)),
    "a grey JPEG": (picture("JPEG", "L"), "image/jpeg", Measures(*SIZE)),
    "a JPEG with a picture inside": (with_exif(), "image/jpeg", Measures(*SIZE)),
    "a GIF": (picture("GIF", "P"), "image/gif", Measures(*SIZE)),
    "a WebP, lossy": (picture("WEBP"), "image/webp", Measures(*SIZE)),
    "a WebP, lossless": (picture("WEBP", lossless=True), "image/webp", Measures(*SIZE)),
    "a WebP, lossy and transparent": (
        picture("WEBP", "RGBA", exif=b"Exif\0\0"),
        "image/webp",
        Measures(*SIZE),
    ),
    "a BMP": (picture("BMP"), "image/bmp", Measures(*SIZE)),
    "a TIFF": (picture("TIFF"), "image/tiff", Measures()),
    "a WAV": (wav(1.5), "audio/wav", Measures(duration=1.5)),
    "a WAV with a list before its sound": (
        wav(1.5, b"LIST" + struct.pack("<I", 3) + b"abc\0"),
        "audio/wav",
        Measures(duration=1.5),
    ),
    "a FLAC": (flac(3), "audio/flac", Measures(duration=3.0)),
    "a film": (film(frames=8), "video/mp4", Measures(160, 96, 1.0)),
    "an MP3 with a title": (b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\x64", "audio/mpeg", Measures()),
    "an MP3 without": (b"\xff\xfb\x90\x64" + bytes(100), "audio/mpeg", Measures()),
    "an AAC": (b"\xff\xf1\x50\x80" + bytes(100), "audio/aac", Measures()),
    "an Ogg": (b"OggS\0\x02" + bytes(100), "audio/ogg", Measures()),
    "an M4A": (b"\0\0\0\x18ftypM4A " + bytes(16), "audio/mp4", Measures()),
    "a QuickTime film": (b"\0\0\0\x18ftypqt  " + bytes(16), "video/quicktime", Measures()),
    "an AVIF": (b"\0\0\0\x18ftypavif" + bytes(16), "image/avif", Measures()),
    "a HEIC": (b"\0\0\0\x18ftypheic" + bytes(16), "image/heic", Measures()),
    "a WebM": (b"\x1aE\xdf\xa3" + bytes(16), "video/webm", Measures()),
    "an AVI": (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo", Measures()),
}


@pytest.mark.parametrize(("data", "mime_type", "measures"), FILES.values(), ids=FILES)
def test_a_file_is_known_and_measured(data: bytes, mime_type: str, measures: Measures) -> None:
    assert sniff(data) == sniff(data[:16]) == mime_type
    assert measure(data) == measures


@pytest.mark.parametrize(("data", "mime_type", "measures"), FILES.values(), ids=FILES)
def test_no_beginning_of_a_file_makes_measuring_fail_or_lie(
    data: bytes, mime_type: str, measures: Measures
) -> None:
    for length in range(min(len(data), 2000)):
        cut = data[:length]
        assert kind_of(sniff(cut)) in (kind_of(mime_type), "")
        for found, true in zip(measure(cut), measures, strict=True):
            assert found in (None, true)


def test_a_films_measures_stand_in_its_first_megabyte() -> None:
    assert measure(film(frames=16, width=64, height=48)[: 2**20]) == Measures(64, 48, 2.0)


def test_a_sound_that_was_streamed_and_does_not_know_its_length_measures_something_or_nothing() -> None:
    endless = wav(1.0).replace(struct.pack("<I", 16000), b"\xff\xff\xff\xff", 1)
    assert measure(endless).width is None


LIARS = {
    "a WAV of no rate": wav(1.0).replace(struct.pack("<I", 16_000) + b"\x02\0", bytes(4) + b"\x02\0", 1),
    "a FLAC of no rate": flac(3, rate=0),
    "a film of no scale": b"\0\0\0\x08ftypmp42"[:12] + bytes(8) + b"\0\0\0\x24moov\0\0\0\x1cmvhd" + bytes(20),
    "a box that ends before it begins": b"\0\0\0\x0cftypmp42" + b"\0\0\0\x04moov",
    "a box larger than the film": b"\0\0\0\x0cftypmp42" + b"\xff\xff\xff\xffmoov\xff\xff\xff\xffmvhd",
    "a box of 64 bits that is none": b"\0\0\0\x0cftypmp42" + b"\0\0\0\x01moov" + bytes(8),
    "a JPEG of tables alone": b"\xff\xd8\xff\xdb\0\0" * 20,
}


@pytest.mark.parametrize("data", LIARS.values(), ids=LIARS)
def test_a_liar_measures_nothing(data: bytes) -> None:
    assert sniff(data)
    assert measure(data) == Measures()


TEXTS = {
    "a page": b"<!doctype html><html>",
    "JSON": b'{"error": "no"}',
    "a text that begins like a bitmap": b"BMW is a maker of cars.",
    "a text in UTF-16": "hello world".encode("utf-16"),
    "a text in UTF-8 with a mark": "hello".encode("utf-8-sig"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a PDF": b"%PDF-1.7",
    "a zip": b"PK\x03\x04" + bytes(20),
    "nothing": b"",
    "one byte": b"\xff",
    "zeros": bytes(32),
    "ones": b"\xff" * 32,
}


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_what_is_no_medium_is_known_for_none(data: bytes) -> None:
    assert sniff(data) == ""
    assert measure(data) == Measures()
