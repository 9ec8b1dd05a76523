"""What users give: pictures, recordings, prompts and numbers, each checked before anything is sent."""

from __future__ import annotations

import io
import os
import struct
import wave
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared_core import ConfigError, HFRouter, ModelNotServed, NoRoute
from shared_core.client.media_asking import TASKS, ask, task_named
from shared_core.errors import RouterError
from shared_core.media import sniff
from shared_core.media.inputs import AUDIO, IMAGE, blob_from, link_from
from shared_core.testing import OfflineRouter
from shared_core.types import Blob, Link

Make = Callable[..., Awaitable[Any]]


def png(width: int = 3, height: int = 2) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written.getvalue()


def wav() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    return written.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A file of a hundred bytes that says it is as large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


PNG, WAV = png(), wav()


def closed() -> io.BytesIO:
    file = io.BytesIO(PNG)
    file.close()
    return file


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(5, "Input/output error")


NO_PICTURES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a path as a string": (lambda folder: str(folder / "a.png"), "is a string, and strings are never opened"),
    "an address as a string": (lambda _: "https://a.example/b.png", "strings are never opened"),
    "a data: address": (lambda _: "data:image/png;base64,AAAA", "strings are never opened"),
    "nothing at all": (lambda _: None, "Give the image or its url="),
    "no bytes": (lambda _: b"", "is empty"),
    "an empty file": (lambda _: io.BytesIO(), "is empty"),
    "a number": (lambda _: 7, "is of type int"),
    "a list": (lambda _: [PNG], "is of type list"),
    "a dictionary": (lambda _: {"data": PNG}, "is of type dict"),
    "a text file": (lambda _: b"hello", "nothing that is known here"),
    "a page": (lambda _: b"<html>", "nothing that is known here"),
    "a sound": (lambda _: WAV, "is no image: its bytes are audio/wav"),
    "a closed file": (lambda _: closed(), "closed file"),
    "a file open for text": (lambda folder: (folder / "a.txt").open("w+"), "open for text"),
    "a text in memory": (lambda _: io.StringIO("hello"), "open for text"),
    "a file that breaks": (lambda _: Broken(), "Input/output error"),
    "a file open for writing": (lambda folder: (folder / "b.png").open("wb"), "cannot be read"),
    "a folder": (lambda folder: folder, "it is no file"),
    "a missing file": (
        lambda folder: folder / "none.png",
        r"image \('none\.png'\) cannot be read: No such file",
    ),
    "a name with NUL": (lambda folder: folder / "a\0b", "cannot be read"),
    "a pipe": (lambda folder: pipe(folder), "it is no file"),
    "a device": (lambda _: Path("/dev/zero"), "it is no file"),
    "a bomb": (lambda _: bomb(50_000, 50_000), r"50,000 x 50,000 pixels, more than the 64,000,000"),
    "a bomb in a file": (lambda _: io.BytesIO(bomb(2**31, 2**31)), "pixels, more than"),
    "a huge Pillow picture": (lambda _: Image.new("1", (10_000, 10_000)), "pixels, more than"),
    "more bytes than are taken": (lambda _: PNG + bytes(33 * 2**20), "more than the 32 MiB"),
}


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(("given", "says"), NO_PICTURES.values(), ids=NO_PICTURES)
def test_a_picture_that_is(given: Callable[[Path], Any], says: str, tmp_path: Path) -> None:
    value = given(tmp_path)
    try:
        with pytest.raises(ConfigError, match=says) as caught:
            ask("image-to-image", value, {})
        assert "Nothing was sent." in caught.value.message
    finally:
        if isinstance(value, io.IOBase):
            value.close()


def test_a_recording_of_two_hundred_megabytes_is_refused_without_being_read_to_its_end(
    tmp_path: Path,
) -> None:
    with (tmp_path / "long.wav").open("wb") as file:
        file.write(WAV)
        file.truncate(200 * 2**20)
    with pytest.raises(ConfigError, match="more than the 100 MiB that are taken"):
        blob_from(tmp_path / "long.wav", AUDIO, "audio")


