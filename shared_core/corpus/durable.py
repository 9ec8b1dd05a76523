"""Files that are whole after a crash: written beside, flushed to the disk, renamed into place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared_core.errors import ConfigError

__all__ = ["replace_file", "sync_folder", "telling"]


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
