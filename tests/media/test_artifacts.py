"""A store gives by ids what it was given, to whoever opens its folder, and opens nothing else."""

from __future__ import annotations

import copy
import gc
import io
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared_core.errors import ConfigError
from shared_core.media import Artifact, ArtifactStore, MediaFile


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "media")


def made(data: bytes, mime_type: str = "image/png") -> MediaFile:
    return MediaFile(mime_type, data)


# in and out


def test_what_was_made_comes_back_by_its_id(store: ArtifactStore, png: bytes) -> None:
    artifact = store.put(made(png), prompt="a red dot")
    assert artifact == store.get(artifact.id)
    assert (artifact.kind, artifact.mime_type, artifact.width, artifact.height) == (
        "image",
        "image/png",
        3,
        2,
    )
    assert (artifact.size, artifact.prompt, artifact.cost) == (len(png), "a red dot", None)
    assert artifact.data == store.read(artifact.id, "image").data == artifact.path.read_bytes() == png
    assert artifact.path.parent == store.folder


def test_the_kind_stands_in_the_id_and_the_type_in_the_name(
    store: ArtifactStore, png: bytes, wav: bytes, mp4: bytes
) -> None:
    made_files = [made(png), made(wav, "audio/wav"), made(mp4, "video/mp4")]
    names = [store.put(file).path.name for file in made_files]
    assert [name[:4] + name[-4:] for name in names] == ["img_.png", "aud_.wav", "vid_.mp4"]


def test_ids_are_random_and_begin_with_a_digit(store: ArtifactStore, png: bytes) -> None:
    ids = {store.put(made(png)).id for _ in range(50)}
    assert len(ids) == 50
    assert all(name[4].isdigit() and len(name) == 15 for name in ids)


