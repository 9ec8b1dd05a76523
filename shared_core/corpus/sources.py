"""Where rows come from: JSONL, CSV, Parquet, or anything that can be iterated.

Lives here: finding the format, and making rows of what it holds. A row that cannot be read becomes a failed
row; a file that cannot be read is an error. Not here: Parquet itself (`parquet`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, Protocol

from shared_core.corpus.shards import Row
from shared_core.errors import ConfigError

__all__ = ["Source", "SourceFormat", "Unreadable", "open_source", "rows_of"]

SourceFormat = Literal["jsonl", "csv", "tsv", "parquet"]

_FORMATS: dict[str, SourceFormat] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".tsv": "tsv",
}
_LONGEST_FIELD = 2**30
"""Characters of one field of a CSV file; the standard library stops at 131,072 otherwise."""

_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Unreadable:
    """In the place of a row that the file's format does not allow, and why."""

    why: str


class Source(Protocol):
    """What rows are made of."""

    def items(self) -> Iterator[object]:
        """Texts, (id, text) pairs, mappings, or `Unreadable`."""
        ...

    def done(self) -> float | None:
        """Share of it read so far, 0 to 1; None where that is unknown."""
        ...


def open_source(
    source: str | Path | Iterable[object], format: SourceFormat | None, text: str, id: str | None
) -> Source:
    """The source that an argument means.

    Args:
        source: A file of the caller's choice, or what to iterate.
        format: None to go by the file's suffix.
        text: Field with the text.
        id: Field with the id, if any.

    Raises:
        ConfigError: There is no such file, or its format is unknown.
    """
    if not isinstance(source, str | Path):
        if format is not None:
            raise ConfigError("source_format= is for files; this source is iterated.")
        if not isinstance(source, Iterable):
            raise ConfigError(f"A source of type {type(source).__name__} is no path and cannot be iterated.")
        return _Iterated(source)
    path = Path(source)
    kind = format or _FORMATS.get(path.suffix.lower()) or ("parquet" if path.is_dir() else None)
    if kind is None:
        raise ConfigError(
            f"The format of {path} is not known from its name.",
            hint='Name it .jsonl, .csv, .tsv or .parquet, or say it with source_format="jsonl" and so on.',
        )
    if not path.exists():
        raise ConfigError(f"There is no file {path}.", hint="Give its whole path.")
    if kind == "jsonl":
        return _Jsonl(path)
    if kind == "parquet":
        from shared_core.corpus.parquet import ParquetSource

        return ParquetSource(path, text, id)
    return _Csv(path, "\t" if kind == "tsv" else ",", text)


def rows_of(items: Iterable[object], text: str, id: str | None) -> Generator[Row, None, None]:
    """A row an item.

    Ids are integers of 64 bits or strings, all of one kind: what the first row has. Where it has none, rows are
    called by their numbers. What does not fit becomes a row with an error.

    Raises:
        ConfigError: The first row has no such field as `text`: then no row will have it.
    """
    first_kind: str | None = None
    for number, item in enumerate(items):
        if isinstance(item, Unreadable):
            yield Row(number, number, "", item.why)
            continue
        if not number and isinstance(item, Mapping) and text not in item:
            raise ConfigError(
                f"The first row has no field {text!r}, only {', '.join(map(repr, item))}.",
                hint="Name the field with the texts: text=...",
            )
        name, value = _parts(item, text, id)
        kind = _kind(name)
        first_kind = first_kind or kind
        error = _what_is_wrong(name, kind, first_kind) or _what_is_wrong_with_text(value, item, text)
        called = name if isinstance(name, int | str) and kind == first_kind else number
        yield Row(number, called, value if isinstance(value, str) and not error else "", error)


def _parts(item: object, text: str, id: str | None) -> tuple[object, object]:
    """Id (None for none) and text."""
    if isinstance(item, str):
        return None, item
    if isinstance(item, Mapping):
        return item.get(id) if id is not None else None, item.get(text)
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    return None, item


def _kind(name: object) -> str:
    if name is None:
        return "missing"
    if isinstance(name, bool) or not isinstance(name, int | str):
        return f"of type {type(name).__name__}"
    return "a number" if isinstance(name, int) else "a string"


def _what_is_wrong(name: object, kind: str, first_kind: str) -> str:
    if kind.startswith("of type"):
        return f"its id is {kind}, not a number or a string"
    if kind != first_kind:
        return f"its id is {kind}, that of the first row is {first_kind}"
    if isinstance(name, int) and not -_INT64 <= name < _INT64:
        return "its id does not fit in 64 bits"
    if isinstance(name, str) and not _is_unicode(name):
        return "its id is not valid Unicode"
    return ""


def _what_is_wrong_with_text(value: object, item: object, text: str) -> str:
    if value is None and isinstance(item, Mapping):
        return f"it has no field {text!r}"
    if not isinstance(value, str):
        return f"its text is of type {type(value).__name__}, not a string"
    return "" if _is_unicode(value) else "its text is not valid Unicode (a lone surrogate)"


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Iterated:
    def __init__(self, source: Iterable[object]) -> None:
        self._source = source
        self._seen = 0

    def items(self) -> Iterator[object]:
        for item in self._source:
            self._seen += 1
            yield item

    def done(self) -> float | None:
        size = len(self._source) if isinstance(self._source, Sized) else 0
        return self._seen / size if size else None


class _Jsonl:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        self._at = 0

    def items(self) -> Iterator[object]:
        with self._path.open("rb") as file:
            for line in file:
                if not self._at:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                self._at = file.tell()
                if not line.strip():
                    continue
                try:
                    yield _object(json.loads(line))
                except (ValueError, RecursionError) as error:
                    yield Unreadable(f"its line is not JSON: {error}")

    def done(self) -> float | None:
        return self._at / self._size if self._size else None


def _object(value: object) -> object:
    return (
        value
        if isinstance(value, Mapping | str)
        else Unreadable("its line is neither an object nor a string")
    )


class _Csv:
    def __init__(self, path: Path, delimiter: str, text: str) -> None:
        self._path = path
        self._delimiter = delimiter
        self._text = text
        self._size = path.stat().st_size
        self._at = 0

    def items(self) -> Iterator[object]:
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
        # What is not UTF-8 becomes lone surrogates, and thereby failed rows rather than the end of the run.
        with (
            self._path.open("rb") as binary,
            TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="") as file,
        ):
            reader = csv.DictReader(file, delimiter=self._delimiter)
            if self._text not in (reader.fieldnames or ()):
                raise ConfigError(
                    f"{self._path} has no column {self._text!r}, only {', '.join(reader.fieldnames or ())}.",
                    hint="Name the column with the texts: text=...",
                )
            while True:
                try:
                    item: object = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    item = Unreadable(f"its line is not CSV: {error}")
                self._at = binary.tell()
                yield item

    def done(self) -> float | None:
        return self._at / self._size if self._size else None
