"""Files that results are written into: whole under their name or not there, nobody's file touched, nothing left."""

from __future__ import annotations

import errno
import os
import pickle
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError, MalformedResponse
from shared_core.media import MediaFile, Sink
from shared_core.media.sink import check_place, written

GIF = b"GIF89a\x2c\x01\xc8\x00"


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def filled(sink: Sink, *pieces: bytes) -> Sink:
    for piece in pieces or (GIF,):
        sink.write(piece)
    return sink


def test_nothing_stands_under_the_name_until_the_result_is_whole(tmp_path: Path) -> None:
    sink = filled(Sink(tmp_path / "a.gif"), GIF, b"more")
    (part,) = tmp_path.iterdir()
    assert part.name.startswith(".hfrouter-")
    assert part.suffix == ".part"
    assert sink.close("image/gif") == tmp_path / "a.gif"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [GIF + b"more"]


@pytest.mark.parametrize("there", ["a file", "a link to a file", "a link to nothing", "a folder's file"])
def test_what_took_the_name_meanwhile_is_not_touched(tmp_path: Path, there: str) -> None:
    precious, name = tmp_path / "precious", tmp_path / "a.gif"
    sink = filled(Sink(name))
    if there == "a file":
        name.write_bytes(b"precious")
    elif there == "a link to a file":
        precious.write_bytes(b"precious")
        name.symlink_to(precious)
    elif there == "a link to nothing":
        name.symlink_to(precious)
    else:
        name.mkdir()
        (name / "b").write_bytes(b"precious")
        assert sink.close("image/gif").parent == name  # a folder is where results go
        return
    with pytest.raises(ConfigError, match="exists already, and is not overwritten"):
        sink.close("image/gif")
    assert precious.exists() == (there == "a link to a file")
    assert name.is_symlink() or name.read_bytes() == b"precious"
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.ENOSYS])
def test_a_file_system_without_links_keeps_the_same_promises(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_links)
    assert filled(Sink(tmp_path / "a.gif")).close("image/gif") == tmp_path / "a.gif"
    with pytest.raises(ConfigError, match="not overwritten"):
        filled(Sink(tmp_path / "a.gif"), b"GIF89a other").close("image/gif")
    (tmp_path / "b.gif").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not overwritten"):
        filled(Sink(tmp_path / "b.gif")).close("image/gif")
    assert (tmp_path / "a.gif").read_bytes() == GIF
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "b.gif"]


class FullDisk:
    """A file on a disk that is full: what is written fails, and so does closing it."""

    def __init__(self, file: Any, *, at: str) -> None:
        self._file, self._at = file, at

    def write(self, data: bytes) -> None:
        if self._at == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.write(data)

    def close(self) -> None:
        self._file.close()
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("at", ["write", "close"])
@pytest.mark.parametrize("to", ["a folder", "a temporary file"])
def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, temporary: Path, at: str, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *args: FullDisk(opened(*args), at=at))
    sink = Sink(tmp_path if to == "a folder" else None)
    with pytest.raises(ConfigError, match="No space left on device") as caught:
        filled(sink, bytes(9 * 2**20)).close("image/gif")
    assert "has room" in caught.value.hint
    assert [*tmp_path.iterdir(), *temporary.iterdir()] == []


def test_what_was_discarded_can_be_discarded_again_and_takes_no_more(tmp_path: Path, temporary: Path) -> None:
    for sink in (filled(Sink(tmp_path)), filled(Sink(), bytes(9 * 2**20)), filled(Sink()), Sink()):
        sink.discard()
        sink.discard()
        sink.write(bytes(9 * 2**20))
        assert sink.close("image/gif") is None
    assert [*tmp_path.iterdir(), *temporary.iterdir()] == []


