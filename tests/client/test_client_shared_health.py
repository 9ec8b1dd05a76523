"""Clients with `state`: what they find out of targets stands where other processes can read it, whatever is asked."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_core import AsyncHFRouter, HFRouter, Target
from shared_core.policy.state import HEALTH
from shared_core.policy.stores.health_boards import FileBoard, Notice
from shared_core.policy.stores.opening import open_state
from shared_core.testing import OfflineRouter, Status

HELLO = [{"role": "user", "content": "hello"}]
TOKEN = "hf_canary0123456789abcdefghij"
REFUSED = Status(429, headers={"retry-after": "600"})


def board(state: Path) -> FileBoard:
    return FileBoard(open_state(state))  # type: ignore[arg-type]


def notices(state: Path) -> list[Notice]:
    return list((board(state).read(0.0) or {}).values())


def _chat(settings: dict[str, Any]) -> None:
    HFRouter("offline/echo", fallback=["offline/tools"], **settings).chat(HELLO)


def _achat(settings: dict[str, Any]) -> None:
    async def ask() -> None:
        async with AsyncHFRouter("offline/echo", fallback=["offline/tools"], **settings) as router:
            await router.chat(HELLO)

    asyncio.run(ask())


def _stream(settings: dict[str, Any]) -> None:
    with HFRouter("offline/echo", fallback=["offline/tools"], **settings).stream(HELLO) as stream:
        next(stream)  # and no more: what befell the first target is told before the answer begins


def _embed(settings: dict[str, Any]) -> None:
    second = Target(base_url=settings["base_url"], api_key="hf_another_account_of_mine")
    router = HFRouter("offline/embed-8", fallback=[second], embedding_api="openai", **settings)
    router.embed(["one", "two"], batch_size=1)


WAYS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "chat": (_chat, "/v1/chat/completions"),
    "chat, async": (_achat, "/v1/chat/completions"),
    "a stream that is left early": (_stream, "/v1/chat/completions"),
    "texts to embed": (_embed, "/v1/embeddings"),
}


@pytest.mark.parametrize(("ask", "path"), WAYS.values(), ids=WAYS.keys())
def test_a_refusal_is_written_down_for_others(
    ask: Callable[[dict[str, Any]], None], path: str, offline_url: OfflineRouter, tmp_path: Path
) -> None:
    offline_url.queue(REFUSED, path=path)
    ask({"base_url": str(offline_url), "api_key": TOKEN, "state": tmp_path})
    [notice] = notices(tmp_path)
    assert (notice.length, notice.is_named) == (600.0, True)


def test_what_others_have_written_down_is_heeded(offline_url: OfflineRouter, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"base_url": str(offline_url), "api_key": TOKEN, "fallback": ["offline/tools"]}
    offline_url.queue(REFUSED)
    HFRouter("offline/echo", state=tmp_path / "a.sqlite", **settings).chat(HELLO)
    (tmp_path / "b.sqlite").write_bytes((tmp_path / "a.sqlite").read_bytes())
    told = board(tmp_path / "a.sqlite").read(0.0)
    assert told
    board(tmp_path / "b.sqlite").write(told)
    reply = HFRouter("offline/echo", state=tmp_path / "b.sqlite", **settings).chat(HELLO)
    assert reply.meta.model == "offline/tools"
    assert [request.json["model"] for request in offline_url.requests] == [
        "offline/echo",
        "offline/tools",
        "offline/tools",
    ]


def test_without_state_nothing_is_shared_and_without_other_targets_nothing_is_opened(
    offline_url: OfflineRouter, tmp_path: Path
) -> None:
    alone = HFRouter("offline/echo", base_url=offline_url, fallback=["offline/tools"])
    assert alone._ways is not None
    assert alone._ways.health is HEALTH
    HFRouter("offline/echo", base_url=offline_url, state=tmp_path / "state.sqlite").chat(HELLO)
    assert not list(tmp_path.iterdir())


def test_a_copy_in_another_process_shares_it_too(tmp_path: Path) -> None:
    client = HFRouter("offline/echo", fallback=["offline/tools"], state=tmp_path / "state.sqlite")
    arrived = pickle.loads(pickle.dumps(client))
    assert arrived._ways.health.is_shared


def test_a_file_that_cannot_be_written_costs_the_sharing_and_no_call(
    offline_url: OfflineRouter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.sqlite").mkdir()
    (tmp_path / "state.sqlite" / "state.sqlite").mkdir()  # a folder, where the file should be
    offline_url.queue(REFUSED, match="offline/echo")
    settings: dict[str, Any] = {"base_url": str(offline_url), "api_key": TOKEN, "fallback": ["offline/tools"]}
    with caplog.at_level(logging.WARNING, "hfrouter"):
        client = HFRouter("offline/echo", state=tmp_path / "state.sqlite", **settings)
        assert [client.chat(HELLO).meta.model for _ in range(3)] == ["offline/tools"] * 3
    assert caplog.text.count("each process goes by what it knows itself") == 1
    assert TOKEN not in caplog.text
