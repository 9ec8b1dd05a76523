"""The pages for those who come from another package: no argument is missing, none of ours is made up, and what is said
to have been seen of an installed package is seen again."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import langchain_openai
import openai
import pytest
from langchain_core.exceptions import ModelError
from langchain_core.language_models.chat_models import BaseChatModel
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.llms.openai_like import OpenAILike
from openai.resources.chat.completions import Completions

import langchain_hfrouter as lc
import llama_index_hfrouter as li
from shared_core import ConfigError, HFRouter, StreamInterrupted
from shared_core.client.arguments import RouterArguments
from shared_core.testing import Cut, OfflineRouter, Status, offline_router
from shared_core.types import CHAT_PARAMS

PAGES = Path(__file__).resolve().parents[2] / "cookbook"
MOVING = sorted(PAGES.glob("2[234]_moving_*.md"))
READ = json.loads(Path(__file__).with_name("peers.json").read_text())
MODEL = "openai/gpt-oss-120b"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello!"}]}


def arguments(function: Callable[..., Any]) -> set[str]:
    return {name for name in inspect.signature(function).parameters if name != "self" and name[0] != "_"}


THEIRS: dict[str, set[str]] = {
    **{
        name: set(listed)
        for package, classes in READ.items()
        if package != "about"
        for name, listed in classes.items()
    },
    "OpenAI(...)": arguments(openai.OpenAI.__init__),
    "create(...)": arguments(Completions.create),
    "ChatOpenAI": set(langchain_openai.ChatOpenAI.model_fields) - set(BaseChatModel.model_fields),
    "OpenAILike": set(OpenAILike.model_fields) - set(FunctionCallingLLM.model_fields),
}
_CALL = {"messages", "model", "timeout", "extra_body", "extra_headers", "usage_tags"}
OURS: dict[str, set[str]] = {
    "HFRouter(...)": {"model", "http_client", *RouterArguments.__annotations__},
    "chat(...), stream(...)": CHAT_PARAMS | _CALL,
    "ChatHFRouter": {*lc.ChatHFRouter.model_fields, "model_kwargs"},
    "HFLocalEmbeddings": arguments(lc.HFLocalEmbeddings.__init__),
    "HFRouterEmbeddings": {*lc.HFRouterEmbeddings.model_fields, "model_kwargs"},
    "HFRouterLLM": {*li.HFRouterLLM.model_fields, "model_name", "http_client", "async_http_client"},
    "HFRouterEmbedding": {*li.HFRouterEmbedding.model_fields, "endpoint"},
    "HFReranker": {*li.HFReranker.model_fields, "model_name"},
    "HFLocalEmbedding": {*li.HFLocalEmbedding.model_fields, "model", "max_length"},
}
CLASSES: dict[str, Callable[..., Any]] = {
    "ChatHFRouter": lc.ChatHFRouter,
    "HFLocalEmbeddings": lc.HFLocalEmbeddings,
    "HFRouterEmbeddings": lc.HFRouterEmbeddings,
    "HFRouterLLM": li.HFRouterLLM,
    "HFRouterEmbedding": li.HFRouterEmbedding,
    "HFLocalEmbedding": li.HFLocalEmbedding,
    "HFReranker": li.HFReranker,
}

Rows = list[tuple[list[str], list[str]]]


def tables() -> Iterator[tuple[str, str, Rows]]:
    """The tables of arguments: their class, ours, and rows of old names beside new ones."""
    for page in MOVING:
        for table in re.findall(r"(?:^\|.*\n)+", page.read_text(), flags=re.MULTILINE):
            head, _, *rows = [
                [cell.strip().strip("`") for cell in line.strip("|\n ").split("|")]
                for line in table.splitlines()
            ]
            if head[0] in THEIRS:
                names = [[re.split(r"`?, `?", cell) for cell in row[:2]] for row in rows]
                yield head[0], re.sub("`", "", head[1]), [(old, new) for old, new in names]


TABLES = {f"{theirs} to {ours}": (theirs, ours, rows) for theirs, ours, rows in tables()}


def test_every_class_that_is_spoken_of_has_its_table():
    assert {theirs for theirs, _, _ in TABLES.values()} == set(THEIRS)
    assert {ours for _, ours, _ in TABLES.values()} == set(OURS)


@pytest.mark.parametrize(("theirs", "ours", "rows"), TABLES.values(), ids=TABLES)
def test_a_table_has_every_argument_once_and_ours_exist(theirs, ours, rows):
    old = [name for names, _ in rows for name in names]
    assert sorted(old) == sorted(THEIRS[theirs])
    assert {name for _, names in rows for name in names} - {"-"} <= OURS[ours]


RENAMED = {
    f"{ours}({old}=)": (ours, old, new)
    for theirs, ours, rows in TABLES.values()
    if ours in CLASSES
    for names, new in rows
    for old in names
    if old not in OURS[ours] and not old.startswith("**")
}


TAKEN_TOO = {"model_name", "stop_sequences"}
PASSED_ON = {
    "typical_p",
    "truncate",
    "watermark",
    "verbosity",
    "service_tier",
    "store",
    "prompt_cache_options",
}
"""What no argument of ours is, and a provider may know."""
REFUSED = {name: row for name, row in RENAMED.items() if row[1] not in TAKEN_TOO | PASSED_ON}


@pytest.mark.parametrize(("ours", "old", "new"), REFUSED.values(), ids=REFUSED)
def test_an_old_name_is_answered_with_what_to_do(ours, old, new):
    with pytest.raises(ConfigError) as caught:
        CLASSES[ours](**{"model": "org/name", old: "x"})
    assert old in caught.value.message
    assert "docstring" not in caught.value.hint
    assert new == ["-"] or any(name in caught.value.hint for name in new)


@pytest.mark.parametrize("old", sorted(PASSED_ON))
def test_what_a_provider_may_know_is_passed_on_with_a_warning(old):
    assert [new for _, name, new in RENAMED.values() if name == old] == [["extra_body"]]
    with pytest.warns(UserWarning, match="sent as part of extra_body"):
        assert lc.ChatHFRouter(model="org/name", **{old: "x"}).extra_body == {old: "x"}


@pytest.mark.parametrize(
    "name",
    ["huggingfacehub_api_token", "openai_api_key", "hf_token", "token", "HUGGING_FACE_TOKEN", "x_api_key"],
)
def test_a_token_under_another_name_goes_nowhere(name, offline_url):
    with pytest.raises(ConfigError, match="api_key") as caught:
        lc.ChatHFRouter(model="offline/echo", base_url=str(offline_url), **{name: "hf_canarycanary"})
    assert "canary" not in repr(caught.value) + str(caught.value)
    with pytest.raises(ConfigError, match="api_key"):
        lc.ChatHFRouter(model="offline/echo", model_kwargs={name: "hf_canarycanary"})
    chat = lc.ChatHFRouter(model="offline/echo", base_url=str(offline_url))
    for call in (chat.invoke, lambda text, **kw: asyncio.run(chat.ainvoke(text, **kw))):
        with pytest.raises(ConfigError, match="api_key") as caught:
            call("Hello!", **{name: "hf_canarycanary"})
        assert "canary" not in str(caught.value)
    assert offline_url.requests == []


def test_a_key_of_a_cache_is_no_token(offline_url):
    chat = lc.ChatHFRouter(
        model="offline/echo", base_url=str(offline_url), extra_body={"prompt_cache_key": "a"}
    )
    with pytest.warns(UserWarning, match="extra_body"):
        assert lc.ChatHFRouter(model="a/b", prompt_cache_key="a").extra_body == {"prompt_cache_key": "a"}
    assert chat.extra_body == {"prompt_cache_key": "a"}


# -- their blocks, and what was seen of them ----------------------------------------------------------------


@pytest.fixture(scope="module")
def router() -> Iterator[OfflineRouter]:
    aliases = {MODEL: "offline/tools", "deepseek-ai/DeepSeek-R1": "offline/reasoner"}
    with offline_router(aliases=aliases, embedder="words") as running:
        yield running


@pytest.fixture
def url(router: OfflineRouter, monkeypatch: pytest.MonkeyPatch) -> OfflineRouter:
    router.forget()
    monkeypatch.setenv("HF_TOKEN", "hf_canarycanary")
    return router


BLOCKS = re.findall(r"```py\n(.*?)```", MOVING[-1].read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=["openai", "ChatOpenAI", "OpenAILike"])
def test_the_block_before_the_move_runs(code, url, capsys):
    exec(code.replace("https://router.huggingface.co/v1", url), {})
    assert capsys.readouterr().out.startswith("Hello! I am offline/tools")


def client(url: str, **arguments: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="k", **arguments)


def chat_openai(url: str, **arguments: Any) -> langchain_openai.ChatOpenAI:
    return langchain_openai.ChatOpenAI(**{"model": MODEL, **arguments}, base_url=url, api_key="k")


def openai_like(url: str, **arguments: Any) -> OpenAILike:
    return OpenAILike(**{"model": MODEL, "is_chat_model": True, **arguments}, api_base=url, api_key="canary")


def test_seen_of_openai(url):
    with client(url) as own:
        assert (own.timeout.read, own.timeout.connect, own.max_retries) == (600, 5, 2)
        chunks = list(own.chat.completions.create(**ASK, stream=True))
        assert not any(chunk.usage for chunk in chunks)
        url.queue(Cut(2, chunks=True, how="end"))
        cut = list(own.chat.completions.create(**ASK, stream=True))
        assert 0 < len(cut) < len(chunks)
        thought = own.chat.completions.create(**{**ASK, "model": "deepseek-ai/DeepSeek-R1"})
        assert thought.choices[0].message.model_extra["reasoning"]
        with pytest.raises(openai.BadRequestError):
            own.chat.completions.create(**{**ASK, "model": "no/such"})


def test_where_openai_sees_a_whole_answer_ours_sees_half_of_one(url):
    url.queue(Cut(2, chunks=True, how="end"), times=-1)
    router = HFRouter(MODEL, base_url=url, api_key="k")
    with router.stream(ASK["messages"]) as stream, pytest.raises(StreamInterrupted):
        list(stream)


def test_seen_of_chat_openai(url):
    chat = chat_openai(url, max_tokens=50)
    answer = chat.invoke("Hello!")
    assert answer.response_metadata["model_name"] == "offline/tools"
    assert "provider" not in answer.response_metadata
    assert url.requests[-1].json["max_completion_tokens"] == 50
    assert not any(chunk.usage_metadata for chunk in chat.stream("Hello!"))
    thought = chat_openai(url, model="deepseek-ai/DeepSeek-R1").invoke("What is 6 * 7?")
    assert [block["type"] for block in thought.content_blocks] == ["text"]
    assert chat.root_client.timeout is None
    assert chat.profile is None
    with pytest.raises(ValueError, match="video is not supported"):
        chat.invoke([("human", [{"type": "video", "url": "https://example.org/a.mp4"}])])
    url.queue(Status(402))
    with pytest.raises(openai.APIStatusError) as caught:
        chat.invoke("Hello!")
    assert not isinstance(caught.value, ModelError)


def test_seen_of_openai_like(url):
    assert openai_like(url).metadata.context_window == 3900
    assert openai_like(url).metadata.is_function_calling_model is False
    with pytest.raises(openai.NotFoundError):
        openai_like(url, is_chat_model=False).complete("Hello!")
    llm = openai_like(url, max_tokens=50)
    llm.chat([ChatMessage("Hello!")], max_tokens=5)
    sent = url.requests[-1].json
    assert (sent["max_tokens"], sent["temperature"]) == (50, 0.1)
    assert "completion_tokens" not in list(llm.stream_chat([ChatMessage("Hello!")]))[-1].additional_kwargs
    assert "canary" in json.dumps(llm.to_dict(), default=str)
    assert (llm.timeout, llm.max_retries) == (60.0, 3)
    thinks = openai_like(url, model="deepseek-ai/DeepSeek-R1").chat([ChatMessage("What is 6 * 7?")])
    assert [block.block_type for block in thinks.message.blocks] == ["thinking", "text"]


def test_what_the_page_says_of_our_own_is_so(url):
    llm = li.HFRouterLLM(MODEL, base_url=url, api_key="canary", max_tokens=50)
    llm.chat([ChatMessage("Hello!")], max_tokens=5)
    sent = url.requests[-1].json
    assert sent["max_tokens"] == 5
    assert "temperature" not in sent
    assert "canary" not in json.dumps(llm.to_dict(), default=str)
    chat = lc.ChatHFRouter(model=MODEL, base_url=url, api_key="k")
    assert sum(bool(chunk.usage_metadata) for chunk in chat.stream("Hello!")) == 1
    assert set(url.requests[-1].json) == {"model", "messages", "stream", "stream_options"}
