"""`test`: do models still do what your own cases ask of them? For people, and for CI.

Lives here: the command, and what it shows. Not here: cases and checks (`evaluate`).
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_core._text import clean
from shared_core.cli.clients import BaseUrl, HubUrl, Json, Timeout, client, stand_in
from shared_core.cli.dry_runs import AllowModels, DryRun, ask_whether, show_estimate, some
from shared_core.cli.evaluating import (
    Concurrency,
    Repeats,
    Resume,
    Spend,
    Unpriced,
    kept,
    run_budget,
    show_run,
)
from shared_core.cli.hints import in_a_shell
from shared_core.cli.objects import models_of
from shared_core.cli.out import complaining, console, say, show_json, show_table, somebody_is_here
from shared_core.cli.reports import check_reports, writing
from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.evaluate import CaseOptions, CaseResult, CaseResults, Cases

__all__ = ["run_cases"]

_SHOWN = 20  # results that did not pass
_ENDINGS = (".json", ".md", ".xml")


def run_cases(
    cases: Annotated[Path, typer.Argument(help="YAML, JSON or JSON lines.", metavar="CASES")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="org/name[:provider], or file.py:object; repeatable.", metavar="MODEL"
        ),
    ] = None,
    repeats: Repeats = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", help="Share of repeats that must pass.", min=0.001, max=1, metavar="SHARE"
        ),
    ] = None,
    budget: Spend = None,
    unpriced: Unpriced = False,
    judge: Annotated[
        str | None, typer.Option("--judge", help="Who judges by llm-rubric.", metavar="MODEL")
    ] = None,
    embedder: Annotated[
        str | None, typer.Option("--embedder", help="Whose vectors similar goes by.", metavar="MODEL")
    ] = None,
    allow_models: AllowModels = False,
    allow_python: Annotated[
        bool, typer.Option("--allow-python", help="Run the code that the file names.")
    ] = False,
    concurrency: Concurrency = 8,
    resume: Resume = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="A JUnit report, for CI.", metavar="FILE")
    ] = None,
    dry_run: DryRun = False,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="A report: .json, .md or .xml; repeatable.", metavar="FILE"),
    ] = None,
    export_inspect: Annotated[
        Path | None,
        typer.Option("--export-inspect", help="Write a task of inspect-ai; ask nobody.", metavar="FOLDER"),
    ] = None,
    export_promptfoo: Annotated[
        Path | None,
        typer.Option("--export-promptfoo", help="Write promptfoo's files; ask nobody.", metavar="FOLDER"),
    ] = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Tests models on your own cases, for people and for CI.

    What answers must fulfil, how often they do, and how sure that is.

    A file of cases names prompts and checks: equals, contains, regex, json-schema, tool-call, max-cost, max-latency,
    similar, llm-rubric, python and more. promptfoo's files are read too.

    Models, a judge or an embedder that only the file names cost money or are downloaded: they are asked after you have
    said yes on a terminal, or with --allow-models; --dry-run shows what that comes to.

    Exit code 0: all passed; 1: some did not; 2: the cases or arguments cannot work, and nothing was sent.

    Examples:

      hfrouter test cases.yaml -m openai/gpt-oss-120b:cheapest --repeats 5 --budget 0.50 --junit junit.xml

      hfrouter test cases.yaml -m bots.py:chain --judge openai/gpt-oss-120b

      hfrouter test cases-of-a-stranger.yaml --dry-run
    """
    with complaining():
        from shared_core.evaluate import Cases, Evaluator
        from shared_core.evaluate.written import write

        check_reports(output, endings=_ENDINGS, further=junit, reads=[cases, resume])
        read = Cases.of(cases, allow_python=allow_python, load=not dry_run)
        if export_inspect is not None or export_promptfoo is not None:
            _export(read, export_inspect, export_promptfoo, as_json=as_json)
            return
        how: CaseOptions = {
            "threshold": threshold,
            "budget": run_budget(budget, unpriced=unpriced),
            "judge": judge and models_of([judge], load=not dry_run)[0],
            "embedder": embedder,
            "max_concurrency": concurrency,
            "progress": True,
        }
        if repeats is not None:
            how["repeats"] = repeats
        asked = models_of(model or [], load=not dry_run)
        evaluator = Evaluator(client(None, base_url, hub_url, timeout=timeout, **stand_in(base_url, hub_url)))
        if dry_run:
            show_estimate(evaluator.estimate_cases(read, asked, **how), as_json=as_json)
            return
        by_file = _named_by_file(read, model or [], judge, embedder)
        if by_file and not allow_models:
            if not somebody_is_here():
                raise ConfigError(
                    f"Only {cases} names {some(by_file)}. Nobody was asked.",
                    hint="Name them with -m, --judge and --embedder, or allow what the file names: --allow-models. "
                    "--dry-run shows what it comes to.",
                )
            ask_whether(cases, by_file, evaluator.estimate_cases(read, asked, **how))
        with kept(resume) as how["path"]:
            found = evaluator.run_cases(read, asked, **how)

            def save(path: Path) -> None:
                if path == junit:
                    write(path.expanduser(), found.to_junit)
                else:
                    found.save(path)

            with writing([*(output or []), *([junit] if junit else [])], save) as written:
                if as_json:
                    show_json(found.as_dict())
                else:
                    _show(found, written)
        if not found.ok:
            raise typer.Exit(1)


