"""Results that lie on a file host: fetched without the token, checked, written whole or not at all."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError, ConnectionLost, HFRouter, JobFailed, MalformedResponse
from shared_core.client.downloads import _check_address
from shared_core.errors import RouterError
from shared_core.media import sniff
from shared_core.testing import MediaQuirks, OfflineRouter, Status

Make = Callable[..., Awaitable[Any]]

PICTURE = ("text_to_image", "a boat", "offline/painter:fal-ai", "/fal-ai/*")
FILM = ("text_to_video", "a boat", "offline/animator:fal-ai", "/fal-ai/*")
BYTES = ("text_to_image", "a boat", "offline/painter:hf-inference", "/hf-inference/*")
BASE64 = ("text_to_image", "a boat", "offline/painter:together", "/together/*")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for what goes with its reply."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def ask(make: Make, what: tuple[str, str, str, str], **options: Any) -> Any:
    method, prompt, model, _ = what
    return await make(method, prompt, model=model, **options)


def fetches(router: OfflineRouter) -> int:
    return sum(each.origin == "files" for each in router.requests)


SPOILT: dict[str, tuple[MediaQuirks, type[RouterError], str, int]] = {
    "an HTML page": (MediaQuirks(result="html"), MalformedResponse, "is a text, called text/html", 1),
    "an HTML page that is called a picture": (
        MediaQuirks(result="html", result_type="image/png"),
        MalformedResponse,
        "is a text, called image/png",
        1,
    ),
    "an HTML page that is called nothing": (
        MediaQuirks(result="html", result_type=""),
        MalformedResponse,
        "it is a text",
        1,
    ),
    "nothing": (MediaQuirks(result="empty"), MalformedResponse, "it is empty", 1),
    "half of it": (MediaQuirks(result="cut"), ConnectionLost, "broke", 3),
    "no file": (MediaQuirks(result="missing"), JobFailed, "not to be had from its host", 1),
    "an address that leads to itself": (
        MediaQuirks(redirect="/files/0000/out.mp4"),
        JobFailed,
        "from one address to the next",
        4,
    ),
    "an address that leads to plain http": (
        MediaQuirks(redirect="http://files.example/out.mp4"),
        JobFailed,
        "not behind https",
        1,
    ),
    "an address that leads into a network": (
        MediaQuirks(redirect="https://10.0.0.1/out.mp4"),
        JobFailed,
        "own network",
        1,
    ),
    "an address that leads to a cloud's metadata": (
        MediaQuirks(redirect="https://169.254.169.254/latest"),
        JobFailed,
        "own network",
        1,
    ),
    "an address that is none": (MediaQuirks(redirect="https://[::1/x"), JobFailed, "address that is none", 1),
    "an address with a user": (MediaQuirks(redirect="https://a:b@c.example/"), JobFailed, "is none", 1),
    "another scheme": (MediaQuirks(redirect="file:///etc/passwd"), JobFailed, "is none", 1),
}


@pytest.mark.parametrize(("quirks", "error", "says", "count"), SPOILT.values(), ids=SPOILT)
async def test_a_result_that_is(
    make: Make,
    offline_url: OfflineRouter,
    tmp_path: Path,
    temporary: Path,
    quirks: MediaQuirks,
    error: type[RouterError],
    says: str,
    count: int,
) -> None:
    offline_url.queue(quirks, path="/fal-ai/*")
    with pytest.raises(error, match=says) as caught:
        await ask(make, FILM, to=tmp_path)
    assert fetches(offline_url) == count
    assert caught.value.job is not None
    assert "router.resume(error.job)" in caught.value.hint
    assert [*tmp_path.iterdir(), *temporary.iterdir()] == []


@pytest.mark.parametrize(
    ("what", "result"),
    [
        *((BYTES, result) for result in ("html", "empty", "cut")),
        *((BASE64, result) for result in ("html", "empty", "missing", "cut")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[3],
)
async def test_a_spoilt_result_in_the_reply_itself_is_one_error(
    make: Make, offline_url: OfflineRouter, tmp_path: Path, what: Any, result: str
) -> None:
    offline_url.queue(MediaQuirks(result=result), path=what[3])
    with pytest.raises(RouterError) as caught:
        await ask(make, what, to=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert sum(each.method == "POST" for each in offline_url.requests) == 1
    assert "billed" in caught.value.hint or "paid for" in caught.value.hint


async def test_a_result_that_was_cut_once_is_fetched_again(make: Make, offline_url: OfflineRouter) -> None:
    offline_url.queue(Status(503), path="/files/*")
    reply = await ask(make, FILM)
    assert (reply.mime_type, fetches(offline_url)) == ("video/mp4", 2)


async def test_a_result_of_another_kind_is_refused(make: Make, offline_url: OfflineRouter) -> None:
    await ask(make, PICTURE)
    place = next(each.path for each in offline_url.requests if each.origin == "files")
    offline_url.queue(MediaQuirks(redirect=place), path="/fal-ai/*")
    with pytest.raises(MalformedResponse, match="The result is no video: its bytes are image/jpeg"):
        await ask(make, FILM)


@pytest.mark.parametrize("declared", ["text/plain", "", "image/png", "application/octet-stream"])
async def test_what_the_bytes_are_counts_and_not_what_the_host_calls_them(
    make: Make, offline_url: OfflineRouter, declared: str
) -> None:
    offline_url.queue(MediaQuirks(result_type=declared), path="/fal-ai/*")
    assert (await ask(make, PICTURE)).mime_type == "image/jpeg"


@pytest.mark.parametrize("what", [PICTURE, FILM, BYTES, BASE64], ids=["a file", "a film", "bytes", "base64"])
async def test_a_result_is_no_larger_than_was_allowed(
    make: Make, offline_url: OfflineRouter, tmp_path: Path, what: Any
) -> None:
    with pytest.raises(MalformedResponse, match="larger than the 0 MiB that are taken") as caught:
        await ask(make, what, to=tmp_path, most_bytes=100)
    assert "most_bytes" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


async def test_the_token_goes_to_the_router_alone(make: Make, offline_url: OfflineRouter) -> None:
    offline_url.queue(MediaQuirks(redirect=f"{offline_url.root}/v1/models"), path="/fal-ai/*")
    with pytest.raises(MalformedResponse, match="The result is no video"):
        await ask(make, FILM)
    await ask(make, PICTURE)
    redirected = [each for each in offline_url.requests if each.path == "/v1/models"]
    others = [each for each in offline_url.requests if each.origin == "files"]
    assert len(redirected) == 1
    assert len(others) == 2
    for each in redirected + others:
        assert "hf_canary" not in f"{each.headers} {each.path} {each.query}"
    asked = [each for each in offline_url.requests if each.path.startswith("/fal-ai/")]
    assert all(each.headers["authorization"] == "Bearer hf_canary" for each in asked)


async def test_a_result_in_its_own_address_needs_no_fetching(make: Make, offline_url: OfflineRouter) -> None:
    offline_url.queue(MediaQuirks(as_data_url=True), path="/fal-ai/*")
    assert (await ask(make, FILM)).mime_type == "video/mp4"
    assert fetches(offline_url) == 0


# -- where results go


@pytest.mark.parametrize("what", [PICTURE, FILM, BYTES, BASE64], ids=["a file", "a film", "bytes", "base64"])
async def test_a_result_goes_into_a_folder_under_a_name_of_its_own(
    make: Make, tmp_path: Path, what: Any
) -> None:
    first, second = await ask(make, what, to=tmp_path), await ask(make, what, to=str(tmp_path))
    assert sorted(tmp_path.iterdir()) == sorted([first.path, second.path])
    assert first.path.read_bytes() == first.data == second.data
    assert sniff(first.data) == first.mime_type
    assert first.path.suffix in (".jpg", ".mp4")
    assert first.path.name.startswith("hfrouter-")


async def test_a_result_goes_into_the_file_that_was_named(make: Make, tmp_path: Path) -> None:
    reply = await ask(make, PICTURE, to=tmp_path / "boat.png")
    assert reply.path == tmp_path / "boat.png"  # a name that was chosen is kept, whatever is in it
    assert (await ask(make, PICTURE, to=tmp_path / "boat")).path == tmp_path / "boat.jpg"
    assert len(list(tmp_path.iterdir())) == 2


async def test_several_results_are_numbered_beside_the_name(
    make: Make, offline_url: OfflineRouter, tmp_path: Path
) -> None:
    offline_url.queue(MediaQuirks(outputs=3), path="/fal-ai/*")
    reply = await ask(make, PICTURE, to=tmp_path / "boat.jpg")
    names = ["boat.jpg", "boat-2.jpg", "boat-3.jpg"]
    assert [file.path.name for file in reply.files] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def place_of(kind: str, folder: Path) -> Path:
    there, dangling, inside = folder / "there.jpg", folder / "dangling.jpg", folder / "locked"
    there.write_bytes(b"precious")
    dangling.symlink_to(folder / "elsewhere.jpg")
    (folder / "link.jpg").symlink_to(there)
    inside.mkdir(mode=0o500)
    return {
        "a file": there,
        "a link to a file": folder / "link.jpg",
        "a link to nothing": dangling,
        "a folder that is not there": folder / "none" / "boat.jpg",
        "a file in place of a folder": there / "boat.jpg",
        "a name too long": folder / ("x" * 300 + ".jpg"),
        "a name with NUL": folder / "a\0b.jpg",
        "a folder that is locked": inside,
        "a file in a folder that is locked": inside / "boat.jpg",
    }[kind]


@pytest.mark.parametrize(
    "place",
    [
        "a file",
        "a link to a file",
        "a link to nothing",
        "a folder that is not there",
        "a file in place of a folder",
        "a name too long",
        "a name with NUL",
        "a folder that is locked",
        "a file in a folder that is locked",
    ],
)
async def test_what_cannot_be_written_is_found_before_anything_is_paid_for(
    make: Make, offline_url: OfflineRouter, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "locked" in place and os.geteuid() == 0:
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(ConfigError, match=r"Nothing was sent\.") as caught:
        await ask(make, PICTURE, to=place_of(place, tmp_path))
    assert not offline_url.requests
    assert (tmp_path / "there.jpg").read_bytes() == b"precious"
    assert not (tmp_path / "elsewhere.jpg").exists()
    assert str(caught.value)


@pytest.mark.parametrize("to", [7, b"x", ["a"], object()], ids=repr)
async def test_what_is_no_place_is_said_to_be_none(make: Make, offline_url: OfflineRouter, to: Any) -> None:
    with pytest.raises(ConfigError, match="neither a path nor a string"):
        await ask(make, PICTURE, to=to)
    assert not offline_url.requests


@pytest.mark.parametrize("most", [0, -1, True, 1.5, "8"], ids=repr)
async def test_what_is_no_size_is_said_to_be_none(make: Make, offline_url: OfflineRouter, most: Any) -> None:
    with pytest.raises(ConfigError, match="most_bytes"):
        await ask(make, PICTURE, most_bytes=most)
    assert not offline_url.requests


# -- large results


def test_a_large_result_is_in_a_temporary_file_that_goes_with_the_reply(
    settings: dict[str, Any], offline_url: OfflineRouter, temporary: Path
) -> None:
    offline_url.queue(MediaQuirks(result_bytes=9 * 2**20), path="/fal-ai/*")
    reply = HFRouter(**settings).text_to_video("a boat", model="offline/animator:fal-ai")
    assert list(temporary.iterdir()) == [reply.path]
    assert reply.path.stat().st_size == len(reply.data) == 9 * 2**20
    assert reply.path.stat().st_mode & 0o077 == 0
    assert reply.path.suffix == ".mp4"
    del reply
    assert list(temporary.iterdir()) == []


async def test_a_small_one_is_in_memory(make: Make, temporary: Path) -> None:
    assert (await ask(make, FILM)).path is None
    assert list(temporary.iterdir()) == []


def test_a_hundred_mebibytes_take_a_tenth_of_that_in_memory(
    settings: dict[str, Any], offline_url: OfflineRouter, tmp_path: Path
) -> None:
    import tracemalloc

    offline_url.queue(MediaQuirks(result_bytes=100 * 2**20), path="/fal-ai/*/text-to-video", times=2)
    router = HFRouter(**settings)
    tracemalloc.start()
    try:
        for to in (None, tmp_path):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            reply = router.text_to_video("a boat", model="offline/animator:fal-ai", to=to)
            peak = tracemalloc.get_traced_memory()[1] - before
            assert reply.path.stat().st_size == 100 * 2**20
            assert peak < 24 * 2**20, f"{peak / 2**20:.0f} MiB"
    finally:
        tracemalloc.stop()


# -- addresses, as they are spelled

REFUSED = {
    "https://127.0.0.1/x": "own network",
    "https://127.1/x": "own network",
    "https://2130706433/x": "own network",
    "https://0x7f000001/x": "own network",
    "https://0x7f.1/x": "own network",
    "https://127.0.0.1./x": "own network",
    "https://10.1.2.3/x": "own network",
    "https://192.168.0.1/x": "own network",
    "https://169.254.169.254/x": "own network",
    "https://0.0.0.0/x": "own network",
    "https://224.0.0.1/x": "own network",
    "https://[::1]/x": "own network",
    "https://[::]/x": "own network",
    "https://[fe80::1]/x": "own network",
    "https://[fd00::1]/x": "own network",
    "https://[::ffff:10.0.0.1]/x": "own network",
    "https://[64:ff9b::7f00:1]/x": "own network",
    "https://[2002:7f00:1::]/x": "own network",
    "https://localhost/x": "own network",
    "https://LOCALHOST./x": "own network",
    "https://db.internal/x": "own network",
    "https://printer.local/x": "own network",
    "http://files.example/x": "not behind https",
    "http://127.0.0.1/x": "own network",
    "ftp://files.example/x": "not behind https",
    "//files.example/x": "not behind https",
    "file:///etc/passwd": "is none",
    "https://u:p@files.example/x": "is none",
    "https://files.example\\@evil.example/x": "is none",
    "https://files.example/a b": "is none",
    "https://files.example/a\nb": "is none",
    "https://files.example:0/x": "is none",
    "https://files.example:99999/x": "is none",
    "https://[::1": "is none",
    "https://": "is none",
    "": "is none",
    "x": "is none",
}


@pytest.mark.parametrize(("url", "says"), REFUSED.items(), ids=map(repr, REFUSED))
def test_a_strangers_address_is_refused(url: str, says: str) -> None:
    with pytest.raises(JobFailed, match=says):
        _check_address(url, at_home=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/x?y=z",
        "https://8.8.8.8/x",
        "https://[2606:4700::1]/x",
        "https://v3.fal.media:8443/x",
    ],
)
def test_an_address_on_the_open_internet_is_not(url: str) -> None:
    _check_address(url, at_home=False)


@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "https://10.0.0.1/x", "http://files.example/x"])
def test_beside_an_offline_router_this_machine_alone_is_taken_too(url: str) -> None:
    _check_address("http://127.0.0.1:9/x", at_home=True)
    with pytest.raises(JobFailed):
        _check_address(url, at_home=True)


def test_a_page_is_known_for_one_wherever_a_letter_is_cut() -> None:
    from shared_core.client.downloads import _is_text

    assert _is_text(("<p>" + "é" * 400).encode())
    assert _is_text(("<p>." + "é" * 400).encode())
    assert not _is_text(b"\xff" + base64.b64decode("AAAA"))


def test_a_media_type_that_would_break_a_page_is_not_believed(
    offline_url: OfflineRouter, settings: Any
) -> None:
    offline_url.queue(
        Status(200, b"\xff\x00\xff", headers={"content-type": 'image/x"><script>alert(1)</script>'}),
        path="/files/*",
    )
    with pytest.raises(MalformedResponse, match="nothing that is known here"):
        HFRouter(**settings).text_to_image("a boat", model="offline/painter:fal-ai")
