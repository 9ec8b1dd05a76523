"""Limits, budgets, ledger, caches and hedging out of `hfrouter.toml`: one file for the core and both adapters."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from langchain_hfrouter import ChatHFRouter
from llama_index_hfrouter import HFRouterLLM
from shared_core import AsyncHFRouter, ConfigError, HFRouter
from shared_core.testing import OfflineRouter

ALL = """
model = "offline/echo"
base_url = "{url}"
fallback = ["offline/tools"]
hedge = 5
ledger = "{folder}/usage.sqlite"
state = "{folder}/state.sqlite"
chat_cache = "{folder}/chats.sqlite"
concurrency = 4
usage_tags = {{user = "ada"}}
prices = {{"offline/echo" = {{input = "0.10", output = "0.50"}}}}
[tiers]
small = ["offline/echo", "offline/tools"]
[[limits]]
requests = 600
[[budgets]]
usd = "5.00"
per = "day"
of = "tag:user"
[models.writer]
model = "offline/echo"
temperature = 0
"""
HELLO = [{"role": "user", "content": "hello"}]
ASKED = {
    "HFRouter": lambda: HFRouter(api_key="any").chat(HELLO, model="writer").text,
    "AsyncHFRouter": lambda: asyncio.run(AsyncHFRouter(api_key="any").chat(HELLO, model="writer")).text,
    "ChatHFRouter": lambda: ChatHFRouter("writer", api_key="any").invoke("hello").content,
    "HFRouterLLM": lambda: HFRouterLLM("writer", api_key="any").complete("hello").text,
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> None:
        (tmp_path / "hfrouter.toml").write_text(text, encoding="utf-8")

    return write


def test_all_classes_count_in_the_places_that_the_file_names(
    written: Any, offline_url: OfflineRouter, tmp_path: Path
) -> None:
    written(ALL.format(url=offline_url, folder=tmp_path))
    assert {name: asked() for name, asked in ASKED.items()} == dict.fromkeys(ASKED, "hello")
    assert len(offline_url.requests) == 1  # the others had it out of the cache
    router = HFRouter(api_key="any")
    assert router.ledger is not None
    rows = list(router.ledger.rows())
    assert [row.cached for row in rows].count(True) == 3
    (told,) = router.budgets()
    assert told.value == "ada"
    assert 0 < told.spent == sum(row.cost.usd for row in rows)
    assert told.reserved == 0


@pytest.mark.parametrize(
    "line",
    [
        'hedge = "fast"',
        "state = 7",
        "chat_cache = 9",
        "chat_cache = {ttl = -1}",
        "concurrency = -1",
        'usage_tags = "x"',
        "[[limits]]\nrequest = 5",
        "[[limits]]\nrequests = -1",
        '[[budgets]]\nusd = 5.0\nper = "day"',
        '[[budgets]]\nusd = "5"\nper = "fortnight"',
        "budgets = 5",
    ],
)
def test_what_cannot_work_is_told_by_its_key_and_file(
    written: Any, offline_url: OfflineRouter, line: str
) -> None:
    written(f'model = "offline/echo"\nbase_url = "{offline_url}"\n{line}\n')
    name = line.strip("[").partition("]")[0].partition(" ")[0]
    with pytest.raises(ConfigError, match=rf"(?s)^{name}\b.*hfrouter\.toml"):
        HFRouter(api_key="any").chat(HELLO)