def test_every_way_to_give_a_picture_gives_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PNG)  # a name says nothing
    with (tmp_path / "a.jpg").open("rb") as file:
        ways = [
            PNG,
            bytearray(PNG),
            memoryview(PNG),
            tmp_path / "a.jpg",
            file,
            io.BytesIO(PNG),
            Blob(PNG, "x/y"),
        ]
        for way in ways:
            assert blob_from(way, IMAGE, "image") == Blob(PNG, "image/png")


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"]
)
@pytest.mark.parametrize("form", [None, "PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_a_pillow_picture_of_any_mode_becomes_a_file(mode: str, form: str | None) -> None:
    picture = Image.new(mode, (3, 2))
    picture.format = form
    blob = blob_from(picture, IMAGE, "image")
    assert blob.mime_type in ("image/png", "image/jpeg", "image/webp", "image/gif")
    assert Image.open(io.BytesIO(blob.data)).size == (3, 2)


def test_of_a_moving_picture_the_frame_it_stands_at_is_sent() -> None:
    written = io.BytesIO()
    frames = [Image.new("RGB", (3, 2), colour) for colour in ("red", "blue")]
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    moving = Image.open(io.BytesIO(written.getvalue()))
    moving.seek(1)
    sent = Image.open(io.BytesIO(blob_from(moving, IMAGE, "image").data))
    assert sent.convert("RGB").getpixel((0, 0)) == (0, 0, 255)


def test_a_film_is_taken_for_its_sound() -> None:
    film = b"\0\0\0\x18ftypmp42" + bytes(16)
    assert blob_from(film, AUDIO, "audio").mime_type == "video/mp4"
    with pytest.raises(ConfigError, match="is no image"):
        blob_from(film, IMAGE, "image")


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/b.png",
        "ftp://a.example/b.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "a.example/b.png",
        "https://user:password@a.example/b.png",
        "https://a.example@evil.example/",
        "https://",
        "https://[::1",
        "https://a.example:0/b",
        "https://a.example:99999/b",
        "https://a.example/b c",
        "https://a.example\\b",
        "https://a.example/b\nc",
        "https://a.example/\ud800",
        "",
        7,
        b"https://a.example/b.png",
        Path("/etc/passwd"),
    ],
    ids=ascii,
)
def test_an_address_that_is_none_is_refused(url: Any) -> None:
    with pytest.raises(ConfigError, match="not an https address"):
        ask("image-to-image", None, {}, url)


def test_an_address_is_handed_on_and_never_fetched() -> None:
    assert link_from("https://a.example/b.png?c=d") == Link("https://a.example/b.png?c=d")


def test_a_picture_and_its_address_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="Give the image or its url=, one of the two"):
        ask("image-to-image", PNG, {}, "https://a.example/b.png")


async def test_an_address_goes_to_a_provider_that_fetches_and_to_no_other(
    make: Make, offline_url: OfflineRouter
) -> None:
    url = "https://a.example/b.wav"
    with pytest.raises(ConfigError, match="hf-inference fetches nothing from an address"):
        await make("transcribe", url=url, model="offline/listener:hf-inference")
    assert not [each for each in offline_url.requests if each.method == "POST"]
    with pytest.raises(RouterError):  # the offline router fetches nothing from strangers
        await make("transcribe", url=url, model="offline/listener:fal-ai")
    (sent,) = [each for each in offline_url.requests if each.method == "POST"]
    assert sent.json["audio_url"] == url


# -- prompts


