"""One `RouterSettings`: which of four places counts, for a client, its threads and its copies."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, RouterSettings, Timeouts
from shared_core.client.arguments import RouterArguments
from tests.client.settings.conftest import HELLO, toml

PLACES = ["argument", "HFROUTER_TIMEOUT", "HFROUTER_TIMEOUT in .env", "hfrouter.toml", "default"]


@pytest.mark.parametrize("nearest", range(len(PLACES)), ids=PLACES)
def test_the_nearest_place_counts(project: Path, monkeypatch: pytest.MonkeyPatch, nearest: int) -> None:
    arguments = {"timeout": 1.0} if nearest == 0 else {}
    if nearest <= 1:
        monkeypatch.setenv("HFROUTER_TIMEOUT", "2")
    if nearest <= 2:
        (project / ".env").write_text("HFROUTER_TIMEOUT=3\nOTHER=1\n")
    if nearest <= 3:
        toml(project, "timeout = 4")
    settings = RouterSettings.load(**arguments)
    assert settings.timeout == (None if nearest == 4 else nearest + 1)
    assert PLACES[nearest] in str(settings.origin("timeout"))
    router = HFRouter("a/b", **arguments)
    router._settle()
    assert router.timeouts.total == (120 if nearest == 4 else nearest + 1)


@pytest.mark.parametrize("kind", [HFRouter, AsyncHFRouter])
def test_a_client_reads_nothing_before_its_first_call_and_everything_with_it(
    project: Path, kind: Any, offline_url: Any
) -> None:
    router = kind("offline/echo")
    toml(project, f'base_url = "{offline_url}"\nmax_retries = 0\nusage_tags = {{user = "ada"}}')
    assert router.max_retries == 2
    assert router.base_url == offline_url
    assert router.max_retries == 0
    assert router._safeguards.usage_tags == {"user": "ada"}


def test_an_argument_counts_even_where_it_says_what_is_usual(project: Path) -> None:
    toml(project, 'max_retries = 5\nwait_for_model = true\nembedding_api = "tei"')
    router = HFRouter("a/b", max_retries=2, wait_for_model=False, embedding_api="auto")
    router._settle()
    assert (router.max_retries, router.wait_for_model, router.embedding_api) == (2, False, "auto")


def test_what_was_set_on_a_client_before_its_first_call_counts_like_an_argument(project: Path) -> None:
    toml(project, 'model = "org/written"\nbill_to = "org"')
    router = HFRouter()
    router.model = "org/set"
    router._settle()
    assert (router.model, router.bill_to) == ("org/set", "org")


def test_settings_that_were_loaded_make_a_client_that_looks_for_no_others(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RouterSettings(model="org/name", timeout={"total": 9, "connect": 2})
    toml(project, "timeout = 4")
    monkeypatch.setenv("HFROUTER_BILL_TO", "somebody")
    router = HFRouter.from_settings(settings, max_retries=1)
    assert router.base_url.startswith("https://router.huggingface.co")
    assert (router.model, router.bill_to, router.max_retries) == ("org/name", None, 1)
    assert router.timeouts == Timeouts(total=9, connect=2)


def test_lists_and_tables_stand_in_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFROUTER_FALLBACK", '["org/a:groq", {"model": "org/b"}]')
    monkeypatch.setenv("HFROUTER_TIMEOUT", '{"total": 60, "first_token": 5}')
    monkeypatch.setenv("HFROUTER_HEDGE", "0.5")
    monkeypatch.setenv("HFROUTER_WAIT_FOR_MODEL", "true")
    monkeypatch.setenv("HFROUTER_LEDGER", "usage.sqlite")
    monkeypatch.setenv("HFROUTER_STATE", "redis://localhost/0")
    settings = RouterSettings()
    assert settings.fallback == ["org/a:groq", {"model": "org/b"}]
    assert settings.arguments()["timeout"] == Timeouts(total=60, first_token=5)
    assert (settings.hedge, settings.wait_for_model) == (0.5, True)
    assert (settings.ledger, settings.state) == ("usage.sqlite", "redis://localhost/0")


def test_the_hub_is_where_huggingface_hub_looks_for_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    assert HFRouter().hub_url == "https://hub.example"
    monkeypatch.setenv("HFROUTER_HUB_URL", "https://nearer.example")
    assert HFRouter().hub_url == "https://nearer.example"


def test_every_argument_of_a_client_that_can_be_written_down_is_a_setting() -> None:
    arguments = {*RouterArguments.__annotations__, "model"}
    assert arguments - {"hooks"} == RouterSettings.model_fields.keys() - {"config", "origins", "api_key_env"}


def test_a_cache_of_answers_may_be_written_down(project: Path, offline_url: Any) -> None:
    toml(project, f'model = "offline/echo"\nbase_url = "{offline_url}"\nchat_cache = true')
    router = HFRouter(api_key="k")
    replies = [router.chat(HELLO, temperature=0, seed=1) for _ in range(2)]
    assert [reply.meta.cached for reply in replies] == [False, True]


def test_a_cache_that_a_client_opened_stays_its_own_to_close(project: Path) -> None:
    toml(project, "timeout = 9")
    router = HFRouter("a/b", chat_cache=str(project / "chats.sqlite"))
    opened = router._safeguards.opened
    assert opened is not None
    router._settle()
    assert router._safeguards.opened is opened
    assert router.timeouts.total == 9


def test_a_hedge_may_find_its_second_target_in_the_file(project: Path) -> None:
    toml(project, 'fallback = ["org/second"]')
    router = HFRouter("org/first", hedge=True)
    router._settle()
    assert router._ways is not None


def test_an_argument_that_switches_off_counts_as_well(project: Path) -> None:
    toml(project, "hedge = 0.5\nreasoning_tags = true\nfallback = ['a/b']")
    router = HFRouter("a/b", hedge=False, reasoning_tags=False, fallback=[])
    router._settle()
    assert not router._safeguards.arguments.get("hedge")
    assert (router.reasoning_tags, list(router.fallback)) == (False, [])


def test_threads_that_make_the_first_call_together_all_find_the_same(project: Path, offline_url: Any) -> None:
    toml(project, f'base_url = "{offline_url}"\n[models.me]\nmodel = "offline/echo"\nsystem = "S"')
    for _ in range(5):
        router, gate = HFRouter("me", usage_tags={"a": "b"}), threading.Barrier(4)
        seen: list[Any] = []

        def call(router: HFRouter = router, gate: threading.Barrier = gate, seen: Any = seen) -> None:
            gate.wait(10)
            seen.append((router.chat(HELLO).text, id(router._safeguards)))

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(seen) == 4
        assert len(set(seen)) == 1


def test_a_copy_carries_what_was_found(project: Path, offline_url: Any) -> None:
    file = toml(project, f'base_url = "{offline_url}"\n[models.me]\nmodel = "offline/echo"\nsystem = "S"')
    sent = pickle.dumps(HFRouter("me"))
    file.unlink()
    copy = pickle.loads(sent)
    assert copy.base_url == offline_url
    copy.chat(HELLO)
    assert offline_url.requests[-1].json["messages"][0] == {"role": "system", "content": "S"}
    assert pickle.loads(pickle.dumps(copy)).model == "offline/echo"
