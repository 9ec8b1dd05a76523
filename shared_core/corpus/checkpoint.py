"""How far a run is, in a small JSON file: rewritten after each shard, whole at any moment.

Also here: the lock that keeps two runs off one checkpoint, and the file of failed rows.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shared_core.corpus.durable import replace_file, telling
from shared_core.corpus.shards import EmbeddedShard, Failure
from shared_core.errors import ConfigError

__all__ = ["Checkpoint", "FailedRows", "load", "locked", "save"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is done and on the disk.

    Args:
        settings: What must be the same for a run to go on: whose vectors, of which kind.
        rows: Rows of the source that are done, failed ones included.
        digest: Of those rows, in hexadecimal.
        embedded: Texts that the embedder was asked for.
        truncated: Texts that were cut at the model's limit.
        failed: Rows without a vector.
        failed_bytes: Length of the file of failed rows.
        sink: What the sink needs to go on; None before its first batch.
        finished: Whether the source came to its end.
    """

    settings: Mapping[str, Any]
    rows: int = 0
    digest: str = ""
    embedded: int = 0
    truncated: int = 0
    failed: int = 0
    failed_bytes: int = 0
    sink: Mapping[str, Any] | None = None
    finished: bool = False

    def after(self, done: EmbeddedShard, sink: Mapping[str, Any] | None, failed_bytes: int) -> Checkpoint:
        """The checkpoint once this shard is written."""
        return replace(
            self,
            rows=self.rows + len(done.shard.rows),
            digest=done.shard.digest.hex(),
            embedded=self.embedded + done.embedded,
            truncated=self.truncated + done.truncated,
            failed=self.failed + len(done.failures),
            failed_bytes=failed_bytes,
            sink=sink,
            finished=False,
        )


def load(path: Path | None, settings: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint of an earlier run; None when there was none.

    Raises:
        ConfigError: It cannot be read, or that run had other settings.
    """
    if path is None or not path.exists():
        return None
    try:
        held = json.loads(path.read_bytes())
        if held.pop("format") != _FORMAT:
            raise ValueError("it is of another version")
        checkpoint = Checkpoint(**held)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise ConfigError(
            f"The checkpoint {path} cannot be read: {error}.",
            hint="To begin anew, delete it together with what the run has written.",
        ) from error
    other = {
        name: (checkpoint.settings.get(name), settings.get(name))
        for name in sorted({*checkpoint.settings, *settings})
        if checkpoint.settings.get(name) != settings.get(name)
    }
    if other:
        told = "; ".join(f"{name} was {before!r} and is {now!r}" for name, (before, now) in other.items())
        raise ConfigError(
            f"The run of {path} had other settings: {told}.",
            hint="Use the same ones, or begin anew with another sink and checkpoint.",
        )
    return checkpoint


def save(path: Path | None, checkpoint: Checkpoint) -> None:
    """Writes the checkpoint, whole and flushed.

    Raises:
        ConfigError: The disk is full, or the like. The one before is still there.
    """
    if path is not None:
        text = json.dumps({"format": _FORMAT, **asdict(checkpoint)}, indent=1)
        with telling(path):
            replace_file(path, lambda beside: _write(beside, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@contextmanager
def locked(path: Path | None) -> Iterator[None]:
    """Holds the checkpoint for this run alone; the system lets go of it when the process dies.

    Raises:
        ConfigError: Another run holds it.
    """
    if path is None:
        yield
        return
    beside = path.with_name(path.name + ".lock")
    with telling(beside):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            raise ConfigError(
                f"Another run is at work on {path}.", hint="Wait for its end, or give this run its own sink."
            ) from error
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FailedRows:
    """The file of failed rows: a JSON object a line, with `row`, `id` and `error`.

    Args:
        path: None for no file.
        size: Bytes that belong to what is done; whatever a killed run wrote beyond is cut off.
    """

    def __init__(self, path: Path | None, size: int) -> None:
        self._path = path
        self.size = size
        if path is not None and path.exists():
            with telling(path):
                if size > path.stat().st_size:
                    raise ConfigError(
                        f"{path} is shorter than its run left it.", hint="Restore it, or begin anew."
                    )
                if not size and path.stat().st_size and path.read_bytes()[:8] != b'{"row": ':
                    raise ConfigError(
                        f"{path} is no file of failed rows.", hint="Name another with failed=..."
                    )
                os.truncate(path, size)

    def write(self, failures: Sequence[Failure]) -> None:
        """Appends these, flushed to the disk.

        Raises:
            ConfigError: The disk is full, or the like.
        """
        if self._path is None or not failures:
            return
        lines = "".join(json.dumps(asdict(failure)) + "\n" for failure in failures).encode()
        with telling(self._path), self._path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        self.size += len(lines)
