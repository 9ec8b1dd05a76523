"""Files that are whole after a crash: written beside and renamed into place, or cut back to what is known good."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared_core.errors import ConfigError

__all__ = ["cut_back", "refuse_what_is_there", "replace_file", "sync_folder", "telling", "write_at"]


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turns the operating system's errors into one that says what to do.

    Raises:
        ConfigError: In place of OSError.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Free some space or mend the permissions, and make the same call again: it goes on after the "
            "last checkpoint.",
        ) from error


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """A file that is there whole or not at all.

    Args:
        path: Where it is to be.
        write: Writes it, to the path it is given.

    Raises:
        OSError: It cannot be written; what was at `path` before is still there.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        write(beside)
        descriptor = os.open(beside, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder outlive a power cut, where the system can (Windows cannot open folders)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_what_is_there(path: Path) -> None:
    """Keeps a file that no checkpoint knows from being written over.

    Raises:
        ConfigError: There is one.
    """
    if path.exists():
        raise ConfigError(
            f"{path} is there already, and no checkpoint says that it is part of this run.",
            hint="Move it away, or name another sink.",
        )


def cut_back(path: Path, size: int) -> None:
    """Takes away what a killed run wrote beyond its checkpoint.

    Raises:
        ConfigError: The file holds less than that.
    """
    if not size:
        path.unlink(missing_ok=True)
        return
    if not path.exists() or path.stat().st_size < size:
        raise ConfigError(
            f"{path} holds less than its run had written.",
            hint="Restore it, or delete it with its checkpoint to begin anew.",
        )
    os.truncate(path, size)


def write_at(path: Path, offset: int, data: bytes) -> None:
    """Writes bytes at a place, on the disk when it returns."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