def _named_by_file(read: Cases, models: list[str], judge: str | None, embedder: str | None) -> list[str]:
    """Who would be asked because the file says so, and nobody else has named."""
    kinds = {check.kind for case in read.cases for check in case.checks}
    told = [("the model", name) for name in read.models if not models]
    if judge is None and read.judge is not None and "llm-rubric" in kinds:
        told.append(("the judge", read.judge))
    if embedder is None and read.embedder is not None and "similar" in kinds:
        told.append(("the embedder", read.embedder))
    typed = {*models, judge, embedder}
    return [f"{role} {name}" for role, name in told if name not in typed]


def _export(cases: Cases, inspect: Path | None, promptfoo: Path | None, *, as_json: bool) -> None:
    left_out = list(cases.notes)
    left_out += [] if inspect is None else [f"inspect-ai: {line}" for line in cases.to_inspect(inspect)]
    left_out += [] if promptfoo is None else [f"promptfoo: {line}" for line in cases.to_promptfoo(promptfoo)]
    written = [str(folder) for folder in (inspect, promptfoo) if folder is not None]
    if as_json:
        show_json({"written": written, "left_out": left_out})
        return
    for line in left_out:
        _tell(f"left out: {line}", hang=2)
    for folder in written:
        say(f"Written: {folder}")


# -- what is shown -----------------------------------------------------------------------------------------


def _show(found: CaseResults, reports: list[Path]) -> None:
    from shared_core.evaluate.cases.words import costs_of, summary_of

    titles = [("case", "left"), ("", "left"), ("passed", "right"), ("95 % interval", "right")]
    for model in found.models:
        _tell(model)
        rows = [_row(result) for result in found.results if result.model == model]
        show_table([*titles, ("median", "right"), ("cost", "right")], rows)
    _show_reasons([result for result in found.results if result.outcome != "passed"])
    _tell(f"{summary_of(found)}. Cost: {costs_of(found)}.")
    show_run(found, found.figures, reports)


def _row(result: CaseResult) -> list[str]:
    from shared_core.evaluate.shown import cost, seconds

    low, high = (round(100 * bound) for bound in result.interval)
    figures = result.figures
    return [
        " ".join(clean(result.case.name).split()),
        result.outcome,
        f"{result.passes}/{result.made}" if result.made else "-",
        f"{low} to {high} %" if result.made else "",
        "" if figures.latency is None else seconds(figures.latency.p50),
        cost(figures),
    ]


def _show_reasons(results: list[CaseResult]) -> None:
    from shared_core.evaluate.cases.words import example_of

    for result in results[:_SHOWN]:
        _tell(f"{result.outcome}: {result.case.name} with {result.model}")
        for reason in result.reasons:
            _tell(f"- {reason}", indent=2, hang=2)
        if text := example_of(result):
            _tell(f"the answer begins: {text}", indent=2, hang=2)
        hints = (run.asked.answer.hint for run in result.runs if run.outcome == "error")
        if hint := next(filter(None, hints), ""):
            _tell(f"Next: {in_a_shell(hint)}", indent=2, hang=2)
    if len(results) > _SHOWN:
        say(f"and {len(results) - _SHOWN} more, which the reports hold: add -o cases.md")


def _tell(text: str, indent: int = 0, hang: int = 0) -> None:
    """A sentence that may hold a model's words: without what terminals obey, and however long its words are."""
    space = " " * indent
    for line in textwrap.wrap(
        " ".join(clean(text).split()),
        console().width,
        initial_indent=space,
        subsequent_indent=space + " " * hang,
    ):
        say(line)
