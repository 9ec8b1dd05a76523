"""Whose rows stand in which ledger: clients that share one, copies, and content that was asked for."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import ConfigError, HFRouter, Ledger
from shared_core.testing import OfflineRouter
from tests.client.ledger.conftest import MESSAGES, settings_for


def test_one_ledger_serves_several_clients(settings: dict[str, Any]) -> None:
    ledger = Ledger()
    for user in ("ada", "bob"):
        router = HFRouter("offline/echo", **{**settings, "ledger": ledger, "usage_tags": {"user": user}})
        router.chat(MESSAGES)
    assert {line.name: line.calls for line in ledger.by("tag:user")} == {"ada": 1, "bob": 1}


def test_clients_that_name_one_file_share_one_ledger(settings: dict[str, Any], tmp_path: Path) -> None:
    one, other = (HFRouter("offline/echo", **{**settings, "ledger": tmp_path / "u.sqlite"}) for _ in range(2))
    assert one.ledger is other.ledger is not None
    with one:
        one.chat(MESSAGES)
    assert (tmp_path / "u.sqlite").stat().st_mode & 0o777 == 0o600
    one.ledger.close()


@pytest.mark.parametrize(
    "copied", [copy.copy, lambda router: pickle.loads(pickle.dumps(router))], ids=["copy", "pickle"]
)
def test_a_copy_of_a_client_goes_on_with_the_file(
    settings: dict[str, Any], tmp_path: Path, copied: Callable[[HFRouter], HFRouter]
) -> None:
    router = HFRouter("offline/echo", **{**settings, "ledger": tmp_path / "u.sqlite", "api_key": None})
    twin = copied(router)
    assert twin.ledger is router.ledger is not None
    assert copied(HFRouter(ledger=True)).ledger is not None
    router.ledger.close()


def test_a_copy_within_the_process_shares_the_memory(settings: dict[str, Any]) -> None:
    router = HFRouter(**settings)
    assert copy.copy(router).ledger is router.ledger
    assert copy.deepcopy(router.ledger) is router.ledger


def test_without_a_ledger_there_is_none_and_nothing_is_loaded_for_it(offline_url: OfflineRouter) -> None:
    assert HFRouter(ledger=False).ledger is HFRouter(ledger=None).ledger is HFRouter().ledger is None


@pytest.mark.parametrize("ledger", [7, object(), ["u.sqlite"]], ids=str)
def test_what_is_no_ledger_is_refused(ledger: Any) -> None:
    with pytest.raises(ConfigError, match="is no ledger"):
        HFRouter(ledger=ledger)


def test_content_is_kept_where_that_was_asked_for_and_a_token_never(offline_url: OfflineRouter) -> None:
    kept, plain = Ledger(store_content=True), Ledger()
    for ledger in (kept, plain):
        router = HFRouter("offline/echo", **settings_for(offline_url, ledger=ledger))
        router.chat(MESSAGES)
        router.embed(["a text"], model="offline/embed-8:together")
        router.text_to_speech("spoken", model="offline/speaker:fal-ai")
    spoken, embedded, said = kept.rows()
    assert (said.request, said.reply) == ('[{"role": "user", "content": "open sesame"}]', "open sesame")
    assert (embedded.request, embedded.reply) == ('["a text"]', None)
    assert spoken.request is not None
    assert '"inputs": "spoken"' in spoken.request
    everything = "".join(map(repr, plain.rows()))
    assert not [word for word in ("sesame", "a text", "spoken", "hf_canary") if word in everything]
    assert "hf_canary" not in "".join(map(repr, kept.rows()))
