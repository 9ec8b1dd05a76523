"""`budget`: how budgets stand in a state that processes share, and more for one value."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from shared_core.cli.clients import Json, settings
from shared_core.cli.out import complaining, say, show_json, show_table, tell
from shared_core.errors import ConfigError, ConnectionLost
from shared_core.policy.budget_accounts import Entry, entries, grant, states
from shared_core.policy.state.holds import BudgetStore
from shared_core.policy.stores.budgets import open_budgets
from shared_core.policy.stores.budgets_memory import BudgetMemory
from shared_core.policy.stores.opening import open_state
from shared_core.policy.stores.windows import window_at
from shared_core.storage.database import Database
from shared_core.types import Budget, BudgetState, budget_from
from shared_core.types.budget import shown
from shared_core.types.cost import dollars

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)

_HOW = 'Write budgets = [{usd = "5.00", per = "day"}] in hfrouter.toml, or give --define.'
_WHERE = (
    'Programs share one with state = "state.sqlite" in hfrouter.toml, or a redis:// address; or give --state.'
)
_SQLITE = b"SQLite format 3\0"  # what such files begin with

State = Annotated[
    str | None,
    typer.Option(
        "--state", help="A file or a redis:// address; left out, that of the settings.", metavar="PLACE"
    ),
]
Told = Annotated[
    list[str] | None,
    typer.Option(
        "--define",
        help='In place of those of the settings, as JSON: {"usd": "5.00", "per": "day"}.',
        metavar="JSON",
    ),
]


@app.callback(invoke_without_command=True)
def budget(
    context: typer.Context,
    state: State = None,
    told: Told = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="Only what has passed a threshold.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also past windows, and budgets that only others define.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Budgets: what is spent, reserved and left; granting more.

    Budgets and the place where they are counted are those of the settings, or of the options.

    Examples:

      hfrouter budget

      hfrouter budget --alerts --json

      hfrouter budget --state state.sqlite --all

      hfrouter budget grant 5.00 --to ada
    """
    if context.invoked_subcommand is not None:
        return
    with complaining():
        now = time.time()
        budgets = _budgets(told, needed=not everything)
        place, where = _place(state)
        found = states(budgets, place, now)
        others = entries(place, now) if everything else []
        if place.is_away:
            raise ConnectionLost(
                f"The state {where} cannot be read.", hint="Is the server running, and the file yours?"
            )
        known = {each.name: each for each in budgets}
        if alerts:
            found = [each for each in found if _passed(known[each.budget], each)]
        others = [each for each in others if not _is_present(known.get(each.budget), each, now)]
        if as_json:
            show_json(
                {
                    "state": where,
                    "budgets": [_as_dict(known[each.budget], each) for each in found],
                    "others": [each._asdict() for each in others],
                }
            )
            return
        if alerts and not found:
            tell("No budget has passed a threshold in its present window.")
        for number, each in enumerate(each for each in budgets if not alerts or _of(found, each)):
            if number:
                say()
            _show(each, _of(found, each), now)
        if others:
            say()
            _show_others(others)
        elif everything:
            tell(f"Nothing else is kept in {where}.")


