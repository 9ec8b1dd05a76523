"""The file of a batch: what was answered, one JSON object a line, so that a run which was killed can be taken up.

    {"hfrouter":"batch","version":1}
    {"key":"3f…","reply":{"@":"ChatReply",…}}

Each line is flushed to the disk before its answer counts. A line that a killed run left half written is cut off; one
that cannot be read is answered again. Media lie in a folder beside. One run at a time has the file.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared_core.client.stored_replies import from_json, to_json
from shared_core.errors import ConfigError
from shared_core.wire.json import load

__all__ = ["BatchFile", "read_reply"]

_HEAD = b'{"hfrouter":"batch","version":1}\n'
_MEDIA_NAME = re.compile(r"[0-9a-f]{32}")
_FAR = 2**40  # where Windows locks: beyond everything that is written


class BatchFile:
    """A file that is open for one run. Safe from threads.

    Args:
        path: Where it is, or will be.

    Attributes:
        known: The place in the file of each answer, by key.

    Raises:
        ConfigError: It is another file, another run has it, or it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, int] = {}
        self._writing, self._flushing = threading.Lock(), threading.Lock()
        self._size = self._flushed = 0
        self._file: int | None = None
        with _telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600
            )
        try:
            _lock(self._file, path)
            with _telling(path):
                self._look_through()
        except BaseException:
            self.close()
            raise

    def add(self, key: str, reply: Any) -> int:
        """Keeps an answer; its place in the file.

        Raises:
            ConfigError: The disk is full, or the like. What was kept before is unharmed.
        """
        with _telling(self.path):
            try:
                kept = to_json(reply, self._keep)
            except TypeError as error:
                raise ConfigError(f"{self.path}: {error}.", hint="Leave out path=, or this task.") from None
            line = json.dumps({"key": key, "reply": kept}, separators=(",", ":")).encode("ascii") + b"\n"
            with self._writing:
                place = self._size
                self._write(line)
            self._flush(place + len(line))
            return place

    def close(self) -> None:
        """Lets another run have it. Harmless when repeated."""
        with self._flushing, self._writing:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _write(self, line: bytes) -> None:
        file = self._open()
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(file, left) :]
        except OSError:
            os.ftruncate(file, self._size)
            raise
        self._size += len(line)

    def _flush(self, end: int) -> None:
        """Has everything up to there on the disk: of answers that come together, one flushes for all."""
        with self._flushing:
            if self._flushed < end:
                size = self._size
                os.fsync(self._open())
                self._flushed = size

    def _open(self) -> int:
        if self._file is None:
            raise OSError("the batch is over")
        return self._file

    def _keep(self, name: str, data: bytes) -> None:
        folder = _media_of(self.path)
        folder.mkdir(mode=0o700, exist_ok=True)
        beside = folder / f".{name}.{threading.get_ident()}.part"  # equal ones may come at once
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, folder / name)
        finally:
            beside.unlink(missing_ok=True)

    def _look_through(self) -> None:
        """Finds what is there, and where it ends."""
        with self.path.open("rb") as file:
            head = file.readline(len(_HEAD))  # of /dev/zero, the first line has no end
            if head != _HEAD:
                if not _HEAD.startswith(head) or file.read(1):
                    raise ConfigError(f"{self.path} is no file of a batch.", hint="Name another with path=.")
                os.ftruncate(self._open(), 0)
                self._write(_HEAD)
                return
            place = self._size = len(head)
            for line in file:
                if line.endswith(b"\n"):
                    if (key := self._key_of(line)) is not None:
                        self.known[key] = place
                    self._size = place + len(line)
                place += len(line)
        if place > self._size:
            os.ftruncate(self._open(), self._size)

    def _key_of(self, line: bytes) -> str | None:
        """The key of a line; None where it cannot be read, or its media are gone."""
        try:
            held = load(line)
            if b'"MediaFile"' in line:
                from_json(held["reply"], self._media)
            return str(held["key"]) if "reply" in held else None
        except (ValueError, KeyError, TypeError, OSError):
            return None

    def _media(self, name: str) -> Path:
        return _media_path(self.path, name)


def read_reply(path: Path, place: int) -> Any:
    """An answer that was kept.

    Raises:
        ConfigError: The file was changed, or is gone.
    """
    try:
        with path.open("rb") as file:
            file.seek(place)
            return from_json(load(file.readline())["reply"], lambda name: _media_path(path, name))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} no longer holds this answer: {error}.",
            hint="Keep the file of a batch as long as its replies.",
        ) from None


def _media_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.media")


def _media_path(path: Path, name: str) -> Path:
    if not isinstance(name, str) or not _MEDIA_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a file")
    return _media_of(path) / name


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be used: {error.strerror or error}.",
            hint="Free some space or mend the permissions, and make the same call again: it sends what is missing.",
        ) from None


def _lock(file: int, path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigError(
            f"Another batch is at work on {path}.", hint="Wait for its end, or name another file."
        ) from error
