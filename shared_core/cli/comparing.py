"""`compare`: models side by side, by what is published of them, or by what they answer to your own prompts.

Lives here: the command, and the run on prompts. Not here: the table of what is published (`finding`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared_core._text import clean
from shared_core.cli.clients import BaseUrl, HubUrl, Json, MaxTokens, Temperature, Timeout, client
from shared_core.cli.dry_runs import DryRun, show_estimate
from shared_core.cli.evaluating import (
    Concurrency,
    Repeats,
    Resume,
    Spend,
    Title,
    Unpriced,
    kept,
    run_budget,
    show_run,
)
from shared_core.cli.finding import MILLION, InputTokens, Limit, OutputTokens, compare_offers
from shared_core.cli.hints import in_a_shell
from shared_core.cli.out import complaining, say, show_json, show_table, tell
from shared_core.cli.reports import Output, check_reports, writing
from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.evaluate import Prompt, PromptComparison, RunOptions, Standing

__all__ = ["compare"]

_REASONS = 5  # failures that are shown on the screen


def compare(
    model: Annotated[list[str], typer.Argument(help="Ids, with or without :provider.", metavar="MODEL")],
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", help="A file of prompts: ask them all.", metavar="FILE"),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", "-p", help="A prompt to ask; repeatable.", metavar="TEXT"),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="What the model is told first.", metavar="TEXT")
    ] = None,
    repeats: Repeats = None,
    budget: Spend = None,
    unpriced: Unpriced = False,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    concurrency: Concurrency = 8,
    resume: Resume = None,
    dry_run: DryRun = False,
    output: Output = None,
    title: Title = None,
    input_tokens: InputTokens = MILLION,
    output_tokens: OutputTokens = MILLION,
    limit: Limit = 30,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Models side by side: as published, or on your own prompts.

    Without prompts: a row for each provider, the best first; a star marks offers that no other beats at everything.
    --input-tokens, --output-tokens and --limit are for this.

    With prompts: each model is asked each. The file holds a prompt a line, or JSON lines, or a YAML list.

    Exit code 1: no model answered anything.

    Examples:

      hfrouter compare openai/gpt-oss-120b Qwen/Qwen3-32B --input-tokens 5e6

      hfrouter compare openai/gpt-oss-120b Qwen/Qwen3-32B --prompts mine.txt --repeats 3 --budget 0.50 -o report.html
    """
    with complaining():
        if prompts is None and not prompt:
            ours = (system, repeats, budget, max_tokens, temperature, resume, output, title, timeout)
            if unpriced or dry_run or any(each is not None for each in ours):
                raise ConfigError(
                    "There are no prompts to ask.", hint="Give --prompts FILE or --prompt TEXT."
                )
            compare_offers(model, input_tokens, output_tokens, limit, as_json, base_url, hub_url)
            return
        from shared_core.evaluate import Evaluator

        check_reports(output, reads=[prompts, resume])
        asked = _prompts(prompts, prompt or [], system)
        options = {"max_tokens": max_tokens, "temperature": temperature}
        how: RunOptions = {
            "repeats": repeats or 1,
            "budget": run_budget(budget, unpriced=unpriced),
            "options": {name: value for name, value in options.items() if value is not None},
            "max_concurrency": concurrency,
            "progress": True,
        }
        evaluator = Evaluator(client(None, base_url, hub_url, timeout=timeout))
        if dry_run:
            show_estimate(evaluator.estimate(model, asked, **how), as_json=as_json)
            return
        with kept(resume) as how["path"]:
            found = evaluator.compare(model, asked, **how)
            with writing(output, lambda report: found.save(report, title)) as written:
                if as_json:
                    show_json(found.as_dict())
                else:
                    _show(found, written)
        if not found.total.answered:
            raise typer.Exit(1)


def _prompts(file: Path | None, texts: list[str], system: str | None) -> list[Prompt]:
    """Those of the file, then those that were typed; the system prompt before all that have none."""
    from shared_core.evaluate.prompts import prompt_of, prompts_of

    found = [] if file is None else prompts_of(file)
    found += [prompt_of(text, number) for number, text in enumerate(texts, len(found) + 1)]
    found = prompts_of(found)
    if system is None:
        return found
    first = {"role": "system", "content": system}
    return [
        each if each.messages[0].get("role") == "system" else replace(each, messages=[first, *each.messages])
        for each in found
    ]


# -- what is shown -----------------------------------------------------------------------------------------


def _show(found: PromptComparison, reports: list[Path]) -> None:

    titles = [("model", "left"), ("ok", "right"), ("first", "right"), ("whole p50 / p95", "right")]
    show_table([*titles, ("tok/s", "right"), ("cost of 1,000", "right")], [_row(one) for one in found.models])
    for sentence in found.verdict():
        tell(clean(f"- {sentence}"), hang=2)
    _show_reasons(found)
    show_run(found, found.total, reports)


def _row(one: Standing) -> list[str]:
    from shared_core.evaluate.shown import pair, per_thousand, seconds, speed

    figures = one.figures
    asked = figures.answered + figures.failed
    return [
        clean(one.model),
        f"{figures.answered}/{asked}" if asked else "-",
        "" if figures.first_token is None else seconds(figures.first_token.p50),
        pair(figures.latency),
        speed(figures.throughput),
        per_thousand(figures),
    ]


def _show_reasons(found: PromptComparison) -> None:
    """Of each kind of failure one example, with what may help, whoever it befell."""

    whole = found.total
    reasons = [*whole.failures, *whole.refusals]
    for reason in reasons[:_REASONS]:
        tell(clean(f"{reason.kind} ({reason.times}): {reason.example[:300]}"), hang=2)
        if reason.hint and reason in whole.failures:
            tell(f"Next: {in_a_shell(reason.hint)}", indent=2)
    if len(reasons) > _REASONS:
        say(f"and {len(reasons) - _REASONS} more")
    if whole.refusals:
        tell(
            "Next: a larger --budget, or a smaller --max-tokens, so that less is set aside; --unpriced asks also those "
            "whose price nobody knows.",
            hang=2,
        )