@pytest.mark.parametrize(
    "prompt", [None, 7, b"a boat", ["a boat"], {"prompt": "a boat"}, Path("boat")], ids=repr
)
def test_a_prompt_that_is_no_text_is_refused(prompt: Any) -> None:
    with pytest.raises(ConfigError, match=r"prompt is of type \w+, not a text. Nothing was sent"):
        ask("text-to-image", prompt, {})


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("a\ud800b", r"lone surrogate \(U\+D800\)"),
        ("x" * 100_001, "100,001 characters"),
    ],
    ids=["empty", "blank", "half a character", "endless"],
)
def test_a_prompt_that_says_nothing_or_too_much_is_refused(prompt: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ask("text-to-image", prompt, {})


@pytest.fixture
def readable(tmp_path: Path) -> str:
    (tmp_path / "secret.txt").write_text("secret")
    return str(tmp_path / "secret.txt")


@pytest.mark.parametrize(
    "provider", ["fal-ai", "replicate", "together", "nscale", "hf-inference", "wavespeed", "zai-org"]
)
async def test_a_prompt_that_is_a_path_or_an_address_is_only_a_text(
    make: Make, offline_url: OfflineRouter, readable: str, provider: str
) -> None:
    for prompt in (readable, f"file://{readable}", f"{offline_url.root}/v1/models", "a\0b", "ünï ❤ \u2028"):
        await make("text_to_image", prompt, model=f"offline/painter:{provider}")
        sent = [each for each in offline_url.requests if each.method == "POST"][-1]
        said = sent.json.get("input", sent.json)
        assert said.get("prompt", said.get("inputs")) == prompt
        assert b"secret\n" not in sent.raw
    assert not [each for each in offline_url.requests if each.path == "/v1/models"]


@pytest.mark.parametrize("provider", ["fal-ai", "deepinfra", "replicate", "hf-inference"])
async def test_a_text_to_be_spoken_that_is_a_path_is_only_a_text(
    make: Make, offline_url: OfflineRouter, readable: str, provider: str
) -> None:
    await make("text_to_speech", readable, model=f"offline/speaker:{provider}")
    sent = [each for each in offline_url.requests if each.method == "POST"][-1]
    assert readable in str(sent.json)


# -- numbers and names

WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no width": ("text-to-image", {"width": 0}, "width=0 is not a whole number from 1 on"),
    "a width below nothing": ("text-to-image", {"width": -512}, "width=-512"),
    "a width that slipped": ("text-to-image", {"width": 51200}, "51,200 pixels is more than the 16,384"),
    "a height that is half": ("text-to-image", {"height": 512.5}, r"height=512\.5"),
    "a height that is whole and no whole number": ("text-to-image", {"height": 512.0}, r"height=512\.0"),
    "a width that is a text": ("text-to-image", {"width": "512"}, "width='512'"),
    "a width that is True": ("text-to-image", {"width": True}, "width=True"),
    "a seed that is False": ("text-to-image", {"seed": False}, "seed=False"),
    "a seed below nothing": ("text-to-image", {"seed": -1}, "seed=-1 is not a whole number from 0 on"),
    "no steps": ("text-to-image", {"num_inference_steps": 0}, "num_inference_steps=0"),
    "NaN": ("text-to-image", {"guidance_scale": float("nan")}, "guidance_scale=nan"),
    "infinity": ("text-to-image", {"guidance_scale": float("inf")}, "guidance_scale=inf"),
    "a scale that is True": ("text-to-image", {"guidance_scale": True}, "guidance_scale=True"),
    "a negative prompt that is a list": (
        "text-to-image",
        {"negative_prompt": ["x"]},
        "negative_prompt is of type",
    ),
    "half a character": ("text-to-image", {"negative_prompt": "\udc00"}, "lone surrogate"),
    "frames that are none": ("text-to-video", {"num_frames": 0}, "num_frames=0"),
    "a speed below nothing": ("text-to-speech", {"speed": -1}, "speed=-1"),
    "a voice that is a number": ("text-to-speech", {"voice": 7}, "voice is of type int"),
    "a duration that is a text": ("text-to-audio", {"duration": "2"}, "duration='2'"),
    "a size that is a pair": ("image-to-image", {"target_size": (8, 8)}, "target_size is a dictionary"),
    "half a size": ("image-to-image", {"target_size": {"width": 8}}, "target_size is a dictionary"),
    "a size with more": (
        "image-to-image",
        {"target_size": {"width": 8, "height": 8, "depth": 8}},
        "target_size is a dictionary",
    ),
    "a size of nothing": ("image-to-image", {"target_size": {"width": 8, "height": 0}}, "height=0"),
    "a size without a number": (
        "image-to-image",
        {"target_size": {"width": 8, "height": None}},
        "height=None",
    ),
    "an argument that is unknown": ("text-to-image", {"widht": 8}, "Unknown argument 'widht'"),
    "an argument of another task": ("text-to-speech", {"width": 8}, "Unknown argument 'width'"),
    "a prompt beside the prompt": ("text-to-image", {"prompt": "x"}, "Unknown argument 'prompt'"),
    "an empty prompt beside a picture": ("image-to-image", {"prompt": " "}, "prompt is empty"),
    "a language that is a list": (
        "automatic-speech-recognition",
        {"language": ["en"]},
        "language is of type list",
    ),
    "timestamps that are a number": (
        "automatic-speech-recognition",
        {"return_timestamps": 7},
        "return_timestamps is of type int",
    ),
}
INPUTS = {"text": "a boat", "image": PNG, "audio": WAV}


@pytest.mark.parametrize(("task", "options", "says"), WRONG.values(), ids=WRONG)
def test_an_argument_that_cannot_work_is_named(task: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        ask(task, INPUTS[TASKS[task].takes], options)
    assert "Nothing was sent." in caught.value.message


def test_a_slip_of_the_pen_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError) as caught:
        ask("text-to-image", "a boat", {"num_inference_step": 8})
    assert "Did you mean 'num_inference_steps'?" in caught.value.hint
    assert "extra_body=" in caught.value.hint


