"""LangSmith's tracer beside our hooks: what would be sent to LangSmith is looked at before it leaves."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers import LangChainTracer
from langsmith import Client

from langchain_hfrouter import HFRouterEmbeddings
from shared_core.testing import Status

# The end of a run passes between langchain-core and langsmith, in other ways in older versions.
pytestmark = pytest.mark.pinned_set

HELLO = "one two three four"
TOKEN = "hf_canary0123456789abcdefghij"


class Kept(Client):
    """A LangSmith client that keeps what it would send."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", api_key="none", auto_batch_tracing=False)
        self.sent: dict[str, dict[str, Any]] = {}

    def create_run(self, *args: Any, **run: Any) -> None:
        self.sent[str(run["id"])] = dict(run)

    def update_run(self, run_id: Any, *args: Any, **changes: Any) -> None:
        self.sent[str(run_id)] |= {name: value for name, value in changes.items() if value is not None}

    @property
    def made(self) -> dict[str, Any]:
        """The model's own."""
        [run] = [run for run in self.sent.values() if run["run_type"] == "llm"]
        return run


@pytest.fixture
def kept() -> Any:
    client = Kept()
    yield client
    client.close()


@pytest.fixture
def config(kept: Kept) -> Any:
    tracer = LangChainTracer(client=kept, project_name="test")
    yield {"callbacks": [tracer]}
    tracer.wait_for_futures()


@pytest.fixture
def heard() -> list[Any]:
    """What our hooks are told."""
    return []


async def _invoke(model: Any, config: Any) -> Any:
    return model.invoke(HELLO, config)


async def _ainvoke(model: Any, config: Any) -> Any:
    return await model.ainvoke(HELLO, config)


async def _stream(model: Any, config: Any) -> Any:
    chunks = list(model.stream(HELLO, config))
    return sum(chunks[1:], chunks[0])


async def _astream(model: Any, config: Any) -> Any:
    chunks = [chunk async for chunk in model.astream(HELLO, config)]
    return sum(chunks[1:], chunks[0])


WAYS = {"invoke": _invoke, "ainvoke": _ainvoke, "stream": _stream, "astream": _astream}


@pytest.mark.parametrize("way", WAYS)
async def test_a_run_has_the_model_the_usage_and_the_answer_with_hooks_on(
    way: str, make: Any, kept: Kept, config: Any, heard: list[Any]
) -> None:
    model = make("echo", temperature=0.25, api_key=TOKEN, hooks=[heard.append])
    answer = await WAYS[way](model, config)
    run = kept.made
    metadata = run["extra"]["metadata"]
    assert (metadata["ls_provider"], metadata["ls_model_name"]) == ("hfrouter", "offline/echo")
    assert (metadata["ls_model_type"], metadata["ls_temperature"]) == ("chat", 0.25)
    message = run["outputs"]["generations"][0][0]["message"]["kwargs"]
    assert message["content"] == HELLO
    assert message["usage_metadata"] == answer.usage_metadata
    assert message["usage_metadata"]["total_tokens"] > 0
    assert run.get("error") is None
    assert TOKEN not in repr(kept.sent)
    started, ended = heard
    assert (started.id, ended.outcome) == (ended.id, "answered")
    assert ended.usage.total_tokens == answer.usage_metadata["total_tokens"]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_that_a_stream_began_is_an_event_of_its_run(
    way: str, make: Any, kept: Kept, config: Any, heard: list[Any]
) -> None:
    await WAYS[way](make("echo", hooks=[heard.append]), config)
    names = [event["name"] for event in kept.made["events"]]
    assert names[0] == "start"
    assert names[-1] == "end"
    assert "new_token" in names  # of the first piece alone since langchain-core 1.7


async def test_a_run_stands_below_the_chain_that_made_the_call(
    make: Any, kept: Kept, config: Any, heard: list[Any]
) -> None:
    chain = RunnableLambda(lambda text: text) | make("echo", hooks=[heard.append])
    await chain.ainvoke(HELLO, config)
    parents = {str(run["id"]): run["run_type"] for run in kept.sent.values()}
    assert parents[str(kept.made["parent_run_id"])] == "chain"
    assert len(heard) == 2


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_failure_is_the_run_s_error_without_the_token(
    way: str, make: Any, kept: Kept, config: Any, heard: list[Any], router: Any
) -> None:
    router.queue(Status(401, {"error": f"wrong token {TOKEN}"}))
    with pytest.raises(Exception, match="wrong token"):
        await WAYS[way](make("echo", api_key=TOKEN, hooks=[heard.append]), config)
    assert "wrong token" in kept.made["error"]
    assert TOKEN not in repr(kept.sent)
    assert heard[-1].outcome == "failed"


def test_texts_to_embed_reach_the_hooks(router: Any, heard: list[Any]) -> None:
    embedder = HFRouterEmbeddings(
        model="offline/embed-8",
        base_url=str(router),
        embedding_api="openai",
        api_key="",
        hooks=[heard.append],
    )
    embedder.embed_documents(["one", "two"])
    assert [type(event).__name__ for event in heard] == ["CallStarted", "CallEnded"]
