"""Files that are replaced whole: after a full disk, a crash or Ctrl-C, what stood there before stands there still.

Not here: files that grow while a run lasts (`client.batch_file`, `corpus.durable`), which keep what they have.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file for writing that takes the place of what stood there once all of it is written.

    Folders on the way to it are made. What a link leads to is replaced, and not the link. A device or a pipe is
    written to, and not replaced by a file. A new file is the user's alone; one that was there keeps its mode.

    Args:
        path: Where.

    Raises:
        OSError: It cannot be written; what stood there is unharmed.

    Example:
        >>> place = Path(tempfile.mkdtemp()) / "report.txt"
        >>> with replacing(place) as file:
        ...     _ = file.write(b"new")
        >>> place.read_bytes()
        b'new'
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(part, mode)
        os.replace(part, path)
    finally:
        with suppress(OSError):
            os.unlink(part)