@app.command("grant")
def grant_more(
    amount: Annotated[str, typer.Argument(help="Of the budget's unit: US dollars, tokens or requests.")],
    to: Annotated[
        str | None,
        typer.Option("--to", help="Whose, such as a user; not for a budget of all.", metavar="VALUE"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Which budget, where there are several.", metavar="NAME")
    ] = None,
    state: State = None,
    told: Told = None,
    as_json: Json = False,
) -> None:
    """Adds to what may be spent in the present window.

    Examples:

      hfrouter budget grant 5.00 --to ada

      hfrouter budget grant 100000 --name "tokens per day"
    """
    with complaining():
        now = time.time()
        budgets = _budgets(told)
        chosen = _chosen(budgets, name)
        if to is None and chosen.of != "all":
            raise ConfigError(
                f"The budget {chosen.name!r} is one for each {chosen.of.removeprefix('tag:')}.",
                hint='Say whose: --to ada. Calls without the tag share --to "".',
            )
        place, _ = _place(state, making=True)
        grant(budgets, place, now, to or "", _amount(amount, chosen), chosen.name)
        after = [each for each in states([chosen], place, now) if each.value == (to or "")]
        if as_json:
            show_json([_as_dict(chosen, each) for each in after])
        else:
            for each in after:
                tell(str(each))


def _place(given: str | None, *, making: bool = False) -> tuple[BudgetStore, str]:
    """The place, and its name without secrets; a file that is not there yet is made by grants alone."""
    kept = given or settings().state
    if kept is None:
        raise ConfigError(
            "Budgets are counted in the memory of each program, where nobody can look.", hint=_WHERE
        )
    opened = open_state(kept)
    if not isinstance(opened, Database):
        return open_budgets(kept), str(getattr(opened, "where", ""))
    if not opened.path.exists() and not making:
        if given is not None:
            raise ConfigError(f"There is no file {opened.path}.", hint=_WHERE)
        return BudgetMemory(), str(opened.path)
    _check_file(opened.path)
    return open_budgets(kept), str(opened.path)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def _check_file(path: Path) -> None:
    """Whether a place that was named is an SQLite file, or will be: programs set aside what is none, and begin anew,
    but a command that was given another file by mistake must leave it as it is.

    Raises:
        ConfigError: It is something else.
    """
    try:
        sound = not path.exists() or (path.is_file() and _beginning(path) in (b"", _SQLITE))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.", hint=_WHERE) from None
    if not sound:
        raise ConfigError(f"{path} is no SQLite file, and was left as it is.", hint=_WHERE)


def _budgets(told: Sequence[str] | None, *, needed: bool = True) -> list[Budget]:
    if told:
        return [budget_from(_read(each)) for each in told]
    found = [budget_from(each) for each in settings().budgets or []]
    if needed and not found:
        raise ConfigError("There is no budget in the settings.", hint=_HOW)
    return found


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigError(
            f"--define {text!r} is no JSON.", hint='Write {"usd": "5.00", "per": "day"}.'
        ) from None


def _chosen(budgets: Sequence[Budget], name: str | None) -> Budget:
    fitting = [each for each in budgets if name in (None, each.name)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(repr(each.name) for each in budgets)
    raise ConfigError(
        f"There is no budget {name!r}." if name else "There are several budgets.",
        hint=f"Give --name, one of {names}.",
    )


def _amount(text: str, budget: Budget) -> str | int:
    if budget.unit == "usd":
        return text.removeprefix("$")
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise ConfigError(f"{text!r} is no number of {budget.unit}.") from None


def _share(each: BudgetState) -> float | None:
    return float(each.spent / each.limit) if each.limit else None


def _passed(budget: Budget, each: BudgetState) -> list[float]:
    """The thresholds that were passed, each of which was told once when it was."""
    return [
        share for share in budget.alert_at if each.limit and float(each.spent) >= share * float(each.limit)
    ]


def _is_present(budget: Budget | None, entry: Entry, now: float) -> bool:
    return budget is not None and window_at(budget.per, now).label == entry.window


def _as_dict(budget: Budget, each: BudgetState) -> dict[str, Any]:
    amounts = ("limit", "spent", "reserved", "left", "unconfirmed", "granted")
    return {
        "budget": each.budget,
        "value": each.value,
        "of": budget.of,
        "unit": each.unit,
        **{name: _plain(getattr(each, name)) for name in amounts},
        "mode": budget.mode,
        "until": each.until or None,
        "alerts": _passed(budget, each),
    }


def _plain(amount: Any) -> Any:
    return amount if isinstance(amount, int) else dollars(amount).removeprefix("$")


def _of(found: Sequence[BudgetState], budget: Budget) -> list[BudgetState]:
    return [one for one in found if one.budget == budget.name]


def _show(budget: Budget, found: Sequence[BudgetState], now: float) -> None:
    until = window_at(budget.per, now).until
    each = "" if budget.of == "all" else f" for each {budget.of.removeprefix('tag:')}"
    refuses = "refuses what goes beyond" if budget.mode == "hard" else "only warns"
    amount = shown(budget.usd if budget.usd is not None else budget.units, budget.unit)  # type: ignore[arg-type]
    tell(f"{budget.name}: {amount}{each}, {refuses}" + (f"; until {until}" if until else ""))
    if not found:
        tell("nothing spent yet", indent=2)
        return
    more = {name: any(getattr(one, name) for one in found) for name in ("reserved", "unconfirmed", "granted")}
    columns = ["whose", "spent", *(name for name in more if more[name]), "left", "of", "used", "alert"]
    rows = []
    for one in found:
        share, passed = _share(one), _passed(budget, one)
        rows.append(
            [
                one.value or ("all" if budget.of == "all" else "(none)"),
                *(
                    _short(getattr(one, name))
                    for name in ("spent", *(name for name in more if more[name]), "left")
                ),
                _short(one.limit),
                "" if share is None else f"{share:.0%}",
                f"{max(passed):.0%}" if passed else "",
            ]
        )
    show_table([(title, "right" if place else "left") for place, title in enumerate(columns)], rows, gap=2)


def _short(amount: Any) -> str:
    return f"{amount:,}" if isinstance(amount, int) else dollars(amount)


def _show_others(others: Sequence[Entry]) -> None:
    tell("Also kept there, in nano-dollars, tokens or requests: which, only who defines the budget knows.")
    columns = ("budget", "whose", "window", "spent", "reserved", "granted")
    rows = [
        [one.budget, one.value or "-", one.window, f"{one.spent:,}", f"{one.reserved:,}", f"{one.granted:,}"]
        for one in others
    ]
    show_table(
        [(title, "right" if place > 2 else "left") for place, title in enumerate(columns)], rows, gap=2
    )
