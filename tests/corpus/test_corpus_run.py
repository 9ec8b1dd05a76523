"""Whole runs: order, repeats, failures, resuming, and what stops a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared_core import BadRequest, ConfigError, ConnectionLost, InputTooLong, ProviderFailed, RouterError
from shared_core.corpus import Batch, InThisProcess, Progress, embed_corpus


def ids_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in Path(f"{path}.ids.jsonl").read_text().splitlines()]


def lines_of(path: Path | None) -> list[dict[str, Any]]:
    assert path is not None
    return [json.loads(line) for line in path.read_text().splitlines()]


class Refusing:
    """Fails calls that hold one of these texts."""

    def __init__(self, error: type[RouterError], *texts: str) -> None:
        self.error = error
        self.texts = set(texts)

    def __call__(self, texts: Sequence[str]) -> None:
        if self.texts & set(texts):
            raise self.error("this text will not do")


def test_jsonl_becomes_an_array_with_its_ids_beside_it(
    tmp_path: Path, jsonl: Any, letters: Any, expected: Any
) -> None:
    source = jsonl([{"id": f"doc {i}", "text": f"text {i}"} for i in range(25)])
    report = embed_corpus(source, tmp_path / "v.npy", letters(), shard_size=10, kind="query")
    vectors = np.load(tmp_path / "v.npy")
    assert (vectors.dtype, vectors.flags.c_contiguous) == (np.dtype(np.float32), True)
    np.testing.assert_array_equal(vectors, expected([f"text {i}" for i in range(25)], "query"))
    assert ids_of(tmp_path / "v.npy") == [f"doc {i}" for i in range(25)]
    assert (report.rows, report.failed, report.failed_file, report.resumed_at) == (25, 0, None, 0)
    assert str(report).startswith("25 rows, 25 texts embedded, ")
    assert np.load(tmp_path / "v.npy", mmap_mode="r").shape == (25, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    texts=some.lists(some.text(some.characters(exclude_categories=["Cs"]), max_size=3)),
    shard_size=some.integers(1, 7),
    workers=some.integers(1, 3),
)
def test_any_cut_into_shards_gives_the_same_rows_in_the_same_order(
    texts: list[str], shard_size: int, workers: int, letters: Any, expected: Any
) -> None:
    batches: list[Batch] = []
    embedder = letters()
    report = embed_corpus(texts, batches.append, embedder, shard_size=shard_size, workers=workers)
    assert [text for batch in batches for text in batch.texts] == texts
    assert [name for batch in batches for name in batch.ids] == list(range(len(texts)))
    if texts:
        np.testing.assert_array_equal(np.concatenate([batch.vectors for batch in batches]), expected(texts))
    if workers == 1:
        assert sorted(embedder.asked) == sorted(set(texts)), "repeated texts are embedded once"
        assert report.embedded == len(set(texts))


def test_memory_for_repeats_is_bounded(letters: Any) -> None:
    embedder = letters()
    texts = [f"text {i}" for i in range(100)]
    embed_corpus([*texts, *texts], lambda batch: None, embedder, shard_size=10, remember_bytes=20 * 312)
    assert len(embedder.asked) == 200, "only the latest twenty are remembered"
    embedder = letters()
    embed_corpus(
        [*texts, *reversed(texts)], lambda batch: None, embedder, shard_size=10, remember_bytes=20 * 312
    )
    assert len(embedder.asked) == 180


@pytest.mark.parametrize("error", [InputTooLong, BadRequest, ProviderFailed])
def test_a_failing_text_is_found_and_the_others_go_on(
    error: type[RouterError], tmp_path: Path, letters: Any
) -> None:
    texts = [f"text {i}" for i in range(50)]
    texts[7] = texts[8] = texts[31] = "odd"
    embedder = letters(Refusing(error, "odd"))
    report = embed_corpus(texts, tmp_path / "v.npy", embedder, shard_size=20)
    assert ids_of(tmp_path / "v.npy") == [i for i in range(50) if i not in (7, 8, 31)]
    assert lines_of(report.failed_file) == [
        {"row": row, "id": row, "error": "this text will not do"} for row in (7, 8, 31)
    ]
    assert report.failed == 3
    assert "3 failed (see " in str(report)


def test_vectors_that_are_not_finite_are_failures(tmp_path: Path, letters: Any) -> None:
    class Odd(letters):  # type: ignore[misc]
        def embed(self, texts: Sequence[str], *, kind: Any) -> Any:
            reply = super().embed(texts, kind=kind)
            reply.vectors[[i for i, text in enumerate(texts) if text == "odd"], 1] = np.nan
            return reply

    report = embed_corpus(["a", "odd", "b"], tmp_path / "v.npy", Odd())
    assert ids_of(tmp_path / "v.npy") == [0, 2]
    assert lines_of(report.failed_file)[0]["error"] == "its vector holds numbers that are not finite"


@pytest.mark.parametrize("error", [ProviderFailed, BadRequest, ConnectionLost])
def test_a_host_that_is_down_ends_the_run_and_marks_nothing_as_failed(
    error: type[RouterError], tmp_path: Path, letters: Any
) -> None:
    def down(texts: Sequence[str]) -> None:
        if embedder.calls > 3:
            raise error("away")

    texts = [f"text {i}" for i in range(100)]
    embedder = letters(down)
    with pytest.raises(error) as failure:
        embed_corpus(texts, tmp_path / "v.npy", embedder, shard_size=10)
    assert failure.value.__notes__ == ["30 rows are done; the same call goes on after them."]
    assert embedder.calls <= 3 + 2 * 2, "the host is asked once more, and not for every row"
    assert not (tmp_path / "v.npy.failed.jsonl").exists()
    assert np.load(tmp_path / "v.npy").shape == (30, 3)

    again = letters()
    report = embed_corpus(texts, tmp_path / "v.npy", again, shard_size=10)
    assert again.asked == texts[30:]
    assert (report.rows, report.resumed_at, report.embedded) == (100, 30, 100)
    assert ids_of(tmp_path / "v.npy") == list(range(100))


def test_every_row_may_fail(tmp_path: Path, letters: Any) -> None:
    report = embed_corpus([1, 2], tmp_path / "v.npy", letters())
    assert (report.rows, report.failed) == (2, 2)
    assert not (tmp_path / "v.npy").exists()
    assert embed_corpus([], tmp_path / "w.npy", letters()).rows == 0


def test_a_finished_run_embeds_nothing_and_takes_rows_that_were_added(
    tmp_path: Path, letters: Any, expected: Any
) -> None:
    texts = [f"text {i}" for i in range(25)]
    embed_corpus(iter(texts), tmp_path / "v.npy", letters(), shard_size=10)
    before = (tmp_path / "v.npy").read_bytes()
    again = letters()
    assert embed_corpus(iter(texts), tmp_path / "v.npy", again, shard_size=10).resumed_at == 25
    assert again.asked == []
    assert (tmp_path / "v.npy").read_bytes() == before

    grown = letters()
    report = embed_corpus([*texts, "new"], tmp_path / "v.npy", grown, shard_size=7)
    assert grown.asked == ["new"]
    assert (report.rows, report.resumed_at) == (26, 25)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected([*texts, "new"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": ["a", "X", "c", "d"]}, "its first 4 rows are others, where 4 were done"),
        ({"source": [("7", "a"), ("8", "b")]}, "it has 2 rows, where 4 were done"),
        ({"kind": "query"}, "kind was 'document' and is 'query'"),
        ({"id": "key"}, "id was 'id' and is 'key'"),
        ({"model": "another"}, "model was 'letters' and is 'another'"),
    ],
    ids=["another row", "fewer rows", "another kind", "another field", "another model"],
)
def test_another_source_or_setting_is_refused_and_spoils_nothing(
    change: dict[str, Any], message: str, tmp_path: Path, letters: Any
) -> None:
    embed_corpus(["a", "b", "c", "d"], tmp_path / "v.npy", letters())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    embedder = letters()
    embedder.model = change.pop("model", "letters")
    source = change.pop("source", ["a", "b", "c", "d"])
    with pytest.raises(ConfigError, match=message):
        embed_corpus(source, tmp_path / "v.npy", embedder, **change)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_embedder_that_describes_itself_is_known_by_that(tmp_path: Path, letters: Any) -> None:
    class Described(letters):  # type: ignore[misc]
        prompt = "passage: "

        def describe(self) -> Any:
            return SimpleNamespace(precision="int8", prompts={"document": self.prompt}, device="cuda:0")

    embed_corpus(["a"], tmp_path / "v.npy", Described())
    Described.prompt = ""
    with pytest.raises(ConfigError, match="prompt was 'passage: ' and is ''"):
        embed_corpus(["a"], tmp_path / "v.npy", Described())
    settings = json.loads((tmp_path / "v.npy.checkpoint.json").read_text())["settings"]
    assert settings["precision"] == "int8"
    assert "device" not in settings, "where it runs may change"


def test_a_model_that_changes_its_length_is_refused(tmp_path: Path, letters: Any) -> None:
    class Longer(letters):  # type: ignore[misc]
        def embed(self, texts: Sequence[str], *, kind: Any) -> Any:
            reply = super().embed(texts, kind=kind)
            return type(reply)(np.hstack([reply.vectors] * 2), None, reply.meta)

    Longer.__name__ = "Letters"
    embed_corpus(["a", "b"], tmp_path / "v.npy", letters())
    with pytest.raises(ConfigError, match="6 dimensions; those written so far have 3"):
        embed_corpus(["a", "b", "c"], tmp_path / "v.npy", Longer())
    assert np.load(tmp_path / "v.npy").shape == (2, 3)


def test_what_is_there_already_is_not_written_over(tmp_path: Path, letters: Any) -> None:
    (tmp_path / "v.npy").write_bytes(b"somebody's")
    with pytest.raises(ConfigError, match="is there already"):
        embed_corpus(["a"], tmp_path / "v.npy", letters())
    assert (tmp_path / "v.npy").read_bytes() == b"somebody's"
    (tmp_path / "notes.jsonl").write_text("Dear diary")
    with pytest.raises(ConfigError, match="no file of failed rows"):
        embed_corpus(["a"], tmp_path / "w.npy", letters(), failed=tmp_path / "notes.jsonl")
    assert (tmp_path / "notes.jsonl").read_text() == "Dear diary"


def test_a_spoilt_checkpoint_or_a_shortened_array_is_said(tmp_path: Path, letters: Any) -> None:
    embed_corpus(["a", "b"], tmp_path / "v.npy", letters())
    whole = (tmp_path / "v.npy").read_bytes()
    (tmp_path / "v.npy").write_bytes(whole[:-1])
    with pytest.raises(ConfigError, match="holds less than its run had written"):
        embed_corpus(["a", "b"], tmp_path / "v.npy", letters())
    for spoilt in (b"{}", b"", b"\xff", b'{"format": 99}', b"[]", b'{"format": 1, "settings": {}, "x": 1}'):
        (tmp_path / "v.npy.checkpoint.json").write_bytes(spoilt)
        with pytest.raises(ConfigError, match="cannot be read"):
            embed_corpus(["a", "b"], tmp_path / "v.npy", letters())


def test_two_runs_do_not_share_a_sink(tmp_path: Path, letters: Any) -> None:
    def meddle(texts: Sequence[str]) -> None:
        with pytest.raises(ConfigError, match="Another run is at work"):
            embed_corpus(["a"], tmp_path / "v.npy", letters())

    embed_corpus(["a"], tmp_path / "v.npy", letters(meddle))
    assert ids_of(tmp_path / "v.npy") == [0]


def test_reading_does_not_run_ahead_of_writing(letters: Any) -> None:
    read = written = most = 0

    def source() -> Iterator[str]:
        nonlocal read, most
        for number in range(200):
            read += 1
            most = max(most, read - written)
            yield f"text {number}"

    def sink(batch: Batch) -> None:
        nonlocal written
        written += len(batch)

    embed_corpus(source(), sink, letters(), shard_size=10, executor=InThisProcess(workers=2))
    assert written == 200
    assert most <= (2 + 2) * 10


def test_an_error_of_the_source_or_the_function_ends_the_run_as_it_is(tmp_path: Path, letters: Any) -> None:
    def source() -> Iterator[str]:
        yield from ("a", "b")
        raise KeyError("the caller's own")

    with pytest.raises(KeyError, match="the caller's own"):
        embed_corpus(source(), tmp_path / "v.npy", letters(), shard_size=1)

    def sink(batch: Batch) -> None:
        raise OSError("the store is away")

    with pytest.raises(OSError, match="the store is away"):
        embed_corpus(["a"], sink, letters())


def test_progress_is_told_with_rate_and_time_left(letters: Any, tmp_path: Path) -> None:
    told: list[Progress] = []
    embed_corpus([*"abc", 7], tmp_path / "v.npy", letters(), shard_size=1, progress=told.append)
    assert [(moment.rows, moment.failed, moment.done) for moment in told[:4]] == [
        (1, 0, 0.25),
        (2, 0, 0.5),
        (3, 0, 0.75),
        (4, 1, 1.0),
    ]
    assert all(moment.rows_per_second > 0 and moment.seconds_left is not None for moment in told)
    assert [moment.finished for moment in told] == [False] * 4 + [True]


DISK_FULL = """
import resource, sys
from types import SimpleNamespace
import numpy as np
from shared_core import ConfigError
from shared_core.corpus import embed_corpus
class Embedder:
    def embed(self, texts, *, kind):
        return SimpleNamespace(vectors=np.full((len(texts), 100), len(texts[0]), dtype=np.float32))
