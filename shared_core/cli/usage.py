"""`usage`: what a ledger knows: sums, quantiles, bars; as a table, as JSON, and in files of several kinds."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from shared_core._text import cell
from shared_core.cli.clients import Json, settings, words
from shared_core.cli.out import complaining, console, count, say, show_json, show_table, tell
from shared_core.cli.plot import bars, can_draw
from shared_core.cli.reports import Output, check_reports, show_written, writing
from shared_core.errors import ConfigError
from shared_core.evaluate.written import escaped_markdown, markdown_row, save
from shared_core.observe.ledger import GROUPS, Ledger, Periods, Totals, usage_page
from shared_core.observe.ledger.periods import Period
from shared_core.observe.ledger.rows import LAYOUT
from shared_core.observe.ledger.tables import seconds
from shared_core.observe.moments import Moment
from shared_core.storage.database import Database
from shared_core.types.cost import rough

__all__ = ["ledger_file", "usage"]

_HOW = (
    'Keep one with ledger = "usage.sqlite" in hfrouter.toml, HFROUTER_LEDGER=usage.sqlite or '
    'HFRouter(ledger="usage.sqlite"), and call a model; or name one with --ledger.'
)
_PLOTS = ("cost", "tokens", "calls", "none")
_AGO = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def usage(
    by: Annotated[
        str,
        typer.Option(
            "--by",
            "-b",
            help="day, model, provider, task, outcome, error, url, or a tag: tag:user.",
            metavar="WHAT",
            autocompletion=words(lambda: _groups()),
        ),
    ] = "model",
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="2026-11-01, 2026-11, a time, today, 24h, 7d or 4w ago.", metavar="WHEN"
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Before then; written the same way.", metavar="WHEN")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", "-w", help="Only these calls, such as user=ada; repeatable.", metavar="NAME=VALUE"
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot",
            help="cost, tokens, calls or none.",
            metavar="WHAT",
            autocompletion=words(lambda: _PLOTS),
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many to show.", min=1, metavar="N")] = 20,
    ledger: Annotated[
        str | None,
        typer.Option("--ledger", help="A file; left out, that of the settings.", metavar="FILE"),
    ] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """What was used and what it cost, by a usage ledger.

    Calls, tokens, money and time, in all and by model, provider, day or tag.

    A cost with a "+" is what is known of it: calls of unknown cost come on top. Days are UTC.

    --limit is for the screen: what is written or printed as JSON has all lines, and a page all groups.

    Examples:

      hfrouter usage --since 7d

      hfrouter usage --by tag:user --since 2026-11 --where project=search

      hfrouter usage --by day --plot tokens

      hfrouter usage -o usage.html -o usage.csv
    """
    with complaining():
        if plot is not None and plot not in _PLOTS:
            raise ConfigError(
                f"There is nothing to plot by {plot!r}.", hint=f"There are {', '.join(_PLOTS)}."
            )
        path = ledger_file(ledger)
        check_reports(output, reads=[path])
        now = time.time()
        which: dict[str, Any] = {
            "since": moment(since, now),
            "until": moment(until, now),
            "where": _conditions(where or []),
        }
        with Ledger(path) as opened, opened.at_one_moment():
            whole, lines = opened.totals(**which), opened.by(by, **which)
            told = {"ledger": str(opened.path), **which, "by": by, **_as_dict(whole, lines)}
            kinds = _kinds(told, by, lines, lambda: usage_page(opened, now=now, **which))
            with writing(output, lambda report: save(report, kinds)) as written:
                if as_json:
                    show_json(told)
                elif not whole.calls:
                    tell(
                        f"No call of these is in {opened.path}. {'' if any(which.values()) else _HOW}".strip()
                    )
                else:
                    _show(whole, by, lines, limit)
                    _plot(Periods.of(opened.by("day", **which)), plot)
                if not as_json:
                    show_written(written)


def ledger_file(given: str | None) -> Path:
    """The ledger's file that an option or the settings mean; it is not made by looking at it.

    Args:
        given: The option.

    Raises:
        ConfigError: There is none.
    """
    kept = given or settings().ledger
    if isinstance(kept, Mapping):
        kept = kept.get("path", True)
    if kept is True:
        raise ConfigError("The usage ledger is in the memory of each program, and gone with it.", hint=_HOW)
    if not kept:
        raise ConfigError("No usage ledger is kept.", hint=_HOW)
    path = Database(str(kept), LAYOUT).path
    if not path.exists():
        raise ConfigError(f"There is no usage ledger {path}.", hint=_HOW)
    return path


def moment(text: str | None, now: float) -> Moment | None:
    """A time as it is typed.

    Args:
        text: A day, a month, a time, "today", or how long ago.
        now: Unix time in seconds.

    Raises:
        ConfigError: It is none.

    Example:
        >>> moment("2026-11", 0.0), moment("1d", 86_400.0)
        (datetime.date(2026, 11, 1), 0.0)
    """
    if text is None:
        return None
    if text == "today":
        return datetime.fromtimestamp(now, UTC).date()
    if ago := re.fullmatch(r"([0-9]{1,5})([hdw])", text):
        return now - int(ago[1]) * _AGO[ago[2]].total_seconds()
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
            return date.fromisoformat(f"{text}-01")
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no time.", hint="Write 2026-11-01, 2026-11, 2026-11-01T12:00, today, 24h, 7d or 4w."
        ) from None


def _groups() -> list[str]:
    """What there is to group by, for completion: the ledger's own tags, where it can be asked."""
    try:
        with Ledger(ledger_file(None)) as ledger:
            return [*GROUPS, *(f"tag:{name}" for name in ledger.tags())]
    except ConfigError:
        return [*GROUPS, "tag:"]


