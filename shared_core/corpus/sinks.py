"""Where vectors go: a NumPy file with its ids, JSON lines, a folder of Parquet files, or a function of the caller's.

Lives here: the protocol, the NumPy file, the function, and finding which is meant. Not here: Parquet and JSON lines
themselves (`parquet`, `json_lines`), and when to write (`run`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from shared_core.corpus.durable import cut_back, refuse_what_is_there, sync_folder, telling, write_at
from shared_core.corpus.shards import Batch
from shared_core.errors import ConfigError

__all__ = ["NpySink", "Sink", "SinkFormat", "check_length", "open_sink"]

SinkFormat = Literal["npy", "parquet", "jsonl"]

_FORMATS: dict[str, SinkFormat] = {
    ".npy": "npy",
    ".parquet": "parquet",
    ".pq": "parquet",
    "": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

_HEADER = 128
"""Bytes of the head of a .npy file: room for any number of rows, so that it can be rewritten in place."""


class Sink(Protocol):
    """Takes batches, each once and in order."""

    def begin(self, state: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Makes ready, and gives what `begin` needs to go on from here.

        Args:
            state: What `begin` or the last `write` before the checkpoint gave; everything written after it is
                undone. None to begin anew, in an empty place.
        """
        ...

    def write(self, batch: Batch) -> Mapping[str, Any]:
        """Writes a batch, on the disk when it returns; gives what `begin` needs to go on after it, as JSON."""
        ...


def open_sink(sink: str | Path | Callable[[Batch], object] | Sink, format: SinkFormat | None) -> Sink:
    """The sink that an argument means.

    Raises:
        ConfigError: Its format is unknown.
    """
    if isinstance(sink, str | Path):
        path = Path(sink)
        kind = format or _FORMATS.get(path.suffix.lower())
        if kind is None:
            raise ConfigError(
                f"What to write to {path} is not known from its name.",
                hint='Name it .parquet, .npy or .jsonl, or say sink_format="parquet", "npy" or "jsonl".',
            )
        if kind == "npy":
            return NpySink(path)
        if kind == "jsonl":
            from shared_core.corpus.json_lines import JsonLinesSink

            return JsonLinesSink(path)
        from shared_core.corpus.parquet import ParquetSink

        return ParquetSink(path)
    if callable(getattr(sink, "begin", None)) and callable(getattr(sink, "write", None)):
        return sink  # type: ignore[return-value]
    if callable(sink):
        return _Function(sink)
    raise ConfigError(f"A sink of type {type(sink).__name__} is no path and cannot be called.")


def check_length(before: int, batch: Batch) -> int:
    """The dimensions of a batch.

    Raises:
        ConfigError: Vectors before it had others.
    """
    dimensions: int = batch.vectors.shape[1]
    if before and dimensions != before:
        raise ConfigError(
            f"The embedder gives vectors of {dimensions} dimensions; those written so far have {before}.",
            hint="Embed with the model the run began with, or begin anew with another sink.",
        )
    return dimensions


class _Function:
    def __init__(self, function: Callable[[Batch], object]) -> None:
        self._function = function
        self._rows = 0
        self._dimensions = 0

    def begin(self, state: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if state:
            self._rows, self._dimensions = state["rows"], state["dimensions"]
        return {"rows": self._rows, "dimensions": self._dimensions}

    def write(self, batch: Batch) -> Mapping[str, Any]:
        self._dimensions = check_length(self._dimensions, batch)
        self._function(batch)
        self._rows += len(batch)
        return {"rows": self._rows, "dimensions": self._dimensions}


class NpySink:
    """One float32 array in a .npy file, and beside it the ids, a JSON value a line.

    Args:
        path: Of the array, for `numpy.load`; the ids go to the same name with `.ids.jsonl` behind it.

    Both can be read while the run goes on: they then hold what is done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ids_path = path.with_name(path.name + ".ids.jsonl")
        self._rows = 0
        self._dimensions = 0
        self._id_bytes = 0

    def begin(self, state: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """See Sink."""
        with telling(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if state is None:
                for path in (self.path, self.ids_path):
                    refuse_what_is_there(path)
                return self._state()
            self._rows, self._dimensions = state["rows"], state["dimensions"]
            self._id_bytes = state["id_bytes"]
            cut_back(self.path, self._rows and self._end())
            cut_back(self.ids_path, self._id_bytes)
            if self._rows:
                self._write_header()
            return self._state()

    def write(self, batch: Batch) -> Mapping[str, Any]:
        """See Sink."""
        self._dimensions = check_length(self._dimensions, batch)
        ids = "".join(json.dumps(name) + "\n" for name in batch.ids).encode()
        with telling(self.path):
            is_new = not self._rows
            write_at(self.path, self._end(), batch.vectors.astype("<f4", copy=False).tobytes())
            write_at(self.ids_path, self._id_bytes, ids)
            self._rows += len(batch)
            self._id_bytes += len(ids)
            self._write_header()
            if is_new:
                sync_folder(self.path.parent)
        return self._state()

    def _state(self) -> dict[str, Any]:
        return {"rows": self._rows, "dimensions": self._dimensions, "id_bytes": self._id_bytes}

    def _end(self) -> int:
        return _HEADER + self._rows * self._dimensions * 4

    def _write_header(self) -> None:
        shape = f"({self._rows}, {self._dimensions})"
        words = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        header = words.ljust(_HEADER - 11).encode("latin1") + b"\n"
        # Format 1.0: magic, version, length of the header in 16 bits, the header as a Python literal.
        write_at(self.path, 0, b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
