"""Media parts: decoded, recognised, recorded byte for byte, refused when they are garbage."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter

Post = Callable[..., httpx2.Response]

SAMPLES = {
    "image/png": b"\x89PNG\r\n\x1a\n0000",
    "image/jpeg": b"\xff\xd8\xff\xe0rest",
    "image/gif": b"GIF89a\x01\x00",
    "image/webp": b"RIFF\x04\x00\x00\x00WEBPVP8 ",
    "audio/wav": b"RIFF\x04\x00\x00\x00WAVEfmt ",
    "audio/mpeg": b"ID3\x04\x00\x00",
    "audio/flac": b"fLaC\x00\x00",
    "audio/ogg": b"OggS\x00\x02",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3",
    "video/mp4": b"\x00\x00\x00\x18ftypmp42",
    "video/webm": b"\x1aE\xdf\xa3\x01\x00",
    "text/plain": "plain text, ünïcode".encode(),
    "text/csv": b"a,b\n1,2\n",
}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64(data)}"


def part(kind: str, data: bytes) -> dict[str, Any]:
    """The content part that fits a media type."""
    family = kind.partition("/")[0]
    if family == "image":
        return {"type": "image_url", "image_url": {"url": data_url(kind, data)}}
    if family == "video":
        return {"type": "video_url", "video_url": {"url": data_url(kind, data)}}
    if family == "audio":
        form = {"audio/mpeg": "mp3"}.get(kind, kind.partition("/")[2])
        return {"type": "input_audio", "input_audio": {"data": b64(data), "format": form}}
    return {"type": "file", "file": {"filename": "x", "file_data": data_url(kind, data)}}


def ask(post: Post, *parts: dict[str, Any], model: str = "offline/tools") -> httpx2.Response:
    content = [{"type": "text", "text": "What is this?"}, *parts]
    return post(model=model, messages=[{"role": "user", "content": content}])


@pytest.mark.parametrize("kind", SAMPLES)
def test_media_are_recorded_byte_for_byte_and_named_in_the_answer(
    router: OfflineRouter, post: Post, kind: str
) -> None:
    reply = ask(post, part(kind, SAMPLES[kind]))
    assert reply.status_code == 200, reply.text
    assert router.requests[0].media == [(kind, SAMPLES[kind])]
    assert f"{kind}, {len(SAMPLES[kind])} bytes" in reply.json()["choices"][0]["message"]["content"]


def test_several_media_keep_their_order(router: OfflineRouter, post: Post) -> None:
    ask(post, *(part(kind, data) for kind, data in SAMPLES.items()))
    assert router.requests[0].media == list(SAMPLES.items())


@pytest.mark.parametrize("alias", ["audio/mp3", "audio/x-wav", "image/jpg"])
def test_other_names_of_a_media_type_are_understood(router: OfflineRouter, post: Post, alias: str) -> None:
    real = {"audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "image/jpg": "image/jpeg"}[alias]
    key = "image_url" if alias.startswith("image") else "audio_url"
    ask(post, {"type": key, key: {"url": data_url(alias, SAMPLES[real])}})
    assert router.requests[0].media == [(real, SAMPLES[real])]


def test_an_address_is_noted_and_never_fetched(router: OfflineRouter, post: Post) -> None:
    url = "https://example.com/cat.png"
    reply = ask(post, {"type": "image_url", "image_url": {"url": url, "detail": "low"}})
    assert (router.requests[0].urls, router.requests[0].media) == ([url], [])
    assert "not fetched" in reply.json()["choices"][0]["message"]["content"]


def test_media_in_a_tool_result_are_taken(router: OfflineRouter, post: Post) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "draw", "arguments": "{}"}}
    png = SAMPLES["image/png"]
    messages = [
        {"role": "user", "content": "draw"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [part("image/png", png)]},
    ]
    reply = post(model="offline/tools", messages=messages)
    assert router.requests[0].media == [("image/png", png)]
    assert "draw says: an image, image/png, 12 bytes" in reply.json()["choices"][0]["message"]["content"]


def test_the_echo_names_media_too(post: Post) -> None:
    reply = ask(post, part("image/png", SAMPLES["image/png"]), model="offline/echo")
    assert (
        reply.json()["choices"][0]["message"]["content"] == "What is this?\n[an image, image/png, 12 bytes]"
    )


def image(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


GARBAGE: dict[str, tuple[dict[str, Any], str]] = {
    "broken base64": (image("data:image/png;base64,!!!!"), "invalid_base64"),
    "base64 cut short": (image("data:image/png;base64,iVBORw0KGg"), "invalid_base64"),
    "bytes that are no image": (image(data_url("image/png", b"\x00\x01\x02")), "invalid_media"),
    "a jpeg that is called a png": (image(data_url("image/png", SAMPLES["image/jpeg"])), "invalid_media"),
    "text that is called a png": (image(data_url("image/png", b"hello")), "invalid_media"),
    "nothing": (image("data:image/png;base64,"), "invalid_media"),
    "a path": (image("/etc/passwd"), "invalid_url"),
    "a file URL": (image("file:///etc/passwd"), "invalid_url"),
    "no base64 URL": (image("data:image/png,abc"), "invalid_url"),
    "bare base64": (image(b64(SAMPLES["image/png"])), "invalid_url"),
    "a number": (image(3), "invalid_type"),
    "wav that is called mp3": (
        {"type": "input_audio", "input_audio": {"data": b64(SAMPLES["audio/wav"]), "format": "mp3"}},
        "invalid_media",
    ),
    "audio without its format": ({"type": "input_audio", "input_audio": {"data": "AAAA"}}, "invalid_type"),
    "a file as bare base64": ({"type": "file", "file": {"file_data": b64(b"%PDF-1")}}, "invalid_url"),
    "a pdf of noise": (
        {"type": "file", "file": {"file_data": data_url("application/pdf", b"\x01\x02")}},
        "invalid_media",
    ),
}


@pytest.mark.parametrize(("bad", "code"), GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused(router: OfflineRouter, post: Post, bad: dict[str, Any], code: str) -> None:
    reply = ask(post, bad)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
    assert router.requests[0].media == []
