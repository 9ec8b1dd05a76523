"""What a ledger answers: sums that are exact, quantiles that were measured, the same in memory and in a file."""

from __future__ import annotations

import csv
import decimal
import json
import math
import pickle
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ended_calls import ended

from shared_core import ConfigError, HFRouter, Ledger
from shared_core.observe.ledger import open_ledger
from shared_core.observe.ledger.questions import Selection, sums
from shared_core.types import AccountUsage, Cost, Job, Usage

DAY = 86_400
NOON = 1_795_780_800.0


@pytest.fixture(params=["in memory", "in a file"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger() if request.param == "in memory" else Ledger(tmp_path / "usage.sqlite") as ledger:
        yield ledger


def usd(text: str) -> Cost:
    return Cost(Decimal(text), "price list", "2026-11-01")


def test_questions_of_one_moment_are_about_the_same_calls(ledger: Ledger) -> None:
    ledger(ended(id="0"))
    with ledger.at_one_moment():
        assert ledger.totals().calls == 1
        for number in range(1, 1001):  # as a stream that the garbage collector ends, here and there
            ledger(ended(id=str(number)))
        assert ledger.totals().calls == sum(line.calls for line in ledger.by("model")) == 1
    assert ledger.totals().calls == 1001


def test_what_others_write_meanwhile_is_of_a_later_moment(tmp_path: Path) -> None:
    with Ledger(tmp_path / "usage.sqlite") as ledger, Ledger(tmp_path / "usage.sqlite") as other:
        ledger(ended(id="0"))
        with ledger.at_one_moment():
            assert ledger.totals().calls == 1
            other(ended(id="1"))
            assert other.totals().calls == 2
            assert ledger.by("model")[0].calls == 1
        assert ledger.totals().calls == 2


def test_sums_are_exact_whatever_the_program_does_with_decimals(ledger: Ledger) -> None:
    with decimal.localcontext(prec=3):
        for number in range(1000):
            ledger(ended(cost=usd("123.000000001"), id=str(number)))
        total = ledger.totals()
    assert total.cost == Decimal("123000.000001")
    assert (total.calls, total.prompt_tokens, total.completion_tokens) == (1000, 10_000, 2000)


@pytest.mark.parametrize(
    ("price", "kept"),
    [
        ("0.0000000014", "0.000000001"),
        ("0.0000000015", "0.000000002"),
        ("0.0000000025", "0.000000002"),
        ("0", "0"),
        ("9000000000", "9000000000"),
        ("9300000000", None),
    ],
    ids=[
        "down",
        "half to even, up",
        "half to even, down",
        "nothing",
        "the most",
        "more than fits is unknown",
    ],
)
def test_a_price_finer_than_a_nano_dollar_is_rounded_half_to_even(
    ledger: Ledger, price: str, kept: str | None
) -> None:
    ledger(ended(cost=usd(price)))
    (row,) = ledger.rows()
    assert row.cost.usd == (None if kept is None else Decimal(kept))
    assert ledger.totals().cost == Decimal(kept or 0)
    assert ledger.totals().unknown_costs == (kept is None)


def test_a_cost_keeps_its_note(ledger: Ledger) -> None:
    ledger(ended(cost=Cost(note="no price of groq is known for this model")))
    ledger(ended(outcome="failed", error="ConfigError", attempts=0))
    assert [row.cost.note for row in ledger.rows()] == [
        "nothing was sent",
        "no price of groq is known for this model",
    ]


def test_sums_of_the_dearest_calls_do_not_overflow(ledger: Ledger) -> None:
    for _ in range(3):
        ledger(ended(cost=usd("9000000000.000000001")))
    assert ledger.totals().cost == Decimal("27000000000.000000003")


def test_what_is_unknown_is_counted_and_no_zero(ledger: Ledger) -> None:
    ledger(ended(cost=usd("0.5")))
    ledger(ended())
    ledger(ended(outcome="cancelled"))
    ledger(ended(outcome="failed", error="RateLimited"))
    ledger(ended(outcome="failed", error="StreamInterrupted", first_token_s=0.1))
    total = ledger.totals()
    assert (total.cost, total.unknown_costs, total.failures, total.cancelled) == (Decimal("0.5"), 3, 2, 1)
    assert [row.cost.usd for row in ledger.rows(where={"outcome": "cancelled"})] == [None]


@pytest.mark.parametrize(
    ("usage", "stored"),
    [
        (None, (None, None, None, None)),
        (Usage(3, 4, 7, 2, 1), (3, 4, 2, 1)),
        (Usage(-5, 10**30, 7), (None, None, None, None)),
    ],
    ids=["nothing", "all", "nonsense"],
)
def test_tokens_are_kept_as_they_were_counted_and_nonsense_is_not(
    ledger: Ledger, usage: Usage | None, stored: tuple[int | None, ...]
) -> None:
    ledger(ended(usage=usage))
    (row,) = ledger.rows()
    assert (row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.reasoning_tokens) == stored


def test_the_share_of_cached_tokens_is_taken_where_they_are_told_apart(ledger: Ledger) -> None:
    assert ledger.totals().cached_share is None
    ledger(ended(usage=Usage(100, 1, 101, 25)))
    ledger(ended(usage=Usage(900, 1, 901)))
    assert ledger.totals().cached_share == 0.25


def test_quantiles_are_nearest_rank_of_the_calls_that_were_answered_anew(ledger: Ledger) -> None:
    chance = random.Random(7)
    for size in (1, 2, 19, 20, 21, 100):
        values = [chance.random() for _ in range(size)]
        for value in values:
            ledger(ended(model=f"m{size}", provider=None, seconds=value, first_token_s=value / 2))
        ledger(ended(model=f"m{size}", provider=None, seconds=1e-9, cached=True))
        ledger(ended(model=f"m{size}", provider=None, seconds=1e9, outcome="failed", error="TimedOut"))
        values.sort()
        line = ledger.by("model").get(f"m{size}")
        assert line is not None
        half, most = (values[math.ceil(size * part) - 1] for part in (0.5, 0.95))
        assert (line.p50_s, line.p95_s, line.first_p50_s, line.first_p95_s) == (
            half,
            most,
            half / 2,
            most / 2,
        )
    assert ledger.totals(where={"model": "none"}).p50_s is None


@pytest.mark.parametrize(
    ("asked", "provider", "model"),
    [
        ("a/b:groq", "groq", "a/b"),
        ("a/b:fastest", "novita", "a/b"),
        ("a/b:groq", None, "a/b:groq"),
        ("llama3:8b", "ollama", "llama3:8b"),
        ("", None, ""),
    ],
    ids=str,
)
def test_a_suffix_that_says_no_more_than_the_provider_is_left_out(
    ledger: Ledger, asked: str, provider: str | None, model: str
) -> None:
    ledger(ended(model=asked, provider=provider))
    assert [row.model for row in ledger.rows()] == [model]


def test_an_address_is_kept_without_its_secrets(ledger: Ledger) -> None:
    ledger(ended(url="https://ada:secret@host:8000/v1?key=secret#secret"))
    assert [row.url for row in ledger.rows()] == ["https://host:8000/v1"]


def test_calls_are_found_by_columns_and_tags_and_times(ledger: Ledger) -> None:
    for number, (user, outcome) in enumerate([("ada", "answered"), ("ada", "failed"), ("bob", "answered")]):
        ledger(ended(usage_tags={"user": user, "model": "x"}, outcome=outcome, at=NOON + number * DAY))
    ledger(ended(at=NOON + 3 * DAY))

    def count(**selection: Any) -> int:
        return ledger.totals(**selection).calls

    assert count(where={"user": "ada"}) == 2
    assert count(where={"tag:user": "ada", "outcome": "failed"}) == 1
    assert count(where={"user": None}) == 1
    assert count(where={"tag:model": "x"}) == 3
    assert count(where={"model": "x"}) == 0
    assert count(where={"error": None}) == 4
    assert count(since=NOON + DAY) == 3
    assert count(since=NOON, until=NOON + DAY) == 1
    assert count(since=datetime.fromtimestamp(NOON + DAY, UTC)) == 3
    assert count(since=datetime.fromtimestamp(NOON + DAY)) == 3
    assert count(since=date(2026, 11, 28), until=date(2026, 11, 29)) == 1
    assert [line.name for line in ledger.by("day")] == [
        "2026-11-27",
        "2026-11-28",
        "2026-11-29",
        "2026-11-30",
    ]
    assert {line.name: line.calls for line in ledger.by("tag:user")} == {"ada": 2, "bob": 1, None: 1}
    assert [row.tags for row in ledger.rows(limit=1)] == [{}]
    assert len(ledger.rows(2)) == 2
    assert ledger.by("model", where={"user": "nobody"}).get("a/b") is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: ledger.by("weather"),
        lambda ledger: ledger.by("tag:"),
        lambda ledger: ledger.totals(since="yesterday"),
        lambda ledger: ledger.totals(since=True),
        lambda ledger: ledger.totals(where={"model": ["a"]}),
        lambda ledger: ledger.prune(math.nan),
        lambda ledger: ledger.export("calls.xlsx"),
        lambda ledger: Ledger(most_rows=0),
    ],
    ids=["a group", "no tag", "a word", "a flag", "a list", "no number", "an ending", "no rows"],
)
def test_what_makes_no_sense_is_refused(ledger: Ledger, ask: Any) -> None:
    with pytest.raises(ConfigError):
        ask(ledger)


