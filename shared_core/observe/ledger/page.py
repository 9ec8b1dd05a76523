"""A ledger as one page of HTML: figures, bars for each day, tables. For people who are shown what was spent.

One file that fetches nothing and runs nothing: style and drawings stand in it, and its own policy forbids the rest.
Whatever a model, a provider or a user is called stands there as text. Not here: how it looks (`page_style`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared_core._page import whole_page
from shared_core._text import one_line
from shared_core.observe.ledger.page_chart import charts
from shared_core.observe.ledger.page_style import STYLE
from shared_core.observe.ledger.periods import Periods
from shared_core.observe.ledger.questions import Totals
from shared_core.observe.ledger.tables import seconds
from shared_core.observe.moments import Moment, unix
from shared_core.types.cost import rough

if TYPE_CHECKING:
    from shared_core.observe.ledger.ledger import Ledger

__all__ = ["usage_page"]

_MOST_LINES = 20  # of one table; the rest is summed up
_MOST_TAGS = 8
_MOST_BARS = 62
_NONE = '<span class="soft">none</span>'
_UNKNOWN = "–"


def usage_page(
    ledger: Ledger,
    *,
    now: Moment,
    since: Moment | None = None,
    until: Moment | None = None,
    where: Mapping[str, Any] | None = None,
) -> str:
    """The page.

    Args:
        ledger: What is shown.
        now: When it is made, which it says.
        since, until, where: As of `Ledger.totals`.

    Example:
        >>> from shared_core import Ledger
        >>> page = usage_page(Ledger(), now=0.0)
        >>> page.startswith("<!doctype html>"), "No call is in this ledger" in page
        (True, True)
    """
    with ledger.at_one_moment():
        return _page(ledger, now, since, until, where)


def _page(
    ledger: Ledger, now: Moment, since: Moment | None, until: Moment | None, where: Mapping[str, Any] | None
) -> str:
    which: dict[str, Any] = {"since": since, "until": until, "where": where}
    whole = ledger.totals(**which)
    parts = [_head(ledger, whole, now, since, until, where)]
    if whole.calls:
        days = ledger.by("day", **which)
        periods = Periods.of(days, _MOST_BARS)
        parts += [_tiles(whole), charts(periods)]
        groups = ["model", "provider", "task", *(f"tag:{name}" for name in ledger.tags()[:_MOST_TAGS])]
        parts += [_section(group, ledger.by(group, **which)) for group in groups]
        parts.append(_section("day", list(reversed(days))))
    else:
        parts.append("<p>No call is in this ledger for the time and the filters that were asked for.</p>")
    return whole_page("Usage", STYLE, parts)


def _head(
    ledger: Ledger,
    whole: Totals,
    now: Moment,
    since: Moment | None,
    until: Moment | None,
    where: Mapping[str, Any] | None,
) -> str:
    period = " ".join(
        f"{word} {_moment(moment)}"
        for word, moment in (("from", since), ("until", until))
        if moment is not None
    )
    about = [period or "all time", *(f"{name} = {value}" for name, value in (where or {}).items())]
    place = "a ledger in memory" if ledger.path is None else ledger.path.name
    calls = f"{whole.calls:,} {'call' if whole.calls == 1 else 'calls'}"
    return (
        f"<header><h1>Usage</h1><p>{calls}, {one_line(', '.join(about))}</p>"
        f'<p class="soft">{one_line(place)}, as of {_moment(now)}. Days and times are UTC.</p></header>'
    )


def _moment(moment: Moment) -> str:
    return f"{datetime.fromtimestamp(unix(moment), UTC):%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _tiles(whole: Totals) -> str:
    known, unknown = whole.known_cost, ""
    if whole.unknown_costs:
        plus = "" if known is None else "and "
        unknown = f'<span class="warn">{plus}{whole.unknown_costs:,} of unknown cost</span>'
    tiles = [
        (
            "cost",
            "unknown" if known is None else rough(known),
            unknown or "<span>the price of every call is known</span>",
        ),
        (
            "calls",
            f"{whole.calls:,}",
            f"<span>{whole.failures:,} failed, {whole.remembered:,} remembered</span>",
        ),
        (
            "tokens read",
            f"{whole.prompt_tokens:,}",
            f"<span>{_share(whole.cached_share)} from providers' caches</span>",
        ),
        (
            "tokens written",
            f"{whole.completion_tokens:,}",
            f"<span>{whole.reasoning_tokens:,} of them reasoning</span>",
        ),
        (
            "time of a call",
            seconds(whole.p50_s, _UNKNOWN),
            f"<span>half of them; 95 of 100: {seconds(whole.p95_s, _UNKNOWN)}</span>",
        ),
    ]
    if whole.first_p50_s is not None:
        first = f"<span>half of the streams; 95 of 100: {seconds(whole.first_p95_s, _UNKNOWN)}</span>"
        tiles.append(("first content", seconds(whole.first_p50_s, _UNKNOWN), first))
    return (
        '<div class="tiles">'
        + "".join(
            f'<div class="tile"><span class="name">{name}</span><b>{value}</b>{more}</div>'
            for name, value, more in tiles
        )
        + "</div>"
    )


def _section(by: str, lines: Sequence[Totals]) -> str:
    head = ("calls", "cost", "tokens read", "written", "failed", "p50", "p95")
    most = _MOST_BARS if by == "day" else _MOST_LINES
    shown, more = lines[:most], len(lines) - most
    name = by.removeprefix("tag:")
    rows = "".join(
        f"<tr><td>{_NONE if line.name is None else one_line(line.name)}</td>"
        + "".join(f"<td>{cell}</td>" for cell in _cells(line))
        + "</tr>"
        for line in shown
    )
    rest = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
    return (
        f'<section><h2>By {one_line(name)}</h2><div class="wide"><table><thead><tr><th>{one_line(name)}</th>'
        + "".join(f"<th>{each}</th>" for each in head)
        + f"</tr></thead><tbody>{rows}</tbody></table></div>{rest}</section>"
    )


def _cells(line: Totals) -> Iterable[str]:
    yield f"{line.calls:,}"
    yield _cost(line)
    yield f"{line.prompt_tokens:,}"
    yield f"{line.completion_tokens:,}"
    yield f"{line.failures:,}" if line.failures else ""
    yield seconds(line.p50_s, _UNKNOWN)
    yield seconds(line.p95_s, _UNKNOWN)


def _cost(line: Totals) -> str:
    known = line.known_cost
    if known is None:
        return '<span class="warn">unknown</span>'
    if line.unknown_costs:
        return f'{rough(known)} <span class="warn" title="{line.unknown_costs:,} calls of unknown cost">+ ?</span>'
    return rough(known)


def _share(value: float | None) -> str:
    return "none known" if value is None else f"{value:.0%}"
