"""The demo, as a newcomer runs it: offline in a process of its own, and "live" against a server on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import demo
import pytest
from demo_models import minilm
from llama_index.core.instrumentation import get_dispatcher

from shared_core.testing import offline_router

ROOT = Path(__file__).resolve().parents[2]

ANSWERS = (
    "Your Hugging Face token is sent to hosts of Hugging Face only",
    "The splitter cuts at headings, then at paragraphs",
    "httpx2 is the maintained continuation of httpx",
)

# LlamaIndex's agents look at their own fields in ways that pydantic and their workflows have given up.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The `__.*` attribute is deprecated"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_.*' attribute on the instance is deprecated"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step"),
    pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key. memory"),
]


@pytest.fixture(scope="module")
def offline_run() -> subprocess.CompletedProcess[str]:
    """`make demo` with a token that it must not use."""
    return subprocess.run(
        [sys.executable, "cookbook/demo.py"],
        cwd=ROOT,
        env={**os.environ, "HF_TOKEN": "hf_canary", "HFROUTER_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_demo_ends_well_and_says_nothing_on_the_side(offline_run):
    assert (offline_run.returncode, offline_run.stderr) == (0, "")


def test_the_demo_fits_a_terminal_of_80_columns(offline_run):
    assert max(map(len, offline_run.stdout.splitlines())) == 80
    assert "\x1b" not in offline_run.stdout
    assert "\r" not in offline_run.stdout


@pytest.mark.parametrize("answer", ANSWERS)
def test_both_frameworks_answer_each_question_from_the_pages(offline_run, answer):
    assert offline_run.stdout.count(answer) == 2


def test_both_agents_call_a_tool_and_report_its_result(offline_run):
    assert "→ token_price(tokens=250000, usd_per_million=0.69)\n    ← 0.1725 USD\n" in offline_run.stdout
    words = len((ROOT / "README.md").read_text().split())
    assert f"→ count_words(page='README.md')\n    ← {words} words\n" in offline_run.stdout


def test_every_offline_answer_is_labelled_with_its_model(offline_run):
    assert offline_run.stdout.count("[offline/extractive via offline, ") == 6
    assert offline_run.stdout.count("[offline/tools via offline, ") == 2
    assert "hf_canary" not in offline_run.stdout


def test_the_last_lines_tell_model_provider_tokens_and_time_to_the_first_token(offline_run):
    table = offline_run.stdout.splitlines()[-7:-2]
    assert table[0].split() == ["model", "provider", "calls", "tokens", "first", "token"]
    assert [row[:18].strip() for row in table[1:]] == [
        "LangChain chain",
        "LlamaIndex engine",
        "LangChain agent",
        "LlamaIndex agent",
    ]
    for row in table[1:]:
        model, provider, calls, read, plus, written, first, unit = row[18:].split()
        assert (model[:8], provider, plus) == ("offline/", "offline", "+")
        assert int(calls) >= 2
        assert int(read.replace(",", "")) > int(written) > 0
        assert float(first) > 0
        assert unit in ("ms", "s")


@pytest.fixture
def unheard():
    """Takes the demo's ears off again."""
    handlers = get_dispatcher().event_handlers
    before = list(handlers)
    yield
    handlers[:] = before


@pytest.mark.usefixtures("unheard")
def test_with_a_token_the_model_and_the_cap_are_told_before_the_first_call(monkeypatch, capsys):
    stand_in = {"openai/gpt-oss-120b": "offline/tools"}
    with offline_router(embedder="words", aliases=stand_in) as url:
        monkeypatch.setenv("HF_TOKEN", "hf_canary")
        monkeypatch.setenv("HFROUTER_BASE_URL", url)

        def indexing_begins() -> str:
            announced = capsys.readouterr().out
            assert "model      openai/gpt-oss-120b:cheapest\n" in announced
            assert "token cap  600 an answer, 12 answers at most\n" in announced
            assert not url.requests
            return minilm()

        monkeypatch.setattr(demo, "minilm", indexing_begins)
        assert demo.main() == 0
        sent = [request.json for request in url.requests]
        headers = [request.headers for request in url.requests]
    assert {body["model"] for body in sent} == {"openai/gpt-oss-120b:cheapest"}
    assert {body["max_tokens"] for body in sent} == {600}
    assert 8 <= len(sent) <= 12
    assert not any("authorization" in header for header in headers), "the address is not one of Hugging Face"


def test_an_error_ends_the_demo_with_its_message_and_no_traceback(monkeypatch, capsys):
    monkeypatch.setattr(demo, "minilm", lambda: (_ for _ in ()).throw(demo.WeightsMissing("Run: this")))
    assert demo.main() == 1
    assert capsys.readouterr().out.endswith("\nRun: this\n")


def test_ctrl_c_ends_the_demo_with_one_line(monkeypatch, capsys):
    monkeypatch.setattr(demo, "minilm", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert demo.main() == 130
    assert capsys.readouterr().out.endswith("\nStopped.\n")
