"""A program that kills runs of `embed_corpus` with SIGKILL, resumes them, and compares what comes out.

Called with a folder and a sink's name. Each run is a forked child. It dies before the n-th operation that
changes what is on the disk, for every n; and then at moments that a timer picks.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from shared_core.corpus import Batch, embed_corpus
from shared_core.errors import BadRequest

FOLDER, SINK = Path(sys.argv[1]), sys.argv[2]
ROWS = [{"id": i, "text": "odd one" if i % 9 == 4 else f"text {i % 17}"} for i in range(22)]
TORN = ("fsync", "replace", "truncate", "open")


class Embedder:
    model = "killed"

    def embed(self, texts: list[str], *, kind: str) -> SimpleNamespace:
        if "odd one" in texts:
            raise BadRequest("odd")
        return SimpleNamespace(
            vectors=np.array([[len(text), sum(map(ord, text))] for text in texts], dtype=np.float32)
        )


class Upserting:
    """A vector store in a folder, which overwrites by id; and a log of how often each id was given."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, batch: Batch) -> None:
        with self.path.open("a") as file:
            for name, vector in zip(batch.ids, batch.vectors.tolist(), strict=True):
                file.write(json.dumps([name, vector]) + "\n")


def run(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    source = FOLDER / "corpus.jsonl"
    if SINK == "function":
        embed_corpus(
            source,
            Upserting(folder / "store"),
            Embedder(),
            shard_size=9,
            checkpoint=folder / "store.checkpoint.json",
            failed=folder / "store.failed.jsonl",
        )
    else:
        embed_corpus(source, folder / SINK, Embedder(), shard_size=9)


def outcome(folder: Path) -> object:
    """What a run leaves, as plain values."""
    failed = [json.loads(line)["id"] for line in next(folder.glob("*.failed.jsonl")).read_text().splitlines()]
    if SINK == "function":
        given = [tuple(json.loads(line)) for line in (folder / "store").read_text().splitlines()]
        return failed, sorted({(name, tuple(vector)) for name, vector in given})
    if SINK.endswith(".npy"):
        ids = [json.loads(line) for line in (folder / f"{SINK}.ids.jsonl").read_text().splitlines()]
        return failed, ids, np.load(folder / SINK).tolist()
    if SINK.endswith(".jsonl"):
        return failed, [json.loads(line) for line in (folder / SINK).read_text().splitlines()]
    # Bytes are compared and nothing is read here: children forked beside Arrow's threads would wait for ever.
    return failed, {path.name: path.read_bytes() for path in (folder / SINK).iterdir()}


def in_a_child(work: object) -> int:
    """How the child ended: 0, or the negative number of the signal that killed it."""
    child = os.fork()
    if not child:
        try:
            work()  # type: ignore[operator]
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def dying_at(moment: int, folder: Path) -> None:
    seen = 0

    def counted(operation: object) -> object:
        def call(*arguments: object, **options: object) -> object:
            nonlocal seen
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **options)  # type: ignore[operator]

        return call

    for name in TORN:
        setattr(os, name, counted(getattr(os, name)))
    run(folder)


def dying_after(seconds: float, folder: Path) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM ends the process wherever it is
    run(folder)


def main() -> None:
    if SINK.endswith(".parquet"):
        import pyarrow.parquet  # noqa: F401  (once, and not in every child)
    (FOLDER / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    whole = FOLDER / "whole"
    assert in_a_child(lambda: run(whole)) == 0
    wanted = outcome(whole)

    moment, killed = 0, 0
    while True:
        moment += 1
        folder = FOLDER / "killed"
        ended = in_a_child(lambda at=moment, where=folder: dying_at(at, where))
        assert in_a_child(lambda where=folder: run(where)) == 0, f"no resuming after moment {moment}"
        assert outcome(folder) == wanted, f"killed at moment {moment}"
        shutil.rmtree(folder)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        killed += 1

    dice = random.Random(7)
    folder = FOLDER / "often"
    for _ in range(
        3
    ):  # the same run is killed again and again, a little later each time, until it gets through
        tries = 0
        while in_a_child(
            lambda latest=tries / 500, where=folder: dying_after(dice.uniform(0.001, latest), where)
        ):
            tries += 1
        assert outcome(folder) == wanted, f"killed {tries} times"
        shutil.rmtree(folder)
    print(killed)


if __name__ == "__main__":
    main()