def test_files_of_ones_own_are_taken_as_bytes_paths_open_files_and_pictures(
    store: ArtifactStore, png: bytes, tmp_path: Path
) -> None:
    (tmp_path / "dot.png").write_bytes(png)
    picture = Image.new("RGB", (5, 4), "blue")
    with (tmp_path / "dot.png").open("rb") as file:
        given = [store.add(each) for each in (png, tmp_path / "dot.png", file, picture)]
    assert [(each.width, each.height) for each in given] == [(3, 2), (3, 2), (3, 2), (5, 4)]
    assert Image.open(io.BytesIO(given[3].data)).getpixel((0, 0)) == (0, 0, 255)
    assert list(store) == given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param("dot.png", "strings are never opened", id="a string is no file"),
        pytest.param(b"<!doctype html>", "no picture, video or sound", id="a page is no picture"),
        pytest.param(b"", "empty", id="nothing is nothing"),
        pytest.param(Path("/no/such/file"), "cannot be read", id="a path must lead somewhere"),
    ],
)
def test_what_is_no_medium_is_not_taken(store: ArtifactStore, given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        store.add(given)
    assert list(store) == []


def test_a_large_result_is_copied_from_its_temporary_file(
    store: ArtifactStore, png: bytes, tmp_path: Path
) -> None:
    large = png + bytes(3 * 2**20)
    (tmp_path / "large").write_bytes(large)
    file = MediaFile("image/png", None, tmp_path / "large", head=png, temporary=True)
    artifact = store.put(file)
    del file
    gc.collect()
    assert artifact.data == large
    assert not (tmp_path / "large").exists()


def test_an_artifact_shows_itself_in_notebooks_and_opens_as_a_picture(
    store: ArtifactStore, png: bytes
) -> None:
    artifact = store.put(made(png))
    assert artifact._repr_html_().startswith('<img src="data:image/png;base64,')
    assert artifact.file.image().getpixel((0, 0)) == (255, 0, 0)


# ids, and what is none

OUTSIDE = [
    "../../etc/passwd",
    "/etc/passwd",
    "img_../../../../etc/passwd",
    "file:///etc/passwd",
    "https://example.org/img_1.png",
    "img_1\0",
    "img_3f9a2c0d4e1\n",
    "img_3f9a2c0d4e1.png",
    "IMG_3F9A2C0D4E1",
    "index.jsonl",
    "",
    " ",
    "img_" + "1" * 100_000,
    "img_٣f9a2c0d4e1",
]


@pytest.mark.parametrize("name", OUTSIDE, ids=lambda name: repr(name[:30]))
def test_what_is_no_id_is_refused_in_a_short_sentence(
    store: ArtifactStore, png: bytes, name: str, opened: list[str]
) -> None:
    known = store.put(made(png))
    opened.clear()
    for attempt in (store.get, store.read):
        with pytest.raises(
            ConfigError, match=r"is not the id of anything here. Nothing was opened"
        ) as caught:
            attempt(name)
        assert known.id in str(caught.value)
        assert len(str(caught.value)) < 300
    assert set(opened) <= {str(store.folder / "index.jsonl")}


@pytest.mark.parametrize("name", [None, 7, b"img_1", Path("/etc/passwd"), ["img_1"]], ids=repr)
def test_other_things_than_strings_are_no_ids_either(store: ArtifactStore, name: Any) -> None:
    with pytest.raises(ConfigError, match="is not the id of anything here"):
        store.get(name)


def test_an_id_of_another_store_leads_nowhere(store: ArtifactStore, png: bytes, tmp_path: Path) -> None:
    other = ArtifactStore(tmp_path / "other")
    with pytest.raises(ConfigError, match="is not the id"):
        store.get(other.put(made(png)).id)


def test_an_id_of_another_kind_is_refused_and_the_right_ones_are_named(
    store: ArtifactStore, png: bytes, wav: bytes
) -> None:
    picture, sound = store.put(made(png)), store.put(made(wav, "audio/wav"))
    with pytest.raises(ConfigError, match=f"{sound.id} is a sound, and a picture is wanted") as caught:
        store.read(sound.id, "image")
    assert picture.id in caught.value.hint


def test_an_empty_store_says_so(store: ArtifactStore) -> None:
    with pytest.raises(ConfigError, match="no video here yet: make or add one first"):
        store.get("vid_3f9a2c0d4e1", "video")
    assert not store._given.exists(), "looking makes no folder"  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def hook() -> list[list[str] | None]:
    """What Python opens, told by an audit hook; such a hook stays, so it looks at a place that tests fill."""
    place: list[list[str] | None] = [None]

    def tell(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and place[0] is not None and not isinstance(arguments[0], int):
            place[0].append(str(arguments[0]))

    sys.addaudithook(tell)
    return place


@pytest.fixture
def opened(hook: list[list[str] | None]) -> Any:
    hook[0] = []
    yield hook[0]
    hook[0] = None


# links, pipes and folders that were put in a file's place

Swap = Callable[[Path, Path], None]


def link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def pipe(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, secret: Path) -> None:
    path.mkdir()


def nothing(path: Path, secret: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("swap", [link, pipe, folder, nothing], ids=lambda swap: swap.__name__)
def test_what_stands_in_a_files_place_is_not_read(
    store: ArtifactStore, png: bytes, tmp_path: Path, swap: Swap
) -> None:
    artifact = store.put(made(png))
    secret = tmp_path / "secret.png"
    secret.write_bytes(png)
    artifact.path.unlink()
    swap(artifact.path, secret)
    for attempt in (lambda: store.read(artifact.id), lambda: artifact.data):
        with pytest.raises(ConfigError, match=r"cannot be opened|is no file"):
            attempt()


def test_a_folder_that_was_swapped_for_a_link_is_not_read(
    store: ArtifactStore, png: bytes, tmp_path: Path
) -> None:
    artifact = store.put(made(png))
    store.folder.rename(tmp_path / "elsewhere")
    (tmp_path / "media").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="lies no longer in the store's folder"):
        store.read(artifact.id)


def test_a_link_in_the_place_of_the_index_is_neither_read_nor_written(tmp_path: Path, png: bytes) -> None:
    (tmp_path / "media").mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    (tmp_path / "media" / "index.jsonl").symlink_to(victim)
    store = ArtifactStore(tmp_path / "media")
    with pytest.raises(ConfigError):
        store.add(png)
    with pytest.raises(ConfigError):
        list(store)
    assert victim.read_text() == "precious\n"
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["index.jsonl"]


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../secret.png"},
        {"path": "/etc/passwd"},
        {"id": "../secret", "path": "../secret.png"},
        {"id": "aud_3f9a2c0d4e1", "path": "aud_3f9a2c0d4e1.png"},
        {"kind": "audio"},
        {"mime_type": "text/html"},
        {"mime_type": None},
        {"id": 7},
    ],
    ids=str,
)
def test_a_line_of_the_index_that_no_store_wrote_is_left_out(
    store: ArtifactStore, png: bytes, change: dict[str, Any]
) -> None:
    known = store.add(png)
    index = store.folder / "index.jsonl"
    row = json.loads(index.read_text())
    forged = {**row, "id": "img_3f9a2c0d4e1", "path": "img_3f9a2c0d4e1.png", **change}
    with index.open("a") as file:
        file.write(json.dumps(forged) + "\nno JSON\n[]\n{}\n")
    assert list(ArtifactStore(store.folder)) == [known]


# the folder


def test_a_folder_is_opened_again_with_everything_in_it(tmp_path: Path, png: bytes, wav: bytes) -> None:
    first = ArtifactStore(tmp_path / "a" / "b")
    kept = [first.put(made(png), prompt="Füchse"), first.add(wav)]
    again = ArtifactStore(str(tmp_path / "a" / "b"))
    assert [again.get(each.id) for each in kept] == kept == list(again)
    assert len(again) == 2


def test_two_stores_of_one_folder_see_what_the_other_makes(tmp_path: Path, png: bytes) -> None:
    one, two = ArtifactStore(tmp_path), ArtifactStore(tmp_path)
    assert len(one) == len(two) == 0
    ids = [store.add(png).id for store in (one, two, one)]
    assert [each.id for each in one] == [each.id for each in two] == ids


