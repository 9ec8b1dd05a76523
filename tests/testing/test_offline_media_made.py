"""What the offline router makes: real files, the same for the same words, and no less than asked for."""

from __future__ import annotations

import builtins
import io
import struct
import wave
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from shared_core.testing.studio import sound
from shared_core.testing.studio.made import Made, Order, make
from shared_core.testing.studio.pictures import caption_of, colour_shares, find, opened

Box = tuple[str, bytes]


def picture(words: str = "a red fox", **asked: Any) -> Made:
    return make(Order("text-to-image", words, **asked))


def boxes(data: bytes) -> Iterator[Box]:
    """The boxes of an MP4 file, or of one of its boxes, in order."""
    at = 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        assert size >= 8
        yield name.decode(), data[at + 8 : at + size]
        at += size
    assert at == len(data)


def box(data: bytes, *path: str) -> bytes:
    for name in path:
        data = next(body for found, body in boxes(data) if found == name)
    return data


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_is_a_file_of_the_form_and_size_asked_for(form: str) -> None:
    made = picture(form=form, width=200, height=120)
    seen = Image.open(io.BytesIO(made.data))
    seen.load()
    assert (seen.format, seen.size, made.type) == (form, (200, 120), f"image/{form.lower()}")


def test_equal_orders_give_equal_bytes_and_others_do_not() -> None:
    assert picture().data == picture().data
    assert (
        len({picture(words, seed=seed).data for words in ("a fox", "a hare") for seed in (None, 1, 2)}) == 6
    )


def test_a_picture_has_the_colours_that_its_words_name() -> None:
    assert colour_shares(opened(picture("a red fox").data))[0][0] == "red"
    seen = opened(picture("a yellow house under a blue sky").data)
    assert colour_shares(seen)[0][0] == "blue"
    patch = find(seen)[0]
    assert patch.colour == "yellow"
    assert abs(patch.box[0] - 0.3 * 512) < 16


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_keeps_its_words(form: str) -> None:
    assert (
        caption_of(opened(picture("ein Fuchs, rot wie Glück", form=form).data)) == "ein Fuchs, rot wie Glück"
    )


def test_editing_changes_the_picture_given_and_keeps_its_size() -> None:
    first = picture(width=160, height=96).data
    changed = make(Order("image-to-image", "make it blue", picture=first))
    other = make(
        Order("image-to-image", "make it blue", picture=picture("a pink cat", width=160, height=96).data)
    )
    assert (changed.width, changed.height) == (160, 96)
    assert colour_shares(opened(changed.data))[0][0] in ("blue", "purple")
    assert changed.data != other.data
    assert make(Order("image-to-image", "", 64, 64, picture=first)).width == 64


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (3000, 9)])
def test_a_picture_of_any_size_is_made_within_bounds(size: tuple[int, int]) -> None:
    made = picture("a yellow sun on blue", width=size[0], height=size[1])
    assert (made.width, made.height) == tuple(max(8, min(side, 2048)) for side in size)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("task", ["image-to-image", "image-to-video", "image-segmentation"])
def test_a_picture_of_any_kind_is_taken(mode: str, task: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (1, 3)).save(file, "TIFF" if mode == "CMYK" else "PNG")
    assert make(Order(task, "make it blue", picture=file.getvalue())).data


def test_a_blackened_picture_is_black() -> None:
    assert colour_shares(opened(picture(black=True).data)) == [("black", 1.0)]


@pytest.mark.parametrize("data", [b"", b"no picture", picture().data[:200]])
def test_a_broken_picture_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot identify image file"):
        make(Order("image-to-image", "x", picture=data or b"\x00"))


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **named: Any) -> Any:
        if name == "PIL":
            raise ModuleNotFoundError("No module named 'PIL'", name="PIL")
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "hfrouter\[media\]"'):
        picture()


