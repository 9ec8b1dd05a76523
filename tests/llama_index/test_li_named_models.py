"""Models by names of one's own in LlamaIndex: what the file says counts below the object's own fields."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from llama_index_hfrouter import HFRouterEmbedding, HFRouterLLM

FILE = """
max_retries = 0

[models.coder]
model = "offline/echo"
temperature = 0.1
max_tokens = 50
system = "Be brief."

[models.vectors]
model = "offline/embed-16"
"""


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hfrouter.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)


def test_an_llm_takes_what_stands_under_the_name(offline_url: Any) -> None:
    llm = HFRouterLLM("coder", base_url=str(offline_url), api_key="k", max_tokens=7)
    for each in (
        llm,
        pickle.loads(pickle.dumps(HFRouterLLM("coder", base_url=str(offline_url), max_tokens=7))),
    ):
        assert each.chat([ChatMessage(role="user", content="Hello!")]).message.content == "Hello!"
        sent = offline_url.requests[-1].json
        assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("offline/echo", 0.1, 7)
        assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert llm._clients.router(llm).max_retries == 0


async def test_so_do_event_loops_and_what_an_object_sets_goes_before_the_file(offline_url: Any) -> None:
    llm = HFRouterLLM("coder", base_url=str(offline_url), api_key="k", max_retries=1, temperature=0.9)
    await llm.achat([ChatMessage(role="system", content="Own."), ChatMessage(role="user", content="Hello!")])
    sent = offline_url.requests[-1].json
    assert (sent["temperature"], [message["role"] for message in sent["messages"]]) == (
        0.9,
        ["system", "user"],
    )
    assert llm._clients.async_router(llm).max_retries == 1


def test_vectors_come_from_the_model_that_is_named(offline_url: Any) -> None:
    embedding = HFRouterEmbedding(
        "vectors",
        base_url=str(offline_url),
        api_key="k",
        embedding_api="router",
        hub_url=str(offline_url).removesuffix("/v1"),
    )
    assert len(embedding.get_text_embedding("cat")) == 16
