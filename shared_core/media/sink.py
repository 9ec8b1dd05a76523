"""Where a result is written while it arrives: in memory while it is small, then in a file.

A file appears under its name when it is whole, never before; a name that exists is never overwritten, and no
symbolic link is followed: a result must not land on somebody's file. What is abandoned is removed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import threading
from pathlib import Path
from typing import IO

from shared_core.errors import ConfigError, MalformedResponse
from shared_core.media.kinds import EXTENSIONS

__all__ = ["MOST_BYTES", "Sink", "check_place", "written"]

MOST_BYTES = 512 * 2**20
"""Of one result, unless the caller allows more."""

_IN_MEMORY = 8 * 2**20  # bytes
_HEAD = 2**20  # bytes kept at hand of a file: what measuring it needs

# O_NOFOLLOW does not exist on Windows, where making a link takes rights of its own.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Sink:
    """Takes one result. What discards it may be another thread than what writes.

    Args:
        to: Folder, or the file's name, where it goes; None for memory, or a temporary file when it is large.
        most_bytes: Beyond this it is refused.
        overwrite: Whether a file of that name may be replaced.

    Example:
        >>> sink = Sink()
        >>> sink.write(b"GIF89a")
        >>> sink.close("image/gif"), sink.data
        (None, b'GIF89a')
    """

    def __init__(
        self, to: Path | None = None, most_bytes: int = MOST_BYTES, *, overwrite: bool = False
    ) -> None:
        self._to = to
        self._overwrite = overwrite
        self._most_bytes = most_bytes
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._part: Path | None = None
        self._name: Path | None = None
        self._lock = threading.Lock()
        self._discarded = False
        self.size = 0
        self.head = b""

    @property
    def data(self) -> bytes | None:
        """The result, where it is in memory."""
        return None if self._part is not None else b"".join(self._pieces)

    def write(self, piece: bytes) -> None:
        """The next bytes.

        Raises:
            MalformedResponse: There are too many of them.
            ConfigError: They cannot be written.
        """
        with self._lock:
            self._take(piece)

    def _take(self, piece: bytes) -> None:
        if self._discarded:
            return
        self.size += len(piece)
        if self.size > self._most_bytes:
            raise MalformedResponse(
                f"The result is larger than the {self._most_bytes / 2**20:,.0f} MiB that are taken.",
                hint="Allow more with `most_bytes=`, or ask for a smaller result.",
                reactions=(),
            )
        if len(self.head) < _HEAD:
            self.head += piece[: _HEAD - len(self.head)]
        self._pieces.append(piece)
        if self._file is not None or self._to is not None or self.size > _IN_MEMORY:
            self._spill()

    def close(self, mime_type: str) -> Path | None:
        """The result is whole.

        Args:
            mime_type: Of the result; names the file's end where the caller did not.

        Returns:
            The file; None where it is in memory.

        Raises:
            ConfigError: The file cannot be written, or its name exists.
        """
        with self._lock:
            if self._file is None or self._part is None:
                return None
            try:
                self._file.close()
                self._name = self._named(self._part, mime_type)
            except (OSError, ValueError) as error:
                self._discard()
                raise _unwritable(self._to, error) from None
            self._file = None
            return self._name

    def discard(self) -> None:
        """Nothing will come of it: what was written is removed, and what is still written goes nowhere.

        Harmless when repeated.
        """
        with self._lock:
            self._discard()

    def _discard(self) -> None:
        self._discarded = True
        self._pieces.clear()
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk says so here once more
                file.close()
        for path in filter(None, (self._part, self._name)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._part, self._file = _opened(self._to)
            for piece in self._pieces:
                self._file.write(piece)
            self._pieces.clear()
        except OSError as error:
            self._discard()
            raise _unwritable(self._to, error) from None

    def _named(self, part: Path, mime_type: str) -> Path:
        extension = EXTENSIONS.get(mime_type, ".bin")
        if self._to is None:
            name = part.with_suffix(extension)
        elif self._to.is_dir():
            name = self._to / (part.stem.removeprefix(".") + extension)
        else:
            name = self._to if self._to.suffix else self._to.with_suffix(extension)
        if self._overwrite:
            os.replace(part, name)
            return name
        try:
            os.link(part, name)  # unlike renaming, fails where the name exists
        except FileExistsError:
            raise
        except OSError:  # a file system that has no links: FAT, some network drives
            os.close(os.open(name, _NEW, 0o666))
            os.replace(part, name)
        else:
            part.unlink()
        return name


def check_place(to: Path) -> None:
    """Finds before anything is paid for what would keep a result from being written.

    Args:
        to: Folder, or the file's name.

    Raises:
        ConfigError: There is no such folder, it may not be written to, or the name exists.
    """
    try:
        if "\0" in str(to):
            raise ValueError("it holds NUL")
        folder = to if to.is_dir() else to.parent
        there, taken = folder.is_dir(), folder is not to and os.path.lexists(to)
    except (OSError, ValueError) as error:
        raise ConfigError(f"to={str(to)!r} is no place for a file: {error}. Nothing was sent.") from None
    if not there:
        raise ConfigError(f"The folder of to={str(to)!r} does not exist. Nothing was sent.")
    if taken:
        raise ConfigError(
            f"to={str(to)!r} exists already, and is not overwritten. Nothing was sent.",
            hint="Choose another name, or pass a folder.",
        )
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"The folder of to={str(to)!r} may not be written to. Nothing was sent.")


def _opened(to: Path | None) -> tuple[Path, IO[bytes]]:
    folder = Path(tempfile.gettempdir()) if to is None else to if to.is_dir() else to.parent
    path = folder / f".hfrouter-{secrets.token_hex(8)}.part"
    return path, os.fdopen(os.open(path, _NEW, 0o600 if to is None else 0o666), "wb")


def _unwritable(to: Path | None, error: OSError | ValueError) -> ConfigError:
    if isinstance(error, FileExistsError):
        return ConfigError(
            f"{to} exists already, and is not overwritten.",
            hint="Choose another name, or pass a folder as `to`.",
        )
    return ConfigError(
        f"The result cannot be written to {to or tempfile.gettempdir()}: {getattr(error, 'strerror', None) or error}.",
        hint="Check that the folder exists, may be written to, and has room.",
    )


def written(data: bytes, path: Path, mime_type: str, *, overwrite: bool) -> Path:
    """Writes a result that is in memory; the folder must exist.

    Args:
        data: The result.
        path: Folder, or the file's name; an end is added where it has none.
        mime_type: Names the end.
        overwrite: Whether a file of that name may be replaced.
    """
    sink = Sink(path, len(data), overwrite=overwrite)
    sink.write(data)
    name = sink.close(mime_type)
    assert name is not None
    return name