def test_groups_by_a_tag_take_no_longer_for_every_call_than_for_one(ledger: Ledger) -> None:
    """They were once a join without an index: for a hundred thousand calls it took longer than anybody waits."""
    for number in range(3000):
        ledger(ended(usage_tags={"user": str(number % 3), "\"project'\\": "x"}))
    ledger.flush()
    with ledger._store.asking() as connection:
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        connection.set_progress_handler(step, 1000)
        sums(connection, "tag:user", Selection.of(None, None, None))
        connection.set_progress_handler(None, 0)
    assert steps * 1000 < 3000 * 500
    assert {line.calls for line in ledger.by("tag:user")} == {1000}
    assert [line.name for line in ledger.by("tag:\"project'\\")] == ["x"]


def test_a_quote_in_a_value_is_a_value(ledger: Ledger) -> None:
    ledger(ended(usage_tags={"user'; DROP TABLE calls; --": "it's"}, model="o'b", provider=None))
    assert ledger.by("tag:user'; DROP TABLE calls; --").get("it's") is not None
    assert ledger.totals(where={"model": "o'b", "user'; DROP TABLE calls; --": "it's"}).calls == 1


def test_half_a_character_in_a_name_loses_no_row(ledger: Ledger) -> None:
    ledger(ended(model="a\ud800", provider=None))
    ledger(ended())
    assert [row.model for row in ledger.rows()] == ["a/b", "a?"]