def test_another_process_reads_the_index(tmp_path: Path, png: bytes) -> None:
    store = ArtifactStore(tmp_path)
    artifact = store.add(png, prompt="a red dot")
    script = (
        "import sys; from shared_core.media import ArtifactStore; "
        "artifact = ArtifactStore(sys.argv[1]).get(sys.argv[2]); print(artifact.prompt, len(artifact.data))"
    )
    command = [sys.executable, "-c", script, str(tmp_path), artifact.id]
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        == f"a red dot {len(png)}\n"
    )


def test_a_line_that_was_cut_off_costs_no_other(tmp_path: Path, png: bytes) -> None:
    store = ArtifactStore(tmp_path)
    before = store.add(png)
    with (tmp_path / "index.jsonl").open("a") as file:
        file.write('{"id": "img_0')
    after = store.add(png)
    assert list(ArtifactStore(tmp_path)) == [before, after]


def test_a_private_folder_is_for_the_owner_alone_and_goes_with_the_store(png: bytes) -> None:
    store = ArtifactStore()
    artifact = store.add(png)
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert artifact.path.stat().st_mode & 0o777 == 0o600
    where = store.folder
    del store
    gc.collect()
    assert not where.exists()


def test_a_private_folder_may_be_kept(png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = ArtifactStore()
    artifact = store.add(png)
    where = store.keep()
    del store
    gc.collect()
    assert ArtifactStore(where).get(artifact.id) == artifact


def test_a_store_that_nobody_used_has_made_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stores = [ArtifactStore(), ArtifactStore(tmp_path / "media")]
    assert [len(store) for store in stores] == [0, 0]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path, png: bytes) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/media cannot be made: Not a directory"):
        ArtifactStore(tmp_path / "file" / "media").add(png)


@pytest.mark.parametrize("folder", [7, b"media", ["media"]], ids=repr)
def test_a_folder_is_a_path(folder: Any) -> None:
    with pytest.raises(ConfigError, match="neither a path nor a string"):
        ArtifactStore(folder)


# copies


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deep copy"])
def test_a_copied_tool_goes_on_in_the_same_store(store: ArtifactStore, copied: Any) -> None:
    assert copied(store) is store


def test_a_pickle_opens_the_same_folder_and_leaves_it_there(png: bytes) -> None:
    store = ArtifactStore(most_files=3)
    artifact = store.put(made(png))
    arrived = pickle.loads(pickle.dumps(store))
    assert arrived.get(artifact.id) == artifact
    assert arrived.used == store.used
    assert pickle.loads(pickle.dumps(artifact)) == artifact
    del arrived
    gc.collect()
    assert artifact.path.exists()


# threads


def test_many_threads_write_one_index(store: ArtifactStore, png: bytes) -> None:
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(20):
            assert store.get(store.add(png).id).data == png

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store) == len(ArtifactStore(store.folder)) == 160
    assert len(list(store.folder.glob("*.png"))) == 160


# a full disk


def no_room(place: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing_behind(
    store: ArtifactStore, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.add(png)
    with monkeypatch.context() as patch:
        patch.setattr("os.write", no_room)
        with pytest.raises(ConfigError, match=r"cannot be written .*: No space left on device"):
            store.add(png)
    assert [path.name for path in store.folder.glob("*.png")] == [before.path.name]
    assert list(ArtifactStore(store.folder)) == [before]


def test_an_index_that_has_no_room_keeps_no_file_without_a_line(
    store: ArtifactStore, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with monkeypatch.context() as patch:
        # A disk that fills up takes what still fits.
        patch.setattr("os.write", lambda place, data: write(place, data[:30] if data[:1] == b"{" else data))
        with pytest.raises(ConfigError, match="No space left on device"):
            store.add(png)
    assert list(store.folder.glob("*.png")) == []
    after = store.add(png)
    assert list(ArtifactStore(store.folder)) == [after]


def test_a_quota_of_the_system_is_told_as_it_is(tmp_path: Path, png: bytes) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from shared_core.errors import ConfigError
from shared_core.media import ArtifactStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = ArtifactStore(sys.argv[1])
png = Path(sys.argv[2]).read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.add(png)
except ConfigError as error:
    print(error.message)
print([path.name for path in store.folder.iterdir()])
"""
    (tmp_path / "large.png").write_bytes(png + bytes(5000))
    command = [sys.executable, "-c", script, str(tmp_path / "media"), str(tmp_path / "large.png")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot be written" in said
    assert "File too large" in said
    assert said.endswith("[]\n")


def test_artifacts_are_values(tmp_path: Path) -> None:
    artifact = Artifact("img_1", "image", tmp_path / "img_1.png", "image/png", 5)
    with pytest.raises(AttributeError):
        artifact.path = tmp_path  # type: ignore[misc]
