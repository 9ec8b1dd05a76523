"""`usage`: what a ledger tells a person, a program and a browser."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from kept import NOON, a_ledger, ended
from screens import check

from shared_core import Ledger
from shared_core.cli.usage import moment
from shared_core.errors import ConfigError

Run = Callable[..., Any]

SCREENS = {
    "usage": (),
    "usage-users": ("--by", "tag:user", "--since", "2026-11-20", "--plot", "tokens"),
    "usage-days": ("--by", "day", "--where", "user=ada", "--limit", "5", "--plot", "none"),
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_ledger(tmp_path_factory.mktemp("ledger") / "usage.sqlite")


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_of_usage_looks_as_it_was_captured(told: Run, ledger: Path, name: str) -> None:
    done = told("usage", "--ledger", str(ledger), *SCREENS[name])
    assert done.code == 0, done.err
    check(name, done.out)


def test_a_terminal_without_blocks_gets_bars_of_plain_characters(
    hfrouter: Run, ledger: Path, environment: dict[str, str]
) -> None:
    environment["PYTHONIOENCODING"] = "ascii"
    done = hfrouter("usage", "--ledger", str(ledger))
    assert done.code == 0, done.err
    assert "2026-11-27  ####" in done.out
    assert done.out.isascii()


def test_the_settings_say_where_the_ledger_is(told: Run, ledger: Path, environment: dict[str, str]) -> None:
    environment["HFROUTER_LEDGER"] = str(ledger)
    found = json.loads(told("usage", "--json").out)
    assert found["ledger"] == str(ledger)
    assert found["totals"]["calls"] == 120


def test_json_and_csv_say_what_the_ledger_says(told: Run, ledger: Path, tmp_path: Path) -> None:
    with Ledger(ledger) as opened:
        whole, models = opened.totals(), opened.by("model")
    table, document = tmp_path / "usage.csv", tmp_path / "usage.json"
    done = told("usage", "--ledger", str(ledger), "--json", "-o", str(table), "-o", str(document))
    found = json.loads(done.out)
    assert json.loads(document.read_text(encoding="utf-8")) == found
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert Decimal(found["totals"]["cost_usd"]) == whole.cost
    assert [line["name"] for line in found["lines"]] == [row["model"] for row in rows]
    for line, row, known in zip(found["lines"], rows, models, strict=True):
        assert line == known.as_dict()
        assert row["cost_usd"] == (line["cost_usd"] or "")
        assert int(row["unknown_costs"]) == known.unknown_costs
    unpriced = next(line for line in found["lines"] if line["name"].startswith("deepseek"))
    assert unpriced["cost_usd"] is None


def test_reports_are_written_beside_the_table_and_nothing_else_is_written_over(
    told: Run, ledger: Path, tmp_path: Path
) -> None:
    page, table = tmp_path / "new" / "usage.html", tmp_path / "usage.md"
    done = told("usage", "--ledger", str(ledger), "-o", str(page), "--output", str(table))
    assert done.code == 0, done.err
    assert done.out.endswith(f"Written: {page}\nWritten: {table}\n")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert table.read_text(encoding="utf-8").startswith("| model | calls |")
    before = ledger.read_bytes()
    done = told("usage", "--ledger", str(ledger), "-o", str(ledger))
    assert (done.code, done.out) == (2, "")
    assert "names no kind of report" in " ".join(done.err.split())
    assert ledger.read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "arguments", "said"),
    [
        (None, (), "No usage ledger is kept"),
        ("true", (), "in the memory of each program"),
        ("nowhere/usage.sqlite", (), "There is no usage ledger"),
        (None, ("--ledger", "nowhere/usage.sqlite"), "There is no usage ledger"),
    ],
    ids=["none is kept", "in memory", "not there yet", "misspelt"],
)
def test_a_missing_ledger_is_told_how_to_get_one(
    told: Run, environment: dict[str, str], tmp_path: Path, setting: Any, arguments: Any, said: str
) -> None:
    if setting is not None:
        environment["HFROUTER_LEDGER"] = setting
    done = told("usage", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert "HFROUTER_LEDGER=usage.sqlite" in done.err
    assert not Path("nowhere").exists()


def test_an_empty_ledger_is_no_failure_and_says_how_to_fill_it(told: Run, tmp_path: Path) -> None:
    Ledger(tmp_path / "usage.sqlite").close()
    done = told("usage", "--ledger", str(tmp_path / "usage.sqlite"))
    assert (done.code, done.err) == (0, "")
    assert "No call of these" in done.out
    assert "call a model" in " ".join(done.out.split())
    table = tmp_path / "usage.csv"
    told("usage", "--ledger", str(tmp_path / "usage.sqlite"), "-o", str(table))
    assert table.read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "beauty"), "no groups by 'beauty'"),
        (("--since", "soon"), "'soon' is no time"),
        (("--since", "2026-13-40"), "is no time"),
        (("--plot", "beauty"), "nothing to plot by 'beauty'"),
        (("--where", "ada"), "is no condition"),
        (("-o", "usage.pdf"), "names no kind of report"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_said(told: Run, ledger: Path, arguments: Any, said: str) -> None:
    done = told("usage", "--ledger", str(ledger), *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())


def test_another_file_is_no_ledger_and_is_left_alone(told: Run, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("milk", encoding="utf-8")
    done = told("usage", "--ledger", str(other))
    assert done.code == 2
    assert "is no SQLite file" in " ".join(done.err.split())
    assert other.read_text(encoding="utf-8") == "milk"


def test_names_cannot_command_the_terminal(terminal: Run, tmp_path: Path) -> None:
    from ended_calls import ended

    with Ledger(tmp_path / "usage.sqlite") as opened:
        opened(ended(model="a/\x1b]0;owned\x07b", usage_tags={"user": "\x1b[2J"}))
    for by in ("model", "tag:user"):
        shown = terminal("usage", "--ledger", str(tmp_path / "usage.sqlite"), "--by", by)
        assert "\x1b]" not in shown
        assert "\x1b[2J" not in shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 1_000_000 - 7200),
        ("7d", 1_000_000 - 7 * 86_400),
        ("4w", 1_000_000 - 28 * 86_400),
        ("1970-01-02T00:00+00:00", 86_400),
        ("1970-01-02", 86_400),
        ("1970-02", 31 * 86_400),
        ("today", 11 * 86_400),
    ],
    ids=str,
)
def test_times_are_read_as_they_are_typed(text: str, seconds: float) -> None:
    from shared_core.observe.moments import unix

    found = moment(text, 1_000_000.0)
    assert found is not None
    assert unix(found) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "999999999999d", "2026-02-30", "١d"], ids=repr)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        moment(text, 0.0)


def test_a_users_name_is_no_formula_for_what_opens_the_csv(told: Run, tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger:
        ledger(ended(id="1", at=NOON, model="org/name", usage_tags={"user": "=HYPERLINK(1)"}))
    table = tmp_path / "usage.csv"
    told("usage", "--ledger", str(tmp_path / "usage.sqlite"), "--by", "tag:user", "-o", str(table))
    (row,) = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))
    assert row["user"] == "'=HYPERLINK(1)"
