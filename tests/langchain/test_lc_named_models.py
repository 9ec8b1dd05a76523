"""Models by names of one's own in LangChain: what the file says counts below the object's own fields."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from langchain_hfrouter import ChatHFRouter, HFRouterEmbeddings

FILE = """
max_retries = 0
timeout = 9

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


def test_a_chat_model_takes_what_stands_under_the_name(offline_url: Any) -> None:
    model = ChatHFRouter(model="coder", base_url=offline_url, api_key="k", max_tokens=7)
    assert model.invoke("Hello!").content == "Hello!"
    sent = offline_url.requests[-1].json
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("offline/echo", 0.1, 7)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert model._sync().timeouts.total == 9


async def test_so_do_streams_event_loops_copies_and_calls(offline_url: Any) -> None:
    model = ChatHFRouter(model="offline/tools", base_url=offline_url, api_key="k")
    assert [chunk async for chunk in model.astream("Hello!", model="coder")]
    assert offline_url.requests[-1].json["temperature"] == 0.1
    await model.bind(model="coder").ainvoke([("system", "Own."), ("human", "Hello!")])
    assert [message["role"] for message in offline_url.requests[-1].json["messages"]] == ["system", "user"]
    copied = pickle.loads(pickle.dumps(ChatHFRouter(model="coder", base_url=offline_url)))
    copied.invoke("Hello!")
    assert offline_url.requests[-1].json["model"] == "offline/echo"


def test_what_an_object_sets_goes_before_the_file_also_in_copies(offline_url: Any) -> None:
    model = ChatHFRouter(model="coder", base_url=offline_url, api_key="k", max_retries=2, timeout=60)
    copied = type(model)(
        **{name: getattr(model, name) for name in type(model).model_fields}
    )  # as configurable_fields
    for each in (model, copied):
        each.invoke("Hello!")
        assert (each._sync().max_retries, each._sync().timeouts.total) == (2, 60)


def test_vectors_come_from_the_model_that_is_named(offline_url: Any) -> None:
    embeddings = HFRouterEmbeddings(
        model="vectors",
        base_url=str(offline_url),
        api_key="k",
        embedding_api="router",
        hub_url=str(offline_url).removesuffix("/v1"),
    )
    assert len(embeddings.embed_query("cat")) == 16
