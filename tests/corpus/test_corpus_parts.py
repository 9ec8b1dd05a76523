"""The parts of a run alone: executors, the worker's pickle, the line on a terminal, both kinds of embedder."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared_core import HFRouter
from shared_core.corpus import Batch, EmbeddedShard, EmbedShard, Progress, Row, Shard, embed_corpus
from shared_core.corpus.progress import reporter

TOKEN = "hf_thisIsASecretThatNobodyMaySee"
SHARD = Shard((Row(0, "a", "one"), Row(1, "b", "", "no text"), Row(2, "c", "one")), b"digest", 0.5)


class Constant:
    """An embedder that can be pickled."""

    def embed(self, texts: Any, *, kind: Any) -> Any:
        return Batch((), (), np.full((len(texts), 2), len(kind), dtype=np.float32))


class Elsewhere:
    """An executor as an engine for many machines would be: nothing gets to the work but through a pickle."""

    def __init__(self) -> None:
        self.sent = 0
        self.closed = False

    def run(self, work: Callable[[Shard], EmbeddedShard], shards: Iterator[Shard]) -> Iterator[EmbeddedShard]:
        try:
            for shard in shards:
                data = pickle.dumps((work, shard))
                self.sent += 1
                there, its_shard = pickle.loads(data)
                yield pickle.loads(pickle.dumps(there(its_shard)))
        finally:
            self.closed = True


def test_another_executor_takes_the_same_work() -> None:
    batches: list[Batch] = []
    executor = Elsewhere()
    report = embed_corpus(
        [f"{i}" for i in range(10)], batches.append, Constant(), shard_size=4, executor=executor
    )
    assert executor.sent == 3
    assert executor.closed
    assert [name for batch in batches for name in batch.ids] == list(range(10))
    assert report.rows == 10


def test_an_executor_is_closed_when_the_sink_fails() -> None:
    executor = Elsewhere()

    def sink(batch: Batch) -> None:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        embed_corpus(["a", "b"], sink, Constant(), shard_size=1, executor=executor)
    assert executor.closed


def test_work_and_shards_travel_without_secrets() -> None:
    work = EmbedShard(HFRouter("org/model", api_key=TOKEN), "query", remember_bytes=10)
    data = pickle.dumps((work, SHARD))
    assert TOKEN.encode() not in data
    twin, shard = pickle.loads(data)
    assert (twin.kind, twin.remember_bytes, twin.embedder.model) == ("query", 10, "org/model")
    assert shard == SHARD


def test_remembered_vectors_stay_at_home() -> None:
    work = EmbedShard(Constant())
    before = len(pickle.dumps(work))
    work(SHARD)
    assert len(pickle.dumps(work)) == before


def test_a_shard_keeps_its_order_its_repeats_and_its_failures() -> None:
    done = EmbedShard(Constant())(SHARD)
    assert done.batch.ids == ("a", "c")
    assert [(failure.row, failure.id, failure.error) for failure in done.failures] == [(1, "b", "no text")]
    assert done.embedded == 1
    assert done.batch.vectors.shape == (2, 2)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_is_written_over() -> None:
    terminal = Terminal()
    tell = reporter(True, terminal)
    tell(Progress(12_288, 3, 2345.6, 0.5, 3725.0))
    tell(Progress(24_576, 3, 99.4, None, None))
    tell(Progress(30_000, 0, 99.4, 1.0, 0.0, finished=True))
    first, second, last = terminal.getvalue().split("\r")[1:]
    assert first == "12,288 rows · 50% · 2,346 rows/s · 1:02:05 left · 3 failed"
    assert second.rstrip() == "24,576 rows · 99 rows/s · 3 failed"
    assert len(second) == len(first)
    assert last.rstrip(" \n") == "30,000 rows · 100% · 99 rows/s"
    assert last.endswith("\n")


def test_what_is_no_terminal_is_not_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    reporter(True, stream)(Progress(1, 0, 1.0))
    reporter(False, Terminal())(Progress(1, 0, 1.0))
    embed_corpus(["a"], lambda batch: None, Constant(), progress=True)
    assert (stream.getvalue(), capsys.readouterr().err) == ("", "")


def test_a_run_is_known_by_what_stands_before_its_texts(offline_url: Any, tmp_path: Path) -> None:
    router = HFRouter("intfloat/e5-small-v2", base_url=offline_url.root, api_key="key")
    embed_corpus(["a"], tmp_path / "v.npy", router)
    assert offline_url.requests[-1].json["inputs"] == ["passage: a"]
    settings = json.loads((tmp_path / "v.npy.checkpoint.json").read_text())["settings"]
    assert settings["prompt"] == "passage: "


def test_a_router_embeds_a_corpus(offline_url: str) -> None:
    router = HFRouter("sentence-transformers/all-MiniLM-L6-v2", base_url=offline_url, api_key="key")
    batches: list[Batch] = []
    report = embed_corpus(["one", "two", "one"], batches.append, router, shard_size=2)
    vectors = np.concatenate([batch.vectors for batch in batches])
    np.testing.assert_array_equal(vectors, router.embed(["one", "two", "one"]).vectors)
    assert report.embedded == 2
