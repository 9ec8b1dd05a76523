"""`embed`: texts to vectors, from a file or from standard input, into JSON lines, npy or Parquet."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from shared_core.catalog import prompts_for
from shared_core.cli.clients import LOCAL, BaseUrl, HubUrl, Json, client, stand_in, words
from shared_core.cli.out import complaining, going_on, say, show_json, tell
from shared_core.client import HFRouter
from shared_core.corpus import Batch, InThisThread, embed_corpus
from shared_core.corpus.json_lines import json_lines
from shared_core.errors import ConfigError
from shared_core.types import EmbedReply, Kind

if TYPE_CHECKING:
    from shared_core.local import LocalEmbedder

__all__ = ["embed"]


def embed(
    source: Annotated[
        Path | None,
        typer.Argument(help=".jsonl, .csv, .tsv, .parquet; left out, a text a line.", metavar="FILE"),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="org/name[:provider], or local: and a folder or an id.",
            metavar="MODEL",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=".jsonl, .npy, or a folder .parquet; left out, JSON lines are printed.",
            metavar="PATH",
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="document or query.", metavar="WHAT", autocompletion=words(lambda: get_args(Kind))
        ),
    ] = "document",
    prompt: Annotated[
        str | None,
        typer.Option(
            "--text-prompt", help='Put before each text, "" for nothing. Default: as trained.', metavar="TEXT"
        ),
    ] = None,
    field: Annotated[str, typer.Option("--field", help="Where the text stands.", metavar="NAME")] = "text",
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Texts to vectors, from a file or from standard input.

    A run into files that was broken off goes on where it stopped: give the same command, and the same texts, again.

    What a model is known to want before texts is put there, and said. Vectors of documents go with others that had the
    same: give --text-prompt "" where they had none.

    With --json, one document is printed in the end: what it came to, and without -o all vectors with it.

    Examples:

      hfrouter embed passages.jsonl -m BAAI/bge-m3 -o vectors.parquet

      hfrouter embed < lines.txt -m BAAI/bge-m3 -o vectors.npy

      echo "A router routes." | hfrouter embed -m local:BAAI/bge-small-en-v1.5
    """
    with complaining():
        if not model and not base_url:
            raise ConfigError("No model was given.", hint="Name one with -m, such as -m BAAI/bge-m3.")
        if kind not in get_args(Kind):
            raise ConfigError(f"--kind {kind} is neither document nor query.")
        if source is not None and source.suffix.lower() == ".txt":
            raise ConfigError(
                f"{source} has no columns or fields.",
                hint="Name it .jsonl, .csv, .tsv or .parquet; a text a line goes to standard input: "
                f"hfrouter embed -m {model} < {source}",
            )
        embedder = _embedder(model, base_url, hub_url, prompt)
        if prompt is None and (wanted := _wanted(embedder, kind)):  # type: ignore[arg-type]
            tell(f'Before each text stands {wanted!r}; --text-prompt "" leaves it out.', stderr=True)
        lines: list[str] = []
        show = _print if not as_json else lambda batch: lines.extend(json_lines(batch))
        with going_on("What is done is kept: the same command goes on from there.", output is not None):
            report = embed_corpus(
                source if source is not None else _lines(),
                show if output is None else output,
                embedder,
                text=field,
                kind=kind,  # type: ignore[arg-type]
                progress=True,
                executor=InThisThread(),  # so that Ctrl-C need not wait for a shard
            )
        if as_json:
            whole = {"vectors": lines} if output is None else {"output": output}
            _show_json({**asdict(report), **whole})
        elif output is not None:
            tell(str(report), stderr=True)
        if report.failed:
            raise typer.Exit(1)


def _show_json(told: dict[str, Any]) -> None:
    """One document, in which a vector is a line."""
    lines = told.pop("vectors", None)
    if lines is None:
        show_json(told)
        return
    head = json.dumps(told, indent=2, ensure_ascii=False, default=str).removesuffix("\n}")
    rows = ",\n".join(f"    {line}" for line in lines)
    say(f'{head},\n  "vectors": [\n{rows}\n  ]\n}}')


@dataclass(frozen=True, slots=True)
class _Prompted:
    """A client that puts the user's own prompt before each text, or none."""

    client: HFRouter
    query_prompt: str
    document_prompt: str

    @property
    def model(self) -> str | None:
        return self.client.model

    def embed(self, texts: Sequence[str], *, kind: Kind) -> EmbedReply:
        return self.client.embed(
            texts, kind, query_prompt=self.query_prompt, document_prompt=self.document_prompt
        )


def _embedder(
    model: str, base_url: str | None, hub_url: str | None, prompt: str | None
) -> LocalEmbedder | HFRouter | _Prompted:
    if model.startswith(LOCAL):
        from shared_core.local import LocalEmbedder

        return LocalEmbedder(model.removeprefix(LOCAL), query_prompt=prompt, document_prompt=prompt)
    router = client(model or None, base_url, hub_url, **stand_in(base_url, hub_url))
    return router if prompt is None else _Prompted(router, prompt, prompt)


def _wanted(embedder: LocalEmbedder | HFRouter | _Prompted, kind: Kind) -> str:
    """What is put before texts without a word of the user's."""
    if not isinstance(embedder, HFRouter | _Prompted):
        return embedder.prompts[kind]
    known = prompts_for(embedder.model or "")
    return "" if known is None else known.of(kind)


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        if text := line.rstrip("\n"):
            yield text


def _print(batch: Batch) -> None:
    for line in json_lines(batch):
        say(line)