def _conditions(told: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in told:
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise ConfigError(
                f"--where {each!r} is no condition.", hint="Write NAME=VALUE, such as user=ada."
            )
        found[name] = value
    return found


def _as_dict(whole: Totals, lines: Sequence[Totals]) -> dict[str, Any]:
    return {"totals": whole.as_dict(), "lines": [line.as_dict() for line in lines]}


def _kinds(
    told: Mapping[str, Any], by: str, lines: Sequence[Totals], page: Callable[[], str]
) -> dict[str, Callable[[], str]]:
    """What makes the text of a file, by the ending of its name."""
    return {
        ".html": page,
        ".htm": page,
        ".md": lambda: _markdown(by, lines),
        ".csv": lambda: _csv(told["totals"], by, lines),
        ".json": lambda: json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n",
    }


def _csv(names: Mapping[str, Any], by: str, lines: Sequence[Totals]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([by.removeprefix("tag:") if name == "name" else name for name in names])
    for line in lines:
        writer.writerow(map(cell, line.as_dict().values()))
    return file.getvalue()


def _markdown(by: str, lines: Sequence[Totals]) -> str:
    columns = _columns(by)
    rule = ["---", *("---:" for _ in columns[1:])]
    cells = [[escaped_markdown(word) for word in _row(line)] for line in lines]
    return "".join(f"{markdown_row(row)}\n" for row in (map(escaped_markdown, columns), rule, *cells))


def _show(whole: Totals, by: str, lines: Sequence[Totals], limit: int) -> None:
    for name, value in _sums(whole):
        tell(f"{name:<8}{value}", hang=8)
    say()
    most = lines[-limit:] if by == "day" else lines[:limit]  # of days, the last ones
    columns, rows = _columns(by), [_row(line) for line in most]
    show_table([(title, "right" if place else "left") for place, title in enumerate(columns)], rows, gap=2)
    if len(lines) > limit:
        tell(f"{len(lines) - limit:,} more; see them with --limit {len(lines)}.")


def _columns(by: str) -> tuple[str, ...]:
    return (by.removeprefix("tag:"), "calls", "failed", "in", "out", "cost", "p50", "p95")


def _row(line: Totals) -> list[str]:
    return [
        "-" if line.name is None else line.name,
        f"{line.calls:,}",
        f"{line.failures:,}" if line.failures else "",
        count(line.prompt_tokens),
        count(line.completion_tokens),
        _cost(line),
        seconds(line.p50_s, ""),
        seconds(line.p95_s, ""),
    ]


def _sums(whole: Totals) -> list[tuple[str, str]]:
    calls = [f"{whole.calls:,}"]
    calls += [f"{whole.failures:,} failed"] if whole.failures else []
    calls += [f"{whole.cancelled:,} left by their caller"] if whole.cancelled else []
    calls += [f"{whole.remembered:,} answered by a cache"] if whole.remembered else []
    unknown = f"{whole.unknown_costs:,} calls of unknown cost"
    known = whole.known_cost
    cost = unknown if known is None else rough(known) + (f" and {unknown}" if whole.unknown_costs else "")
    cached = "" if whole.cached_share is None else f" ({whole.cached_share:.0%} from providers' caches)"
    times = f"p50 {seconds(whole.p50_s, 'unknown')}, p95 {seconds(whole.p95_s, 'unknown')}"
    if whole.first_p50_s is not None:
        times += f"; first content p50 {seconds(whole.first_p50_s)}, p95 {seconds(whole.first_p95_s)}"
    return [
        ("calls", ", ".join(calls)),
        ("tokens", f"{whole.prompt_tokens:,} in{cached}, {whole.completion_tokens:,} out"),
        ("cost", cost),
        ("time", times),
    ]


def _plot(periods: Periods, wanted: str | None) -> None:
    items = periods.items
    what = wanted or ("cost" if any(item.cost for item in items) else "tokens")
    if what == "none" or not items:
        return
    rows = [(item.name, *_measure(item, what)) for item in items]
    say()
    tell(f"{what} per {periods.unit}{', from Monday on' if periods.unit == 'week' else ''}")
    for line in bars(rows, fine=can_draw(), width=console().width):
        say(line)


def _measure(item: Period, what: str) -> tuple[Decimal | int, str]:
    if what == "cost":
        return item.cost, _known(item.cost, item.unknown_costs) if item.calls else ""
    amount = item.calls if what == "calls" else item.prompt_tokens + item.completion_tokens
    return amount, count(amount) if item.calls else ""


def _cost(line: Totals) -> str:
    return _known(line.cost, line.unknown_costs)


def _known(cost: Decimal, unknown: int) -> str:
    if unknown and not cost:
        return "unknown"
    return rough(cost) + ("+" if unknown else "")
