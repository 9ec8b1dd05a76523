"""The order of a run: skip what is done, embed, write, note it down."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from shared_core.catalog import prompts_for
from shared_core.corpus.checkpoint import Checkpoint, FailedRows, load, locked, save
from shared_core.corpus.executors import Executor, InThisProcess
from shared_core.corpus.progress import Meter, Reporter, reporter
from shared_core.corpus.shards import NOTHING_READ, Batch, EmbeddedShard, Row, after, cut
from shared_core.corpus.sinks import Sink, SinkFormat, open_sink
from shared_core.corpus.sources import Source, SourceFormat, open_source, rows_of
from shared_core.corpus.worker import Embedder, EmbedShard
from shared_core.errors import ConfigError, RouterError
from shared_core.types import Kind

__all__ = ["CorpusReport", "embed_corpus"]


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What a corpus came to, all its runs together.

    Args:
        rows: Rows read.
        failed: Rows without a vector.
        embedded: Texts that the embedder was asked for; the other rows repeat one of them.
        truncated: Texts that were cut at the model's limit, where the embedder says so.
        resumed_at: Rows that were done before this run.
        seconds: This run took.
        failed_file: Where the failed rows stand; None when there are none, or no file was wanted.
    """

    rows: int
    failed: int
    embedded: int
    truncated: int
    resumed_at: int
    seconds: float
    failed_file: Path | None

    def __str__(self) -> str:
        words = f"{self.rows:,} rows, {self.embedded:,} texts embedded"
        if self.failed:
            words += f", {self.failed:,} failed" + (f" (see {self.failed_file})" if self.failed_file else "")
        return words + f", {self.seconds:.1f} s"


def embed_corpus(
    source: str | Path | Iterable[object],
    sink: str | Path | Callable[[Batch], object] | Sink,
    embedder: Embedder,
    *,
    text: str = "text",
    id: str | None = "id",
    kind: Kind = "document",
    shard_size: int = 4096,
    checkpoint: str | Path | None = None,
    failed: str | Path | None = None,
    progress: bool | Reporter = False,
    workers: int = 1,
    executor: Executor | None = None,
    source_format: SourceFormat | None = None,
    sink_format: SinkFormat | None = None,
    remember_bytes: int = 2**28,
) -> CorpusReport:
    """Embeds a whole corpus, and goes on where an earlier call with the same arguments was killed.

    Args:
        source: A .jsonl, .csv, .tsv or .parquet file, a folder of Parquet files, or an iterable of texts, of
            (id, text) pairs or of mappings.
        sink: A folder for Parquet files (`vectors.parquet`), a `vectors.npy`, a `vectors.jsonl`, or a function that
            is given each `Batch`. Files end up with each row once, whenever the run was killed. A function may be
            given the last batch a second time after a crash: let it overwrite by id.
        embedder: A LocalEmbedder, an HFRouter, or anything with `embed(texts, kind=...)`.
        text: Field or column with the text.
        id: Field or column with the id, an integer or a string; None, or a first row without it, to call rows
            by their numbers.
        kind: "document", or "query" for a corpus of queries.
        shard_size: Rows that are embedded and noted down together. A killed run loses no more than the shards
            in work, `workers` and one.
        checkpoint: File that says how far the run is; beside the sink when None, and none for a function.
        failed: File for rows without a vector, a JSON object a line (`row`, `id`, `error`); beside the sink
            when None, and none for a function.
        progress: True for a line with rate and time left on standard error, when that is a terminal; or a
            function that is given each `Progress`.
        workers: Shards in work at once; see `InThisProcess`.
        executor: Where the work is done instead; `workers` then means nothing.
        source_format: "jsonl", "csv", "tsv" or "parquet", where the name does not say it.
        sink_format: "npy", "parquet" or "jsonl", likewise.
        remember_bytes: Memory for vectors of texts that may come again. Across runs, and beyond it, an
            embedder with a cache does not compute them anew.

    Returns:
        What it came to.

    Raises:
        ConfigError: An argument cannot work; the source or the settings are not those the run began with;
            the disk is full. The checkpoint stays good.
        RouterError: The embedder cannot go on at all. Rows that it alone refuses do not end a run.

    Example:
        >>> report = embed_corpus("wiki.jsonl", "wiki.parquet", embedder)  # doctest: +SKIP
        >>> embed_corpus(texts, lambda batch: index.add(batch.vectors), embedder)  # doctest: +SKIP
    """
    if shard_size < 1:
        raise ConfigError(f"shard_size={shard_size}: a shard has at least one row.")
    run = _Run(
        source=open_source(source, source_format, text, id),
        fields=(text, id),
        sink=open_sink(sink, sink_format),
        checkpoint=_beside(sink, checkpoint, ".checkpoint.json"),
        failed=_beside(sink, failed, ".failed.jsonl"),
        settings={"kind": kind, "text": text, "id": id, **_identity(embedder, kind)},
        tell=reporter(progress),
    )
    work = EmbedShard(embedder, kind, remember_bytes=remember_bytes)
    with locked(run.checkpoint):
        return run.to_the_end(work, shard_size, executor or InThisProcess(workers))


