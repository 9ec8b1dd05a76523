"""Which source answers a look-up, what the shipped snapshot says, and how a new one is made."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal

import pytest

from shared_core.catalog import SHARED, list_price, lookup, parse_catalog, remember
from shared_core.catalog import lookup as lookup_function
from shared_core.catalog.answers import MOST_ANSWERS
from shared_core.catalog.refresh import dumps, main, rebuild
from shared_core.catalog.snapshot import read_snapshot, shipped, shipped_document
from shared_core.types import POLICIES

GPT = "openai/gpt-oss-120b"
LOCAL = "http://localhost:8000/v1"


@pytest.fixture(autouse=True)
def _no_catalogue_left_behind():
    SHARED.clear()
    yield
    SHARED.clear()


def load(*rows: dict, base_url: str | None = None) -> None:
    remember(base_url, parse_catalog(list(rows), source="live list", fetched_at=1_795_000_000.0))


# The snapshot


def test_the_shipped_snapshot_has_dates_and_sources():
    document = shipped_document()
    days = [document["date"], *(source["date"] for source in document["sources"])]
    assert all(date(2026, 1, 1) <= date.fromisoformat(day) for day in days)
    assert max(days) == document["date"]
    assert all(source["what"] for source in document["sources"])


def test_the_shipped_rows_are_sane():
    rows = shipped().rows.values()
    assert len(rows) >= 70
    assert len({row.info.id.casefold() for row in rows}) == len(rows) == len(shipped_document()["models"])
    for row in rows:
        facts = lookup(row.info.id)
        assert row.info.id.count("/") == 1, row.info.id
        assert 4096 <= facts.context_window <= 2_000_000, row.info.id
        assert 1 <= facts.max_output_tokens <= facts.context_window, row.info.id
        assert isinstance(facts.tools, bool), row.info.id
        assert "text" in row.info.input_modalities, row.info.id
        assert facts.source.startswith("snapshot: "), row.info.id
        date.fromisoformat(facts.date)
        price = list_price(row.info.id)
        assert price is None or Decimal(0) < price.input <= price.output * 2 < 100, row.info.id


def test_the_file_is_written_as_a_refresh_would_write_it():
    assert dumps(shipped_document()) == dumps(json.loads(dumps(shipped_document())))
    assert len(dumps(shipped_document()).splitlines()) == 5 + len(shipped_document()["sources"]) + len(
        shipped().rows
    )


def test_gpt_oss_is_known_out_of_the_box():
    facts = lookup(GPT)
    assert facts.id == GPT
    assert facts.context_window == 131072
    assert (facts.tools, facts.structured_output, facts.reasoning, facts.image_input) == (
        True,
        True,
        True,
        False,
    )


def test_the_snapshot_knows_contexts_by_provider():
    assert lookup("Qwen/Qwen3.8-27B:novita").context_window == 1_000_000
    assert lookup("Qwen/Qwen3.8-27B:cerebras").context_window == 65536
    assert lookup("Qwen/Qwen3.8-27B").context_window == 65536
    assert lookup("Qwen/Qwen3.8-27B:featherless-ai").context_window == 262144


@pytest.mark.parametrize("spelled", [f"{GPT}:groq", f"{GPT}:fastest", GPT.upper(), f"{GPT.upper()}:groq"])
def test_suffix_and_case_do_not_hide_a_model(spelled):
    assert lookup(spelled).id == GPT


def test_an_unknown_model_is_unknown():
    assert lookup("nobody/knows-me") is None
    assert lookup("nobody/knows-me") is None
    assert lookup("") is None
    assert list_price("nobody/knows-me") is None


# Precedence


def test_a_loaded_catalogue_goes_before_the_snapshot_which_fills_its_gaps():
    load({"id": GPT, "providers": [{"provider": "groq", "context_length": 8192, "supports_tools": True}]})
    facts = lookup(GPT)
    assert facts.context_window == 8192
    assert facts.reasoning is True
    assert facts.source == "live list; gaps: snapshot: models.dev"
    assert facts.date == "2026-11-18"


def test_an_answer_given_before_loading_does_not_outlive_it():
    assert lookup(GPT).context_window == 131072
    load({"id": GPT, "providers": [{"provider": "groq", "context_length": 8192}]})
    assert lookup(GPT).context_window == 8192
    SHARED.clear()
    assert lookup(GPT).context_window == 131072


def test_a_catalogue_answers_for_its_own_server_alone():
    load({"id": GPT, "max_model_len": 2048}, {"id": "mine", "max_model_len": 512}, base_url=LOCAL)
    assert lookup(GPT, base_url=LOCAL + "/").context_window == 2048
    assert lookup("mine", base_url=LOCAL).context_window == 512
    assert lookup(GPT).context_window == 131072
    assert lookup("mine") is None


def test_a_model_that_the_catalogue_lacks_is_looked_up_in_the_snapshot():
    load({"id": "other"})
    assert lookup(GPT).context_window == 131072


def test_the_provider_comes_from_the_argument_before_the_suffix():
    load(
        {
            "id": GPT,
            "providers": [
                {"provider": "groq", "context_length": 100_000},
                {"provider": "cerebras", "context_length": 50_000},
            ],
        }
    )
    assert lookup(f"{GPT}:groq").context_window == 100_000
    assert lookup(GPT, provider="groq").context_window == 100_000
    assert lookup(f"{GPT}:groq", provider="cerebras").context_window == 50_000


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_policy_is_no_provider(policy):
    load({"id": GPT, "providers": [{"provider": "groq", "context_length": 9000}]})
    assert lookup(f"{GPT}:{policy}").context_window == 9000
    assert lookup(GPT, provider=policy).context_window == 9000


def test_a_colon_that_belongs_to_the_name_pins_nobody():
    rows = {"id": "llama3.2:3b", "providers": [{"provider": "local", "context_length": 777}]}
    load(rows, base_url=LOCAL)
    assert lookup("llama3.2:3b", base_url=LOCAL).context_window == 777


def test_offers_that_differ_on_structured_output_are_not_overruled_by_the_snapshot():
    load(
        {
            "id": GPT,
            "providers": [
                {"provider": "a", "supports_structured_output": True},
                {"provider": "b", "supports_structured_output": False},
            ],
        }
    )
    assert lookup(GPT).structured_output is False


def test_an_answer_is_never_longer_than_the_window():
    load({"id": GPT, "max_model_len": 4096})
    assert lookup(GPT).max_output_tokens == 4096


# Prices


def test_prices_come_from_the_catalogue_then_from_the_snapshot():
    assert (list_price(GPT).input, list_price(GPT).source) == (Decimal("0.25"), "snapshot: tau")
    load({"id": GPT, "providers": [{"provider": "groq", "pricing": {"input": 0.15, "output": 0.75}}]})
    price = list_price(f"{GPT}:groq")
    assert (price.input, price.output, price.source, price.date) == (
        Decimal("0.15"),
        Decimal("0.75"),
        "live list",
        "2026-11-18",
    )
    assert list_price(f"{GPT}:cerebras").source == "snapshot: tau"


def test_the_snapshots_prices_hold_for_the_router_alone():
    assert list_price(GPT, base_url="https://router.huggingface.co/v1/") is not None
    assert list_price(GPT, base_url=LOCAL) is None


# Manners


def test_a_look_up_never_touches_the_network(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a look-up opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    assert lookup(f"{GPT}:groq") is not None
    assert lookup("nobody/knows-me", base_url="http://10.255.255.1/v1") is None


def test_importing_reads_no_snapshot_and_loads_no_strangers():
    code = (
        "import sys; import shared_core.catalog; from shared_core.catalog import snapshot; "
        "assert snapshot._shipped is None; "
        "strangers = {'pydantic', 'httpx', 'httpx2', 'asyncio', 'importlib.resources'}; "
        "strangers &= set(sys.modules); "
        "assert not strangers, strangers"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_many_names_do_not_fill_the_memory():
    module = sys.modules[lookup_function.__module__]
    for number in range(MOST_ANSWERS + 10):
        lookup(f"nobody/{number}")
    assert len(module._answers) <= MOST_ANSWERS


def test_threads_that_load_and_ask_at_once_end_with_the_last_catalogue():
    stop, strange = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            context = lookup("m", base_url=LOCAL).context_window
            if not 1 <= context <= 300:
                strange.append(context)

    load({"id": "m", "max_model_len": 1}, base_url=LOCAL)
    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    stale = []
    for length in range(2, 301):
        load({"id": "m", "max_model_len": length}, base_url=LOCAL)
        if lookup("m", base_url=LOCAL).context_window != length:
            stale.append(length)
    stop.set()
    for asker in askers:
        asker.join()
    assert not strange
    assert not stale


# Refreshing

LIVE = {
    "object": "list",
    "data": [
        {
            "id": GPT,
            "architecture": {"input_modalities": ["text"]},
            "providers": [
                {
                    "provider": "groq",
                    "status": "live",
                    "context_length": 131072,
                    "pricing": {"input": 0.15, "output": 0.9299999999999999},
                    "supports_tools": True,
                    "throughput": 400.0,
                },
                {"provider": "nscale", "status": "error", "context_length": 1},
                {"provider": "featherless-ai", "status": "live"},
            ],
        },
        {"id": "new/model", "providers": [{"provider": "groq", "status": "live"}]},
    ],
}


def test_a_refresh_takes_the_new_and_carries_over_the_rest():
    before = shipped_document()
    after = rebuild(LIVE, date="2026-12-01", previous=before)
    assert before == shipped_document()
    rows = {row["id"]: row for row in after["models"]}
    assert rows[GPT]["offers"] == [
        {"provider": "groq", "context": 131072, "tools": True, "price": ["0.15", "0.93"]},
        {"provider": "nscale", "status": "error", "context": 1},
        {"provider": "featherless-ai"},
    ]
    snapshot = read_snapshot(json.loads(dumps(after)))
    facts = snapshot.get(GPT).facts(None)
    assert (facts.context_window, facts.max_output_tokens, facts.reasoning) == (131072, 32768, True)
    assert (facts.date, facts.source) == ("2026-12-01", "snapshot: router 2026-12-01 + models.dev")
    assert snapshot.get(GPT).price_for("groq").output == Decimal("0.93")
    assert snapshot.get("new/model").date == "2026-12-01"
    unlisted = snapshot.get("moonshotai/Kimi-K3")
    assert (unlisted.date, unlisted.info.context_length) == ("2026-09-10", 1_000_000)


def test_a_second_refresh_replaces_the_first_and_drops_sources_without_rows():
    first = rebuild(LIVE, date="2026-12-01", previous={"date": "", "sources": [], "models": []})
    assert rebuild(LIVE, date="2026-12-01", previous=first) == first
    second = rebuild(LIVE, date="2026-12-02", previous=first)
    offers_from = {row["id"]: row["offers_from"] for row in second["models"]}
    assert offers_from == {GPT: "router 2026-12-02", "new/model": "router 2026-12-02"}
    assert [source["id"] for source in second["sources"]] == ["router 2026-12-02", "router 2026-12-01"]


@pytest.mark.parametrize(
    ("payload", "day"),
    [
        pytest.param({"error": "no"}, "2026-12-01", id="an error body"),
        pytest.param({"data": []}, "2026-12-01", id="an empty list"),
        pytest.param(LIVE, "yesterday", id="no date"),
    ],
)
def test_a_refresh_of_nonsense_is_refused(payload, day):
    with pytest.raises(ValueError):
        rebuild(payload, date=day, previous=shipped_document())


def test_the_command_reads_a_reply_and_writes_a_snapshot(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(LIVE)))
    assert main(["--date", "2026-12-01"]) == 0
    assert read_snapshot(json.loads(capsys.readouterr().out)).date == "2026-12-01"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        pytest.param([], "{}", "usage", id="no date"),
        pytest.param(["--date", "2026-12-01"], "<html>", "no snapshot made", id="no JSON"),
        pytest.param(["--date", "2026-12-01"], '{"error": 1}', "not a model catalogue", id="no catalogue"),
    ],
)
def test_the_command_explains_what_it_cannot_do(monkeypatch, capsys, arguments, stdin, words):
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
