"""Vectors as JSON lines: `{"id": "p1", "vector": [0.1, 0.2]}`, for programs that read nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared_core.corpus.durable import cut_back, refuse_what_is_there, sync_folder, telling, write_at
from shared_core.corpus.shards import Batch
from shared_core.corpus.sinks import check_length

__all__ = ["JsonLinesSink", "json_lines"]


def json_lines(batch: Batch) -> Iterator[str]:
    """A line for each row, without its end. Nine digits give each float32 back exactly."""
    for name, vector in zip(batch.ids, batch.vectors.tolist(), strict=True):
        numbers = ", ".join(map("{:.9g}".format, vector))
        yield f'{{"id": {json.dumps(name)}, "vector": [{numbers}]}}'


class JsonLinesSink:
    """One file, a JSON object a line; what is done can be read while the run goes on.

    Args:
        path: Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._dimensions = 0
        self._bytes = 0

    def begin(self, state: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """See Sink."""
        with telling(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if state is None:
                refuse_what_is_there(self.path)
            else:
                self._dimensions, self._bytes = state["dimensions"], state["bytes"]
                cut_back(self.path, self._bytes)
        return self._state()

    def write(self, batch: Batch) -> Mapping[str, Any]:
        """See Sink."""
        self._dimensions = check_length(self._dimensions, batch)
        lines = "".join(f"{line}\n" for line in json_lines(batch)).encode()
        with telling(self.path):
            write_at(self.path, self._bytes, lines)
            if not self._bytes:
                sync_folder(self.path.parent)
        self._bytes += len(lines)
        return self._state()

    def _state(self) -> dict[str, int]:
        return {"dimensions": self._dimensions, "bytes": self._bytes}