@pytest.fixture(params=["espeak-ng", "tones"])
def speaker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the program, where it is installed, and without it."""
    sound.speak.cache_clear()
    if request.param == "tones" or sound.shutil.which("espeak-ng") is None:
        monkeypatch.setattr(sound.shutil, "which", lambda _: None)
    return str(request.param)


def test_speech_is_a_wav_file_that_says_what_it_says(speaker: str) -> None:
    made = make(Order("text-to-speech", "Guten Tag, Welt"))
    with wave.open(io.BytesIO(made.data)) as opened_file:
        assert (opened_file.getnchannels(), opened_file.getsampwidth()) == (1, 2)
        assert opened_file.getnframes() / opened_file.getframerate() == pytest.approx(made.seconds, abs=0.01)
        assert any(opened_file.readframes(opened_file.getnframes()))
    assert struct.unpack("<I", made.data[4:8])[0] == len(made.data) - 8
    assert sound.heard(made.data) == "Guten Tag, Welt"
    sound.speak.cache_clear()


def test_longer_texts_take_longer_to_say(speaker: str) -> None:
    short, long = (make(Order("text-to-speech", "word " * count)).seconds for count in (1, 12))
    assert 0 < short < long
    sound.speak.cache_clear()


def test_music_lasts_as_long_as_was_asked_for() -> None:
    made = make(Order("text-to-audio", "a merry tune", seconds=3))
    assert made.seconds == pytest.approx(3, abs=0.01)
    assert 200 < sound.pitch_of(made.data) < 700
    assert sound.heard(made.data) == "a sound of 3 seconds"


@pytest.fixture(scope="module")
def film() -> Made:
    return make(Order("image-to-video", "let it snow", picture=picture(width=160, height=96).data))


def test_a_film_says_what_is_in_it_before_the_pictures_come(film: Made) -> None:
    assert [name for name, _ in boxes(film.data)] == ["ftyp", "moov", "mdat"]
    assert [name for name, _ in boxes(box(film.data, "moov"))] == ["mvhd", "trak"]
    table = box(film.data, "moov", "trak", "mdia", "minf", "stbl")
    assert [name for name, _ in boxes(table)] == ["stsd", "stts", "stss", "stsc", "stsz", "stco"]


def test_a_film_lasts_a_second_and_has_the_size_of_its_picture(film: Made) -> None:
    scale, lasts = struct.unpack(">II", box(film.data, "moov", "mvhd")[12:20])
    clock, ticks = struct.unpack(">II", box(film.data, "moov", "trak", "mdia", "mdhd")[12:20])
    assert lasts / scale == ticks / clock == film.seconds == 1.0
    width, height = struct.unpack(">II", box(film.data, "moov", "trak", "tkhd")[76:84])
    assert (width >> 16, height >> 16) == (film.width, film.height) == (160, 96)


def units(film: Made) -> list[bytes]:
    """The NAL units of the frames, by the sizes that the file tells."""
    table = box(film.data, "moov", "trak", "mdia", "minf", "stbl")
    sizes = box(table, "stsz")
    (count,) = struct.unpack(">I", sizes[8:12])
    lengths = struct.unpack(f">{count}I", sizes[12:])
    (at,) = struct.unpack(">I", box(table, "stco")[8:12])
    found = []
    for length in lengths:
        (inside,) = struct.unpack(">I", film.data[at : at + 4])
        assert inside == length - 4
        found.append(film.data[at + 4 : at + length])
        at += length
    assert at == len(film.data)
    return found


def test_a_films_frames_lie_where_it_says_and_the_first_is_whole(film: Made) -> None:
    frames = units(film)
    assert len(frames) == 8
    assert [frame[0] & 31 for frame in frames] == [5, *[1] * 7]
    assert all(len(frame) < len(frames[0]) for frame in frames[1:])


def test_no_frame_holds_what_looks_like_a_start_code(film: Made) -> None:
    for frame in units(film):
        assert not any(code in frame for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))


def test_a_films_parameters_are_those_of_baseline(film: Made) -> None:
    coding = box(film.data, "moov", "trak", "mdia", "minf", "stbl", "stsd")[8:]
    (name, body), *_ = boxes(coding)
    assert name == "avc1"
    parameters = box(body[78:], "avcC")
    assert parameters[:6] == bytes((1, 66, 0xC0, 30, 0xFF, 0xE1))
    (length,) = struct.unpack(">H", parameters[6:8])
    assert parameters[8] & 31 == 7
    assert parameters[8 + length + 3] & 31 == 8


def whole_blocks(film: Made) -> list[bytes]:
    """The macroblocks of the first frame, read back: what was sent as it is must come out as it went in."""
    raw = bytearray()
    zeros = 0
    for byte in units(film)[0][1:]:
        if zeros >= 2 and byte == 3:
            zeros = 0
            continue
        raw.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    count = film.width * film.height // 256
    bits = f"{int.from_bytes(raw[:8], 'big'):064b}"
    # ue(0) ue(7) ue(0), frame number, ue(0), two flags, se(0) ue(1), and then the first type: ue(25).
    head = "1" + "0001000" + "1" + "00000000" + "1" + "00" + "1" + "010"
    assert bits.startswith(head + "000011010")
    at = (len(head) + 9 + 7) // 8
    found = []
    for _ in range(count):
        found.append(bytes(raw[at : at + 384]))
        at += 384 + 2  # the next type, and zeros up to a byte's edge
    return found


def test_the_first_frame_is_the_picture_given(film: Made) -> None:
    blocks = whole_blocks(film)
    seen = opened(picture(width=160, height=96).data).convert("YCbCr")
    for place, block in enumerate(blocks):
        left, top = place % 10 * 16, place // 10 * 16
        wanted = [round(16 + seen.getpixel((left + x, top))[0] * 219 / 255) for x in range(16)]
        assert all(abs(a - b) <= 1 for a, b in zip(block[:16], wanted, strict=True))


def test_a_film_from_words_has_the_frames_and_size_asked_for() -> None:
    made = make(Order("text-to-video", "waves", 96, 64, frames=12, fps=6))
    assert (made.width, made.height, made.seconds) == (96, 64, 2.0)
    assert len(units(made)) == 12


def test_a_film_of_one_colour_that_moves_takes_little_room() -> None:
    assert len(make(Order("text-to-video", "waves")).data) < 100_000


def test_a_mask_is_white_where_the_largest_patch_is() -> None:
    made = make(Order("image-segmentation", "", picture=picture("a blue sky").data))
    mask = Image.open(io.BytesIO(made.data))
    assert mask.mode == "L"
    assert mask.histogram()[255] > mask.width * mask.height * 0.8
