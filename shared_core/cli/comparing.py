"""`compare`: models side by side, by what is published of them, or by what they answer to your own prompts.

Lives here: the command, and the run on prompts. Not here: the table of what is published (`finding`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_core._text import clean
from shared_core.cli.clients import BaseUrl, HubUrl, Json, client
from shared_core.cli.evaluating import (
    Concurrency,
    Resume,
    Save,
    Spend,
    Unpriced,
    check_reports,
    kept,
    run_budget,
    show_run,
)
from shared_core.cli.finding import Input, Limit, Output, compare_offers
from shared_core.cli.hints import in_a_shell
from shared_core.cli.out import complaining, say, show_json, show_table, tell
from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from shared_core.evaluate import Prompt, PromptComparison, Standing

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
        typer.Option("--prompt", "-p", help="A prompt to ask; may be repeated.", metavar="TEXT"),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="What models are told first.", metavar="TEXT")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", "-r", help="How often each is asked each.", min=1)] = 1,
    budget: Spend = None,
    unpriced: Unpriced = False,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Of an answer.", min=1)] = None,
    temperature: Annotated[float | None, typer.Option("--temperature", "-t", min=0, max=2)] = None,
    concurrency: Concurrency = 8,
    resume: Resume = None,
    save: Save = None,
    title: Annotated[
        str | None, typer.Option("--title", help="The report's heading.", metavar="TEXT")
    ] = None,
    input_tokens: Input = 1e6,
    output_tokens: Output = 1e6,
    limit: Limit = 30,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Models side by side: as published, or on your own prompts.

    Without prompts: a row for each provider, the best first; a star marks offers that no other beats at everything.
    --input, --output and --limit are for this.

    With prompts: each model is asked each. The file holds a prompt a line, or JSON lines, or a YAML list.

    Exit code 1: no model answered anything.

    Examples:

      hfrouter compare openai/gpt-oss-120b Qwen/Qwen3-32B:groq --input 5e6

      hfrouter compare openai/gpt-oss-120b Qwen/Qwen3-32B --prompts mine.txt --repeats 3 --budget 0.50 -o report.html
    """
    with complaining():
        if prompts is None and not prompt:
            ours = (system, budget, max_tokens, temperature, resume, save, title)
            if unpriced or repeats > 1 or any(each is not None for each in ours):
                raise ConfigError(
                    "There are no prompts to ask.", hint="Give --prompts FILE or --prompt TEXT."
                )
            compare_offers(model, input_tokens, output_tokens, limit, as_json, base_url, hub_url)
            return
        options = {"max_tokens": max_tokens, "temperature": temperature}
        asked = _prompts(prompts, prompt or [], system)
        check_reports(save)
        with kept(resume) as path:
            found = _run(
                model,
                asked,
                base_url,
                hub_url,
                repeats=repeats,
                budget=run_budget(budget, unpriced=unpriced),
                options={name: value for name, value in options.items() if value is not None},
                max_concurrency=concurrency,
                path=path,
                progress=True,
            )
            for report in save or []:
                found.save(report, title)
        if as_json:
            show_json(found.as_dict())
        else:
            _show(found, save or [])
        if not found.total.answered:
            raise typer.Exit(1)


def _run(
    models: list[str], prompts: list[Prompt], base_url: str | None, hub_url: str | None, **how: Any
) -> PromptComparison:
    from shared_core.evaluate import Evaluator

    return Evaluator(client(None, base_url, hub_url)).compare(models, prompts, **how)


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
