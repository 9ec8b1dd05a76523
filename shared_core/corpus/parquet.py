"""Parquet, as a source and as a sink. The only file here that needs the extra `parquet`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from shared_core.corpus.durable import replace_file, telling
from shared_core.corpus.shards import Batch
from shared_core.corpus.sinks import check_length
from shared_core.errors import ConfigError

__all__ = ["ParquetSink", "ParquetSource"]

_ROWS_AT_ONCE = 4096
_PART = re.compile(r"part-(\d{6,})\.parquet")


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError('Parquet needs pyarrow: pip install "hfrouter[parquet]"') from error


class ParquetSource:
    """Rows of a Parquet file, or of the files of a folder in the order of their names.

    Args:
        path: The file or folder.
        text: Column with the texts.
        id: Column with the ids; where the first file has none, rows are called by their numbers.
    """

    def __init__(self, path: Path, text: str, id: str | None) -> None:
        self._arrow, self._parquet = _pyarrow()
        self._files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not self._files:
            raise ConfigError(f"There is no .parquet file in {path}.")
        self._text = text
        self._id = id
        self._seen = 0
        self._rows = 0
        for file in self._files:
            with self._opened(file) as opened:
                self._rows += opened.metadata.num_rows
                names = opened.schema_arrow.names
            if text not in names:
                raise ConfigError(
                    f"{file} has no column {text!r}, only {', '.join(names)}.",
                    hint="Name the column with the texts: text=...",
                )

    def items(self) -> Iterator[object]:
        """See Source. A few thousand rows are in memory at once."""
        for file in self._files:
            with self._opened(file) as opened:
                columns = [name for name in (self._id, self._text) if name in opened.schema_arrow.names]
                for batch in opened.iter_batches(_ROWS_AT_ONCE, columns=columns):
                    for item in batch.to_pylist():
                        self._seen += 1
                        yield item

    def done(self) -> float | None:
        """See Source."""
        return self._seen / self._rows if self._rows else None

    def _opened(self, file: Path) -> Any:
        try:
            return self._parquet.ParquetFile(file)
        except self._arrow.ArrowException as error:
            raise ConfigError(f"{file} is no Parquet file: {error}.") from error


class ParquetSink:
    """A folder of Parquet files, one a shard: `id` (int64 or string) and `vector` (a list of fixed length of
    float32). Pandas, pyarrow, Polars, DuckDB and `datasets` read such a folder as one table.

    Args:
        path: The folder, whatever its suffix.
    """

    def __init__(self, path: Path) -> None:
        self._arrow, self._parquet = _pyarrow()
        self.path = path
        self._parts = 0
        self._dimensions = 0

    def begin(self, state: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """See Sink."""
        with telling(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise ConfigError(f"{self.path} is a file; Parquet goes to a folder of part files.")
            self.path.mkdir(parents=True, exist_ok=True)
            if state is None:
                if any(self.path.iterdir()):
                    raise ConfigError(
                        f"{self.path} is not empty, and no checkpoint says that it is part of this run.",
                        hint="Empty it, or name another sink.",
                    )
                return self._state()
            self._parts, self._dimensions = state["parts"], state["dimensions"]
            self._undo_what_came_after()
            return self._state()

    def write(self, batch: Batch) -> Mapping[str, Any]:
        """See Sink."""
        self._dimensions = check_length(self._dimensions, batch)
        table = self._table(batch)
        with telling(self.path):
            replace_file(
                self._file(self._parts),
                lambda beside: self._parquet.write_table(
                    table, beside, compression="zstd", use_dictionary=False
                ),
            )
        self._parts += 1
        return self._state()

    def _state(self) -> dict[str, Any]:
        return {"parts": self._parts, "dimensions": self._dimensions}

    def _undo_what_came_after(self) -> None:
        found = {int(match[1]): file for file in self.path.iterdir() if (match := _PART.fullmatch(file.name))}
        missing = set(range(self._parts)) - found.keys()
        if missing:
            raise ConfigError(
                f"{self._file(min(missing))} is missing, which this run had written.",
                hint="Restore it, or delete the folder and the checkpoint to begin anew.",
            )
        for number, file in found.items():
            if number >= self._parts:
                file.unlink()
        for file in self.path.glob(".part-*.parquet.part"):
            file.unlink()

    def _table(self, batch: Batch) -> Any:
        ids = self._arrow.array(
            batch.ids, type=self._arrow.int64() if isinstance(batch.ids[0], int) else self._arrow.string()
        )
        numbers = self._arrow.array(batch.vectors.reshape(-1), type=self._arrow.float32())
        vectors = self._arrow.FixedSizeListArray.from_arrays(numbers, self._dimensions)
        return self._arrow.table({"id": ids, "vector": vectors})

    def _file(self, number: int) -> Path:
        return self.path / f"part-{number:06}.parquet"