def test_a_cancelled_call_removes_what_a_thread_still_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread cannot be stopped: it comes to its end a moment later, and nothing of it may stay."""
    in_the_middle, go_on = threading.Event(), threading.Event()
    link = os.link

    def slow_link(*args: Any) -> None:
        in_the_middle.set()
        assert go_on.wait(5)
        link(*args)

    monkeypatch.setattr(os, "link", slow_link)
    sink = filled(Sink(tmp_path / "a.gif"))
    writer = threading.Thread(target=sink.close, args=("image/gif",))
    canceller = threading.Thread(target=sink.discard)
    writer.start()
    assert in_the_middle.wait(5)
    canceller.start()
    go_on.set()
    writer.join(5)
    canceller.join(5)
    assert list(tmp_path.iterdir()) == []


def test_who_may_read_a_file_is_the_users_habit_and_a_temporary_one_is_private(tmp_path: Path) -> None:
    habit = os.umask(0o027)
    try:
        named = filled(Sink(tmp_path / "a.gif")).close("image/gif")
        temporary = filled(Sink(), bytes(9 * 2**20)).close("image/gif")
    finally:
        os.umask(habit)
    assert named.stat().st_mode & 0o777 == 0o640
    assert temporary.stat().st_mode & 0o777 == 0o600
    temporary.unlink()


def test_saving_over_a_file_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gif").write_bytes(b"precious")
    opened = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *args: FullDisk(opened(*args), at="close"))
    with pytest.raises(ConfigError, match="No space left"):
        MediaFile("image/gif", GIF).save(tmp_path / "a.gif", overwrite=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"precious"]


def test_more_than_was_allowed_is_refused_to_the_byte(tmp_path: Path) -> None:
    sink = filled(Sink(tmp_path, most_bytes=len(GIF)))
    with pytest.raises(MalformedResponse, match="larger than"):
        sink.write(b"x")
    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_is_small_stays_in_memory_and_the_next_byte_spills_it(temporary: Path) -> None:
    sink = filled(Sink(), bytes(8 * 2**20))
    assert len(sink.data or b"") == 8 * 2**20
    assert list(temporary.iterdir()) == []
    sink.write(b"x")
    assert sink.data is None
    assert len(list(temporary.iterdir())) == 1
    sink.discard()


def test_the_head_is_kept_at_hand_however_it_was_cut() -> None:
    whole = filled(Sink(), bytes(range(256)) * 8192)
    cut = filled(Sink(), *(bytes(range(256)) * 32 for _ in range(256)))
    assert whole.head == cut.head
    assert len(whole.head) == 2**20


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        ("a", "image/gif", "a.gif"),
        ("a.b", "image/gif", "a.b"),
        ("a", "video/mp4", "a.mp4"),
        ("a", "image/x-unknown", "a.bin"),
        (".a", "image/gif", ".a.gif"),
    ],
)
def test_a_name_without_an_end_gets_one(tmp_path: Path, name: str, mime_type: str, expected: str) -> None:
    assert filled(Sink(tmp_path / name)).close(mime_type) == tmp_path / expected
    (tmp_path / expected).unlink()
    assert written(GIF, tmp_path / name, mime_type, overwrite=False) == tmp_path / expected


def test_saving_twice_needs_to_be_asked_for(tmp_path: Path) -> None:
    file = MediaFile("image/gif", GIF)
    assert file.save(tmp_path / "a").read_bytes() == GIF
    with pytest.raises(ConfigError, match="not overwritten"):
        file.save(str(tmp_path / "a"))
    assert file.save(tmp_path / "a", overwrite=True) == tmp_path / "a.gif"
    assert file.save(tmp_path) != file.save(tmp_path)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("place", ["none/a.gif", "a\0b"])
def test_what_cannot_be_saved_is_one_of_our_errors(tmp_path: Path, place: str, overwrite: bool) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        MediaFile("image/gif", GIF).save(f"{tmp_path}/{place}", overwrite=overwrite)


def test_saving_follows_no_link_unless_it_is_to_overwrite(tmp_path: Path) -> None:
    (tmp_path / "a.gif").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not overwritten"):
        MediaFile("image/gif", GIF).save(tmp_path / "a.gif")
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_is_checked_before_anything_is_paid_for(tmp_path: Path) -> None:
    check_place(tmp_path)
    check_place(tmp_path / "new.gif")
    (tmp_path / "there").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"exists already.*Nothing was sent"):
        check_place(tmp_path / "there")


# -- what a file in a temporary file is worth when it travels


def temporary_file() -> MediaFile:
    return MediaFile.of(filled(Sink(), GIF, bytes(9 * 2**20)), "image/gif", temporary=True)


def test_a_pickle_of_a_temporary_file_holds_its_bytes(temporary: Path) -> None:
    file = temporary_file()
    packed = pickle.dumps(file)
    del file
    assert list(temporary.iterdir()) == []
    again = pickle.loads(packed)
    assert again.data.startswith(GIF)
    assert (again.width, again.height, again.path) == (300, 200, None)


def test_a_pickle_of_a_file_that_was_asked_for_holds_its_name(tmp_path: Path) -> None:
    file = MediaFile.of(filled(Sink(tmp_path / "a.gif")), "image/gif", temporary=False)
    again = pickle.loads(pickle.dumps(file))
    assert (again.path, again.data, again.width) == (tmp_path / "a.gif", GIF, 300)
    assert len(pickle.dumps(file)) < 1000


def test_a_child_process_does_not_take_the_file_along(temporary: Path) -> None:
    file = temporary_file()
    child = os.fork()
    if child == 0:
        try:
            del file
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert file.data.startswith(GIF)