@pytest.mark.parametrize("task", TASKS)
def test_none_stands_for_not_given(task: str) -> None:
    options = dict.fromkeys(TASKS[task].options.__annotations__)
    assert not any(value for value in ask(task, INPUTS[TASKS[task].takes], options).parameters.values())


def test_a_number_of_numpys_is_a_number() -> None:
    np = pytest.importorskip("numpy")
    options = {"seed": np.int64(7), "width": np.uint16(64), "guidance_scale": np.float32(1.5)}
    assert ask("text-to-image", "a boat", options).parameters == {
        "seed": 7,
        "width": 64,
        "guidance_scale": 1.5,
    }
    assert {type(value) for value in ask("text-to-image", "a", options).parameters.values()} == {int, float}


@pytest.mark.parametrize("name", ["", "chat", "text-to-text", "__class__", None, 7], ids=repr)
def test_a_task_that_there_is_none_of_is_named_beside_those_there_are(name: Any) -> None:
    with pytest.raises(ConfigError, match="There is no media task") as caught:
        task_named(name)
    assert "text-to-video" in caught.value.hint


# -- models and providers


async def test_a_model_for_another_task_is_named_with_what_it_is_served_for(
    make: Make, offline_url: OfflineRouter
) -> None:
    with pytest.raises(
        ModelNotServed, match=r"No provider serves 'offline/painter' for text-to-video"
    ) as caught:
        await make("text_to_video", "a boat", model="offline/painter")
    assert "fal-ai (live, text-to-image)" in caught.value.message
    assert "pipeline_tag=text-to-video" in caught.value.hint


async def test_a_provider_that_does_not_serve_a_model_is_told_who_does(make: Make) -> None:
    with pytest.raises(ModelNotServed, match="'nscale' does not serve 'offline/animator'") as caught:
        await make("text_to_video", "a boat", model="offline/animator:nscale")
    for provider in ("fal-ai", "replicate", "wavespeed", "together", "novita"):
        assert provider in caught.value.message


async def test_a_provider_that_there_is_none_of_is_told_who_does(make: Make) -> None:
    with pytest.raises((ModelNotServed, NoRoute)) as caught:
        await make("text_to_image", "a boat", model="offline/painter:nobody")
    assert "fal-ai" in f"{caught.value}"


async def test_without_a_model_the_hint_says_where_to_look(make: Make, offline_url: OfflineRouter) -> None:
    with pytest.raises(ConfigError, match="No model was chosen for text-to-audio") as caught:
        await make("text_to_audio", "a boat")
    assert "pipeline_tag=text-to-audio" in caught.value.hint
    assert not offline_url.requests


async def test_a_job_is_not_kept_where_there_is_none(make: Make, offline_url: OfflineRouter) -> None:
    with pytest.raises(ConfigError, match="hf-inference answers text-to-image at once"):
        await make("submit", "text_to_image", "a boat", model="offline/painter:hf-inference")
    assert not [each for each in offline_url.requests if each.method == "POST"]


@pytest.mark.parametrize("provider", ["fal-ai", "replicate"])
async def test_lora_weights_that_a_mapping_names_reach_the_provider(
    make: Make, offline_url: OfflineRouter, provider: str
) -> None:
    assert (await make("text_to_image", "a boat", model=f"offline/painter-lora:{provider}")).files
    (sent,) = [each for each in offline_url.requests if each.method == "POST"]
    assert b"offline/painter-lora" in sent.raw
    assert b"painter.safetensors" in sent.raw or provider == "replicate"


@pytest.mark.parametrize("job", [None, "7", {"id": "7"}, 7], ids=repr)
@pytest.mark.parametrize("method", ["resume", "cancel"])
async def test_what_is_no_job_is_neither_resumed_nor_cancelled(
    make: Make, offline_url: OfflineRouter, method: str, job: Any
) -> None:
    with pytest.raises(ConfigError, match="This is no job"):
        await make(method, job)
    assert not offline_url.requests


async def test_a_resumed_job_takes_known_arguments_alone(make: Make, offline_url: OfflineRouter) -> None:
    job = await make("submit", "text_to_video", "a boat", model="offline/animator:fal-ai")
    with pytest.raises(ConfigError, match="Unknown argument 'seed'"):
        await make("resume", job, seed=7)


def test_everything_in_a_reply_is_what_the_bytes_say(settings: dict[str, Any]) -> None:
    reply = HFRouter(**settings).text_to_image("a boat", model="offline/painter:fal-ai", width=64, height=48)
    assert (reply.mime_type, reply.width, reply.height) == (sniff(reply.data), 64, 48)
    assert reply.image().size == (64, 48)
