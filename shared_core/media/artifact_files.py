"""One file of a store: what is known of it, its line in the index, and how it is written and read.

Files are opened as they are: no link is followed, nothing is overwritten, what is no file is not read. Not here: which
files there are (`artifacts`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from shared_core.errors import ConfigError
from shared_core.media.kinds import EXTENSIONS, kind_of
from shared_core.media.reply import MediaFile

__all__ = [
    "AS_IT_IS",
    "ID",
    "PREFIXES",
    "Artifact",
    "artifact_of",
    "read_file",
    "unwritable",
    "write_file",
]

PREFIXES = {"image": "img", "video": "vid", "audio": "aud"}
ID = re.compile(r"(img|vid|aud)_[0-9][0-9a-f]{10}")

# O_NOFOLLOW does not exist on Windows, where making a link takes rights of its own.
AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

_PIECE = 2**20  # bytes that are copied at a time


@dataclass(frozen=True, slots=True)
class Artifact:
    """A picture, a video or a sound of a store.

    Args:
        id: What agents call it, such as "img_3f9a2c0d4e1".
        kind: "image", "video" or "audio".
        path: Its file.
        mime_type: Told by its first bytes.
        size: Of the file, in bytes.
        width, height: In pixels; None where the file's head does not say.
        duration: In seconds, likewise.
        prompt: What it was made from.
        provider, model, seed: Who made it and how, where that is known.
        cost: In US dollars: what was said or reckoned; None where nobody knows.
    """

    id: str
    kind: str
    path: Path
    mime_type: str
    size: int
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    prompt: str = ""
    provider: str | None = None
    model: str | None = None
    seed: int | None = None
    cost: float | None = None

    @property
    def data(self) -> bytes:
        """The file's bytes.

        Raises:
            ConfigError: The file is gone, or a link stands in its place.
        """
        return read_file(self.path)

    @property
    def file(self) -> MediaFile:
        """The file with `.save`, `.image` and a notebook's display."""
        return MediaFile(self.mime_type, self.data)

    def _repr_html_(self) -> str:
        return self.file._repr_html_()


def artifact_of(line: bytes, folder: Path) -> Artifact | None:
    """One line of the index; None for one that was cut off, or that this store did not write."""
    try:
        row = json.loads(line)
        said = {each.name: row[each.name] for each in fields(Artifact)}
        name, mime_type = said["id"], said["mime_type"]
        sound = ID.fullmatch(name) and name.startswith(PREFIXES[kind_of(mime_type)])
        if not sound or said["path"] != name + EXTENSIONS[mime_type] or said["kind"] != kind_of(mime_type):
            return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Artifact(**{**said, "path": folder / said["path"]})


def write_file(path: Path, file: MediaFile) -> int:
    """Writes a new file, and returns its size; nothing is left of one that could not be written."""
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | AS_IT_IS, 0o600)
    except OSError as error:
        raise unwritable(path, error) from None
    size = 0
    try:
        for piece in _pieces(file):
            while piece:
                piece = piece[os.write(place, piece) :]
            size = os.fstat(place).st_size
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise unwritable(path, error) from None
    finally:
        os.close(place)
    return size


def _pieces(file: MediaFile) -> Iterator[memoryview]:
    if file.path is None:
        yield memoryview(file.data)
        return
    with file.path.open("rb") as source:
        while piece := source.read(_PIECE):
            yield memoryview(piece)


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        ConfigError: It is gone, or something else stands in its place.
    """
    try:
        # Without O_NONBLOCK a named pipe in its place would be waited on for ever.
        place = os.open(path, os.O_RDONLY | AS_IT_IS | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise ConfigError(f"The file of {path.stem} cannot be opened: {error.strerror or error}.") from None
    if not stat.S_ISREG(os.fstat(place).st_mode):
        os.close(place)
        raise ConfigError(f"What stands in the place of {path.stem} is no file. Nothing was read.")
    with os.fdopen(place, "rb") as file:
        return file.read()


def unwritable(path: Path, error: OSError) -> ConfigError:
    """What is said of a file that the system refused to write."""
    return ConfigError(
        f"The result cannot be written to {path.parent}: {error.strerror or error}.",
        hint="Check that the folder may be written to, and has room.",
    )