@dataclass(frozen=True, slots=True)
class _Run:
    source: Source
    fields: tuple[str, str | None]
    sink: Sink
    checkpoint: Path | None
    failed: Path | None
    settings: dict[str, Any]
    tell: Reporter

    def to_the_end(self, work: EmbedShard, shard_size: int, executor: Executor) -> CorpusReport:
        state = load(self.checkpoint, self.settings) or Checkpoint(self.settings)
        before = state.rows
        meter = Meter(before, self.tell, time.monotonic)
        with closing(rows_of(self.source.items(), *self.fields)) as rows:
            digest = _skip(rows, state)
            meter.begins_at(self.source.done())
            # Noted before the first batch is written: should that be cut short, it is known to be ours.
            state = replace(state, sink=self.sink.begin(state.sink))
            failed_rows = FailedRows(self.failed, state.failed_bytes)
            save(self.checkpoint, state)
            with closing(
                _closable(executor.run(work, cut(rows, shard_size, digest, self.source.done)))
            ) as results:
                try:
                    for done in results:
                        written = self.sink.write(done.batch) if len(done.batch) else state.sink
                        failed_rows.write(done.failures)
                        state = state.after(done, written, failed_rows.size)
                        save(self.checkpoint, state)
                        meter.tell(state.rows, state.failed, done.shard.done)
                except RouterError as error:
                    error.add_note(f"{state.rows:,} rows are done" + (_GO_ON if self.checkpoint else "."))
                    raise
        state = replace(state, finished=True)
        save(self.checkpoint, state)
        meter.tell(state.rows, state.failed, 1.0, finished=True)
        return CorpusReport(
            state.rows,
            state.failed,
            state.embedded,
            state.truncated,
            before,
            meter.seconds,
            self.failed if state.failed else None,
        )


_GO_ON = "; the same call goes on after them."


def _closable(results: Iterator[EmbeddedShard]) -> Generator[EmbeddedShard, None, None]:
    """Closing a generator ends the executor's work at once, and not when it is collected."""
    try:
        yield from results
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()


def _skip(rows: Iterator[Row], state: Checkpoint) -> bytes:
    """Reads over the rows that are done, and sees that they are the same; gives their digest."""
    digest = NOTHING_READ
    seen = 0
    for row in islice(rows, state.rows):
        digest = after(digest, row)
        seen += 1
    if seen < state.rows or digest.hex() != state.digest:
        what = f"it has {seen:,} rows" if seen < state.rows else f"its first {seen:,} rows are others"
        raise ConfigError(
            f"The source is not the one that this run began with: {what}, where {state.rows:,} were done.",
            hint="Give the source as it was (rows may be added at its end), or begin anew with another sink.",
        )
    return digest


def _beside(sink: object, path: str | Path | None, ending: str) -> Path | None:
    if path is not None:
        return Path(path)
    if not isinstance(sink, str | Path):
        return None
    at = Path(sink)
    return at.with_name(at.name + ending)


def _prompt(described: object, model: object, kind: Kind) -> object:
    """What stands before each text, as far as it is known: an embedder on this machine says it, a client sends what was
    chosen for it, or else what the model is known to want."""
    prompts = getattr(described, "prompts", None)
    if prompts is not None:
        return prompts.get(kind)
    chosen = getattr(described, f"{kind}_prompt", None)
    known = prompts_for(model) if chosen is None and isinstance(model, str) else None
    return chosen if known is None else known.of(kind) or None


def _identity(embedder: Embedder, kind: Kind) -> dict[str, Any]:
    """What tells vectors of this embedder from others', as far as it says so; where it runs is no part of it."""
    describe = getattr(embedder, "describe", None)
    described = describe() if callable(describe) else embedder
    told = {
        name: getattr(described, name, None) for name in ("revision", "precision", "dimensions", "max_tokens")
    }
    model = getattr(embedder, "model", None)
    known = {
        "model": model,
        "embedder": type(embedder).__name__,
        "prompt": _prompt(described, model, kind),
        **told,
    }
    return {name: value for name, value in known.items() if isinstance(value, str | int)}