def test_old_calls_are_deleted_with_their_tags(ledger: Ledger) -> None:
    for number in range(10):
        ledger(ended(at=NOON + number, usage_tags={"user": "ada"}))
    assert ledger.prune(NOON + 4) == 4
    assert ledger.prune(NOON + 4) == 0
    assert ledger.totals().calls == ledger.totals(where={"user": "ada"}).calls == 6


def test_of_more_calls_than_may_be_kept_the_oldest_go(tmp_path: Path) -> None:
    for path in (None, tmp_path / "few.sqlite"):
        with Ledger(path, most_rows=3) as ledger:
            for number in range(5):
                ledger(ended(at=NOON + number, usage_tags={"user": "ada"}))
                ledger.flush()
            assert [row.at - NOON for row in ledger.rows()] == [4, 3, 2]
            assert ledger.by("tag:user")[0].calls == 3
            assert "2 older calls were forgotten" in str(ledger)


def test_a_job_s_later_calls_add_to_its_row(ledger: Ledger) -> None:
    job = Job("fal-ai", "text-to-video", "a/b", "7", "/fal-ai/m/7/status")
    ledger(ended(outcome="submitted", job=job, usage=None))
    ledger(ended(outcome="failed", error="TimedOut", job=job, usage=None, attempts=0))
    ledger(ended(job=job, usage=None, attempts=0, cost=usd("0.25")))
    ledger(ended(outcome="failed", error="JobFailed", job=job, usage=None, attempts=0))
    (row,) = ledger.rows()
    assert (row.outcome, row.error, row.attempts, row.seconds) == ("answered", None, 1, 2.0)
    assert (row.cost.usd, row.job) == (Decimal("0.25"), "fal-ai:/fal-ai/m/7/status")


