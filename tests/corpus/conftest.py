"""An embedder that can be followed by hand, and may fail on purpose."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from shared_core.types import EmbedReply, Kind, ReplyMeta

KILLER = Path(__file__).with_name("kill_and_resume.py")


def vector_of(text: str) -> list[float]:
    return [float(len(text)), float(sum(map(ord, text)) % 1009), 0.5]


class Letters:
    """Vectors that say which text they belong to.

    Args:
        fail: Given the texts of a call, may raise.
    """

    model = "letters"

    def __init__(self, fail: Callable[[Sequence[str]], None] | None = None) -> None:
        self.asked: list[str] = []
        self.calls = 0
        self.fail = fail

    def embed(self, texts: Sequence[str], *, kind: Kind) -> EmbedReply:
        self.calls += 1
        if self.fail is not None:
            self.fail(texts)
        self.asked += texts
        vectors = np.array([vector_of(f"{kind}:{text}") for text in texts], dtype=np.float32)
        return EmbedReply(vectors.reshape(len(texts), 3), None, ReplyMeta(provider=None, model="letters"))


@pytest.fixture
def letters() -> type[Letters]:
    return Letters


@pytest.fixture
def expected() -> Callable[..., np.ndarray]:
    """The vectors that these texts should get."""

    def vectors(texts: Sequence[str], kind: Kind = "document") -> np.ndarray:
        return np.array([vector_of(f"{kind}:{text}") for text in texts], dtype=np.float32)

    return vectors


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[[Sequence[object]], Path]:
    """Writes a corpus, a line a row; strings are lines already."""

    def write(rows: Sequence[object]) -> Path:
        path = tmp_path / "corpus.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return path

    return write


@pytest.fixture
def kill_and_resume(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Kills a run at every moment that matters, in another process, and says how many those were."""
    # Hundreds of runs, each flushed to the disk ten times; a killed process needs no disk to lose its memory.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))

    def run(sink: str) -> int:
        done = subprocess.run(
            [sys.executable, str(KILLER), str(folder), sink], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    yield run
    shutil.rmtree(folder)
