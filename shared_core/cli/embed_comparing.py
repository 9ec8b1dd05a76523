"""`embed-compare`: embedding models side by side on a user's own queries and documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_core.cli.clients import BaseUrl, HubUrl, Json, client, stand_in
from shared_core.cli.dry_runs import DryRun, show_estimate
from shared_core.cli.evaluating import Spend, Title, Unpriced, run_budget
from shared_core.cli.out import complaining, count, going_on, show_json, show_table, tell
from shared_core.cli.reports import Output, check_reports, show_written, writing
from shared_core.errors import ConfigError
from shared_core.types.cost import rough

if TYPE_CHECKING:
    from shared_core.evaluate import EmbeddingComparison, EmbeddingRunOptions, EmbeddingScore

__all__ = ["embed_compare"]


def embed_compare(
    pairs: Annotated[
        Path, typer.Argument(help=".jsonl, .yaml, .csv, .tsv, or a folder in BEIR's form.", metavar="PAIRS")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="org/name[:provider], or local: and a folder or an id; repeatable.",
            metavar="MODEL",
        ),
    ] = None,
    documents: Annotated[
        Path | None,
        typer.Option("--documents", help="Further documents to search in: .txt, .jsonl.", metavar="FILE"),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option("-k", help="How many found ones count; repeatable.", min=1, metavar="N"),
    ] = None,
    similarity: Annotated[
        str, typer.Option("--similarity", help="cosine or dot.", metavar="WHAT")
    ] = "cosine",
    split: Annotated[
        str, typer.Option("--split", help="Which judgements of a folder.", metavar="NAME")
    ] = "test",
    query_prompt: Annotated[
        str | None,
        typer.Option("--query-prompt", help="Put before each query. Default: as trained.", metavar="TEXT"),
    ] = None,
    document_prompt: Annotated[
        str | None,
        typer.Option(
            "--document-prompt", help="Put before each document. Default: as trained.", metavar="TEXT"
        ),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="Keep vectors: nothing is computed or paid for twice.")
    ] = False,
    budget: Spend = None,
    unpriced: Unpriced = False,
    dry_run: DryRun = False,
    output: Output = None,
    title: Title = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Embedding models side by side on your own queries.

    nDCG, recall, speed and cost, with intervals, and whether two models differ by more than chance.

    PAIRS holds {"query": "...", "relevant": "..."} a line, or the columns query,relevant.

    Exit code 1: no model has figures.

    Examples:

      hfrouter embed-compare pairs.csv -m BAAI/bge-m3 -m local:BAAI/bge-m3

      hfrouter embed-compare scifact/ -m BAAI/bge-m3 --cache -o report.html
    """
    with complaining():
        from shared_core.evaluate import Evaluator

        if not model:
            raise ConfigError("No model was given.", hint="Name some with -m, such as -m BAAI/bge-m3.")
        check_reports(output, reads=[pairs, documents])
        prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
        asked = {name: _settings(name, prompts, cache=cache) for name in model}
        if len(asked) < len(model):
            raise ConfigError("A model is given twice.")
        settings = stand_in(base_url, hub_url)
        if cache:  # else what the settings say
            settings["embedding_cache"] = True
        how: EmbeddingRunOptions = {
            "documents": documents,
            "k": k or 10,
            "similarity": similarity,  # type: ignore[typeddict-item]  # checked there
            "split": split,
            "budget": run_budget(budget, unpriced=unpriced),
            "progress": True,
        }
        with client(None, base_url, hub_url, **settings) as router:
            evaluator = Evaluator(router)
            if dry_run:
                show_estimate(evaluator.estimate_embeddings(asked, pairs, **how), as_json=as_json)
                return
            with going_on("The vectors that were made are kept: the same command goes on from there.", cache):
                result = evaluator.compare_embeddings(asked, pairs, **how)
        with writing(output, lambda path: result.save(path, title)) as written:
            if as_json:
                show_json(result.as_dict())
            else:
                _show(result)
                show_written(written)
        if not any(score.ok for score in result.models):
            raise typer.Exit(1)


def _settings(model: str, prompts: dict[str, str | None], *, cache: bool) -> dict[str, Any]:
    given = {name: prompt for name, prompt in prompts.items() if prompt is not None}
    # The router's client has its cache; a model on this machine has one of its own.
    return {"model": model, **given, **({"cache": True} if cache and model.startswith("local:") else {})}


def _show(result: EmbeddingComparison) -> None:
    from shared_core.evaluate.embeddings.report import remarks

    fine = [score for score in result.models if score.ok]
    k = result.main.partition("@")[2]
    titles = [("model", "left"), (f"nDCG@{k}", "right"), ("95 %", "right"), (f"recall@{k}", "right")]
    titles += [("docs/s", "right"), ("ms", "right"), ("dims", "right")]
    priced = any(score.cost.usd is not None for score in fine)
    if fine:
        show_table(
            [*titles, ("cost", "right")] if priced else titles, [_row(score, k, priced) for score in fine]
        )
    for remark in remarks(result):
        tell(remark, hang=2)


def _row(score: EmbeddingScore, k: str, priced: bool) -> list[str]:
    ndcg = score.figures[f"ndcg@{k}"]
    cells = [
        score.name,
        f"{ndcg.mean:.3f}",
        f"{ndcg.low:.2f}-{ndcg.high:.2f}",
        f"{score.figures[f'recall@{k}'].mean:.3f}",
        count(score.documents_per_s and round(score.documents_per_s)),
        "" if score.query_s is None else f"{score.query_s.p50 * 1000:.1f}",
        str(score.dimensions),
    ]
    cost = "?" if score.cost.usd is None else rough(score.cost.usd)
    return [*cells, cost] if priced else cells