def run():
    return embed_corpus([f"text {i:03}" for i in range(200)], sys.argv[1], Embedder(), shard_size=20)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
try:
    run()
except ConfigError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
report = run()
print(report.rows, report.resumed_at, np.load(sys.argv[1]).shape)
"""


def test_a_full_disk_is_one_clear_error_and_the_checkpoint_stays_good(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DISK_FULL, str(tmp_path / "v.npy")],
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    said, hint, after = done.stdout.splitlines()
    assert "v.npy cannot be written: File too large." in said
    assert hint.startswith("Next: Free some space")
    assert after == "200 60 (200, 100)"


async def _reply() -> None:
    """What an asynchronous embedder gives."""


class Asynchronous:
    def embed(self, texts: Sequence[str], *, kind: Any) -> Any:
        return _reply()


class Short:
    def embed(self, texts: Sequence[str], *, kind: Any) -> Any:
        return Batch((), (), np.zeros((1, 3), dtype=np.float32))


BAD: dict[str, tuple[Callable[..., Any], str]] = {
    "no rows a shard": (lambda a: embed_corpus(["a"], print, a, shard_size=0), "shard_size=0"),
    "no workers": (lambda a: embed_corpus(["a"], print, a, workers=0), "workers=0"),
    "no sink": (lambda a: embed_corpus(["a"], 7, a), "type int is no path"),  # type: ignore[arg-type]
    "an unknown sink": (lambda a: embed_corpus(["a"], "x.docx", a), r"x\.docx is not known from its name"),
    "an asynchronous embedder": (lambda a: embed_corpus(["a"], print, Asynchronous()), "gave coroutine"),
    "too few vectors": (lambda a: embed_corpus(["a", "b"], print, Short()), r"shape \(1, 3\) for 2 texts"),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_work_is_said(call: Callable[..., Any], message: str, letters: Any) -> None:
    with pytest.raises(ConfigError, match=message):
        call(letters())