def test_no_cell_of_an_export_is_a_formula(ledger: Ledger, tmp_path: Path) -> None:
    ledger(ended(model="=HYPERLINK(1)", usage_tags={"user": "a\r=1"}))
    ledger.export(tmp_path / "c.csv")
    with (tmp_path / "c.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["model"] == "'=HYPERLINK(1)"
    assert json.loads(row["tags"]) == {"user": "a\r=1"}


def test_calls_are_exported_as_csv_and_json_lines(ledger: Ledger, tmp_path: Path) -> None:
    ledger(ended(cost=usd("0.000000123"), usage_tags={"user": "ada"}))
    ledger(ended(outcome="failed", error="RateLimited"))
    assert ledger.export(tmp_path / "c.csv") == ledger.export(str(tmp_path / "c.jsonl")) == 2
    first, second = (json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines())
    assert (first["cost_usd"], first["tags"], first["number"]) == ("0.000000123", {"user": "ada"}, 1)
    assert (second["cost_usd"], second["error"]) == (None, "RateLimited")
    with (tmp_path / "c.csv").open(newline="") as file:
        one, two = csv.DictReader(file)
    assert list(one) == list(first)
    assert (one["cost_usd"], json.loads(one["tags"]), two["cost_usd"]) == ("0.000000123", {"user": "ada"}, "")
    with pytest.raises(ConfigError, match="cannot be written"):
        ledger.export(tmp_path / "c.csv" / "no-folder.csv")


def test_an_export_that_fails_leaves_the_one_before(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger(ended())
    ledger.export(tmp_path / "c.csv")
    before = (tmp_path / "c.csv").read_bytes()
    monkeypatch.setattr(
        "os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(ConfigError, match="No space left on device"):
        ledger.export(tmp_path / "c.csv")
    assert [(path.name, path.read_bytes()) for path in tmp_path.glob("*c.csv*")] == [("c.csv", before)]


TABLE = """\
model  calls  failed  hits  tokens in  cached  out                       cost     p50     p95
a/b        3       1   33%         10     40%    2  $0.0000123 + 1 unknown  500 ms   500 ms
c          1       0     -          1       -    2            $0 + 1 unknown  12.3 s   12.3 s"""


def test_sums_are_printed_as_a_table(ledger: Ledger) -> None:
    ledger(ended(cost=usd("0.0000123"), usage=Usage(10, 2, 12, 4)))
    ledger(ended(cached=True))
    ledger(ended(outcome="failed", error="RateLimited", usage=None, first_token_s=0.1))
    ledger(ended(model="c", provider=None, usage=Usage(1, 2, 3), seconds=12.34))
    printed = [line.split() for line in str(ledger.by("model")).splitlines()]
    assert printed == [line.split() for line in TABLE.splitlines()]
    whole = str(ledger)
    assert whole.startswith(
        "Usage ledger in memory\n" if ledger.path is None else f"Usage ledger in {ledger.path}\n"
    )
    assert str(ledger.by("model")) in whole
    assert str(ledger.totals()) in whole
    assert len(ledger.by("model")[:1]) == 1
    assert "Breakdown('model'" in repr(ledger.by("model"))


def test_an_empty_ledger_is_printed_too(ledger: Ledger) -> None:
    assert "all" in str(ledger)
    assert str(ledger.by("model")).startswith("model")
    assert repr(Ledger()) == "Ledger()"


def test_the_account_s_figures_stand_beside_ours(ledger: Ledger) -> None:
    ledger(ended(cost=usd("0.5"), attempts=2))
    same = ledger.compare(AccountUsage(500_000_000, 2))
    assert (same.difference, same.requests, same.agrees) == (0, 0, True)
    more = ledger.compare(AccountUsage(500_000_001))
    assert (more.difference, more.requests, more.agrees) == (Decimal("1e-9"), None, False)
    assert "between  $0.000000001" in str(more)
    ledger(ended())
    unknown = ledger.compare(AccountUsage(500_000_000, 3))
    assert not unknown.agrees
    assert "1 of unknown cost" in str(unknown)


def test_a_pickle_carries_the_arguments_and_no_rows(tmp_path: Path) -> None:
    memory = Ledger()
    memory(ended())
    assert pickle.loads(pickle.dumps(memory)).totals().calls == 0
    with Ledger(tmp_path / "u.sqlite", store_content=True) as ledger:
        ledger(ended())
        ledger.flush()
        with pickle.loads(pickle.dumps(ledger)) as twin:
            assert (twin.path, twin.store_content, twin.totals().calls) == (ledger.path, True, 1)


def test_the_arguments_as_plain_values_mean_the_same_ledger(tmp_path: Path) -> None:
    assert HFRouter(ledger=Ledger().as_dict()).ledger is not None
    with Ledger(tmp_path / "u.sqlite", store_content=True) as ledger:
        assert ledger.as_dict()["path"] == str(tmp_path / "u.sqlite")
        same = open_ledger(json.loads(json.dumps(ledger.as_dict())))
        assert same is not None
        assert (same.path, same.store_content) == (ledger.path, True)
        same.close()
    with pytest.raises(ConfigError, match="is no ledger"):
        open_ledger({"file": "u.sqlite"})


def test_events_that_are_no_ends_are_passed_over(ledger: Ledger) -> None:
    ledger(object())
    assert ledger.totals().calls == 0
